import { createHash, createHmac, timingSafeEqual, type BinaryLike } from 'node:crypto'
import type { HashConstructor, HttpRequest } from '@smithy/types'
import { getCanonicalHeaders, getSigningKey, SignatureV4 } from '@smithy/signature-v4'
import type { Behavior } from './behavior.ts'
import { StoreError } from './error.ts'
import { strictPath } from './minio-quirks.ts'
import { parameter, type StoreRequest } from './request.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What the chunks of a signed body are checked with, and how the body is hashed. */
export interface Signing {
  readonly key: Uint8Array
  readonly longDate: string
  readonly scope: string
  /** The signature of the head. */
  readonly seed: string
  /** The value of `x-amz-content-sha256`, or UNSIGNED-PAYLOAD for a presigned request without it. */
  readonly payloadHash: string
}

export interface SignatureCheck {
  /** Any of which a request may be signed with. */
  readonly credentials: readonly Credentials[]
  readonly region: string
  readonly now: Date
  readonly behavior: Behavior
}

const SKEW_MS_MAX = 15 * 60 * 1000
const EXPIRES_SECONDS_MAX = 604_800

/** Judges the signature of a head. Unsigned requests are refused. */
export async function verifySignature(request: StoreRequest, check: SignatureCheck): Promise<Signing> {
  const claim = readClaim(request)
  const credentials = check.credentials.find(({ accessKeyId }) => accessKeyId === claim.accessKeyId)
  if (credentials === undefined) throw new StoreError('InvalidAccessKeyId')
  checkScope(claim, check)
  checkTime(claim, check.now)
  checkCoverage(request, claim, check.behavior)
  const key = await getSigningKey(SHA256, credentials, claim.longDate.slice(0, 8), check.region, 's3')
  const expected = signatureOf(request, claim, { key, quirks: check.behavior.minioQuirks })
  if (!equalText(expected, claim.signature)) throw new StoreError('SignatureDoesNotMatch')
  return { key, longDate: claim.longDate, scope: claim.scope, seed: claim.signature, payloadHash: claim.payloadHash }
}

/** What the request says of its own signature. */
interface Claim {
  readonly accessKeyId: string
  readonly scope: string
  readonly longDate: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly payloadHash: string
  /** Seconds of life of a presigned request, null for a signed head. */
  readonly expires: number | null
}

function readClaim(request: StoreRequest): Claim {
  const authorization = request.headers.get('authorization')
  const presigned = parameter(request, 'X-Amz-Signature') !== null
  if (authorization === null && !presigned) throw new StoreError('AccessDenied')
  if (authorization !== null && presigned) throw new StoreError('InvalidArgument', { message: 'Only one auth mechanism allowed' })
  return authorization === null ? claimOfQuery(request) : claimOfHeader(request, authorization)
}

function claimOfHeader(request: StoreRequest, authorization: string): Claim {
  const match = /^AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)\/([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
    authorization
  )
  if (match === null) throw new StoreError('AuthorizationHeaderMalformed')
  const [, accessKeyId, scope, signedHeaders, signature] = match as unknown as readonly [string, string, string, string, string]
  const payloadHash = request.headers.get('x-amz-content-sha256')
  if (payloadHash === null)
    throw new StoreError('InvalidRequest', { message: 'Missing required header for this request: x-amz-content-sha256' })
  const longDate = request.headers.get('x-amz-date') ?? longDateOf(request.headers.get('date'))
  if (!/^\d{8}T\d{6}Z$/.test(longDate)) throw new StoreError('AccessDenied', { message: DATE_MESSAGE })
  return { accessKeyId, scope, longDate, signedHeaders: signedHeaders.split(';'), signature, payloadHash, expires: null }
}

const DATE_MESSAGE = 'AWS authentication requires a valid Date or x-amz-date header'

function longDateOf(date: string | null): string {
  const time = Date.parse(date ?? '')
  return Number.isNaN(time) ? '' : new Date(time).toISOString().replace(/[-:]|\.\d+/g, '')
}

