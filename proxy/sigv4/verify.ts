import type { Authorization } from './authorization.ts'
import { canonicalQuery } from './canonical-query.ts'
import { canonicalRequest, receivedHeaders, sha256OfLatin1 } from './canonical-request.ts'
import type { SigningKey } from './signing-key.ts'
import { isSignature, stringToSign } from './string-to-sign.ts'

/** A received request and what it claims. How the claim was carried (header or query) no longer matters here. */
export interface ClaimedRequest {
  readonly method: string
  readonly rawPath: string
  /** What of the query is covered by the signature; a query-signed request leaves its own signature out. */
  readonly canonicalQuery: string
  readonly rawHeaders: readonly string[]
  readonly payloadHash: string
  readonly authorization: Authorization
  /** `yyyymmddThhmmssZ`. */
  readonly amzDate: string
  readonly signingKey: SigningKey
}

/**
 * True when the request is exactly what the holder of the signing key signed. False also when `host` or an x-amz-* header
 * is present unsigned, so that forgetting `checkSignedHeaders` opens nothing. HOT: bench/verify-signature.ts
 */
export function verifySignature(claimed: ClaimedRequest): boolean {
  const { authorization, amzDate } = claimed
  if (!authorization.signedHeaders.includes('host')) return false
  const canonicalHeaders = receivedHeaders(authorization.signedHeaders, claimed.rawHeaders)
  if (canonicalHeaders === null) return false
  const hash = sha256OfLatin1(
    canonicalRequest({
      method: claimed.method,
      rawPath: claimed.rawPath,
      canonicalQuery: claimed.canonicalQuery,
      canonicalHeaders,
      signedHeaders: authorization.signedHeaders.join(';'),
      payloadHash: claimed.payloadHash
    })
  )
  return isSignature(authorization.signature, claimed.signingKey.sign(stringToSign(amzDate, authorization, hash)))
}

/** `verifySignature` for a request signed by its Authorization header, whose whole query is covered. */
export function verifyHeaderSignature(request: Omit<ClaimedRequest, 'canonicalQuery'> & { readonly rawQuery: string }): boolean {
  return verifySignature({
    method: request.method,
    rawPath: request.rawPath,
    canonicalQuery: canonicalQuery(request.rawQuery),
    rawHeaders: request.rawHeaders,
    payloadHash: request.payloadHash,
    authorization: request.authorization,
    amzDate: request.amzDate,
    signingKey: request.signingKey
  })
}
