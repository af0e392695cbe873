import t from 'tap'
import { parseAuthorization } from '../../../proxy/sigv4/authorization.ts'
import { canonicalRequest, sha256OfLatin1 } from '../../../proxy/sigv4/canonical-request.ts'
import { deriveSigningKey, SigningKeyCache } from '../../../proxy/sigv4/signing-key.ts'
import { signRequest } from '../../../proxy/sigv4/sign.ts'
import { stringToSign } from '../../../proxy/sigv4/string-to-sign.ts'
import { verifyHeaderSignature } from '../../../proxy/sigv4/verify.ts'
import { ACCESS_KEY_ID, SECRET_ACCESS_KEY } from './clients.ts'

const PAYLOAD_HASH = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072'
const METADATA = Buffer.from('é  ü', 'utf8').toString('latin1')

type Signed = Parameters<typeof verifyHeaderSignature>[0]

/** A request as a client signed it, every part of it of some length. */
function signedRequest(): Signed {
  const rawHeaders = [
    'Host',
    's3.proxy:80',
    'Content-Type',
    'text/plain',
    'x-amz-meta-name',
    METADATA,
    'X-Amz-Tagging',
    'a=b',
    'x-amz-tagging',
    'c=d'
  ]
  const added = signRequest({
    method: 'PUT',
    rawTarget: '/bucket/a%2Fb//../c%C3%A9?partNumber=1&uploadId=u',
    rawHeaders,
    payloadHash: PAYLOAD_HASH,
    region: 'local',
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY, sessionToken: 'token' },
    now: new Date('2026-11-24T10:20:30Z'),
    signingKeys: new SigningKeyCache(2)
  })
  const authorization = parseAuthorization(added[added.indexOf('authorization') + 1] ?? '')
  return {
    method: 'PUT',
    rawPath: '/bucket/a%2Fb//../c%C3%A9',
    rawQuery: 'partNumber=1&uploadId=u',
    rawHeaders: [...rawHeaders, ...added, 'User-Agent', 'x', 'accept-encoding', 'gzip'],
    payloadHash: PAYLOAD_HASH,
    authorization,
    amzDate: '20261124T102030Z',
    signingKey: deriveSigningKey(SECRET_ACCESS_KEY, authorization)
  }
}

function withHeader(request: Signed, name: string, value: string | null): Signed {
  const rawHeaders = [...request.rawHeaders]
  const index = rawHeaders.indexOf(name)
  if (index < 0) throw new Error(`no ${name}`)
  if (value === null) rawHeaders.splice(index, 2)
  else rawHeaders[index + 1] = value
  return { ...request, rawHeaders }
}

const withAuthorization = (request: Signed, changed: Partial<Signed['authorization']>): Signed => ({
  ...request,
  authorization: { ...request.authorization, ...changed }
})

const SAME: { why: string; change: (request: Signed) => Signed }[] = [
  { why: 'nothing changed', change: (request) => request },
  { why: 'an unsigned header that is not x-amz-* changed', change: (request) => withHeader(request, 'User-Agent', 'y') },
  { why: 'query in another order', change: (request) => ({ ...request, rawQuery: 'uploadId=u&partNumber=1' }) },
  { why: 'query escaped otherwise', change: (request) => ({ ...request, rawQuery: 'part%4eumber=1&uploadId=%75' }) },
  { why: 'spaces around a value', change: (request) => withHeader(request, 'Content-Type', '  text/plain ') },
  { why: 'fewer spaces within a value', change: (request) => withHeader(request, 'x-amz-meta-name', METADATA.replace('  ', ' ')) },
  {
    why: 'header names in another case',
    change: (request) => ({ ...request, rawHeaders: request.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toUpperCase() : text)) })
  }
]
for (const { why, change } of SAME) {
  t.test(`a signature holds: ${why}`, async (t) => t.equal(verifyHeaderSignature(change(signedRequest())), true))
}

