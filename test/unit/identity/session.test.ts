import fc from 'fast-check'
import t from 'tap'
import { formatSessionAccessKeyId, parseSessionAccessKeyId } from '../../../proxy/identity/access-key-id.ts'
import type { KeyRing } from '../../../proxy/identity/key-ring.ts'
import { createSessionCache, type SessionCache } from '../../../proxy/identity/session-cache.ts'
import {
  callerOf,
  issueSession,
  openSession,
  PackedPolicyTooLarge,
  SESSION_EXPIRY_LEEWAY_MS,
  type IssuedSession,
  type NewSession,
  type Session,
  type SessionRefusal
} from '../../../proxy/identity/session.ts'
import { CLAIMS, countedRandom, later, NOW, RING, ringOf, withOtherChar } from './fixtures.ts'

const random = countedRandom()
const issue = (claims: NewSession = CLAIMS, ring: KeyRing = RING): IssuedSession =>
  issueSession({ ring, random }, claims, { now: NOW, ttlSeconds: 3600 })

interface Opening {
  readonly accessKeyId?: string
  readonly token?: string | null
  readonly ring?: KeyRing
  readonly now?: Date
  readonly cache?: SessionCache
}

function open(issued: IssuedSession, { accessKeyId, token, ring, now, cache }: Opening = {}): Session | SessionRefusal {
  return openSession(
    { accessKeyId: accessKeyId ?? issued.accessKeyId, sessionToken: token === undefined ? issued.sessionToken : token },
    { ring: ring ?? RING, cache: cache ?? createSessionCache(10), now: now ?? NOW }
  )
}

const problemOf = (opened: Session | SessionRefusal): string => (opened.kind === 'refused' ? opened.problem : 'none')

function opened(outcome: Session | SessionRefusal): Session {
  if (outcome.kind === 'refused') throw new Error(outcome.problem)
  return outcome
}

const PROOF = { authType: 'REST-HEADER', signatureAgeMs: null, accessKeyId: 'A' } as const

t.test('a session opens to exactly what was issued', (t) => {
  const issued = issue({ ...CLAIMS, sessionPolicy: '{"Statement":[]}' })
  const session = opened(open(issued))
  t.same(session.claims, { ...CLAIMS, sessionPolicy: '{"Statement":[]}', session: issued.session, issuedAt: NOW, expiresAt: later(3600) })
  t.equal(session.secretAccessKey, issued.secretAccessKey)
  t.same(callerOf(session.claims, 'me', PROOF), {
    ...CLAIMS,
    sessionPolicy: '{"Statement":[]}',
    session: issued.session,
    owner: 'me',
    expiresAt: later(3600),
    tenants: null,
    proof: PROOF
  })
  t.end()
})

t.test('credentials have the form that every SDK takes, and no secret is in the token or the id', (t) => {
  const issued = issue()
  t.match(issued.accessKeyId, /^[A-Z0-9]{16,128}$/)
  t.match(issued.sessionToken, /^[\w-]+$/)
  t.ok(issued.sessionToken.length < 1024)
  t.equal(Buffer.from(issued.secretAccessKey, 'base64').length, 32)
  t.notOk(issued.sessionToken.includes(issued.secretAccessKey))
  t.not(issue().accessKeyId, issued.accessKeyId)
  t.not(issue().secretAccessKey, issued.secretAccessKey)
  t.end()
})

const stranger = issue(CLAIMS, ringOf({ kid: '0f0f0f0f', state: 'active' }))
const first = issue()
const second = issue()
const forged = issue(CLAIMS, ringOf({ kid: '0a0a0a0a', state: 'active', seed: 'not the key of the ring' }))
const idWithOtherKid = formatSessionAccessKeyId({
  kid: '0b0b0b0b',
  random: parseSessionAccessKeyId(first.accessKeyId)?.random ?? Buffer.alloc(15)
})

