import { BUILT_IN_POLICIES } from '../../policy/built-in.ts'
import { parsePolicy, type Policy } from '../../policy/parse.ts'
import { PolicyProblems, type Problem } from '../../policy/problems.ts'
import type { Config, RolePolicy } from '../config/config.ts'

/** The documents of a configuration, compiled. */
export interface CompiledPolicies {
  readonly byRole: ReadonlyMap<string, readonly Policy[]>
  /** What loads but may not mean what its author thinks, one line each. */
  readonly warnings: readonly string[]
}

/** What keeps a policy document from being compiled; nothing when it compiles. */
export function problemsOfPolicy(document: unknown): readonly Problem[] {
  try {
    parsePolicy(document, 'policy')
    return []
  } catch (error) {
    if (error instanceof PolicyProblems) return error.problems
    throw error
  }
}

/** Compiles every policy of a configuration, used or not; throws one error with what is wrong in all of them. */
export function compilePolicies(config: Pick<Config, 'roles' | 'policies'>): CompiledPolicies {
  const problems: string[] = []
  const compiled: Policy[] = []
  const compile = (document: unknown, name: string): Policy | null => {
    try {
      const policy = parsePolicy(document, name)
      compiled.push(policy)
      return policy
    } catch (error) {
      if (!(error instanceof PolicyProblems)) throw error
      problems.push(error.message)
      return null
    }
  }
  const named = new Map([...config.policies].map(([name, { document }]) => [name, compile(document, name)]))
  const policyOf = (policy: RolePolicy, name: string): Policy | null => {
    if (!('name' in policy)) return compile(policy.document, name)
    const found = BUILT_IN_POLICIES.get(policy.name) ?? named.get(policy.name)
    if (found === undefined) problems.push(`policy ${policy.name} is not defined`)
    return found ?? null
  }
  const byRole = new Map(
    config.roles.map((role) => [
      role.name,
      role.policies.map((policy, index) => policyOf(policy, `${role.name}[${index}]`)).filter((policy) => policy !== null)
    ])
  )
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return { byRole, warnings: compiled.flatMap(({ name, warnings }) => warnings.map((warning) => `policy ${name}: ${warning}`)) }
}