const CHANGED: typeof SAME = [
  { why: 'method', change: (request) => ({ ...request, method: 'POST' }) },
  { why: 'path', change: (request) => ({ ...request, rawPath: '/bucket/a%2Fb//../c' }) },
  { why: 'path escaped otherwise', change: (request) => ({ ...request, rawPath: '/bucket/a%2fb//../c%C3%A9' }) },
  { why: 'path normalised', change: (request) => ({ ...request, rawPath: '/bucket/a%2Fb/c%C3%A9' }) },
  { why: 'query value', change: (request) => ({ ...request, rawQuery: 'partNumber=2&uploadId=u' }) },
  { why: 'query parameter added', change: (request) => ({ ...request, rawQuery: 'partNumber=1&uploadId=u&acl' }) },
  { why: 'query parameter repeated', change: (request) => ({ ...request, rawQuery: 'partNumber=1&uploadId=u&uploadId=u' }) },
  { why: 'query parameter gone', change: (request) => ({ ...request, rawQuery: 'uploadId=u' }) },
  { why: 'an empty query parameter added', change: (request) => ({ ...request, rawQuery: 'partNumber=1&uploadId=u&' }) },
  { why: 'host', change: (request) => withHeader(request, 'Host', 's3.proxy:81') },
  { why: 'signed header value', change: (request) => withHeader(request, 'Content-Type', 'text/html') },
  { why: 'signed header gone', change: (request) => withHeader(request, 'Content-Type', null) },
  { why: 'space put into a value', change: (request) => withHeader(request, 'Content-Type', 'text/ plain') },
  { why: 'one byte of a UTF-8 value', change: (request) => withHeader(request, 'x-amz-meta-name', METADATA.replace('\u00a9', '\u00a8')) },
  { why: 'value in latin1 instead of UTF-8', change: (request) => withHeader(request, 'x-amz-meta-name', '\u00e9 \u00fc') },
  {
    why: 'repeated header in another order',
    change: (request) => withHeader(withHeader(request, 'X-Amz-Tagging', 'c=d'), 'x-amz-tagging', 'a=b')
  },
  { why: 'repeated header added', change: (request) => ({ ...request, rawHeaders: [...request.rawHeaders, 'x-amz-tagging', 'e=f'] }) },
  {
    why: 'x-amz-* header added unsigned',
    change: (request) => ({ ...request, rawHeaders: [...request.rawHeaders, 'x-amz-acl', 'private'] })
  },
  { why: 'payload hash', change: (request) => ({ ...request, payloadHash: 'UNSIGNED-PAYLOAD' }) },
  { why: 'date', change: (request) => ({ ...request, amzDate: '20261124T102031Z' }) },
  { why: 'session token', change: (request) => withHeader(request, 'x-amz-security-token', 'other') },
  { why: 'day of the scope', change: (request) => withAuthorization(request, { day: '20261125' }) },
  { why: 'region of the scope', change: (request) => withAuthorization(request, { region: 'us-east-1' }) },
  {
    why: 'signed header taken off the list',
    change: (request) =>
      withAuthorization(request, { signedHeaders: request.authorization.signedHeaders.filter((name) => name !== 'content-type') })
  },
  {
    why: 'list in another order',
    change: (request) => withAuthorization(request, { signedHeaders: request.authorization.signedHeaders.toReversed() })
  },
  {
    why: 'header on the list that is not there',
    change: (request) => withAuthorization(request, { signedHeaders: [...request.authorization.signedHeaders, 'x'] })
  },
  { why: 'secret', change: (request) => ({ ...request, signingKey: deriveSigningKey('another secret', request.authorization) }) },
  {
    why: 'signature in upper case',
    change: (request) => withAuthorization(request, { signature: request.authorization.signature.toUpperCase() })
  },
  {
    why: 'signature a digit short',
    change: (request) => withAuthorization(request, { signature: request.authorization.signature.slice(1) })
  },
  { why: 'signature a digit long', change: (request) => withAuthorization(request, { signature: `${request.authorization.signature}0` }) },
  { why: 'signature of zeros', change: (request) => withAuthorization(request, { signature: '0'.repeat(64) }) },
  { why: 'no signature', change: (request) => withAuthorization(request, { signature: '' }) }
]
for (const { why, change } of CHANGED) {
  t.test(`a signature does not hold for another ${why}`, async (t) => t.equal(verifyHeaderSignature(change(signedRequest())), false))
}

