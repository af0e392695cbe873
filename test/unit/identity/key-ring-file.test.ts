import t from 'tap'
import { listKeys, withActiveKey, withNewKey, withoutKey } from '../../../proxy/identity/key-ring-file.ts'
import { readKeyRing } from '../../../proxy/identity/key-ring.ts'
import { countedRandom, ringText } from './fixtures.ts'

const TEXT = ringText([
  { kid: '0a0a0a0a', state: 'active' },
  { kid: '0b0b0b0b', state: 'accept' },
  { kid: '0c0c0c0c', state: 'retired' }
])

t.test('a new key opens and does not seal, and no other key is touched', async (t) => {
  const { text, kid } = withNewKey(TEXT, countedRandom())
  t.same(listKeys(text), [...listKeys(TEXT), { kid, state: 'accept' }])
  const ring = readKeyRing(text)
  t.equal(ring.active.kid, '0a0a0a0a')
  t.ok(ring.find(kid))
})

t.test('a key that is made active leaves the one before to open', async (t) => {
  const ring = readKeyRing(withActiveKey(TEXT, '0b0b0b0b'))
  t.equal(ring.active.kid, '0b0b0b0b')
  t.ok(ring.find('0a0a0a0a'))
  t.same(
    listKeys(withActiveKey(TEXT, '0a0a0a0a')).map(({ state }) => state),
    ['active', 'accept', 'retired']
  )
})

t.test('a retired key opens nothing', async (t) => {
  t.equal(readKeyRing(withoutKey(TEXT, '0b0b0b0b')).find('0b0b0b0b'), null)
})

for (const { why, change, says } of [
  { why: 'the active key is not retired', change: () => withoutKey(TEXT, '0a0a0a0a'), says: /activate another first/ },
  { why: 'a retired key does not come back', change: () => withActiveKey(TEXT, '0c0c0c0c'), says: /is retired/ },
  {
    why: 'a key that is not there is not made active',
    change: () => withActiveKey(TEXT, '0d0d0d0d'),
    says: /there are 0a0a0a0a, 0b0b0b0b, 0c0c0c0c/
  },
  { why: 'a key that is not there is not retired', change: () => withoutKey(TEXT, '0d0d0d0d'), says: /there is no key/ },
  { why: 'a ring that no proxy would read is not changed', change: () => withNewKey('[]', countedRandom()), says: /key ring is invalid/ }
]) {
  t.test(`${why}, and no key is told`, async (t) => {
    const error = t.throws(change, says) as Error
    t.notMatch(error.message, /[A-Za-z0-9+/]{40}/)
  })
}
