import { noRoleFor } from '../identity/bearer-caller.ts'
import { roleByRule, type RoleRule } from '../identity/roles.ts'
import type { IssuedSession } from '../identity/session.ts'
import { issueFor, provenIdentity, sessionSeconds, tokenRefusal, type AssumeRoleDeps } from './assume-role.ts'

export interface ContainerCredentialsDeps extends Omit<AssumeRoleDeps, 'policyProblems'> {
  /** The role rules of an issuer; none when it is gone. */
  readonly rulesOf: (issuer: string) => readonly RoleRule[]
}

/** Credentials, and whose they are. */
export interface ContainerExchange {
  readonly credentials: Pick<IssuedSession, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration'>
  readonly issuer: string
  readonly subject: string
  readonly role: string
  readonly session: string
}

/**
 * Exchanges a web identity token for a session, as AssumeRoleWithWebIdentity does for a caller who can name no role: it is
 * that of the first of the issuer's rules that matches. Refuses with a StsError.
 */
export async function issueContainerCredentials(token: string, deps: ContainerCredentialsDeps): Promise<ContainerExchange> {
  const identity = await provenIdentity(token, deps)
  const { issuer, subject } = identity
  const name = roleByRule(deps.rulesOf(issuer), identity)
  const role = name === null ? undefined : deps.roles.get(name)
  if (role === undefined) throw tokenRefusal(noRoleFor(identity))
  const issued = issueFor(identity, role, { sessionPolicy: null, ttlSeconds: sessionSeconds(null, role) }, deps)
  return { credentials: issued, issuer, subject, role: role.name, session: issued.session }
}
