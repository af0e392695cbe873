import t from 'tap'
import { canonicalTrailer, parseTrailerNames, parseTrailers } from '../../../../proxy/sigv4/payload/trailers.ts'

const CRC = 'x-amz-checksum-crc32'
const SIGNATURE = 'x-amz-trailer-signature'

for (const { why, block, signed } of [
  { why: 'CRLF, as most write it', block: `${CRC}:AAAAAA==\r\n\r\n`, signed: false },
  { why: 'LF CRLF CRLF, as minio-go writes it', block: `${CRC}:AAAAAA==\n\r\n\r\n`, signed: false },
  { why: 'no empty line behind', block: `${CRC}:AAAAAA==\r\n`, signed: false },
  { why: 'a space behind the colon', block: `${CRC}: AAAAAA== \r\n\r\n`, signed: false },
  { why: 'a name in upper case', block: `X-Amz-Checksum-CRC32:AAAAAA==\r\n\r\n`, signed: false },
  { why: 'a signature, CRLF, as Java writes it', block: `${CRC}:AAAAAA==\r\n${SIGNATURE}:ab\r\n\r\n`, signed: true },
  { why: 'a signature, LF CRLF, as the S3 documentation has it', block: `${CRC}:AAAAAA==\n\r\n${SIGNATURE}:ab\r\n\r\n`, signed: true }
]) {
  t.test(`a trailer is read: ${why}`, async (t) => {
    const trailers = parseTrailers(block, { names: [CRC], signed })
    t.equal(trailers.get(CRC), 'AAAAAA==')
    t.equal(trailers.get(SIGNATURE), signed ? 'ab' : undefined)
  })
}

for (const { why, block, names = [CRC], signed = false, kind = 'trailer' } of [
  { why: 'announced and absent', block: '\r\n' },
  { why: 'present and not announced', block: `${CRC}:AAAAAA==\r\n\r\n`, names: [] },
  { why: 'another one than announced', block: `x-amz-checksum-crc32c:AAAAAA==\r\n\r\n` },
  { why: 'one more than announced', block: `${CRC}:AAAAAA==\r\nx-amz-meta-a:b\r\n\r\n` },
  { why: 'the same twice', block: `${CRC}:AAAAAA==\r\n${CRC}:AAAAAA==\r\n\r\n` },
  { why: 'no colon', block: `${CRC}\r\n\r\n` },
  { why: 'no name', block: `:AAAAAA==\r\n\r\n` },
  { why: 'a space before the colon', block: `${CRC} :AAAAAA==\r\n\r\n` },
  { why: 'a folded line', block: `${CRC}:AAAA\r\n AA==\r\n\r\n` },
  { why: 'a bare CR', block: `${CRC}:AAAA\rAA==\r\n\r\n` },
  { why: 'a NUL', block: `${CRC}:AAAA\0AA==\r\n\r\n` },
  { why: 'a signature that nothing is signed with', block: `${CRC}:AAAAAA==\r\n${SIGNATURE}:ab\r\n\r\n` },
  { why: 'no signature', block: `${CRC}:AAAAAA==\r\n\r\n`, signed: true },
  { why: 'nothing at all', block: '', kind: 'incomplete' },
  { why: 'no end of line', block: `${CRC}:AAAAAA==`, kind: 'incomplete' }
]) {
  t.test(`a trailer is refused: ${why}`, async (t) => {
    t.throws(() => parseTrailers(block, { names, signed }), { name: 'PayloadProblem', kind })
  })
}

t.test('a trailer signature covers the trailers by name, not itself', async (t) => {
  const trailers = new Map([
    ['x-b', '2'],
    [SIGNATURE, 'ab'],
    ['x-a', '1']
  ])
  t.equal(canonicalTrailer(trailers), 'x-a:1\nx-b:2\n')
})

t.test('x-amz-trailer announces names in any case', async (t) => {
  t.same(parseTrailerNames('X-Amz-Checksum-CRC32, x-amz-checksum-sha256'), [CRC, 'x-amz-checksum-sha256'])
  t.same(parseTrailerNames(undefined), [])
})

for (const list of ['', ' ', 'a,,b', 'a,', 'a b', 'a:b', `${CRC},${CRC}`, SIGNATURE]) {
  t.test(`x-amz-trailer ${JSON.stringify(list)} is refused`, async (t) => {
    t.throws(() => parseTrailerNames(list), { kind: 'trailer', code: 'MalformedTrailerError' })
  })
}
