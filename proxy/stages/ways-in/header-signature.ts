import { createHash } from 'node:crypto'
import { isBearer } from '../../identity/bearer-caller.ts'
import { checkScope, parseAuthorization, type CredentialScope } from '../../sigv4/authorization.ts'
import { canonicalQuery } from '../../sigv4/canonical-query.ts'
import { payloadMode } from '../../sigv4/payload/modes.ts'
import { checkSkew, findDate } from '../../sigv4/request-date.ts'
import { checkSignedHeaders } from '../../sigv4/signed-headers.ts'
import type { AcceptedRequest } from '../accept.ts'
import { expectedRegion, proveSigner } from './signed-request.ts'
import type { Authenticated, Credential, IdentityDependencies, WayIn } from './way-in.ts'

/** SigV4 in the Authorization header, signed with session credentials or an access key: what every SDK does. */
export const HEADER_SIGNATURE: WayIn = {
  name: 'header-signature',
  takes: (credential) => credential.kind === 'header' && !isBearer(credential.authorization),
  authenticate: byHeaderSignature
}

function byHeaderSignature(
  request: AcceptedRequest,
  credential: Credential,
  { deps, now }: { readonly deps: IdentityDependencies; readonly now: Date }
): Authenticated {
  if (credential.kind !== 'header') throw new Error(`a header signature in the ${credential.kind}`)
  const { rawHeaders } = request.head
  const authorization = parseAuthorization(credential.authorization)
  const date = findDate(rawHeaders)
  checkScope(authorization, { day: date.day, region: expectedRegion(authorization, deps) })
  checkSignedHeaders(authorization.signedHeaders, rawHeaders)
  const contentSha256 = request.headers.get('x-amz-content-sha256')
  const payload = payloadMode(contentSha256)
  const claimed = {
    method: request.method,
    rawPath: request.address.rawPath,
    canonicalQuery: canonicalQuery(request.address.rawQuery),
    rawHeaders,
    authorization,
    amzDate: date.text
  }
  const sessionToken = request.headers.get('x-amz-security-token') ?? null
  const proof = { authType: 'REST-HEADER', signatureAgeMs: null } as const
  const { caller, signingKey } = proveSigner({ claimed, payloadHashes: payloadHashes(contentSha256), sessionToken, proof }, deps, now)
  // Told only to whoever holds the secret; SDKs correct their clock by it and the Date of the answer.
  checkSkew(date, now)
  const scope: CredentialScope = { day: authorization.day, region: authorization.region, service: 's3' }
  return {
    caller,
    request,
    payload,
    chunkSigning: { signingKey, amzDate: date.text, scope, seedSignature: authorization.signature },
    signedBy: 'header'
  }
}

const EMPTY_SHA256 = createHash('sha256').digest('hex')

/**
 * What stands for the payload in the canonical request. A client that says nothing of it in a header has not signed its body:
 * it writes UNSIGNED-PAYLOAD there, or, as `curl --aws-sigv4` does, the hash of no body at all, also where one follows.
 */
function payloadHashes(contentSha256: string | undefined): readonly string[] {
  return contentSha256 === undefined ? ['UNSIGNED-PAYLOAD', EMPTY_SHA256] : [contentSha256]
}