t.test('a signature does not hold when any of its digits is another', async (t) => {
  const request = signedRequest()
  const { signature } = request.authorization
  for (let i = 0; i < signature.length; i++) {
    const digit = signature[i] === '0' ? '1' : '0'
    t.equal(verifyHeaderSignature(withAuthorization(request, { signature: signature.slice(0, i) + digit + signature.slice(i + 1) })), false)
  }
})

t.test('a signature does not hold when any byte of the path is another', async (t) => {
  const request = signedRequest()
  const { rawPath } = request
  for (let i = 0; i < rawPath.length; i++) {
    t.equal(verifyHeaderSignature({ ...request, rawPath: `${rawPath.slice(0, i)}_${rawPath.slice(i + 1)}` }), false)
  }
})

/** Signs whatever list of headers, as an attacker with a key of their own can. */
function signedAs(signedHeaders: readonly string[], canonicalHeaders: string): Signed {
  const request = signedRequest()
  const { method, rawPath, payloadHash, amzDate, authorization, signingKey } = request
  const parts = {
    method,
    rawPath,
    canonicalQuery: 'partNumber=1&uploadId=u',
    canonicalHeaders,
    signedHeaders: signedHeaders.join(';'),
    payloadHash
  }
  const text = stringToSign(amzDate, authorization, sha256OfLatin1(canonicalRequest(parts)))
  const rawHeaders = ['host', 'a', 'x-amz-date', amzDate]
  return { ...request, rawHeaders, authorization: { ...authorization, signedHeaders, signature: signingKey.sign(text) } }
}

for (const { why, signedHeaders, canonicalHeaders, holds } of [
  {
    why: 'host and every x-amz-* header signed',
    signedHeaders: ['host', 'x-amz-date'],
    canonicalHeaders: 'host:a\nx-amz-date:20261124T102030Z\n',
    holds: true
  },
  { why: 'host not signed', signedHeaders: ['x-amz-date'], canonicalHeaders: 'x-amz-date:20261124T102030Z\n', holds: false },
  { why: 'an x-amz-* header not signed', signedHeaders: ['host'], canonicalHeaders: 'host:a\n', holds: false },
  {
    why: 'an absent header signed as none',
    signedHeaders: ['host', 'x', 'x-amz-date'],
    canonicalHeaders: 'host:a\nx-amz-date:20261124T102030Z\n',
    holds: false
  },
  {
    why: 'an absent header signed as empty',
    signedHeaders: ['host', 'x', 'x-amz-date'],
    canonicalHeaders: 'host:a\nx:\nx-amz-date:20261124T102030Z\n',
    holds: false
  }
]) {
  t.test(`a signature ${holds ? 'holds' : 'does not hold, however right,'} with ${why}`, async (t) => {
    t.equal(verifyHeaderSignature(signedAs(signedHeaders, canonicalHeaders)), holds)
  })
}

t.test('a signature does not hold for a request without a host', async (t) => {
  const request = signedAs(['x-amz-date'], 'x-amz-date:20261124T102030Z\n')
  t.equal(verifyHeaderSignature({ ...request, rawHeaders: ['x-amz-date', request.amzDate] }), false)
})

for (const { why, rawHeaders, message } of [
  { why: 'no host', rawHeaders: ['x-amz-acl', 'private'], message: /host/ },
  { why: 'an authorization already', rawHeaders: ['host', 'a', 'Authorization', 'x'], message: /authorization/ },
  { why: 'a date already', rawHeaders: ['host', 'a', 'X-Amz-Date', 'x'], message: /x-amz-date/ }
]) {
  t.test(`signing a request with ${why} is a fault`, async (t) => {
    const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY }
    const request = { method: 'GET', rawTarget: '/', payloadHash: PAYLOAD_HASH, region: 'local', credentials, now: new Date(0) }
    t.throws(() => signRequest({ ...request, rawHeaders, signingKeys: new SigningKeyCache(2) }), { message })
  })
}
