import { createHmac, type KeyObject } from 'node:crypto'
import { ACCESS_KEY_ID_RANDOM_BYTES, formatSessionAccessKeyId, parseSessionAccessKeyId, type SessionAccessKeyId } from './access-key-id.ts'
import type { Caller, CallerProof } from './caller.ts'
import type { KeyRing, RingKey, Sealer } from './key-ring.ts'
import { NONCE_BYTES } from './sealing.ts'
import type { SessionCache } from './session-cache.ts'
import {
  bytesOfToken,
  headOfToken,
  openToken,
  packPolicy,
  PACKED_POLICY_BYTES_MAX,
  POLICY_TEXT_BYTES_MAX,
  sealSessionToken,
  type SessionClaims
} from './session-token.ts'

/**
 * A session is accepted this long after its stated end. No SDK asks for new credentials because of an ExpiredToken
 * answer, and some use theirs to the last second, so a clock a little behind must not fail them.
 */
export const SESSION_EXPIRY_LEEWAY_MS = 60_000

/** What a client is given. */
export interface IssuedSession {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
  readonly session: string
}

export interface Session {
  readonly kind: 'session'
  readonly accessKeyId: string
  /** Derived, never stored: what the request must be signed with. */
  readonly secretAccessKey: string
  readonly claims: SessionClaims
  /** The ring's key that sealed it: a ring that was read again has other ones. */
  readonly key: RingKey
}

/** The closed list of reasons why a session does not open. */
export type SessionProblem =
  'unknown-access-key' | 'unknown-sealing-key' | 'token-missing' | 'token-invalid' | 'token-of-another-access-key' | 'expired'

export interface SessionRefusal {
  readonly kind: 'refused'
  readonly problem: SessionProblem
  /** Nobody's secret. The signature is checked against it, so that a refusal is not told before that work is done. */
  readonly decoySecret: string
}

/** A session policy that is over 1 KiB when packed. */
export class PackedPolicyTooLarge extends Error {
  readonly packedBytes: number

  constructor(packedBytes: number) {
    super(`the session policy has ${packedBytes} bytes packed, ${PACKED_POLICY_BYTES_MAX} are allowed`)
    this.name = 'PackedPolicyTooLarge'
    this.packedBytes = packedBytes
  }
}

export type NewSession = Omit<SessionClaims, 'session' | 'issuedAt' | 'expiresAt'>

/** Makes the credentials of a new session. Nothing is stored: id, secret and token say it all. */
export function issueSession({ ring, random }: Sealer, claims: NewSession, time: { now: Date; ttlSeconds: number }): IssuedSession {
  refuseLargePolicy(claims.sessionPolicy)
  const key = ring.active
  const id = random(ACCESS_KEY_ID_RANDOM_BYTES)
  const accessKeyId = formatSessionAccessKeyId({ kid: key.kid, random: id })
  const issuedAt = new Date(Math.floor(time.now.getTime() / 1000) * 1000)
  const expiresAt = new Date(issuedAt.getTime() + time.ttlSeconds * 1000)
  const session = random(12).toString('hex')
  const sealed: SessionClaims = { ...claims, session, issuedAt, expiresAt }
  return {
    accessKeyId,
    secretAccessKey: secretOf(key.keys['session-secret'], accessKeyId),
    sessionToken: sealSessionToken(key, id, { claims: sealed, nonce: random(NONCE_BYTES) }),
    expiration: expiresAt,
    session
  }
}

export interface PresentedCredentials {
  readonly accessKeyId: string
  /** `x-amz-security-token`, or null when the request has none. */
  readonly sessionToken: string | null
}

export interface OpenContext {
  readonly ring: KeyRing
  readonly cache: SessionCache
  readonly now: Date
}

/**
 * Opens the session that an access key id and a token name, or says why not. The signature is still to be checked.
 * HOT: bench/open-session.ts
 */
export function openSession(
  { accessKeyId, sessionToken }: PresentedCredentials,
  { ring, cache, now }: OpenContext
): Session | SessionRefusal {
  const held = sessionToken === null ? undefined : cache.get(sessionToken)
  // The held key is compared with the ring's own, so that a retired key ends its sessions at once.
  if (held !== undefined && held.accessKeyId === accessKeyId && ring.find(held.key.kid) === held.key) return unlessExpired(held, ring, now)

  const id = parseSessionAccessKeyId(accessKeyId)
  if (id === null) return refuse('unknown-access-key', ring, accessKeyId)
  const key = ring.find(id.kid)
  if (key === null) return refuse('unknown-sealing-key', ring, accessKeyId)
  if (sessionToken === null) return refuse('token-missing', ring, accessKeyId)
  const claims = claimsOf(key, id, { sessionToken, ring })
  if (typeof claims === 'string') return refuse(claims, ring, accessKeyId)

  const session: Session = {
    kind: 'session',
    accessKeyId,
    secretAccessKey: secretOf(key.keys['session-secret'], accessKeyId),
    claims,
    key
  }
  const opened = unlessExpired(session, ring, now)
  if (opened === session) cache.set(sessionToken, session)
  return opened
}

/** The caller of an opened session; the owner comes from the live configuration. */
export function callerOf(claims: SessionClaims, owner: string, proof: CallerProof): Caller {
  const { issuer, subject, role, session, namespace, serviceAccount, podUid, serviceAccountUid, sessionPolicy, expiresAt } = claims
  return {
    issuer,
    subject,
    role,
    owner,
    session,
    namespace,
    serviceAccount,
    podUid,
    serviceAccountUid,
    sessionPolicy,
    expiresAt,
    tenants: null,
    proof
  }
}

function claimsOf(
  key: RingKey,
  id: SessionAccessKeyId,
  presented: { sessionToken: string; ring: KeyRing }
): SessionClaims | SessionProblem {
  const token = bytesOfToken(presented.sessionToken)
  if (token === null) return 'token-invalid'
  const head = headOfToken(token)
  const ours = head.kid === key.kid && head.random.equals(id.random)
  // A token that is genuine but belongs to another id is told apart only after it has proven genuine.
  const sealer = ours ? key : presented.ring.find(head.kid)
  const claims = sealer === null ? null : openToken(sealer, token)
  if (claims === null) return 'token-invalid'
  return ours ? claims : 'token-of-another-access-key'
}

function refuseLargePolicy(policy: string | null): void {
  if (policy === null) return
  const textBytes = Buffer.byteLength(policy)
  // Spaces pack well: a text that would not be unpacked again is refused whatever its packed size.
  const packedBytes = textBytes > POLICY_TEXT_BYTES_MAX ? textBytes : packPolicy(policy).length
  if (packedBytes > PACKED_POLICY_BYTES_MAX) throw new PackedPolicyTooLarge(packedBytes)
}

function unlessExpired(session: Session, ring: KeyRing, now: Date): Session | SessionRefusal {
  if (now.getTime() <= session.claims.expiresAt.getTime() + SESSION_EXPIRY_LEEWAY_MS) return session
  return refuse('expired', ring, session.accessKeyId)
}

function refuse(problem: SessionProblem, ring: KeyRing, accessKeyId: string): SessionRefusal {
  // No access key id begins with a space, so this is no session's secret.
  return { kind: 'refused', problem, decoySecret: secretOf(ring.active.keys['session-secret'], ` ${accessKeyId}`) }
}

function secretOf(key: KeyObject, accessKeyId: string): string {
  return createHmac('sha256', key).update(accessKeyId).digest('base64')
}
