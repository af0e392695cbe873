import { framed, plainChunks, type Chunk } from './signer.ts'

/** What is done to the framing of a body: its bytes, and what its head says of its length. */
export interface Mutation {
  readonly why: string
  readonly code: string
  readonly bytes?: (body: Body) => Buffer
  readonly length?: (decoded: number) => string | null
}

export interface Body {
  readonly chunks: readonly Chunk[]
  /** Bytes behind the last chunk as they should be. */
  readonly tail: string
}

export const whole = ({ chunks, tail }: Body): Buffer => framed(chunks, tail)
const at = (chunks: readonly Chunk[], index: number): Chunk => chunks[index] ?? { line: '', data: Buffer.alloc(0) }
const replaced = (body: Body, index: number, chunk: Partial<Chunk>): Buffer =>
  framed(
    body.chunks.map((one, place) => (place === index ? { ...one, ...chunk } : one)),
    body.tail
  )
const flipped = (data: Buffer): Buffer => Buffer.concat([Buffer.from([(data[0] ?? 0) ^ 1]), data.subarray(1)])

/** Wrong in every framed mode. */
export const FRAMING: readonly Mutation[] = [
  { why: 'the last chunk is missing', code: 'IncompleteBody', bytes: ({ chunks, tail }) => framed(chunks.slice(0, -1), tail) },
  { why: 'the body ends in a chunk', code: 'IncompleteBody', bytes: (body) => whole(body).subarray(0, 9000) },
  { why: 'the body ends before its last line', code: 'IncompleteBody', bytes: ({ chunks }) => framed(chunks, '') },
  { why: 'a chunk is left out', code: 'IncompleteBody', bytes: ({ chunks, tail }) => framed([...chunks.slice(0, 2), at(chunks, 3)], tail) },
  {
    why: 'bytes stand behind a chunk',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 0, { data: Buffer.concat([at(body.chunks, 0).data, Buffer.from('x')]) })
  },
  {
    why: 'a chunk is shorter than it says',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 0, { data: at(body.chunks, 0).data.subarray(1) })
  },
  { why: 'a size is no number', code: 'IncompleteBody', bytes: (body) => replaced(body, 0, { line: `zz${at(body.chunks, 0).line}` }) },
  { why: 'a size has a sign', code: 'IncompleteBody', bytes: (body) => replaced(body, 0, { line: `-${at(body.chunks, 0).line}` }) },
  {
    why: 'a size has zeros before it',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 0, { line: `000${at(body.chunks, 0).line}` })
  },
  {
    why: 'a size has a space before it',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 0, { line: ` ${at(body.chunks, 0).line}` })
  },
  { why: 'a line has more in it', code: 'IncompleteBody', bytes: (body) => replaced(body, 0, { line: `${at(body.chunks, 0).line};x=y` }) },
  { why: 'a line has no end', code: 'IncompleteBody', bytes: (body) => replaced(body, 0, { line: 'a'.repeat(3000) }) },
  {
    why: 'a line ends in a bare line feed',
    code: 'IncompleteBody',
    bytes: (body) => Buffer.from(whole(body).toString('latin1').replace('\r\n', '\n'), 'latin1')
  },
  { why: 'there is no framing', code: 'IncompleteBody', bytes: ({ chunks }) => Buffer.concat(chunks.map(({ data }) => data)) },
  { why: 'the declared length is one more', code: 'IncompleteBody', length: (decoded) => String(decoded + 1) },
  { why: 'the declared length is one less', code: 'IncompleteBody', length: (decoded) => String(decoded - 1) },
  { why: 'the declared length is zero', code: 'IncompleteBody', length: () => '0' },
  { why: 'no length is declared', code: 'MissingContentLength', length: () => null },
  { why: 'the declared length is negative', code: 'MissingContentLength', length: () => '-1' },
  { why: 'the declared length is no number', code: 'MissingContentLength', length: () => '1e3' },
  { why: 'the declared length has a space', code: 'MissingContentLength', length: (decoded) => `${decoded} ${decoded}` }
]

