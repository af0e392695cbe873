import { matchesGlob } from './glob.ts'

/** Which subjects may take a role. Issuers are named exactly: a pattern there would admit an issuer that is added later. */
export interface TrustStatement {
  readonly issuers: readonly string[]
  /** Globs over Kubernetes namespaces. */
  readonly namespaces: readonly string[]
  /** Globs over service-account names. */
  readonly serviceAccounts: readonly string[]
}

/** A role as the configuration gives it. */
export interface RoleSettings {
  readonly name: string
  /** Tenant ids, globs, or `*`. */
  readonly tenants: readonly string[]
  readonly trust: readonly TrustStatement[]
  readonly sessionSecondsMax: number
}

/** A role, compiled at load. */
export interface Role {
  readonly name: string
  readonly trust: readonly TrustStatement[]
  readonly sessionSecondsMax: number
  readonly tenants: TenantPatterns
}

export interface TenantPatterns {
  readonly all: boolean
  readonly ids: ReadonlySet<string>
  readonly globs: readonly string[]
}

export type Roles = ReadonlyMap<string, Role>

/** One rule of an issuer: the first that matches gives the role of a caller who named none. */
export interface RoleRule {
  readonly namespaces: readonly string[]
  readonly serviceAccounts: readonly string[]
  readonly role: string
}

/** What of an identity decides about roles. */
export interface Subject {
  readonly issuer: string
  readonly namespace: string | null
  readonly serviceAccount: string | null
}

export class RoleProblems extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the roles are invalid:\n  ${problems.join('\n  ')}`)
    this.name = 'RoleProblems'
    this.problems = problems
  }
}

/** STS's own bounds: a session lives at least 15 minutes and at most 12 hours. */
export const SESSION_SECONDS_MIN = 900
export const SESSION_SECONDS_CAP = 43_200

const ROLE_NAME = /^[\w+=,.@-]{1,64}$/

/** Compiles the configured roles, or throws once with every problem found. */
export function compileRoles(settings: readonly RoleSettings[]): Roles {
  const problems: string[] = []
  const roles = new Map<string, Role>()
  for (const role of settings) {
    if (!ROLE_NAME.test(role.name))
      problems.push(`role ${JSON.stringify(role.name)}: the name must be 1 to 64 of A-Z a-z 0-9 _ + = , . @ -`)
    if (roles.has(role.name)) problems.push(`role ${JSON.stringify(role.name)} is defined twice`)
    const { sessionSecondsMax: max } = role
    if (!Number.isInteger(max) || max < SESSION_SECONDS_MIN || max > SESSION_SECONDS_CAP)
      problems.push(
        `role ${JSON.stringify(role.name)}: a session must be allowed ${SESSION_SECONDS_MIN} to ${SESSION_SECONDS_CAP} seconds, not ${max}`
      )
    if (role.tenants.includes('')) problems.push(`role ${JSON.stringify(role.name)}: a tenant pattern is empty`)
    for (const issuer of role.trust.flatMap((statement) => statement.issuers)) {
      if (/[*?]/.test(issuer)) problems.push(`role ${JSON.stringify(role.name)}: trust names issuers exactly, without * or ?`)
    }
    roles.set(role.name, { name: role.name, trust: role.trust, sessionSecondsMax: max, tenants: compileTenants(role.tenants) })
  }
  if (problems.length > 0) throw new RoleProblems(problems)
  return roles
}

/** Whether the role's tenants include this one. No pattern, no tenant. */
export function mayTouch(role: Role, tenant: string): boolean {
  const { all, ids, globs } = role.tenants
  return all || ids.has(tenant) || globs.some((glob) => matchesGlob(glob, tenant))
}

/** The tenants of a role as they are configured; none when the role is gone. */
export function tenantsOf(roles: Roles, name: string): readonly string[] {
  const { all = false, ids = [], globs = [] } = roles.get(name)?.tenants ?? {}
  return all ? ['*'] : [...ids, ...globs]
}

/** Whether a list of ids and patterns includes the tenant. */
export function namesTenant(patterns: readonly string[], tenant: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, tenant))
}

/** Whether the role's trust admits the subject. Without a statement it admits nobody. */
export function admits(role: Role, subject: Subject): boolean {
  return role.trust.some((statement) => statement.issuers.includes(subject.issuer) && matchesSubject(statement, subject))
}

/** The role of the first matching rule, or null. The rules must be those of the subject's own issuer. */
export function roleByRule(rules: readonly RoleRule[], subject: Subject): string | null {
  return rules.find((rule) => matchesSubject(rule, subject))?.role ?? null
}

function compileTenants(patterns: readonly string[]): TenantPatterns {
  const isGlob = (pattern: string): boolean => /[*?]/.test(pattern)
  return {
    all: patterns.includes('*'),
    ids: new Set(patterns.filter((pattern) => !isGlob(pattern))),
    globs: patterns.filter(isGlob)
  }
}

function matchesSubject(
  { namespaces, serviceAccounts }: { readonly namespaces: readonly string[]; readonly serviceAccounts: readonly string[] },
  { namespace, serviceAccount }: Subject
): boolean {
  // A subject that is no service account has neither, and no glob, not even `*`, stands for what is missing.
  if (namespace === null || serviceAccount === null) return false
  return namespaces.some((glob) => matchesGlob(glob, namespace)) && serviceAccounts.some((glob) => matchesGlob(glob, serviceAccount))
}
