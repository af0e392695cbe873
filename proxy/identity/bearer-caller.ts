import { hash } from 'node:crypto'
import type { BearerTokens } from './bearer-tokens.ts'
import type { Caller } from './caller.ts'
import { roleByRule, type RoleRule } from './roles.ts'
import { TokenProblem } from './token-problem.ts'
import type { WebIdentity } from './web-identity.ts'

export interface BearerDependencies {
  readonly bearerTokens: BearerTokens
  /** The role rules of an issuer; none when it is gone. */
  rulesOf(issuer: string): readonly RoleRule[]
  /** The owner string of a subject, by the issuers as configured now; null when the issuer is gone. */
  ownerOf(issuer: string, subject: string): string | null
}

// RFC 6750 §2.1; the name of a scheme has no case (RFC 9110 §11.1).
const SCHEME = /^bearer(?: |$)/i
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** True for an Authorization header of the Bearer scheme, well-formed or not. */
export function isBearer(authorization: string): boolean {
  return SCHEME.test(authorization)
}

/** The token of an Authorization header of the Bearer scheme; null where there is none. */
export function bearerTokenOf(authorization: string): string | null {
  return BEARER.exec(authorization)?.[1] ?? null
}

/** Who a token on a request belongs to, in the role of the first rule that matches. Refuses with a TokenProblem; revocation is still to be asked. */
export async function bearerCaller(token: string, { bearerTokens, rulesOf, ownerOf }: BearerDependencies): Promise<Caller> {
  const digest = hash('sha256', token, 'hex')
  // Awaited only where the token is new: a known one is answered from memory.
  const known = bearerTokens.known(digest)
  const identity = known ?? (await bearerTokens.verify(token, digest))
  const { issuer, subject, namespace, serviceAccount, podUid, serviceAccountUid, expiresAt } = identity
  const role = roleByRule(rulesOf(issuer), identity)
  const owner = ownerOf(issuer, subject)
  if (role === null || owner === null) throw noRoleFor(identity)
  return {
    ...{ issuer, subject, role, owner, namespace, serviceAccount, podUid, serviceAccountUid, expiresAt },
    // Names the token in the audit record without being it.
    session: `bearer-${digest.slice(0, 24)}`,
    sessionPolicy: null,
    tenants: null,
    proof: { authType: null, signatureAgeMs: null, accessKeyId: null }
  }
}

/** The refusal of a caller to whom no rule gives a role. */
export function noRoleFor({ issuer, subject }: WebIdentity): TokenProblem {
  return new TokenProblem('no-role', `no role rule of issuer ${issuer} matches ${subject}`)
}
