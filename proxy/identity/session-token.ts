import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { RingKey } from './key-ring.ts'
import { open, seal } from './sealing.ts'
import { ACCESS_KEY_ID_RANDOM_BYTES } from './access-key-id.ts'
import { bytesOfBase64url } from './base64url.ts'

/** What a session is: proven when it was issued. Owner and role's rights are not in it; they follow the live configuration. */
export interface SessionClaims {
  readonly issuer: string
  readonly subject: string
  readonly role: string
  /** Id of the session, for audit and revocation. */
  readonly session: string
  readonly namespace: string | null
  readonly serviceAccount: string | null
  readonly serviceAccountUid: string | null
  readonly podUid: string | null
  /** JSON text of the policy given at AssumeRole; it only narrows. */
  readonly sessionPolicy: string | null
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** A packed session policy may have 1 KiB: tokens travel in headers and in the query of presigned URLs. */
export const PACKED_POLICY_BYTES_MAX = 1024
export const POLICY_TEXT_BYTES_MAX = 64 * 1024
const TOKEN_CHARS_MAX = 4096

const VERSION = 1
const KID_AT = 1
const RANDOM_AT = 5
const SEALED_AT = RANDOM_AT + ACCESS_KEY_ID_RANDOM_BYTES

export interface TokenHead {
  readonly kid: string
  /** The random bytes of the access key id that the token was made for. */
  readonly random: Buffer
}

/** The policy as it is sealed: deflated, because policies repeat themselves. */
export function packPolicy(text: string): Buffer {
  return deflateRawSync(Buffer.from(text, 'utf8'))
}

/**
 * Seals the claims: version, kid, access key id, nonce, AES-256-GCM. The first three are in clear and bound
 * (as additional data), so that a token opens only beside the access key id it was made for.
 */
export function sealSessionToken(key: RingKey, random: Buffer, content: { claims: SessionClaims; nonce: Buffer }): string {
  const head = Buffer.concat([Buffer.from([VERSION]), Buffer.from(key.kid, 'hex'), random])
  const sealed = seal(key.keys['session-token'], { nonce: content.nonce, boundTo: head, plain: packClaims(content.claims) })
  return Buffer.concat([head, sealed]).toString('base64url')
}

/** The bytes of a token, or null for anything that no session token can be. */
export function bytesOfToken(token: string): Buffer | null {
  if (token.length > TOKEN_CHARS_MAX) return null
  const bytes = bytesOfBase64url(token)
  return bytes !== null && bytes.length > SEALED_AT && bytes[0] === VERSION ? bytes : null
}

/** The readable head of a token. It proves nothing before `openToken` has opened the token. */
export function headOfToken(token: Buffer): TokenHead {
  return { kid: token.toString('hex', KID_AT, RANDOM_AT), random: token.subarray(RANDOM_AT, SEALED_AT) }
}

/** The claims of an unchanged token, or null. */
export function openToken(key: RingKey, token: Buffer): SessionClaims | null {
  const plain = open(key.keys['session-token'], token.subarray(SEALED_AT), token.subarray(0, SEALED_AT))
  return plain === null ? null : unpackClaims(plain)
}

type PackedClaims = readonly [
  subject: string,
  issuer: string,
  role: string,
  session: string,
  namespace: string | null,
  serviceAccount: string | null,
  serviceAccountUid: string | null,
  podUid: string | null,
  issuedAtSeconds: number,
  lifeSeconds: number
]

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)

function packClaims(claims: SessionClaims): Buffer {
  const packed: PackedClaims = [
    claims.subject,
    claims.issuer,
    claims.role,
    claims.session,
    claims.namespace,
    claims.serviceAccount,
    claims.serviceAccountUid,
    claims.podUid,
    seconds(claims.issuedAt),
    seconds(claims.expiresAt) - seconds(claims.issuedAt)
  ]
  const json = Buffer.from(JSON.stringify(packed), 'utf8')
  const length = Buffer.allocUnsafe(2)
  length.writeUInt16BE(json.length)
  return Buffer.concat([length, json, claims.sessionPolicy === null ? Buffer.alloc(0) : packPolicy(claims.sessionPolicy)])
}

function unpackClaims(plain: Buffer): SessionClaims {
  const policyAt = 2 + plain.readUInt16BE(0)
  const packed = JSON.parse(plain.toString('utf8', 2, policyAt)) as PackedClaims
  const [subject, issuer, role, session, namespace, serviceAccount, serviceAccountUid, podUid, issuedAt, life] = packed
  return {
    issuer,
    subject,
    role,
    session,
    namespace,
    serviceAccount,
    serviceAccountUid,
    podUid,
    sessionPolicy:
      policyAt === plain.length
        ? null
        : inflateRawSync(plain.subarray(policyAt), { maxOutputLength: POLICY_TEXT_BYTES_MAX }).toString('utf8'),
    issuedAt: new Date(issuedAt * 1000),
    expiresAt: new Date((issuedAt + life) * 1000)
  }
}
