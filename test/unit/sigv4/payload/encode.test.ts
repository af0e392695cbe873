import { randomFillSync } from 'node:crypto'
import t from 'tap'
import { decodeChunked } from '../../../../proxy/sigv4/payload/decode.ts'
import { CHECKSUM_ALGORITHMS, digestBase64 } from '../../../../proxy/sigv4/payload/digest.ts'
import { frameWithTrailer } from '../../../../proxy/sigv4/payload/encode.ts'
import { flow, inPieces, PiecesSource } from '../flows.ts'

const random = (length: number): Buffer => randomFillSync(Buffer.alloc(length))

t.test('a body is framed as one chunk with its checksum behind', async (t) => {
  const framed = frameWithTrailer(new PiecesSource([Buffer.from('hello')]), {
    decodedLength: 5,
    algorithm: 'crc32',
    trailerValue: () => 'NhCmhg=='
  })
  t.equal((await flow(framed)).bytes.toString(), '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n')
})

t.test('an empty body is framed as the last chunk and its checksum', async (t) => {
  const framed = frameWithTrailer(new PiecesSource([]), { decodedLength: 0, algorithm: 'crc32', trailerValue: () => 'AAAAAA==' })
  t.equal((await flow(framed)).bytes.toString(), '0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n')
})

for (const algorithm of CHECKSUM_ALGORITHMS) {
  for (const size of [0, 1, 15, 16, 16 * 1024, 16 * 1024 + 1, 100_000]) {
    for (const slow of [false, true]) {
      t.test(
        `the length of a frame is known before it is written: ${size} bytes, ${algorithm}, ${slow ? 'slow' : 'fast'} sink`,
        async (t) => {
          const body = random(size)
          const value = digestBase64(algorithm, body)
          const framed = frameWithTrailer(new PiecesSource(inPieces(body, 7000)), {
            decodedLength: size,
            algorithm,
            trailerValue: () => value
          })
          const { bytes, outcome } = await flow(framed, { slow })
          t.equal(outcome, 'end')
          t.equal(bytes.length, framed.length)
          const name = `x-amz-checksum-${algorithm}`
          const decoded = decodeChunked(new PiecesSource([bytes]), {
            mode: 'unsigned-trailer',
            decodedLength: size,
            trailerNames: [name],
            signing: null
          })
          const back = await flow(decoded)
          t.equal(back.outcome, 'end')
          t.ok(back.bytes.equals(body))
          t.equal(decoded.trailers.get(name), value)
        }
      )
    }
  }
}

for (const { why, size, decodedLength, value, kind } of [
  { why: 'a body shorter than announced', size: 99, decodedLength: 100, value: 'AAAAAA==', kind: 'incomplete' },
  { why: 'a body longer than announced', size: 101, decodedLength: 100, value: 'AAAAAA==', kind: 'incomplete' },
  { why: 'a large body longer than announced', size: 100_001, decodedLength: 100_000, value: 'AAAAAA==', kind: 'incomplete' },
  { why: 'no trailer', size: 100, decodedLength: 100, value: undefined, kind: 'trailer-value' },
  { why: 'a trailer of another length', size: 100, decodedLength: 100, value: 'AAAAAAAAAAA=', kind: 'trailer-value' },
  { why: 'a trailer that would end the line', size: 100, decodedLength: 100, value: 'AA\r\n\r\nAA', kind: 'trailer-value' }
]) {
  t.test(`a frame never completes: ${why}`, async (t) => {
    const framed = frameWithTrailer(new PiecesSource(inPieces(random(size), 1000)), {
      decodedLength,
      algorithm: 'crc32',
      trailerValue: () => value
    })
    const { bytes, outcome } = await flow(framed)
    t.match(outcome, { name: 'PayloadProblem', kind })
    t.ok(bytes.length < framed.length)
  })
}
