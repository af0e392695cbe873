import { parseAccessKeyId } from '../../identity/access-key-id.ts'
import { openAccessKey, type AccessKey } from '../../identity/access-keys.ts'
import type { Caller, CallerProof } from '../../identity/caller.ts'
import { roleByRule } from '../../identity/roles.ts'
import { callerOf, openSession, type SessionProblem } from '../../identity/session.ts'
import { S3Error, type S3ErrorCode } from '../../s3/error.ts'
import type { Authorization } from '../../sigv4/authorization.ts'
import type { SigningKey } from '../../sigv4/signing-key.ts'
import { verifySignature, type ClaimedRequest } from '../../sigv4/verify.ts'
import type { IdentityDependencies } from './way-in.ts'

export interface SignedRequest extends Omit<SignedBySomeone, 'authorization'> {
  readonly claimed: Omit<ClaimedRequest, 'signingKey' | 'payloadHash'>
  /** What may stand for the payload in the canonical request. */
  readonly payloadHashes: readonly string[]
}

export interface SignedBySomeone {
  readonly authorization: Pick<Authorization, 'accessKeyId' | 'day' | 'region' | 'service'>
  readonly sessionToken: string | null
  readonly proof: Omit<CallerProof, 'accessKeyId'>
}

export interface ProvenSigner {
  readonly caller: Caller
  readonly signingKey: SigningKey
}

/** Who signed the request, with a session's secret or an access key's; how the signature was carried no longer matters here. */
export function proveSigner(
  { claimed, payloadHashes, sessionToken, proof }: SignedRequest,
  deps: IdentityDependencies,
  now: Date
): ProvenSigner {
  const isSigned = (signingKey: SigningKey): boolean =>
    payloadHashes.some((payloadHash) => verifySignature({ ...claimed, payloadHash, signingKey }))
  return proveHolder({ authorization: claimed.authorization, sessionToken, proof }, isSigned, { deps, now })
}

/** Who holds the secret that something was signed with; `isSigned` says whether a key is the one. */
export function proveHolder(
  { authorization, sessionToken, proof }: SignedBySomeone,
  isSigned: (signingKey: SigningKey) => boolean,
  { deps, now }: { readonly deps: IdentityDependencies; readonly now: Date }
): ProvenSigner {
  const { accessKeyId } = authorization
  const opened = open({ accessKeyId, sessionToken }, deps, now)
  const secretAccessKey = opened.kind === 'refused' ? opened.decoySecret : opened.secretAccessKey
  const signingKey = deps.signingKeys.keyFor({ accessKeyId, secretAccessKey }, authorization)
  const valid = isSigned(signingKey)
  // The refusal is told only now, so that an unknown key costs what a known one costs.
  if (opened.kind === 'refused') throw new S3Error(REFUSALS[opened.problem], `credential: ${opened.problem}`)
  if (!valid) throw new S3Error('SignatureDoesNotMatch', 'the signature is not that of this request')
  const { issuer, subject } = opened.kind === 'session' ? opened.claims : opened.key
  const owner = deps.ownerOf(issuer, subject)
  if (owner === null) throw new S3Error('ExpiredToken', `issuer ${issuer} is no longer configured`)
  const full = { ...proof, accessKeyId }
  return {
    caller: opened.kind === 'session' ? callerOf(opened.claims, owner, full) : callerOfKey(opened.key, { owner, proof: full }, deps),
    signingKey
  }
}

/** The region that a scope must name: its own where any will do. */
export function expectedRegion({ region }: Pick<Authorization, 'region'>, deps: IdentityDependencies): string {
  return deps.regions === null || deps.regions.has(region) ? region : deps.region
}

function open(presented: { readonly accessKeyId: string; readonly sessionToken: string | null }, deps: IdentityDependencies, now: Date) {
  const { accessKeyId, sessionToken } = presented
  // An access key has no token; with one it is refused as the token of another credential.
  return sessionToken === null && parseAccessKeyId(accessKeyId) !== null
    ? openAccessKey(accessKeyId, { ring: deps.ring(), keys: deps.accessKeys, now })
    : openSession(presented, { ring: deps.ring(), cache: deps.sessions, now })
}

/** The caller behind an access key: its role is that of the first matching rule, as it stands now. */
function callerOfKey(key: AccessKey, { owner, proof }: { owner: string; proof: CallerProof }, deps: IdentityDependencies): Caller {
  const { issuer, subject, namespace, serviceAccount, tenants, expiresAt } = key
  const role = roleByRule(deps.rulesOf(issuer), key)
  if (role === null) throw new S3Error('AccessDenied', `no role rule of issuer ${issuer} matches ${subject}`)
  return {
    ...{ issuer, subject, namespace, serviceAccount, tenants, expiresAt, role, owner, proof },
    session: `key-${key.accessKeyId}`,
    ...{ podUid: null, serviceAccountUid: null, sessionPolicy: null }
  }
}

const REFUSALS: Readonly<Record<SessionProblem, S3ErrorCode>> = {
  'unknown-access-key': 'InvalidAccessKeyId',
  'unknown-sealing-key': 'ExpiredToken',
  'token-missing': 'InvalidAccessKeyId',
  'token-invalid': 'InvalidToken',
  'token-of-another-access-key': 'InvalidToken',
  expired: 'ExpiredToken'
}
