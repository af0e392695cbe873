import { test } from 'tap'
import { ChunkedDecoder } from '../../../../proxy/dev/store/aws-chunked.ts'
import { StoreError } from '../../../../proxy/dev/store/error.ts'
import type { Signing } from '../../../../proxy/dev/store/signature.ts'

// AWS's example of sigv4-streaming.html and sigv4-streaming-trailers.html: 66,560 times `a` in chunks of 65,536 and 1,024.
const SIGNING: Omit<Signing, 'seed'> = {
  key: Buffer.from('dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378', 'hex'),
  longDate: '20130524T000000Z',
  scope: '20130524/us-east-1/s3/aws4_request',
  payloadHash: ''
}
const PLAIN = {
  seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  chunks: [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'
  ]
} as const
const TRAILER = {
  seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  chunks: [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992'
  ],
  signature: 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435'
} as const

function framed(chunks: readonly string[], end: string): string {
  const [first, second, last] = chunks
  return (
    `10000;chunk-signature=${first}\r\n${'a'.repeat(65_536)}\r\n` +
    `400;chunk-signature=${second}\r\n${'a'.repeat(1024)}\r\n0;chunk-signature=${last}\r\n${end}`
  )
}

const BODIES = [
  { why: 'without trailer', seed: PLAIN.seed, trailers: false, body: framed(PLAIN.chunks, '\r\n'), length: 66_824 },
  {
    why: 'with a trailer ended by CRLF',
    seed: TRAILER.seed,
    trailers: true,
    body: framed(TRAILER.chunks, `x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:${TRAILER.signature}\r\n\r\n`),
    length: 66_946
  },
  {
    why: 'with a trailer ended by LF CRLF',
    seed: TRAILER.seed,
    trailers: true,
    body: framed(TRAILER.chunks, `x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:${TRAILER.signature}\r\n\r\n`),
    length: 66_947
  }
] as const

interface Decoding {
  readonly seed: string | null
  readonly trailers: boolean
  readonly pieceLength?: number
}

function decode(body: string, { seed, trailers, pieceLength = 1000 }: Decoding): { data: string; trailers: ReadonlyMap<string, string> } {
  const decoder = new ChunkedDecoder({ signing: seed === null ? null : { ...SIGNING, seed }, trailers, checkSizes: true })
  const bytes = Buffer.from(body, 'latin1')
  let data = ''
  for (let at = 0; at < bytes.length; at += pieceLength) {
    for (const piece of decoder.push(bytes.subarray(at, at + pieceLength))) data += Buffer.from(piece).toString('latin1')
  }
  return { data, trailers: decoder.end() }
}

for (const { why, seed, trailers, body, length } of BODIES) {
  test(`AWS's own example ${why} decodes to its bytes, however it is cut`, (t) => {
    t.equal(body.length, length)
    for (const pieceLength of [1, 7, 65_536, body.length]) {
      const decoded = decode(body, { seed, trailers, pieceLength })
      t.equal(decoded.data, 'a'.repeat(66_560))
      t.same([...decoded.trailers], trailers ? [['x-amz-checksum-crc32c', 'sOO8/Q==']] : [])
    }
    t.end()
  })
}

const [WHOLE, SIGNED_TRAILER] = [BODIES[0], BODIES[1]]
const hello = '5\r\nhello\r\n0\r\n'

const BROKEN = [
  { why: 'a changed byte of data', body: WHOLE.body.replace('aa\r\n400', 'ab\r\n400'), as: WHOLE, code: 'SignatureDoesNotMatch' },
  { why: 'a chunk left out', body: WHOLE.body.replace(/400;.*?\r\na+\r\n/s, ''), as: WHOLE, code: 'SignatureDoesNotMatch' },
  { why: 'the last chunk missing', body: WHOLE.body.slice(0, -90), as: WHOLE, code: 'IncompleteBody' },
  {
    why: 'a chunk without signature',
    body: WHOLE.body.replace(/;chunk-signature=[0-9a-f]+/, ''),
    as: WHOLE,
    code: 'SignatureDoesNotMatch'
  },
  { why: 'a changed trailer', body: SIGNED_TRAILER.body.replace('sOO8', 'sOO9'), as: SIGNED_TRAILER, code: 'SignatureDoesNotMatch' },
  {
    why: 'no trailer signature',
    body: SIGNED_TRAILER.body.replace(/x-amz-trailer-signature.*/, ''),
    as: SIGNED_TRAILER,
    code: 'SignatureDoesNotMatch'
  },
  { why: 'a size that is no hex number', body: 'x\r\nhello\r\n0\r\n\r\n', as: { seed: null, trailers: true }, code: 'IncompleteBody' },
  { why: 'a size with a sign', body: '-5\r\nhello\r\n0\r\n\r\n', as: { seed: null, trailers: true }, code: 'IncompleteBody' },
  { why: 'more data than the size says', body: '4\r\nhello\r\n0\r\n\r\n', as: { seed: null, trailers: true }, code: 'IncompleteBody' },
  { why: 'a line feed alone after the size', body: '5\nhello\r\n0\r\n\r\n', as: { seed: null, trailers: true }, code: 'IncompleteBody' },
  {
    why: 'a short chunk before the last',
    body: `2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`,
    as: { seed: null, trailers: true },
    code: 'InvalidChunkSizeError'
  },
  { why: 'a trailer without colon', body: `${hello}nonsense\r\n\r\n`, as: { seed: null, trailers: true }, code: 'MalformedTrailerError' },
  { why: 'a trailer where none may be', body: `${hello}a:b\r\n\r\n`, as: { seed: null, trailers: false }, code: 'MalformedTrailerError' },
  {
    why: 'trailers without end',
    body: hello + `a:${'b'.repeat(20_000)}`,
    as: { seed: null, trailers: true },
    code: 'MalformedTrailerError'
  }
] as const

for (const { why, body, as, code } of BROKEN) {
  test(`a chunked body is ${code}: ${why}`, (t) => {
    for (const pieceLength of [3, 100_000]) {
      try {
        decode(body, { ...as, pieceLength })
        t.fail('it was taken')
      } catch (error) {
        t.equal(error instanceof StoreError ? error.code : String(error), code)
      }
    }
    t.end()
  })
}
