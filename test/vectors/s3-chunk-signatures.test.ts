// The examples of "Transferring Payload in Multiple Chunks (Chunked Upload)" in the S3 API reference, with and without a trailer.
import t from 'tap'
import { parseAuthorization } from '../../proxy/sigv4/authorization.ts'
import { canonicalRequest, receivedHeaders, sha256OfLatin1 } from '../../proxy/sigv4/canonical-request.ts'
import { decodeChunked } from '../../proxy/sigv4/payload/decode.ts'
import { checksumChecks, findChecksumClaims } from '../../proxy/sigv4/payload/checksum.ts'
import { canonicalTrailer } from '../../proxy/sigv4/payload/trailers.ts'
import { verifyBody } from '../../proxy/sigv4/payload/verify-body.ts'
import { deriveSigningKey } from '../../proxy/sigv4/signing-key.ts'
import { scopeText } from '../../proxy/sigv4/string-to-sign.ts'
import { verifyHeaderSignature } from '../../proxy/sigv4/verify.ts'
import { flow, inPieces, PiecesSource } from '../unit/sigv4/flows.ts'

const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const SCOPE = { day: '20130524', region: 'us-east-1', service: 's3' } as const
const CRLF = '\r\n'

const EXAMPLES = [
  {
    why: 'no trailer',
    mode: 'signed-chunks',
    payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    headers: ['Content-Length', '66824'],
    signedHeaders: 'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
    trailerNames: [],
    canonicalHash: 'cee3fed04b70f867d036f722359b0b1f2f0e5dc0efadbc082b76c4c60e316455',
    seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    chunks: [
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'
    ],
    tail: CRLF,
    bodyLength: 66824
  },
  ...[
    { form: 'CRLF behind the trailer', separator: CRLF, bodyLength: 66946 },
    { form: 'LF and CRLF behind the trailer', separator: '\n\r\n', bodyLength: 66947 }
  ].map(({ form, separator, bodyLength }) => ({
    why: `a signed trailer, ${form}`,
    mode: 'signed-chunks-trailer' as const,
    payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    headers: ['x-amz-trailer', 'x-amz-checksum-crc32c'],
    signedHeaders: 'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
    trailerNames: ['x-amz-checksum-crc32c'],
    canonicalHash: '44d48b8c2f70eae815a0198cc73d7a546a73a93359c070abbaa5e6c7de112559',
    seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    chunks: [
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992'
    ],
    tail:
      `x-amz-checksum-crc32c:sOO8/Q==${separator}` +
      `x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435${CRLF}${CRLF}`,
    bodyLength
  }))
] as const

t.test("the signing key of AWS's example is the published one", async (t) => {
  const key = deriveSigningKey(SECRET_ACCESS_KEY, SCOPE)
  t.equal(key.export().toString('hex'), 'dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378')
})

t.test("the canonical trailer of AWS's example hashes as published", async (t) => {
  const text = canonicalTrailer(new Map([['x-amz-checksum-crc32c', 'sOO8/Q==']]))
  t.equal(sha256OfLatin1(text), '1e376db7e1a34a8ef1c4bcee131a2d60a1cb62503747488624e10995f448d774')
})

for (const example of EXAMPLES) {
  const { why, mode, payloadHash, headers, signedHeaders, trailerNames, canonicalHash, seed, chunks, tail, bodyLength } = example
  const signingKey = deriveSigningKey(SECRET_ACCESS_KEY, SCOPE)
  const rawHeaders = [
    ...['Host', 's3.amazonaws.com', 'x-amz-date', '20130524T000000Z', 'x-amz-storage-class', 'REDUCED_REDUNDANCY'],
    ...['Content-Encoding', 'aws-chunked', 'x-amz-decoded-content-length', '66560', 'x-amz-content-sha256', payloadHash],
    ...headers
  ]
  const authorization = parseAuthorization(
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${seed}`
  )
  const data = Buffer.alloc(66560, 'a')
  const body = Buffer.concat([
    Buffer.from(`10000;chunk-signature=${chunks[0]}${CRLF}`),
    data.subarray(0, 65536),
    Buffer.from(`${CRLF}400;chunk-signature=${chunks[1]}${CRLF}`),
    data.subarray(65536),
    Buffer.from(`${CRLF}0;chunk-signature=${chunks[2]}${CRLF}${tail}`)
  ])
  const signing = { signingKey, amzDate: '20130524T000000Z', scope: scopeText(SCOPE), seedSignature: seed }

  t.test(`the head of AWS's chunked example hashes and verifies: ${why}`, async (t) => {
    const rawPath = '/examplebucket/chunkObject.txt'
    const canonicalHeaders = receivedHeaders(authorization.signedHeaders, rawHeaders) ?? ''
    const text = canonicalRequest({ method: 'PUT', rawPath, canonicalQuery: '', canonicalHeaders, signedHeaders, payloadHash })
    t.equal(sha256OfLatin1(text), canonicalHash)
    const amzDate = '20130524T000000Z'
    t.ok(verifyHeaderSignature({ method: 'PUT', rawPath, rawQuery: '', rawHeaders, payloadHash, authorization, amzDate, signingKey }))
  })

  for (const size of [1, 7, 8192, bodyLength]) {
    t.test(`the body of AWS's chunked example decodes in pieces of ${size}: ${why}`, async (t) => {
      t.equal(body.length, bodyLength)
      const source = new PiecesSource(inPieces(body, size), { length: body.length })
      const decoded = decodeChunked(source, { mode, decodedLength: 66560, trailerNames, signing })
      const claims = findChecksumClaims(rawHeaders, trailerNames)
      const { bytes, outcome } = await flow(
        verifyBody(
          decoded,
          checksumChecks(claims, () => decoded.trailers)
        ),
        { slow: size > 1 }
      )
      t.equal(outcome, 'end')
      t.ok(bytes.equals(data))
      t.same([...decoded.trailers], mode === 'signed-chunks' ? [] : [['x-amz-checksum-crc32c', 'sOO8/Q==']])
    })
  }
}
