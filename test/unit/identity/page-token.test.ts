import fc from 'fast-check'
import t from 'tap'
import { openPageToken, sealPageToken, type PageBinding } from '../../../proxy/identity/page-token.ts'
import { sealUploadId } from '../../../proxy/identity/upload-id.ts'
import { open, seal } from '../../../proxy/identity/sealing.ts'
import { countedRandom, RING, ringOf, withOtherChar } from './fixtures.ts'

const sealer = { ring: RING, random: countedRandom() }
const BINDING: PageBinding = { tenant: 'tenant-a', account: 'minio-1', upstreamBucket: 'b-00', prefix: 'a/', kind: 'list-v2' }
const UPSTREAM = 'tenant-a/CANARY[minio_cache:v2,return:]'
const TOKEN = sealPageToken(sealer, UPSTREAM, BINDING)

t.test('a page token opens to what the upstream called the next page, and hides it', (t) => {
  t.equal(openPageToken(RING, TOKEN, BINDING), UPSTREAM)
  t.match(TOKEN, /^[\w-]+$/)
  t.notMatch(Buffer.from(TOKEN, 'base64url').toString('latin1'), /CANARY|tenant/)
  t.equal(openPageToken(RING, sealPageToken(sealer, '', BINDING), BINDING), '', 'an empty one too')
  t.end()
})

for (const [name, value] of Object.entries({
  tenant: 'tenant-b',
  account: 'minio-2',
  upstreamBucket: 'b-01',
  prefix: 'a',
  kind: 'list-v1'
})) {
  t.test(`a page token does not open for another ${name}`, (t) => {
    t.equal(openPageToken(RING, TOKEN, { ...BINDING, [name]: value }), null)
    t.end()
  })
}

for (const { why, text } of [
  { why: 'is empty', text: '' },
  { why: "is the upstream's own", text: UPSTREAM },
  { why: 'is padded', text: `${TOKEN}=` },
  { why: 'is cut short', text: TOKEN.slice(0, 8) },
  { why: 'is huge', text: 'A'.repeat(10_000) },
  {
    why: 'is an upload id',
    text: sealUploadId(RING, { account: 'a', upstreamBucket: 'b', uploadId: 'c', nonce: 'd' }, { tenant: 'tenant-a', key: '', owner: '' })
  }
]) {
  t.test(`a text that ${why} is no page token`, (t) => {
    t.equal(openPageToken(RING, text, BINDING), null)
    t.end()
  })
}

t.test('a page token with any one bit or character changed does not open', (t) => {
  const bytes = Buffer.from(TOKEN, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (openPageToken(RING, changed.toString('base64url'), BINDING) !== null) t.fail(`bit ${bit}`)
  }
  for (let at = 0; at < TOKEN.length; at += 1) {
    if (openPageToken(RING, withOtherChar(TOKEN, at), BINDING) !== null) t.fail(`character ${at}`)
  }
  t.end()
})

t.test('a page token survives rotation until its key is retired', (t) => {
  t.equal(openPageToken(ringOf({ kid: '0a0a0a0a', state: 'accept' }, { kid: '0c0c0c0c', state: 'active' }), TOKEN, BINDING), UPSTREAM)
  t.equal(openPageToken(ringOf({ kid: '0c0c0c0c', state: 'active' }), TOKEN, BINDING), null)
  t.end()
})

t.test('any page token comes back', (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  fc.assert(
    fc.property(
      text,
      text,
      (upstream, prefix) =>
        openPageToken(RING, sealPageToken(sealer, upstream, { ...BINDING, prefix }), { ...BINDING, prefix }) === upstream
    )
  )
  t.end()
})

t.test('what is sealed opens only with the same key and the same binding', (t) => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
  const [one, other] = [RING.active.keys['page-token'], RING.active.keys['session-token']]
  fc.assert(
    fc.property(bytes, bytes, bytes, (plain, boundTo, elsewhere) => {
      const sealed = seal(one, { nonce: countedRandom('n')(12), boundTo, plain })
      return (
        open(one, sealed, boundTo)?.equals(plain) === true &&
        open(other, sealed, boundTo) === null &&
        (open(one, sealed, elsewhere) !== null) === boundTo.equals(elsewhere) &&
        open(one, sealed.subarray(0, -1), boundTo) === null
      )
    })
  )
  t.throws(() => seal(one, { nonce: Buffer.alloc(16), boundTo: Buffer.alloc(0), plain: Buffer.alloc(0) }), TypeError)
  t.end()
})