function claimOfQuery(request: StoreRequest): Claim {
  const [credential, longDate, expires, signedHeaders, signature] = [
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Expires',
    'X-Amz-SignedHeaders',
    'X-Amz-Signature'
  ].map((name) => parameter(request, name) ?? '') as [string, string, string, string, string]
  const slash = credential.indexOf('/')
  const complete = slash > 0 && /^\d{8}T\d{6}Z$/.test(longDate) && /^\d+$/.test(expires) && signedHeaders !== ''
  if (!complete || parameter(request, 'X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256' || Number(expires) > EXPIRES_SECONDS_MAX) {
    throw new StoreError('AuthorizationQueryParametersError')
  }
  const payloadHash = request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD'
  const [accessKeyId, scope] = [credential.slice(0, slash), credential.slice(slash + 1)]
  return { accessKeyId, scope, longDate, signedHeaders: signedHeaders.split(';'), signature, payloadHash, expires: Number(expires) }
}

function checkScope(claim: Claim, { region }: SignatureCheck): void {
  const [day, scopeRegion, service, terminal, ...rest] = claim.scope.split('/')
  const wellFormed = service === 's3' && terminal === 'aws4_request' && rest.length === 0 && day === claim.longDate.slice(0, 8)
  if (wellFormed && scopeRegion === region) return
  const code = claim.expires === null ? 'AuthorizationHeaderMalformed' : 'AuthorizationQueryParametersError'
  throw new StoreError(code, { elements: [['Region', region]] })
}

function checkTime(claim: Claim, now: Date): void {
  const iso = claim.longDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const aheadMs = Date.parse(iso) - now.getTime()
  if (Number.isNaN(aheadMs)) throw new StoreError('AccessDenied', { message: DATE_MESSAGE })
  if (claim.expires === null && Math.abs(aheadMs) > SKEW_MS_MAX) throw new StoreError('RequestTimeTooSkewed')
  if (claim.expires === null) return
  if (aheadMs > SKEW_MS_MAX) throw new StoreError('AccessDenied', { message: 'Request is not yet valid' })
  if (aheadMs + claim.expires * 1000 < 0) throw new StoreError('AccessDenied', { message: 'Request has expired.' })
}

// A header that the signature does not cover could have been added by anyone who holds a presigned URL.
function checkCoverage(request: StoreRequest, claim: Claim, behavior: Behavior): void {
  const signed = new Set(claim.signedHeaders)
  const asParameters = new Set(request.query.map(({ name }) => name.toLowerCase()))
  const unsigned = [...request.headers.names()].filter(
    (name) =>
      (name === 'host' || (name.startsWith('x-amz-') && name !== 'x-amz-content-sha256' && !behavior.acceptsUnsignedHeaders)) &&
      !signed.has(name) &&
      !asParameters.has(name)
  )
  if (unsigned.length === 0) return
  const message = 'There were headers present in the request which were not signed'
  throw new StoreError('AccessDenied', { message, elements: [['HeadersNotSigned', unsigned.join(', ')]] })
}

function signatureOf(request: StoreRequest, claim: Claim, { key, quirks }: { key: Uint8Array; quirks: boolean }): string {
  const headers: Record<string, string> = {}
  for (const name of claim.signedHeaders) headers[name] = request.headers.get(name) ?? ''
  const query: Record<string, string | string[]> = {}
  for (const { name, value } of request.query) {
    if (name === 'X-Amz-Signature') continue
    const before = query[name]
    query[name] = before === undefined ? value : [before, value].flat()
  }
  const path = quirks ? strictPath(request.rawPath) : request.rawPath
  const canonical = ORACLE.canonicalRequest({ method: request.method, path, query, headers }, claim.payloadHash)
  // One byte per character: a head arrives as latin1, and the client signed its bytes.
  const hashed = createHash('sha256').update(canonical, 'latin1').digest('hex')
  const stringToSign = `AWS4-HMAC-SHA256\n${claim.longDate}\n${claim.scope}\n${hashed}`
  return createHmac('sha256', key).update(stringToSign).digest('hex')
}

/** Lends out the canonical request of @smithy/signature-v4, which it keeps to its subclasses. */
class Oracle extends SignatureV4 {
  canonicalRequest(request: Pick<HttpRequest, 'method' | 'path' | 'query' | 'headers'>, payloadHash: string): string {
    const whole: HttpRequest = { protocol: 'http:', hostname: '', ...request } as HttpRequest
    const canonicalHeaders = getCanonicalHeaders(whole, undefined, new Set(Object.keys(request.headers)))
    return this.createCanonicalRequest(whole, canonicalHeaders, payloadHash)
  }
}

class NodeSha256 {
  readonly #hash
  constructor(secret?: BinaryLike) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret)
  }
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }
  reset(): void {
    throw new Error('a hash is used once')
  }
}

const SHA256 = NodeSha256 as unknown as HashConstructor
const ORACLE = new Oracle({
  credentials: { accessKeyId: '-', secretAccessKey: '-' },
  region: '-',
  service: 's3',
  sha256: SHA256,
  uriEscapePath: false
})

/** True when both are equal; the time says nothing about where they differ. */
export function equalText(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)]
  return first.length === second.length && timingSafeEqual(first, second)
}
