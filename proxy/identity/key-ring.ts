import { hkdfSync, createSecretKey, type KeyObject } from 'node:crypto'

/**
 * What a key of the ring may be used for; each purpose has a key of its own (HKDF, RFC 5869), so that
 * nothing made for one purpose can be presented for another.
 */
const PURPOSES = ['session-secret', 'session-token', 'access-key', 'upload-id', 'upload-id-cover', 'page-token'] as const
export type KeyPurpose = (typeof PURPOSES)[number]

const STATES = ['accept', 'active', 'retired'] as const
type KeyState = (typeof STATES)[number]

export interface RingKey {
  /** Eight lower-case hex digits; readable in everything that the key has sealed. */
  readonly kid: string
  readonly keys: Readonly<Record<KeyPurpose, KeyObject>>
}

/** The sealing keys of one moment. A ring never changes: a rotated ring is a new one. */
export interface KeyRing {
  /** Seals everything new. */
  readonly active: RingKey
  /** The key that may still open what it sealed, or null for unknown and retired ids. */
  find(kid: string): RingKey | null
}

/** Randomness, given as an argument. */
export type RandomBytes = (size: number) => Buffer

/** What sealing something new needs. */
export interface Sealer {
  readonly ring: KeyRing
  readonly random: RandomBytes
}

/** Every mistake of a key-ring file. Never holds the text of a key. */
export class KeyRingProblems extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the key ring is invalid:\n  ${problems.join('\n  ')}`)
    this.name = 'KeyRingProblems'
    this.problems = problems
  }
}

const KEY_BYTES_MIN = 32
const KEY_BYTES_MAX = 1024
const KEYS_MAX = 64
const KID = /^[0-9a-f]{8}$/

interface RingEntry {
  readonly kid: string
  readonly key: Buffer
  readonly state: KeyState
}

/** Reads a key-ring file, a JSON list of `{kid, key, state}` with keys in base64, or throws once with every problem found. */
export function readKeyRing(jsonText: string): KeyRing {
  const list = parseList(jsonText)
  const problems: string[] = []
  const entries: RingEntry[] = []
  for (const [index, item] of list.entries()) {
    const entry = readEntry(item, `key ${index + 1}`, problems)
    if (entry !== null) entries.push(entry)
  }
  problems.push(...problemsBetween(entries))
  // Entries that could not be read may be the active one, so counting is fair only when all could be.
  const active = entries.filter((entry) => entry.state === 'active')
  if (entries.length === list.length && active.length !== 1) problems.push(`exactly one key must be active, not ${active.length}`)
  const [first] = active
  if (problems.length > 0 || first === undefined) throw new KeyRingProblems(problems)
  return ringOf(entries, first)
}

/** The text of a ring with one active, random key, for dev mode and for a first start. */
export function newKeyRingText(random: RandomBytes): string {
  return `${JSON.stringify([{ kid: random(4).toString('hex'), key: random(KEY_BYTES_MIN).toString('base64'), state: 'active' }])}\n`
}

function parseList(jsonText: string): readonly unknown[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(jsonText)
  } catch {
    // The parser's own message quotes the text, and the text holds keys.
    throw new KeyRingProblems(['the text is not JSON'])
  }
  if (!Array.isArray(parsed)) throw new KeyRingProblems(['the text must be a JSON list of keys'])
  if (parsed.length === 0) throw new KeyRingProblems(['the list holds no key'])
  if (parsed.length > KEYS_MAX) throw new KeyRingProblems([`the list holds more than ${KEYS_MAX} keys`])
  return parsed
}

function readEntry(item: unknown, place: string, problems: string[]): RingEntry | null {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    problems.push(`${place} must be an object with kid, key and state`)
    return null
  }
  const before = problems.length
  const { kid, key, state, ...others } = item as Readonly<Record<string, unknown>>
  // Values are never quoted: a key pasted into the wrong field would end up in a log.
  if (typeof kid !== 'string' || !KID.test(kid)) problems.push(`${place}: kid must be eight lower-case hex digits`)
  const known = STATES.find((candidate) => candidate === state)
  if (known === undefined) problems.push(`${place}: state must be one of ${STATES.join(', ')}`)
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : null
  if (bytes === null || (bytes.toString('base64') !== key && bytes.toString('base64url') !== key))
    problems.push(`${place}: key must be base64`)
  else if (bytes.length < KEY_BYTES_MIN || bytes.length > KEY_BYTES_MAX)
    problems.push(`${place}: key must be ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes long, it has ${bytes.length}`)
  else if (new Set(bytes).size < 8) problems.push(`${place}: key is not random`)
  if (Object.keys(others).length > 0) problems.push(`${place}: only kid, key and state are known fields`)
  if (problems.length > before) return null
  return { kid: kid as string, key: bytes as Buffer, state: known as KeyState }
}

function problemsBetween(entries: readonly RingEntry[]): string[] {
  const problems: string[] = []
  for (const [index, entry] of entries.entries()) {
    const earlier = entries.slice(0, index)
    if (earlier.some((other) => other.kid === entry.kid)) problems.push(`kid ${entry.kid} is used twice`)
    else if (earlier.some((other) => other.key.equals(entry.key))) problems.push(`kid ${entry.kid} repeats another kid's key`)
  }
  return problems
}

function ringOf(entries: readonly RingEntry[], activeEntry: RingEntry): KeyRing {
  const byKid = new Map<string, RingKey>()
  for (const entry of entries) {
    if (entry.state !== 'retired') byKid.set(entry.kid, { kid: entry.kid, keys: subKeysOf(entry) })
  }
  const active = byKid.get(activeEntry.kid) as RingKey
  return { active, find: (kid) => byKid.get(kid) ?? null }
}

function subKeysOf({ kid, key }: RingEntry): Readonly<Record<KeyPurpose, KeyObject>> {
  const derive = (purpose: KeyPurpose): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', key, 'sluice key ring', `sluice/v1/${purpose}/${kid}`, 32)))
  return Object.fromEntries(PURPOSES.map((purpose) => [purpose, derive(purpose)])) as Record<KeyPurpose, KeyObject>
}
