import type { KeyObject } from 'node:crypto'
import { openSession, type SessionProblem } from '../../identity/session.ts'
import type { SessionClaims } from '../../identity/session-token.ts'
import { S3Error, type S3ErrorCode } from '../../s3/error.ts'
import type { Authorization } from '../../sigv4/authorization.ts'
import { verifySignature, type ClaimedRequest } from '../../sigv4/verify.ts'
import type { IdentityDependencies } from './way-in.ts'

export interface SignedRequest {
  readonly claimed: Omit<ClaimedRequest, 'signingKey'>
  readonly sessionToken: string | null
}

export interface ProvenSession {
  readonly claims: SessionClaims
  readonly owner: string
  readonly signingKey: KeyObject
}

/** The session whose secret signed the request; how the signature was carried no longer matters here. */
export function proveSession({ claimed, sessionToken }: SignedRequest, deps: IdentityDependencies, now: Date): ProvenSession {
  const { authorization } = claimed
  const { accessKeyId } = authorization
  const opened = openSession({ accessKeyId, sessionToken }, { ring: deps.ring(), cache: deps.sessions, now })
  const secretAccessKey = opened.kind === 'session' ? opened.secretAccessKey : opened.decoySecret
  const signingKey = deps.signingKeys.keyFor({ accessKeyId, secretAccessKey }, authorization)
  const valid = verifySignature({ ...claimed, signingKey })
  // The refused session is told only now, so that an unknown key costs what a known one costs.
  if (opened.kind === 'refused') throw new S3Error(SESSION_REFUSALS[opened.problem], `session: ${opened.problem}`)
  if (!valid) throw new S3Error('SignatureDoesNotMatch', 'the signature is not that of this request')
  const { claims } = opened
  return { claims, owner: ownerOf(claims, deps), signingKey }
}

/** The region that a scope must name: its own where any will do. */
export function expectedRegion({ region }: Authorization, deps: IdentityDependencies): string {
  return deps.regions === null || deps.regions.has(region) ? region : deps.region
}

function ownerOf({ issuer, subject }: SessionClaims, deps: IdentityDependencies): string {
  const owner = deps.ownerOf(issuer, subject)
  if (owner === null) throw new S3Error('ExpiredToken', `issuer ${issuer} is no longer configured`)
  return owner
}

const SESSION_REFUSALS: Readonly<Record<SessionProblem, S3ErrorCode>> = {
  'unknown-access-key': 'InvalidAccessKeyId',
  'unknown-sealing-key': 'ExpiredToken',
  'token-missing': 'InvalidAccessKeyId',
  'token-invalid': 'InvalidToken',
  'token-of-another-access-key': 'InvalidToken',
  expired: 'ExpiredToken'
}
