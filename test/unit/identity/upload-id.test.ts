import fc from 'fast-check'
import t from 'tap'
import { openUploadId, sealUploadId } from '../../../proxy/identity/upload-id.ts'
import { RING, ringOf, withOtherChar } from './fixtures.ts'

const PLACE = { account: 'minio-1', upstreamBucket: 'CANARY-bucket', uploadId: 'MWY4ZTk.2~abc/def+=', nonce: 'CANARY-nonce' }
const BINDING = { tenant: 'tenant-a', key: 'reports/2026.csv', owner: 'system:serviceaccount:billing:invoicer' }
const ID = sealUploadId(RING, PLACE, BINDING)

t.test('an upload id opens to where the upload is', (t) => {
  t.same(openUploadId(RING, ID, BINDING), PLACE)
  t.end()
})

t.test('an upload always has the same id, and it can stand in a URL as it is', (t) => {
  t.equal(sealUploadId(RING, PLACE, BINDING), ID)
  t.match(ID, /^0a0a0a0a\.[\w-]+\.[\w-]{43}$/)
  t.equal(encodeURIComponent(ID), ID)
  t.end()
})

t.test('an upload id tells neither bucket nor nonce', (t) => {
  for (const part of ID.split('.')) t.notMatch(Buffer.from(part, 'base64url').toString('latin1'), /CANARY|minio/)
  t.end()
})

for (const { why, binding } of [
  { why: 'another tenant', binding: { ...BINDING, tenant: 'tenant-b' } },
  { why: 'another key', binding: { ...BINDING, key: 'reports/2027.csv' } },
  { why: 'another owner', binding: { ...BINDING, owner: 'system:serviceaccount:shop:cart' } },
  { why: 'the same texts, cut at another place', binding: { ...BINDING, tenant: 'tenant-ar', key: 'eports/2026.csv' } },
  { why: 'no owner', binding: { ...BINDING, owner: '' } }
]) {
  t.test(`an upload id does not open for ${why}`, (t) => {
    t.equal(openUploadId(RING, ID, binding), null)
    t.end()
  })
}

for (const { why, text } of [
  { why: 'empty', text: '' },
  { why: "the upstream's own", text: PLACE.uploadId },
  { why: 'under another kid of the ring', text: ID.replace('0a0a0a0a', '0b0b0b0b') },
  { why: 'under an unknown kid', text: ID.replace('0a0a0a0a', '0f0f0f0f') },
  { why: 'under a kid in upper case', text: ID.replace('0a0a0a0a', '0A0A0A0A') },
  { why: 'cut short', text: ID.slice(0, -1) },
  { why: 'longer', text: `${ID}A` },
  { why: 'followed by a line feed', text: `${ID}\n` },
  { why: 'without a place', text: ID.replace(/\.[\w-]+\./, '..') },
  { why: 'huge', text: `0a0a0a0a.${'A'.repeat(5000)}.${'A'.repeat(43)}` }
]) {
  t.test(`an upload id that is ${why} does not open`, (t) => {
    t.equal(openUploadId(RING, text, BINDING), null)
    t.end()
  })
}

t.test('an upload id with any one character changed does not open', (t) => {
  for (let at = 0; at < ID.length; at += 1) {
    if (openUploadId(RING, withOtherChar(ID, at), BINDING) !== null) t.fail(`character ${at}`)
  }
  t.end()
})

t.test('an open upload survives rotation until its key is retired', (t) => {
  const after = ringOf({ kid: '0a0a0a0a', state: 'accept' }, { kid: '0c0c0c0c', state: 'active' })
  t.same(openUploadId(after, ID, BINDING), PLACE)
  t.not(sealUploadId(after, PLACE, BINDING), ID)
  t.equal(openUploadId(ringOf({ kid: '0a0a0a0a', state: 'retired' }, { kid: '0c0c0c0c', state: 'active' }), ID, BINDING), null)
  t.end()
})

t.test('any place comes back, and two bindings never open one id', (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const place = fc.record({ account: text, upstreamBucket: text, uploadId: text, nonce: text })
  const binding = fc.record({ tenant: text, key: text, owner: text })
  fc.assert(
    fc.property(place, binding, binding, (some, mine, yours) => {
      const id = sealUploadId(RING, some, mine)
      const same = JSON.stringify(mine) === JSON.stringify(yours)
      return JSON.stringify(openUploadId(RING, id, mine)) === JSON.stringify(some) && (openUploadId(RING, id, yours) !== null) === same
    })
  )
  t.end()
})
