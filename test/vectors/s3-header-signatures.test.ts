// The four examples of "Authenticating Requests: Using the Authorization Header" in the S3 API reference.
import t from 'tap'
import { parseAuthorization } from '../../proxy/sigv4/authorization.ts'
import { canonicalQuery } from '../../proxy/sigv4/canonical-query.ts'
import { canonicalRequest, receivedHeaders, sha256OfLatin1 } from '../../proxy/sigv4/canonical-request.ts'
import { findDate } from '../../proxy/sigv4/request-date.ts'
import { signRequest } from '../../proxy/sigv4/sign.ts'
import { deriveSigningKey, SigningKeyCache } from '../../proxy/sigv4/signing-key.ts'
import { verifyHeaderSignature } from '../../proxy/sigv4/verify.ts'

const ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const EXAMPLES = [
  {
    why: 'GET Object with a range',
    method: 'GET',
    rawPath: '/test.txt',
    rawQuery: '',
    headers: ['Range', 'bytes=0-9'],
    signedHeaders: 'host;range;x-amz-content-sha256;x-amz-date',
    payloadHash: EMPTY,
    hash: '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'
  },
  {
    why: 'PUT Object',
    method: 'PUT',
    rawPath: '/test%24file.text',
    rawQuery: '',
    headers: ['Date', 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class', 'REDUCED_REDUNDANCY'],
    signedHeaders: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    payloadHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    hash: '9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'
  },
  {
    why: 'GET Bucket Lifecycle',
    method: 'GET',
    rawPath: '/',
    rawQuery: 'lifecycle',
    headers: [],
    signedHeaders: 'host;x-amz-content-sha256;x-amz-date',
    payloadHash: EMPTY,
    hash: '9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'
  },
  {
    why: 'GET Bucket (List Objects)',
    method: 'GET',
    rawPath: '/',
    rawQuery: 'max-keys=2&prefix=J',
    headers: [],
    signedHeaders: 'host;x-amz-content-sha256;x-amz-date',
    payloadHash: EMPTY,
    hash: 'df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'
  }
]

for (const { why, method, rawPath, rawQuery, headers, signedHeaders, payloadHash, hash, signature } of EXAMPLES) {
  const header = `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY_ID}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`
  const authorization = parseAuthorization(header)
  const host = ['Host', 'examplebucket.s3.amazonaws.com']
  const rawHeaders = [...host, ...headers, 'x-amz-content-sha256', payloadHash, 'x-amz-date', '20130524T000000Z', 'Authorization', header]

  t.test(`the canonical request of AWS's example hashes as published: ${why}`, async (t) => {
    const canonicalHeaders = receivedHeaders(authorization.signedHeaders, rawHeaders) ?? ''
    const text = canonicalRequest({
      method,
      rawPath,
      canonicalQuery: canonicalQuery(rawQuery),
      canonicalHeaders,
      signedHeaders,
      payloadHash
    })
    t.equal(sha256OfLatin1(text), hash)
  })

  t.test(`AWS's example verifies: ${why}`, async (t) => {
    const signingKey = deriveSigningKey(SECRET_ACCESS_KEY, authorization)
    const amzDate = findDate(rawHeaders).text
    t.equal(verifyHeaderSignature({ method, rawPath, rawQuery, rawHeaders, payloadHash, authorization, amzDate, signingKey }), true)
  })

  if (signedHeaders.startsWith('date;')) continue
  t.test(`AWS's example is what signing makes: ${why}`, async (t) => {
    const added = signRequest({
      method,
      rawTarget: rawQuery === '' ? rawPath : `${rawPath}?${rawQuery}`,
      rawHeaders: [...host, ...headers],
      payloadHash,
      region: 'us-east-1',
      credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY },
      now: new Date('2013-05-24T00:00:00Z'),
      signingKeys: new SigningKeyCache(2)
    })
    t.same(added, ['x-amz-content-sha256', payloadHash, 'x-amz-date', '20130524T000000Z', 'authorization', header.replaceAll(',', ', ')])
  })
}
