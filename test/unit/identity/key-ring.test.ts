import { createHmac } from 'node:crypto'
import t from 'tap'
import { KeyRingProblems, newKeyRingText, readKeyRing } from '../../../proxy/identity/key-ring.ts'
import { countedRandom, keyText, ringOf, ringText } from './fixtures.ts'

const active = { kid: '0a0a0a0a', key: keyText('a'), state: 'active' }
const CANARY = 'CANARY-secret-that-must-not-be-told'

const REFUSED: readonly { why: string; text: string; problem: RegExp }[] = [
  { why: 'it is not JSON', text: `{"key": "${CANARY}"`, problem: /not JSON/ },
  { why: 'it is not a list', text: JSON.stringify({ keys: [active] }), problem: /must be a JSON list/ },
  { why: 'it is empty', text: '[]', problem: /holds no key/ },
  { why: 'an entry is no object', text: JSON.stringify([active, CANARY]), problem: /key 2 must be an object/ },
  { why: 'a kid is not eight hex digits', text: JSON.stringify([{ ...active, kid: CANARY }]), problem: /key 1: kid/ },
  { why: 'a kid is in upper case', text: JSON.stringify([{ ...active, kid: '0A0A0A0A' }]), problem: /key 1: kid/ },
  { why: 'a state is unknown', text: JSON.stringify([{ ...active, state: CANARY }]), problem: /key 1: state/ },
  { why: 'a key is not base64', text: JSON.stringify([{ ...active, key: `${CANARY} !` }]), problem: /key 1: key must be base64/ },
  { why: 'a key is short', text: JSON.stringify([{ ...active, key: keyText('a', 31) }]), problem: /32 to 1024 bytes long, it has 31/ },
  {
    why: 'a key is one byte repeated',
    text: JSON.stringify([{ ...active, key: Buffer.alloc(32).toString('base64') }]),
    problem: /not random/
  },
  { why: 'a field is unknown', text: JSON.stringify([{ ...active, password: CANARY }]), problem: /only kid, key and state/ },
  { why: 'no key is active', text: ringText([{ kid: '0a0a0a0a', state: 'accept' }]), problem: /exactly one key must be active, not 0/ },
  {
    why: 'two keys are active',
    text: ringText([
      { kid: '0a0a0a0a', state: 'active' },
      { kid: '0b0b0b0b', state: 'active' }
    ]),
    problem: /not 2/
  },
  {
    why: 'a kid is used twice',
    text: ringText([
      { kid: '0a0a0a0a', state: 'active' },
      { kid: '0a0a0a0a', state: 'retired', seed: 'other' }
    ]),
    problem: /0a0a0a0a is used twice/
  },
  {
    why: 'a key stands under two kids',
    text: ringText([
      { kid: '0a0a0a0a', state: 'active', seed: 's' },
      { kid: '0b0b0b0b', state: 'accept', seed: 's' }
    ]),
    problem: /0b0b0b0b repeats another/
  }
]

function problemsOf(text: string): KeyRingProblems {
  try {
    readKeyRing(text)
  } catch (error) {
    if (error instanceof KeyRingProblems) return error
    throw error
  }
  throw new Error('the ring was accepted')
}

for (const { why, text, problem } of REFUSED) {
  t.test(`a key ring is refused, and no key is quoted, when ${why}`, (t) => {
    const { message } = problemsOf(text)
    t.match(message, problem)
    t.notOk(message.includes(CANARY))
    t.notOk(message.includes(keyText('a')))
    t.end()
  })
}

t.test('all problems of a key ring are told at once', (t) => {
  const { problems } = problemsOf(JSON.stringify([{ kid: 'x', key: 'AAAA', state: 'new', more: 1 }, 7]))
  t.equal(problems.length, 5)
  t.end()
})

t.test('a retired key and an unknown one are not found', (t) => {
  const ring = ringOf({ kid: '0a0a0a0a', state: 'active' }, { kid: '0b0b0b0b', state: 'accept' }, { kid: '0c0c0c0c', state: 'retired' })
  t.equal(ring.active.kid, '0a0a0a0a')
  t.equal(ring.find('0b0b0b0b')?.kid, '0b0b0b0b')
  t.equal(ring.find('0c0c0c0c'), null)
  t.equal(ring.find('0d0d0d0d'), null)
  t.equal(ring.find('__proto__'), null)
  t.end()
})

t.test('every purpose of every key has a key of its own, the same each time the ring is read', (t) => {
  const fingerprints = (): string[] =>
    ['0a0a0a0a', '0b0b0b0b'].flatMap((kid) =>
      Object.values(ringOf({ kid: '0a0a0a0a', state: 'active' }, { kid: '0b0b0b0b', state: 'accept' }).find(kid)?.keys ?? {}).map((key) =>
        createHmac('sha256', key).update('').digest('hex')
      )
    )
  t.equal(new Set(fingerprints()).size, 12)
  t.same(fingerprints(), fingerprints())
  t.end()
})

t.test('a new ring can be read, and its key is random', (t) => {
  const random = countedRandom()
  t.equal(readKeyRing(newKeyRingText(random)).active.kid.length, 8)
  t.not(newKeyRingText(random), newKeyRingText(random))
  t.end()
})
