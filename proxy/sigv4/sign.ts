import type { CredentialScope } from './authorization.ts'
import { canonicalQuery } from './canonical-query.ts'
import { canonicalRequest, collapseSpaces, sha256OfLatin1 } from './canonical-request.ts'
import { formatAmzDate } from './request-date.ts'
import type { SecretAccessKey, SigningKeyCache } from './signing-key.ts'
import { scopeText, stringToSign } from './string-to-sign.ts'

/** The proxy's own credentials at an upstream. */
export interface UpstreamCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: SecretAccessKey
  readonly sessionToken?: string
}

/** A request to an upstream, complete but for its signature. */
export interface UnsignedRequest {
  readonly method: string
  /** Path and query exactly as they go out. */
  readonly rawTarget: string
  /** Every header that goes out, `host` among them, one character per byte. */
  readonly rawHeaders: readonly string[]
  /** Hex SHA-256 of the body, or one of the literal words that stand for it. */
  readonly payloadHash: string
  readonly region: string
  readonly credentials: UpstreamCredentials
  readonly now: Date
  readonly signingKeys: SigningKeyCache
}

// What a hop on the way may change or add without harm, as the AWS SDKs leave it out. Everything else is signed.
const NOT_SIGNED = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-amzn-trace-id'
])
const SET_HERE = new Set(['authorization', 'date', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])

/** The headers to add to a request so that an upstream accepts it as signed by `credentials`. HOT: bench/sign-request.ts */
export function signRequest(request: UnsignedRequest): readonly string[] {
  const { rawTarget, credentials } = request
  const amzDate = formatAmzDate(request.now.getTime())
  const added = ['x-amz-content-sha256', request.payloadHash, 'x-amz-date', amzDate]
  if (credentials.sessionToken !== undefined) added.push('x-amz-security-token', credentials.sessionToken)
  const { canonicalHeaders, signedHeaders } = headersToSign(request.rawHeaders, added)
  const question = rawTarget.indexOf('?')
  const hash = sha256OfLatin1(
    canonicalRequest({
      method: request.method,
      rawPath: question < 0 ? rawTarget : rawTarget.slice(0, question),
      canonicalQuery: question < 0 ? '' : canonicalQuery(rawTarget.slice(question + 1)),
      canonicalHeaders,
      signedHeaders,
      payloadHash: request.payloadHash
    })
  )
  const scope: CredentialScope = { day: amzDate.slice(0, 8), region: request.region, service: 's3' }
  const signingKey = request.signingKeys.keyFor(credentials, scope)
  const signature = signingKey.sign(stringToSign(amzDate, scope, hash))
  const credential = `${credentials.accessKeyId}/${scopeText(scope)}`
  added.push('authorization', `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`)
  return added
}

function headersToSign(rawHeaders: readonly string[], added: readonly string[]): { canonicalHeaders: string; signedHeaders: string } {
  const names: string[] = []
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (NOT_SIGNED.has(name)) continue
    if (SET_HERE.has(name)) throw new Error(`header ${name} is set by signing and must not be there before`)
    addSorted(names, values, { name, value: collapseSpaces(rawHeaders[i + 1] as string) })
  }
  if (!names.includes('host')) throw new Error('a request to sign has a host header')
  for (let i = 0; i < added.length; i += 2) addSorted(names, values, { name: added[i] as string, value: added[i + 1] as string })
  let canonicalHeaders = ''
  for (let i = 0; i < names.length; i++) canonicalHeaders += `${names[i] as string}:${values[i] as string}\n`
  return { canonicalHeaders, signedHeaders: names.join(';') }
}

/** Keeps the names sorted by code unit and the values of one name joined in their order. Lists are short: insertion beats sorting. */
function addSorted(names: string[], values: string[], { name, value }: { name: string; value: string }): void {
  let i = names.length
  while (i > 0 && (names[i - 1] as string) > name) i--
  if (i > 0 && names[i - 1] === name) {
    values[i - 1] = `${values[i - 1] as string},${value}`
    return
  }
  for (let j = names.length; j > i; j--) {
    names[j] = names[j - 1] as string
    values[j] = values[j - 1] as string
  }
  names[i] = name
  values[i] = value
}
