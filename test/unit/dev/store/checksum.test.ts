import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { CHECKSUM_ALGORITHMS, combineChecksums, startHash, type ChecksumAlgorithm } from '../../../../proxy/dev/store/checksum.ts'

function checksum(algorithm: ChecksumAlgorithm, ...pieces: Uint8Array[]): string {
  const hash = startHash(algorithm)
  for (const piece of pieces) hash.update(piece)
  return hash.digest().toString('base64')
}

// The check values of the CRC catalogue (reveng.sourceforge.io) for the nine digits.
const CHECK_VALUES = [
  ['CRC32', 'cbf43926'],
  ['CRC32C', 'e3069283'],
  ['CRC64NVME', 'ae8b14860a799888']
] as const

for (const [algorithm, hex] of CHECK_VALUES) {
  test(`${algorithm} of the nine digits is its published check value`, (t) => {
    t.equal(Buffer.from(checksum(algorithm, Buffer.from('123456789')), 'base64').toString('hex'), hex)
    t.end()
  })
}

for (const algorithm of CHECKSUM_ALGORITHMS) {
  test(`${algorithm} does not depend on how the bytes come in pieces`, (t) => {
    const bytes = randomBytes(70_000)
    t.equal(checksum(algorithm, bytes.subarray(0, 1), bytes.subarray(1, 65_537), bytes.subarray(65_537)), checksum(algorithm, bytes))
    t.end()
  })
}

test('the CRC of an object is that of its joined parts', (t) => {
  const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(parts, fc.constantFrom('CRC32', 'CRC32C', 'CRC64NVME'), (pieces, algorithm) => {
      const values = pieces.map((piece) => ({ value: checksum(algorithm, piece), length: piece.length }))
      return combineChecksums(algorithm, 'FULL_OBJECT', values).value === checksum(algorithm, ...pieces)
    }),
    { numRuns: 60 }
  )
  t.end()
})

test('a composite checksum is that of the raw checksums of the parts, with their number', (t) => {
  const values = ['one', 'two'].map((text) => ({ value: checksum('SHA256', Buffer.from(text)), length: 3 }))
  const raw = values.map(({ value }) => Buffer.from(value, 'base64'))
  t.equal(combineChecksums('SHA256', 'COMPOSITE', values).value, `${checksum('SHA256', ...raw)}-2`)
  t.end()
})
