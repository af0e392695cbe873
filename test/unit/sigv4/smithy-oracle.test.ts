// @smithy/signature-v4 signs for the AWS SDK for JavaScript: what it signs must verify, and what we sign must be what it signs.
import fc from 'fast-check'
import t from 'tap'
import { parseAuthorization } from '../../../proxy/sigv4/authorization.ts'
import { findDate } from '../../../proxy/sigv4/request-date.ts'
import { signRequest } from '../../../proxy/sigv4/sign.ts'
import { checkSignedHeaders } from '../../../proxy/sigv4/signed-headers.ts'
import { prepareSecret, SigningKeyCache } from '../../../proxy/sigv4/signing-key.ts'
import { verifyHeaderSignature } from '../../../proxy/sigv4/verify.ts'
import { ACCESS_KEY_ID, flat, SECRET_ACCESS_KEY, signWithSmithy, type OracleRequest } from './clients.ts'

const NOW = new Date('2026-11-24T10:20:30.456Z')
const strict = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
// The bytes of the text as a latin1 string: how a UTF-8 header value stands in rawHeaders.
const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

// Whole characters only: a lone surrogate has no UTF-8.
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('a+b', 'a b', '%2F', '100%', '//', '=', '&', ':', '007', ' x ', 'true', "!'()*", 'é', '日本', '~._-', '')
)
// Not `__proto__`: the oracle keeps parameters in a plain object.
const parameterName = text.filter((name) => name !== '' && name !== '__proto__' && !/^x-amz-signature$/i.test(name))
const query = fc.dictionary(parameterName, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })), {
  maxKeys: 4
})
// No control characters, which no HTTP parser lets through.
const headerValue = fc
  .array(fc.constantFrom('a', 'B', '0', ' ', '  ', '\t', ',', ';', ':', '/', '"', 'é', 'ß', '日', '\u00a0', '~'), { maxLength: 12 })
  .map((parts) => parts.join(''))
const headers = fc.dictionary(
  fc.constantFrom(
    'content-type',
    'x-amz-meta-a',
    'X-Amz-Meta-B_c',
    'x-amz-meta-b-c',
    'range',
    'x-amz-tagging',
    'cache-control',
    'If-Match'
  ),
  headerValue,
  { maxKeys: 6 }
)
const request = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
  key: fc.array(text, { maxLength: 4 }).map((segments) => segments.join('/')),
  query,
  headers,
  payloadHash: fc.constantFrom(
    'UNSIGNED-PAYLOAD',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
  ),
  region: fc.constantFrom('local', 'us-east-1', 'eu-central-1'),
  sessionToken: fc.option(fc.constantFrom('tok/en+with==', 'a.b-c_d'), { nil: undefined })
})
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never

function oracleRequest({ key, sessionToken, headers, ...rest }: Request): OracleRequest {
  return {
    ...rest,
    rawPath: `/bucket/${key.split('/').map(strict).join('/')}`,
    headers: { host: 's3.proxy.local:8080', ...headers },
    now: NOW,
    ...(sessionToken === undefined ? {} : { sessionToken })
  }
}

function rawQueryOf(query: Request['query'], encode: (text: string) => string): string {
  return Object.entries(query)
    .flatMap(([name, value]) => [value].flat().map((one) => `${encode(name)}=${encode(one)}`))
    .join('&')
}

/** Encodes as little as a request line allows, as s3fs does, and in lower case. */
const lax = (text: string): string =>
  strict(text)
    .replaceAll('%2F', '/')
    .replaceAll('%3A', ':')
    .replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())

function verify(signed: Record<string, string>, oracle: OracleRequest, rawQuery: string): boolean {
  const rawHeaders = flat(signed).map(asBytes)
  const authorization = parseAuthorization(signed['authorization'] ?? '')
  checkSignedHeaders(authorization.signedHeaders, rawHeaders)
  const { method, rawPath, payloadHash } = oracle
  const signingKey = new SigningKeyCache(2).keyFor({ accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY }, authorization)
  return verifyHeaderSignature({
    method,
    rawPath,
    rawQuery,
    rawHeaders,
    payloadHash,
    authorization,
    amzDate: findDate(rawHeaders).text,
    signingKey
  })
}

t.test('what @smithy/signature-v4 signs verifies, however the query is written and headers are ordered', async (t) => {
  await fc.assert(
    fc.asyncProperty(request, fc.boolean(), async (request, reversed) => {
      const oracle = oracleRequest(request)
      const signed = await signWithSmithy(oracle)
      const sent = reversed ? Object.fromEntries(Object.entries(signed).toReversed()) : signed
      for (const encode of [strict, lax]) if (!verify(sent, oracle, rawQueryOf(request.query, encode))) return false
      return true
    }),
    { numRuns: 300 }
  )
  t.pass()
})

t.test('what we sign is what @smithy/signature-v4 signs', async (t) => {
  const signingKeys = new SigningKeyCache(10)
  const secretAccessKey = prepareSecret(SECRET_ACCESS_KEY)
  await fc.assert(
    fc.asyncProperty(request, async (request) => {
      const oracle = oracleRequest(request)
      const signed = await signWithSmithy(oracle)
      const rawQuery = rawQueryOf(request.query, strict)
      const added = signRequest({
        method: oracle.method,
        rawTarget: rawQuery === '' ? oracle.rawPath : `${oracle.rawPath}?${rawQuery}`,
        rawHeaders: flat(oracle.headers).map(asBytes),
        payloadHash: oracle.payloadHash,
        region: oracle.region,
        credentials: {
          accessKeyId: ACCESS_KEY_ID,
          secretAccessKey,
          ...(request.sessionToken === undefined ? {} : { sessionToken: request.sessionToken })
        },
        now: NOW,
        signingKeys
      })
      for (let i = 0; i < added.length; i += 2) if (signed[added[i] ?? ''] !== added[i + 1]) return false
      return added.length === (request.sessionToken === undefined ? 6 : 8)
    }),
    { numRuns: 300 }
  )
  t.pass()
})
