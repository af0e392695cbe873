import type { Context, Decision, Facts, ObjectFacts } from '../../../policy/decision.ts'
import { evaluate } from '../../../policy/evaluate.ts'
import { parsePolicy, type Policy } from '../../../policy/parse.ts'
import { PolicyProblems, problemLine } from '../../../policy/problems.ts'

export const OBJECT = 'arn:aws:s3:::acme/reports/2030.csv'

/** A policy of these statements; each gets what it does not say from a statement that allows everything. */
export function policyOf(...statements: readonly object[]): Policy {
  return parsePolicy(documentOf(...statements), 'p')
}

export function documentOf(...statements: readonly object[]): object {
  const complete = statements.map((statement) => ({
    Effect: 'Allow',
    ...('NotAction' in statement ? {} : { Action: '*' }),
    ...('NotResource' in statement ? {} : { Resource: '*' }),
    ...statement
  }))
  return { Version: '2012-10-17', Statement: complete }
}

/** The problems of a document, as lines; empty when it loads. */
export function problemsOf(document: unknown): readonly string[] {
  try {
    parsePolicy(document, 'p')
    return []
  } catch (error) {
    if (error instanceof PolicyProblems) return error.problems.map(problemLine)
    throw error
  }
}

/** The problems of one condition. */
export function conditionProblems(operator: string, key: string, values: unknown): readonly string[] {
  return problemsOf(documentOf({ Condition: { [operator]: { [key]: values } } }))
}

export function contextOf(values: Readonly<Record<string, string | readonly string[]>>): Context {
  return new Map(Object.entries(values).map(([key, value]) => [key, typeof value === 'string' ? [value] : value]))
}

export interface Asking {
  readonly action?: string
  readonly resource?: string
  readonly context?: Readonly<Record<string, string | readonly string[]>>
  readonly object?: ObjectFacts | null
}

export function decide(policy: Policy, asking: Asking): Decision {
  const { action = 's3:GetObject', resource = OBJECT, context = {} } = asking
  const facts: Facts = 'object' in asking ? { object: asking.object ?? null } : {}
  return evaluate([policy], { action, resource, context: contextOf(context) }, facts)
}

/** Whether one condition holds: the effect of a policy that allows everything under it. */
export function conditionHolds(operator: string, condition: Readonly<Record<string, unknown>>, asking: Asking): boolean | 'undecided' {
  const { effect } = decide(policyOf({ Condition: { [operator]: condition } }), asking)
  return effect === 'undecided' ? effect : effect === 'allow'
}

/** An object with this owner and these tags. */
export function objectOf(owner: string, tags: Readonly<Record<string, string>> = {}): ObjectFacts {
  return { owner, tags: new Map(Object.entries(tags)) }
}
