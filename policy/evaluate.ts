import type { Asked } from './condition-keys.ts'
import { isObject, resourceArn } from './criteria/resource.ts'
import type { Decision, Fact, Facts, Question } from './decision.ts'
import type { Policy } from './parse.ts'
import { matchStatement, type Statement } from './statement.ts'

/**
 * What the policies of a role, taken together, say to a question: deny by default, and one explicit Deny wins. With
 * `narrowing` (the session's policy) that must allow as well, so it never adds anything.
 *
 * Without the object's facts the answer is `undecided` where the outcome hangs on them. `allow` and `deny` are never
 * said too early: they hold whatever the object turns out to be. `undecided` may be said once too often, where several
 * conditions that read the same fact happen to cancel out; then the look costs a request and changes nothing.
 *
 * An object that is not there (`object: null`) is a case like any other: `sluice:ObjectOwner` is missing. The built-in
 * ownership rule denies reading it and allows writing and deleting it, so whoever asks decides what a denied read of a
 * missing key is told: NoSuchKey if `s3:ListBucket` is allowed, else AccessDenied, as in S3.
 *
 * HOT: bench/evaluate-policy.ts
 */
export function evaluate(policies: readonly Policy[], question: Question, facts: Facts, narrowing: Policy | null = null): Decision {
  const asked = askedOf(question, facts)
  const role = tally(policies, question.action, asked)
  if (role.denied !== null) return { effect: 'deny', statement: role.denied.label, reason: 'explicit-deny' }
  const session = narrowing === null ? null : tally([narrowing], question.action, asked)
  if (session !== null && session.denied !== null) return { effect: 'deny', statement: session.denied.label, reason: 'session-policy' }
  if (isSilent(role)) return { effect: 'deny', statement: null, reason: 'no-statement-allows' }
  if (session !== null && isSilent(session)) return { effect: 'deny', statement: null, reason: 'session-policy' }

  const open = session === null ? openStatements(role) : [...openStatements(role), ...openStatements(session)]
  const needs = factsMissing(open, asked)
  const [first, ...others] = needs
  if (first !== undefined) return { effect: 'undecided', needs: [first, ...others] }
  if (role.allowed === null) throw new Error(`policy is undecided about ${question.action} and needs nothing`)
  return { effect: 'allow', statement: role.allowed.label }
}

/** What the statements are matched against. A resource without a key has no object to look at. */
export function askedOf(question: Question, facts: Facts): Asked {
  const object = isObject(question.resource) ? facts.object : null
  return { resource: resourceArn(question.resource), context: question.context, object }
}

interface Tally {
  denied: Statement | null
  allowed: Statement | null
  /** Those that the object's facts may yet make match. */
  mayDeny: Statement[] | null
  mayAllow: Statement[] | null
}

function tally(policies: readonly Policy[], action: string, asked: Asked): Tally {
  const result: Tally = { denied: null, allowed: null, mayDeny: null, mayAllow: null }
  for (const policy of policies) {
    for (const statement of policy.about(action)) {
      // One Allow is enough, but a Deny may still stand behind it.
      if (statement.effect === 'Allow' && result.allowed !== null) continue
      const match = matchStatement(statement, asked)
      if (match === 'no') continue
      if (match === 'unknown') {
        if (statement.effect === 'Deny') (result.mayDeny ??= []).push(statement)
        else (result.mayAllow ??= []).push(statement)
        continue
      }
      if (statement.effect === 'Allow') {
        result.allowed = statement
        continue
      }
      result.denied = statement
      return result
    }
  }
  return result
}

function isSilent({ allowed, mayAllow }: Tally): boolean {
  return allowed === null && mayAllow === null
}

/** The statements on which the outcome hangs: every Deny in doubt, and the Allows in doubt unless one is certain. */
function openStatements({ allowed, mayAllow, mayDeny }: Tally): readonly Statement[] {
  const allows = allowed === null ? (mayAllow ?? NONE) : NONE
  return mayDeny === null ? allows : [...mayDeny, ...allows]
}

const NONE: readonly Statement[] = []

function factsMissing(open: readonly Statement[], { object }: Asked): readonly Fact[] {
  const missing: Fact[] = []
  if (object === undefined && open.some(({ facts }) => facts.includes('objectOwner'))) missing.push('objectOwner')
  if ((object === undefined || object?.tags === null) && open.some(({ facts }) => facts.includes('existingObjectTags')))
    missing.push('existingObjectTags')
  return missing
}