const REFUSED: readonly { why: string; problem: string; opening: Opening }[] = [
  { why: 'an access key id of AWS', problem: 'unknown-access-key', opening: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' } },
  { why: 'an empty access key id', problem: 'unknown-access-key', opening: { accessKeyId: '' } },
  { why: 'an access key id in lower case', problem: 'unknown-access-key', opening: { accessKeyId: first.accessKeyId.toLowerCase() } },
  { why: 'an access key id with a line feed after it', problem: 'unknown-access-key', opening: { accessKeyId: `${first.accessKeyId}\n` } },
  {
    why: 'a sealing key that was dropped',
    problem: 'unknown-sealing-key',
    opening: { accessKeyId: stranger.accessKeyId, token: stranger.sessionToken }
  },
  { why: 'no token', problem: 'token-missing', opening: { token: null } },
  { why: 'an empty token', problem: 'token-invalid', opening: { token: '' } },
  { why: 'a token that is no base64url', problem: 'token-invalid', opening: { token: `${first.sessionToken} ` } },
  { why: 'a padded token', problem: 'token-invalid', opening: { token: `${first.sessionToken}=` } },
  { why: 'a token cut short', problem: 'token-invalid', opening: { token: first.sessionToken.slice(0, 60) } },
  { why: 'a token that is too long', problem: 'token-invalid', opening: { token: 'A'.repeat(8192) } },
  { why: 'a token sealed with another key under the same kid', problem: 'token-invalid', opening: { token: forged.sessionToken } },
  { why: "another access key's token", problem: 'token-of-another-access-key', opening: { token: second.sessionToken } },
  { why: 'the same random bytes under another kid', problem: 'token-of-another-access-key', opening: { accessKeyId: idWithOtherKid } },
  { why: "a dropped key's token beside a good access key id", problem: 'token-invalid', opening: { token: stranger.sessionToken } },
  {
    why: 'a session past its end and the leeway',
    problem: 'expired',
    opening: { now: new Date(later(3600).getTime() + SESSION_EXPIRY_LEEWAY_MS + 1) }
  }
]

for (const { why, problem, opening } of REFUSED) {
  t.test(`a session is refused as ${problem} for ${why}`, (t) => {
    const outcome = open(first, opening)
    t.equal(problemOf(outcome), problem)
    // The decoy is what the stage then checks the signature against: it must be nobody's secret.
    if (outcome.kind === 'refused') {
      t.equal(Buffer.from(outcome.decoySecret, 'base64').length, 32)
      t.not(outcome.decoySecret, first.secretAccessKey)
    }
    t.end()
  })
}

t.test('a session is accepted to the last moment of the leeway, and not a millisecond longer', (t) => {
  const end = later(3600).getTime() + SESSION_EXPIRY_LEEWAY_MS
  t.equal(problemOf(open(first, { now: new Date(end) })), 'none')
  t.equal(problemOf(open(first, { now: new Date(end + 1) })), 'expired')
  t.end()
})

t.test('a cached session is refused when it expires, when its key is dropped, and beside another access key id', (t) => {
  const cache = createSessionCache(10)
  t.equal(opened(open(first, { cache })), opened(open(first, { cache })), 'the second opening is the cached one')
  t.equal(problemOf(open(first, { cache, accessKeyId: second.accessKeyId })), 'token-of-another-access-key')
  t.equal(problemOf(open(first, { cache, now: later(7200) })), 'expired')
  const withoutKey = ringOf({ kid: '0b0b0b0b', state: 'active' }, { kid: '0a0a0a0a', state: 'retired' })
  t.equal(problemOf(open(first, { cache, ring: withoutKey })), 'unknown-sealing-key')
  const reread = ringOf({ kid: '0a0a0a0a', state: 'active', seed: 'another secret' })
  t.equal(problemOf(open(first, { cache, ring: reread })), 'token-invalid')
  t.end()
})

t.test('what does not open is never cached', (t) => {
  const cache = createSessionCache(10)
  for (const { opening } of REFUSED) open(first, { ...opening, cache })
  t.equal(cache.size, 0)
  t.end()
})

t.test('the cache drops the session that was used longest ago', (t) => {
  const cache = createSessionCache(2)
  const third = issue()
  for (const issued of [first, second, first, third]) open(issued, { cache })
  t.equal(cache.size, 2)
  t.ok(cache.get(first.sessionToken))
  t.equal(cache.get(second.sessionToken), undefined)
  t.end()
})

t.test('rotation logs nobody out: a session opens in every ring that still accepts its key', (t) => {
  const old = { kid: '0a0a0a0a', state: 'active' }
  const steps = [
    ringOf(old, { kid: '0c0c0c0c', state: 'accept' }),
    ringOf({ ...old, state: 'accept' }, { kid: '0c0c0c0c', state: 'active' })
  ]
  for (const ring of steps) {
    t.equal(problemOf(open(first, { ring })), 'none')
    t.equal(problemOf(open(issue(CLAIMS, ring), { ring })), 'none')
  }
  // A replica that is one step behind opens what one that is ahead has issued.
  const [behind, ahead] = steps
  if (behind !== undefined && ahead !== undefined) t.equal(problemOf(open(issue(CLAIMS, ahead), { ring: behind })), 'none')
  t.end()
})

t.test('a session policy is limited by its packed size', (t) => {
  const repetitive = JSON.stringify({ Statement: Array.from({ length: 100 }, () => ({ Effect: 'Allow', Action: 's3:GetObject' })) })
  t.equal(opened(open(issue({ ...CLAIMS, sessionPolicy: repetitive }))).claims.sessionPolicy, repetitive)
  const dense = countedRandom('dense')(1100).toString('base64')
  t.throws(() => issue({ ...CLAIMS, sessionPolicy: dense }), PackedPolicyTooLarge)
  t.throws(() => issue({ ...CLAIMS, sessionPolicy: ' '.repeat(70_000) }), PackedPolicyTooLarge, 'a text that packs well is limited too')
  t.end()
})

const text = fc.string({ unit: 'binary', maxLength: 60 })
const orNull = fc.option(text, { nil: null })

t.test('any claims come back from a sealed session', (t) => {
  const claims = fc.record({
    issuer: text,
    subject: text,
    role: text,
    namespace: orNull,
    serviceAccount: orNull,
    serviceAccountUid: orNull,
    podUid: orNull,
    sessionPolicy: fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), { nil: null })
  })
  fc.assert(
    fc.property(claims, (some) => {
      const issued = issue(some)
      const found = opened(open(issued)).claims
      return JSON.stringify({ ...some, session: issued.session }) === JSON.stringify(restOf(found, Object.keys(some)))
    }),
    { numRuns: 200 }
  )
  t.end()
})

function restOf(found: Session['claims'], names: readonly string[]): unknown {
  const record = found as unknown as Readonly<Record<string, unknown>>
  return Object.fromEntries([...names, 'session'].map((name) => [name, record[name]]))
}

t.test('a token with any one bit or character changed is refused', (t) => {
  const bytes = Buffer.from(first.sessionToken, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (problemOf(open(first, { token: changed.toString('base64url') })) !== 'token-invalid') t.fail(`bit ${bit}`)
  }
  for (let at = 0; at < first.sessionToken.length; at += 1) {
    if (problemOf(open(first, { token: withOtherChar(first.sessionToken, at) })) === 'none') t.fail(`character ${at}`)
  }
  t.end()
})

t.test('an access key id has one spelling', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 15, maxLength: 15 }), fc.stringMatching(/^[0-9a-f]{8}$/), (bytes, kid) => {
      const id = formatSessionAccessKeyId({ kid, random: Buffer.from(bytes) })
      const parsed = parseSessionAccessKeyId(id)
      return parsed !== null && parsed.kid === kid && parsed.random.equals(bytes) && formatSessionAccessKeyId(parsed) === id
    })
  )
  t.end()
})
