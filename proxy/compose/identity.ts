import { parsePolicyText, type Policy } from '../../policy/parse.ts'
import { PolicyProblems } from '../../policy/problems.ts'
import { compilePolicies } from './policies.ts'
import type { Config, RoleConfig } from '../config/config.ts'
import { issuerOf } from './issuer.ts'
import { createIssuers, type Issuers } from '../identity/issuers.ts'
import { ownerOf } from '../identity/owner.ts'
import { compileRoles, type Roles } from '../identity/roles.ts'

/** Who may vouch, what roles there are, and what each may do: compiled once. */
export interface Identity {
  readonly issuers: Issuers
  readonly roles: Roles
  /** What policies say that may surprise, one line each. */
  readonly policyWarnings: readonly string[]
  policiesOf(role: string): readonly Policy[] | null
  parseSessionPolicy(text: string): Policy
  sessionPolicyProblems(text: string): readonly string[]
  ownerOf(issuer: string, subject: string): string | null
}

const SESSION_POLICIES_MAX = 1000

/** Builds identity from the configuration; throws with every problem of issuers, roles and policies. */
export function composeIdentity(
  config: Pick<Config, 'issuers' | 'roles' | 'policies'>,
  now: () => Date,
  onFetch: (issuer: string, error: Error | null) => void
): Identity {
  const issuers = createIssuers(config.issuers.map((issuer) => issuerOf(issuer, now, onFetch)))
  const roles = compileRoles(config.roles.map(roleSettings))
  const { byRole, warnings } = compilePolicies(config)
  const sessions = new Map<string, Policy>()
  return {
    issuers,
    roles,
    policyWarnings: warnings,
    policiesOf: (role) => byRole.get(role) ?? null,
    parseSessionPolicy(text) {
      const known = sessions.get(text)
      if (known !== undefined) return known
      const policy = parsePolicyText(text, 'session policy')
      if (sessions.size >= SESSION_POLICIES_MAX) sessions.clear()
      sessions.set(text, policy)
      return policy
    },
    sessionPolicyProblems,
    ownerOf(issuerId, subject) {
      const issuer = issuers.find(issuerId)
      return issuer === null ? null : ownerOf(subject, issuer.id, issuer.isDefault)
    }
  }
}

function sessionPolicyProblems(text: string): readonly string[] {
  try {
    parsePolicyText(text, 'session policy')
    return []
  } catch (error) {
    if (error instanceof PolicyProblems) return error.message.split('\n').slice(1)
    throw error
  }
}

function roleSettings(role: RoleConfig) {
  return { name: role.name, tenants: role.tenants, trust: role.trust, sessionSecondsMax: role.maxSessionDuration / 1000 }
}
