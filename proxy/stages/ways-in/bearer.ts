import { hash } from 'node:crypto'
import { roleByRule } from '../../identity/roles.ts'
import { TokenProblem } from '../../identity/token-problem.ts'
import type { WebIdentity } from '../../identity/web-identity.ts'
import { S3Error } from '../../s3/error.ts'
import { SigV4Problem } from '../../sigv4/problem.ts'
import type { AcceptedRequest } from '../accept.ts'
import { unchainedPayload } from './unchained-payload.ts'
import type { Authenticated, Credential, IdentityDependencies, WayIn } from './way-in.ts'

// RFC 6750 §2.1; the name of a scheme has no case (RFC 9110 §11.1).
const SCHEME = /^bearer(?: |$)/i
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** A service-account token on the request itself: curl, fetch, browsers. */
export const BEARER_WAY: WayIn = {
  name: 'bearer',
  takes: (credential) => credential.kind === 'header' && isBearer(credential.authorization),
  authenticate: byBearerToken
}

/** True for an Authorization header of the Bearer scheme, well-formed or not. */
export function isBearer(authorization: string): boolean {
  return SCHEME.test(authorization)
}

async function byBearerToken(
  request: AcceptedRequest,
  credential: Credential,
  { deps }: { readonly deps: IdentityDependencies; readonly now: Date }
): Promise<Authenticated> {
  if (credential.kind !== 'header') throw new Error(`a bearer token in the ${credential.kind}`)
  const token = BEARER.exec(credential.authorization)?.[1]
  if (token === undefined) throw new S3Error('AccessDenied', 'the Authorization header holds no bearer token')
  // The token of a session proves nothing here, and whoever sends both means the other way in.
  if (request.headers.has('x-amz-security-token')) throw new SigV4Problem('duplicate-auth', 'Only one auth mechanism allowed')
  const payload = unchainedPayload(request.headers.get('x-amz-content-sha256'))
  const digest = hash('sha256', token, 'hex')
  const { identity, role } = await provenBearer(token, digest, deps)
  const { issuer, subject, namespace, serviceAccount, podUid, serviceAccountUid, expiresAt } = identity
  const owner = deps.ownerOf(issuer, subject)
  if (owner === null) throw new S3Error('AccessDenied', `issuer ${issuer} is no longer configured`)
  return {
    caller: {
      ...{ issuer, subject, role, owner, namespace, serviceAccount, podUid, serviceAccountUid, expiresAt },
      // Names the token in the audit record without being it.
      session: `bearer-${digest.slice(0, 24)}`,
      sessionPolicy: null,
      tenants: null,
      proof: { authType: null, signatureAgeMs: null, accessKeyId: null }
    },
    request,
    payload,
    chunkSigning: null,
    signedBy: 'header'
  }
}

async function provenBearer(
  token: string,
  digest: string,
  { bearerTokens, rulesOf }: IdentityDependencies
): Promise<{ readonly identity: WebIdentity; readonly role: string }> {
  try {
    // Awaited only where the token is new: a known one is answered from memory.
    const known = bearerTokens.known(digest)
    const identity = known ?? (await bearerTokens.verify(token, digest))
    const role = roleByRule(rulesOf(identity.issuer), identity)
    if (role === null) throw new S3Error('AccessDenied', `no role rule of issuer ${identity.issuer} matches ${identity.subject}`)
    return { identity, role }
  } catch (error) {
    if (error instanceof TokenProblem) throw refusalOf(error)
    throw error
  }
}

/** One text for nearly all problems, as at STS: told apart, they would show a stranger which issuers and audiences are configured. */
function refusalOf({ kind, message }: TokenProblem): S3Error {
  if (kind === 'keys-unavailable' || kind === 'review-unavailable') return new S3Error('ServiceUnavailable', message)
  return new S3Error(kind === 'expired' ? 'ExpiredToken' : 'AccessDenied', message)
}
