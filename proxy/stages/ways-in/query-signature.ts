import { S3Error } from '../../s3/error.ts'
import { canonicalQuery } from '../../sigv4/canonical-query.ts'
import { payloadHashOf } from '../../sigv4/payload/modes.ts'
import { checkQueryScope, checkQueryTime, parseQueryAuthorization, QUERY_SIGNATURE } from '../../sigv4/query-authorization.ts'
import { checkSignedHeaders } from '../../sigv4/signed-headers.ts'
import type { AcceptedRequest } from '../accept.ts'
import { withHoistedHeaders } from './hoisted-headers.ts'
import { expectedRegion, proveSigner } from './signed-request.ts'
import { unchainedPayload } from './unchained-payload.ts'
import type { Authenticated, Credential, IdentityDependencies, WayIn } from './way-in.ts'

/** SigV4 in the query: a URL that a client made with its credentials and gave away. */
export const QUERY_SIGNATURE_WAY: WayIn = {
  name: 'query-signature',
  takes: (credential) => credential.kind === 'query' && credential.scheme === 'v4',
  authenticate: byQuerySignature
}

function byQuerySignature(
  accepted: AcceptedRequest,
  _credential: Credential,
  { deps, now }: { readonly deps: IdentityDependencies; readonly now: Date }
): Authenticated {
  const { rawHeaders } = accepted.head
  const signing = parseQueryAuthorization(accepted.query)
  const { authorization, date } = signing
  checkQueryScope(signing, expectedRegion(authorization, deps))
  checkQueryTime(signing, now)
  // Of the headers alone: what stands in the query is covered without being listed.
  checkSignedHeaders(authorization.signedHeaders, rawHeaders)
  const request = withHoistedHeaders(accepted)
  const contentSha256 = request.headers.get('x-amz-content-sha256')
  const payload = unchainedPayload(contentSha256)
  const claimed = {
    method: request.method,
    rawPath: request.address.rawPath,
    canonicalQuery: canonicalQuery(request.address.rawQuery, QUERY_SIGNATURE),
    rawHeaders,
    authorization,
    amzDate: date.text
  }
  const proof = { authType: 'REST-QUERY-STRING', signatureAgeMs: Math.max(0, now.getTime() - date.timeMs) } as const
  const { caller } = proveSigner(
    { claimed, payloadHashes: [payloadHashOf(contentSha256)], sessionToken: signing.sessionToken, proof },
    deps,
    now
  )
  // The allowance that an expired session gets is for SDKs that use theirs to the last second. A URL is in nobody's hand any more.
  if (now.getTime() > caller.expiresAt.getTime()) throw new S3Error('ExpiredToken', 'the session that signed the URL has expired')
  return {
    caller,
    request,
    payload,
    chunkSigning: null,
    signedBy: 'query'
  }
}