/** Wrong where chunks are signed. */
export const SIGNATURES: readonly Mutation[] = [
  {
    why: 'a byte is another',
    code: 'SignatureDoesNotMatch',
    bytes: (body) => replaced(body, 1, { data: flipped(at(body.chunks, 1).data) })
  },
  {
    why: 'a byte of the last data is another',
    code: 'SignatureDoesNotMatch',
    bytes: (body) => replaced(body, 2, { data: flipped(at(body.chunks, 2).data) })
  },
  {
    why: 'two chunks are exchanged',
    code: 'SignatureDoesNotMatch',
    bytes: ({ chunks, tail }) => framed([at(chunks, 1), at(chunks, 0), ...chunks.slice(2)], tail)
  },
  {
    why: 'two chunks’ data are exchanged',
    code: 'SignatureDoesNotMatch',
    bytes: ({ chunks, tail }) =>
      framed([{ ...at(chunks, 0), data: at(chunks, 1).data }, { ...at(chunks, 1), data: at(chunks, 0).data }, ...chunks.slice(2)], tail)
  },
  {
    why: 'a chunk comes twice in place of the next',
    code: 'SignatureDoesNotMatch',
    bytes: ({ chunks, tail }) => framed([at(chunks, 0), at(chunks, 0), ...chunks.slice(2)], tail)
  },
  {
    why: 'a signature is another',
    code: 'SignatureDoesNotMatch',
    bytes: (body) => replaced(body, 1, { line: at(body.chunks, 1).line.replace(/=.*/, `=${'a'.repeat(64)}`) })
  },
  {
    why: 'the last chunk’s signature is another',
    code: 'SignatureDoesNotMatch',
    bytes: (body) => replaced(body, 3, { line: `0;chunk-signature=${'a'.repeat(64)}` })
  },
  {
    why: 'the last chunk’s signature is the one before',
    code: 'SignatureDoesNotMatch',
    bytes: (body) => replaced(body, 3, { line: `0;${at(body.chunks, 2).line.split(';')[1] ?? ''}` })
  },
  {
    why: 'a signature is in upper case',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 0, { line: at(body.chunks, 0).line.toUpperCase() })
  },
  {
    why: 'a signature is empty',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 0, { line: at(body.chunks, 0).line.replace(/=.*/, '=') })
  },
  {
    why: 'a chunk has no signature',
    code: 'IncompleteBody',
    bytes: (body) => replaced(body, 1, { line: at(body.chunks, 1).line.replace(/;.*/, '') })
  },
  { why: 'the last chunk has no signature', code: 'IncompleteBody', bytes: (body) => replaced(body, 3, { line: '0' }) },
  {
    why: 'no chunk has a signature',
    code: 'IncompleteBody',
    bytes: ({ chunks, tail }) => framed(plainChunks(chunks.slice(0, -1).map(({ data }) => data)), tail)
  }
]

/** Wrong behind the last chunk. `%` stands for the trailer as it should be. */
export const TRAILERS: readonly (readonly [why: string, code: string, tail: (good: string) => string])[] = [
  ['the trailer is missing', 'MalformedTrailerError', () => '\r\n'],
  ['the trailer’s value is another', 'BadDigest', (good) => good.replace(/:[A-Za-z0-9+/=]+/, ':q6urqw==')],
  ['the trailer’s value is no base64', 'InvalidRequest', (good) => good.replace(/:[A-Za-z0-9+/=]+/, ':!!!')],
  ['the trailer’s value is empty', 'InvalidRequest', (good) => good.replace(/:[A-Za-z0-9+/=]+/, ':')],
  ['the trailer is another than announced', 'MalformedTrailerError', (good) => good.replace('crc32', 'sha1')],
  ['a trailer was not announced', 'MalformedTrailerError', (good) => `x-amz-tagging:service=x\r\n${good}`],
  ['the trailer comes twice', 'MalformedTrailerError', (good) => `${good.split('\r\n')[0] ?? ''}\r\n${good}`],
  ['the trailer has no colon', 'MalformedTrailerError', (good) => good.replace(':', ' ')],
  ['the trailer is cut', 'IncompleteBody', (good) => good.slice(0, 12)],
  ['bytes stand behind the trailer', 'MalformedTrailerError', (good) => `${good}GET / HTTP/1.1\r\n\r\n`],
  ['the trailer is too long', 'MalformedTrailerError', (good) => `${good}${'x'.repeat(9000)}\r\n`]
]
