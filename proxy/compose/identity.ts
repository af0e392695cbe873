import { readFile } from 'node:fs/promises'
import { parsePolicyText, type Policy } from '../../policy/parse.ts'
import { PolicyProblems } from '../../policy/problems.ts'
import { compilePolicies } from './policies.ts'
import type { Config, IssuerConfig, RoleConfig } from '../config/config.ts'
import { fetchJson } from '../identity/fetch-json.ts'
import { createIssuers, type Issuer, type Issuers } from '../identity/issuers.ts'
import { createKeySet } from '../identity/jwks.ts'
import { loaderOf, type JwksSource } from '../identity/jwks-source.ts'
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

function issuerOf(config: IssuerConfig, now: () => Date, onFetch: (issuer: string, error: Error | null) => void): Issuer {
  const { jwks } = config
  return {
    id: config.id,
    issuer: config.issuer,
    isDefault: config.default,
    audiences: config.audiences,
    algorithms: config.algorithms,
    maxTokenTtlSeconds: config.maxTokenTtl / 1000,
    clockToleranceSeconds: config.clockTolerance / 1000,
    requirePodBinding: config.requirePodBinding,
    roleRules: config.roles,
    keys: createKeySet({
      load: loaderOf(sourceOf(jwks), { fetchJson, readFile: (path) => readFile(path, 'utf8') }),
      now,
      refreshMs: jwks.refresh,
      maxStaleMs: jwks.maxStale,
      unknownKidCooldownMs: jwks.unknownKidCooldown,
      failureBackoffMs: jwks.failureBackoff,
      onFetch: (error) => onFetch(config.id, error)
    })
  }
}

function sourceOf(jwks: IssuerConfig['jwks']): JwksSource {
  if (jwks.url !== null)
    return { kind: 'url', url: jwks.url, caFile: jwks.caFile?.path ?? null, bearerTokenFile: jwks.bearerTokenFile?.file ?? null }
  if (jwks.file !== null) return { kind: 'file', path: jwks.file.path }
  return { kind: 'inline', jwks: JSON.parse(jwks.inline ?? '{"keys":[]}') }
}

function roleSettings(role: RoleConfig) {
  return { name: role.name, tenants: role.tenants, trust: role.trust, sessionSecondsMax: role.maxSessionDuration / 1000 }
}
