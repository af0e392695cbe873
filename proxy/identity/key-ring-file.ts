import { newKeyRingText, readKeyRing, type RandomBytes } from './key-ring.ts'

/** The text of a key-ring file is asked for a change that it does not admit. */
export class KeyRingChangeRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'KeyRingChangeRefused'
  }
}

/** One key of a ring, without the key itself. */
export interface ListedKey {
  readonly kid: string
  readonly state: string
}

interface Entry extends ListedKey {
  readonly key: string
}

/** The keys of a ring, in the order of the file. Throws for a ring that no proxy would read. */
export function listKeys(text: string): readonly ListedKey[] {
  return entriesOf(text).map(({ kid, state }) => ({ kid, state }))
}

/** The ring with one new, random key that opens and does not seal yet: every replica must know it before one seals with it. */
export function withNewKey(text: string, random: RandomBytes): { readonly text: string; readonly kid: string } {
  const [made] = entriesOf(newKeyRingText(random))
  if (made === undefined) throw new Error('a new ring has a key')
  return { text: textOf([...entriesOf(text), { ...made, state: 'accept' }]), kid: made.kid }
}

/** The ring in which this key seals, and the one that did before only opens. */
export function withActiveKey(text: string, kid: string): string {
  const chosen = keyNamed(text, kid)
  if (chosen.state === 'retired') throw new KeyRingChangeRefused(`key ${kid} is retired: what it sealed is refused already`)
  return textOf(
    entriesOf(text).map((entry) => {
      if (entry.kid === kid) return { ...entry, state: 'active' }
      return entry.state === 'active' ? { ...entry, state: 'accept' } : entry
    })
  )
}

/** The ring in which nothing that this key has sealed opens any more. Whether it may be retired is not asked here. */
export function withoutKey(text: string, kid: string): string {
  if (keyNamed(text, kid).state === 'active') throw new KeyRingChangeRefused(`key ${kid} is the active one: activate another first`)
  return textOf(entriesOf(text).map((entry) => (entry.kid === kid ? { ...entry, state: 'retired' } : entry)))
}

function keyNamed(text: string, kid: string): ListedKey {
  const keys = listKeys(text)
  const found = keys.find((key) => key.kid === kid)
  if (found === undefined) throw new KeyRingChangeRefused(`there is no key ${kid}; there are ${keys.map((key) => key.kid).join(', ')}`)
  return found
}

function entriesOf(text: string): readonly Entry[] {
  readKeyRing(text)
  return JSON.parse(text) as readonly Entry[]
}

function textOf(entries: readonly Entry[]): string {
  const text = `[\n${entries.map(({ kid, key, state }) => `  ${JSON.stringify({ kid, key, state })}`).join(',\n')}\n]\n`
  readKeyRing(text)
  return text
}
