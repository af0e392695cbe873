import { crc32c } from '@aws-crypto/crc32c'
import fc from 'fast-check'
import t from 'tap'
import type { CHECKSUM_ALGORITHMS } from '../../../../proxy/sigv4/payload/digest.ts'
import { base64Length, digestBase64, makeDigest, parseDigest } from '../../../../proxy/sigv4/payload/digest.ts'

const CHECK = Buffer.from('123456789')
// The check values of the CRC catalogue, and of RFC 1321, FIPS 180 for the rest.
for (const { algorithm, hex } of [
  { algorithm: 'crc32', hex: 'cbf43926' },
  { algorithm: 'crc32c', hex: 'e3069283' },
  { algorithm: 'crc64nvme', hex: 'ae8b14860a799888' },
  { algorithm: 'sha1', hex: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441' },
  { algorithm: 'sha256', hex: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225' },
  { algorithm: 'md5', hex: '25f9e794323b453885f5181f1b624d0b' }
] as const) {
  t.test(`${algorithm} of the check text is the published value`, async (t) => {
    t.equal(digestBase64(algorithm, CHECK), Buffer.from(hex, 'hex').toString('base64'))
    t.equal(base64Length(algorithm), digestBase64(algorithm, CHECK).length)
  })
}

/** CRC-64/NVME bit by bit, as its definition reads. */
function slowCrc64(bytes: Uint8Array): string {
  let crc = 0xffffffffffffffffn
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x9a6c9329ac4bc9b5n : crc >> 1n
  }
  return (crc ^ 0xffffffffffffffffn).toString(16).padStart(16, '0')
}

function digestOf(algorithm: (typeof CHECKSUM_ALGORITHMS)[number], pieces: readonly Uint8Array[]): string {
  const digest = makeDigest(algorithm)
  for (const piece of pieces) digest.update(piece)
  return Buffer.from(digest.digest()).toString('hex')
}

const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })

t.test('crc32c is that of @aws-crypto/crc32c, however the bytes are cut', async (t) => {
  fc.assert(fc.property(pieces, (pieces) => digestOf('crc32c', pieces) === crc32c(Buffer.concat(pieces)).toString(16).padStart(8, '0')))
  t.pass()
})

t.test('crc64nvme is that of its definition, however the bytes are cut', async (t) => {
  fc.assert(fc.property(pieces, (pieces) => digestOf('crc64nvme', pieces) === slowCrc64(Buffer.concat(pieces))))
  t.pass()
})

t.test('a digest has one spelling in base64', async (t) => {
  t.ok(parseDigest('crc32', 'AAAAAA=='))
  for (const text of ['', 'AAAAAA', 'AAAAAB==', 'AAAA', 'AAAAAAA=', 'AAAAAA==\n', '_AAAAA==', 'AAAAAAAAAAA='])
    t.equal(parseDigest('crc32', text), null)
})
