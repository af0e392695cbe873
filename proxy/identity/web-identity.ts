import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose'
import type { Issuer, Issuers } from './issuers.ts'
import { TokenProblem } from './token-problem.ts'

/** Who a token proves its bearer to be. */
export interface WebIdentity {
  /** Id of the issuer. */
  readonly issuer: string
  /** The token's `sub`. */
  readonly subject: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly serviceAccountUid: string | null
  readonly podUid: string | null
  readonly expiresAt: Date
}

const TOKEN_CHARS_MAX = 8 * 1024
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** Names as Kubernetes allows them; the whole text must match, or `system:serviceaccount:a:b:c` would name two accounts. */
const SERVICE_ACCOUNT_SUBJECT = /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/
const UID = /^[\w.-]{1,128}$/

/** What is asked of a token besides being genuine. */
export interface TokenContext {
  readonly now: Date
  /** The only issuer whose token it may be, by id, where the caller has named one; null: whichever it names itself. */
  readonly issuerId: string | null
}

/** Proves a service-account token, or throws a TokenProblem. Size, issuer, signature, audience, times, subject, life: in that order. */
export async function verifyWebIdentity(token: string, issuers: Issuers, { now, issuerId }: TokenContext): Promise<WebIdentity> {
  if (token.length > TOKEN_CHARS_MAX) throw new TokenProblem('malformed', `the token has more than ${TOKEN_CHARS_MAX} characters`)
  if (!COMPACT_JWS.test(token)) throw new TokenProblem('malformed', 'the token is not three base64url parts')
  const issuer = issuerOf(token, issuers, issuerId)
  const payload = await verifiedPayload(token, issuer, now)
  const { exp, iat } = payload as { readonly exp: number; readonly iat: number }
  if (iat > now.getTime() / 1000 + issuer.clockToleranceSeconds) throw new TokenProblem('not-yet-valid', 'iat lies in the future')
  if (!(exp > iat)) throw new TokenProblem('bad-claim', 'exp is not after iat')
  // The token that Kubernetes puts into every pod by default lives for a year.
  if (exp - iat > issuer.maxTokenTtlSeconds) throw new TokenProblem('lives-too-long', `the token lives ${exp - iat} seconds`)
  return identityOf(payload, issuer)
}

/**
 * Whom a token is for, unproven. Only for a token that nobody but the platform can have put where it lies: a process that
 * could write it is the pod itself.
 */
export function believedIdentity(token: string, issuerId: string, now: Date): WebIdentity {
  const payload = unprovenClaims(token)
  if (typeof payload.sub !== 'string') throw new TokenProblem('missing-claim', 'sub')
  if (typeof payload.exp !== 'number') throw new TokenProblem('missing-claim', 'exp')
  if (payload.exp * 1000 <= now.getTime()) throw new TokenProblem('expired', 'exp has passed')
  return identityOf(payload, { id: issuerId, requirePodBinding: false })
}

/** Chooses by what the caller named, else by `iss` and `aud`, as yet unproven: only whose keys to verify with, and with no other's. */
function issuerOf(token: string, issuers: Issuers, issuerId: string | null): Issuer {
  const { iss, aud } = unprovenClaims(token)
  if (issuerId !== null) {
    const named = issuers.find(issuerId)
    if (named === null) throw new TokenProblem('unknown-issuer', 'no issuer has the id that the path names')
    if (named.issuer !== iss) throw new TokenProblem('unknown-issuer', 'the token is not of the issuer that the path names')
    return named
  }
  const candidates = typeof iss === 'string' ? issuers.byIss(iss) : []
  const [only] = candidates
  if (only === undefined) throw new TokenProblem('unknown-issuer', 'no issuer has this iss')
  if (candidates.length === 1) return only
  const audiences = Array.isArray(aud) ? aud : [aud]
  const [match, ...others] = candidates.filter((candidate) => candidate.audiences.some((audience) => audiences.includes(audience)))
  // A token for two clusters at once would let the bearer choose whose rules apply.
  if (match === undefined || others.length > 0)
    throw new TokenProblem('wrong-audience', 'the audience names not exactly one of the issuers with this iss')
  return match
}

function unprovenClaims(token: string): JWTPayload {
  try {
    return decodeJwt(token)
  } catch {
    throw new TokenProblem('malformed', 'the payload is not a JSON object')
  }
}

async function verifiedPayload(token: string, issuer: Issuer, now: Date): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, (header, input) => issuer.keys.find(header, input), {
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      algorithms: [...issuer.algorithms],
      // jose takes a token without exp for one that never ends; Kubernetes' old Secret tokens are such.
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: issuer.clockToleranceSeconds,
      currentDate: now
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw problemOf(error)
    throw error
  }
}

function problemOf(error: errors.JOSEError): TokenProblem {
  if (error instanceof errors.JWTExpired) return new TokenProblem('expired', 'exp has passed')
  if (error instanceof errors.JOSEAlgNotAllowed) return new TokenProblem('algorithm-not-allowed', 'alg is not in the list of the issuer')
  if (error instanceof errors.JWSSignatureVerificationFailed) return new TokenProblem('bad-signature', 'the signature does not verify')
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return new TokenProblem('missing-claim', error.claim)
    if (error.claim === 'aud') return new TokenProblem('wrong-audience', 'the token is for others')
    if (error.claim === 'nbf') return new TokenProblem('not-yet-valid', 'nbf lies in the future')
    return new TokenProblem('bad-claim', error.claim)
  }
  return new TokenProblem('malformed', error.code)
}

interface KubernetesClaims {
  readonly namespace?: unknown
  readonly serviceaccount?: { readonly name?: unknown; readonly uid?: unknown } | null
  readonly pod?: { readonly uid?: unknown } | null
}

function identityOf(payload: JWTPayload, issuer: Pick<Issuer, 'id' | 'requirePodBinding'>): WebIdentity {
  const subject = payload.sub as string
  const match = SERVICE_ACCOUNT_SUBJECT.exec(subject)
  if (match === null) throw new TokenProblem('bad-subject', 'sub does not name a service account')
  const [, namespace = '', serviceAccount = ''] = match
  const claims = payload['kubernetes.io'] as KubernetesClaims | null | undefined
  if (claims?.namespace !== namespace || claims.serviceaccount?.name !== serviceAccount)
    throw new TokenProblem('bad-subject', 'sub and the kubernetes.io claims name different service accounts')
  const podUid = uidOf(claims.pod?.uid)
  if (podUid === null && issuer.requirePodBinding) throw new TokenProblem('no-pod-binding', 'the token is not bound to a pod')
  return {
    issuer: issuer.id,
    subject,
    namespace,
    serviceAccount,
    serviceAccountUid: uidOf(claims.serviceaccount.uid),
    podUid,
    expiresAt: new Date((payload.exp as number) * 1000)
  }
}

function uidOf(value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string' || !UID.test(value)) throw new TokenProblem('bad-claim', 'a uid of kubernetes.io is not a uid')
  return value
}
