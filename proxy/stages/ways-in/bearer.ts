import { bearerCaller, bearerTokenOf, isBearer } from '../../identity/bearer-caller.ts'
import { TokenProblem } from '../../identity/token-problem.ts'
import { S3Error } from '../../s3/error.ts'
import { SigV4Problem } from '../../sigv4/problem.ts'
import type { AcceptedRequest } from '../accept.ts'
import { unchainedPayload } from './unchained-payload.ts'
import type { Authenticated, Credential, IdentityDependencies, WayIn } from './way-in.ts'

/** A service-account token on the request itself: curl, fetch, browsers. */
export const BEARER_WAY: WayIn = {
  name: 'bearer',
  takes: (credential) => credential.kind === 'header' && isBearer(credential.authorization),
  authenticate: byBearerToken
}

async function byBearerToken(
  request: AcceptedRequest,
  credential: Credential,
  { deps }: { readonly deps: IdentityDependencies; readonly now: Date }
): Promise<Authenticated> {
  if (credential.kind !== 'header') throw new Error(`a bearer token in the ${credential.kind}`)
  const token = bearerTokenOf(credential.authorization)
  if (token === null) throw new S3Error('AccessDenied', 'the Authorization header holds no bearer token')
  // The token of a session proves nothing here, and whoever sends both means the other way in.
  if (request.headers.has('x-amz-security-token')) throw new SigV4Problem('duplicate-auth', 'Only one auth mechanism allowed')
  const payload = unchainedPayload(request.headers.get('x-amz-content-sha256'))
  try {
    return { caller: await bearerCaller(token, deps), request, payload, chunkSigning: null, signedBy: 'header' }
  } catch (error) {
    throw error instanceof TokenProblem ? refusalOf(error) : error
  }
}

/** One text for nearly all problems, as at STS: told apart, they would show a stranger which issuers and audiences are configured. */
function refusalOf({ kind, message }: TokenProblem): S3Error {
  if (kind === 'keys-unavailable') return new S3Error('ServiceUnavailable', message)
  return new S3Error(kind === 'expired' ? 'ExpiredToken' : 'AccessDenied', message)
}
