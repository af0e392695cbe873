import t from 'tap'
import { PayloadProblem } from '../../../../proxy/sigv4/payload/problem.ts'
import { flow, inPieces, PiecesSource, type Flowed } from '../flows.ts'
import { decode, TRAILER } from './chunked.ts'

function decodeBytes(bytes: Uint8Array, decodedLength: number, pieceSize: number): Promise<Flowed> {
  return flow(decode(new PiecesSource(inPieces(bytes, pieceSize)), 'unsigned-trailer', decodedLength))
}

function kindOf({ outcome }: Flowed): string {
  return outcome instanceof PayloadProblem ? outcome.kind : String(outcome)
}

const LINES = [
  { why: '0x before the size', line: '0x4\r\n' },
  { why: 'a padded size', line: '04\r\n' },
  { why: 'a padded zero', line: '00\r\n' },
  { why: 'a space before the size', line: ' 4\r\n' },
  { why: 'a space behind the size', line: '4 \r\n' },
  { why: 'no size', line: '\r\n' },
  { why: 'a negative size', line: '-4\r\n' },
  { why: 'LF alone', line: '4\n' },
  { why: 'a size beyond any number', line: `${'f'.repeat(14)}\r\n` },
  { why: 'an extension', line: '4;a=b\r\n' },
  { why: 'a signature where none belongs', line: `4;chunk-signature=${'0'.repeat(64)}\r\n` },
  { why: 'two CR', line: '4\r\r\n' },
  { why: 'a line without end', line: '4'.repeat(129) }
]
for (const { why, line } of LINES) {
  t.test(`a chunk line is refused: ${why}`, async (t) => {
    const body = Buffer.from(`${line}abcd\r\n0\r\n${TRAILER}:AAAAAA==\r\n\r\n`)
    for (const pieceSize of [1, body.length]) t.equal(kindOf(await decodeBytes(body, 4, pieceSize)), 'framing')
  })
}

for (const { why, end } of [
  { why: 'LF alone', end: '\n' },
  { why: 'CR alone', end: '\r' },
  { why: 'a byte too many', end: 'x\r\n' },
  { why: 'nothing', end: '' }
]) {
  t.test(`the end of a chunk's data is refused: ${why}`, async (t) => {
    const body = Buffer.from(`4\r\nabcd${end}0\r\n${TRAILER}:AAAAAA==\r\n\r\n`)
    const result = await decodeBytes(body, 4, 1)
    t.equal(kindOf(result), 'framing')
    t.ok(result.bytes.length < 4)
  })
}

t.test('a chunk size may be written in upper case', async (t) => {
  const body = Buffer.from(`A\r\n0123456789\r\n0\r\n${TRAILER}:AAAAAA==\r\n\r\n`)
  t.equal(kindOf(await decodeBytes(body, 10, body.length)), 'end')
})
