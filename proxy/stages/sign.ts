import { encodeKey, encodeQueryValue } from '../s3/encode.ts'
import { signRequest } from '../sigv4/sign.ts'
import type { SigningKeyCache } from '../sigv4/signing-key.ts'
import type { UpstreamCredentials } from '../upstreams/credentials.ts'
import type { Outbound, Signed } from './outbound.ts'

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export interface SigningDependencies {
  readonly signingKeys: SigningKeyCache
  readonly timeouts: { readonly headMs: number; readonly slowHeadMs: number }
}

/** The request as it goes out, signed. */
export function signOutbound(
  outbound: Outbound,
  deps: SigningDependencies,
  { credentials, now }: { readonly credentials: UpstreamCredentials; readonly now: Date }
): Signed {
  const { account } = outbound
  const rawTarget = targetOf(outbound)
  const rawHeaders: string[] = ['host', hostOf(outbound)]
  for (const [name, value] of outbound.headers) rawHeaders.push(name, value)
  const payloadHash = outbound.body.kind === 'none' ? EMPTY_SHA256 : outbound.body.payloadHash
  const added = signRequest({
    method: outbound.method,
    rawTarget,
    rawHeaders,
    payloadHash,
    region: account.region,
    credentials,
    now,
    signingKeys: deps.signingKeys
  })
  return {
    origin: account.origin,
    method: outbound.method,
    rawTarget,
    rawHeaders: [...rawHeaders, ...added],
    body: bodyOf(outbound),
    bodyLength: lengthOf(outbound),
    headTimeoutMs: outbound.slow ? deps.timeouts.slowHeadMs : deps.timeouts.headMs
  } as unknown as Signed
}

function bodyOf({ body }: Outbound): Signed['body'] {
  if (body.kind === 'none') return null
  return body.kind === 'bytes' ? body.bytes : body.source
}

function lengthOf({ body }: Outbound): number {
  if (body.kind === 'none') return 0
  return body.kind === 'bytes' ? body.bytes.length : body.length
}

function hostOf({ account, bucket }: Outbound): string {
  return account.pathStyle ? account.host : `${bucket}.${account.host}`
}

/** Path and query, encoded once with SigV4's own set, so that what is signed is byte for byte what is sent. */
function targetOf({ account, bucket, key, query }: Outbound): string {
  let target = account.pathStyle ? `/${bucket}` : ''
  if (key !== null) target += `/${encodeKey(key)}`
  else if (target === '') target = '/'
  let separator = '?'
  for (const [name, value] of query) {
    target += separator + encodeQueryValue(name) + '=' + (value === null ? '' : encodeQueryValue(value))
    separator = '&'
  }
  return target
}
