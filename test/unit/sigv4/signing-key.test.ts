import t from 'tap'
import { deriveSigningKey, prepareSecret, SigningKeyCache } from '../../../proxy/sigv4/signing-key.ts'

const scope = { day: '20130524', region: 'us-east-1', service: 's3' } as const
const bytes = (key: { export(): Buffer }): string => key.export().toString('hex')

t.test('a prepared secret makes the same key as its text', async (t) => {
  t.equal(bytes(deriveSigningKey(prepareSecret('secret'), scope)), bytes(deriveSigningKey('secret', scope)))
})

for (const { why, other } of [
  { why: 'day', other: { ...scope, day: '20130525' } },
  { why: 'region', other: { ...scope, region: 'eu-west-1' } }
]) {
  t.test(`another ${why} makes another key, cached or not`, async (t) => {
    const cache = new SigningKeyCache(10)
    const credentials = { accessKeyId: 'A', secretAccessKey: 'secret' }
    const first = cache.keyFor(credentials, scope)
    t.not(bytes(cache.keyFor(credentials, other)), bytes(first))
    t.equal(bytes(cache.keyFor(credentials, other)), bytes(deriveSigningKey('secret', other)))
    t.equal(bytes(cache.keyFor(credentials, scope)), bytes(first))
  })
}

t.test('a signing key is derived once while it is in use', async (t) => {
  const cache = new SigningKeyCache(10)
  const credentials = { accessKeyId: 'A', secretAccessKey: 'secret' }
  t.equal(cache.keyFor(credentials, scope), cache.keyFor({ ...credentials }, scope))
})

t.test('a changed secret under the same id never gets the old key', async (t) => {
  const cache = new SigningKeyCache(10)
  const before = cache.keyFor({ accessKeyId: 'A', secretAccessKey: 'old' }, scope)
  t.not(bytes(cache.keyFor({ accessKeyId: 'A', secretAccessKey: 'new' }, scope)), bytes(before))
})

t.test('the cache of signing keys stays within its bound and keeps what is used', async (t) => {
  const cache = new SigningKeyCache(10)
  const used = { accessKeyId: 'used', secretAccessKey: 'secret' }
  const key = cache.keyFor(used, scope)
  for (let i = 0; i < 100; i++) {
    cache.keyFor({ accessKeyId: `A${i}`, secretAccessKey: 'secret' }, scope)
    t.equal(cache.keyFor(used, scope), key)
    t.ok(cache.size <= 10)
  }
})
