import type { Asked, ConditionKey } from './condition-keys.ts'
import type { Condition } from './condition.ts'
import type { Decision, Facts, Question, Truth } from './decision.ts'
import { askedOf, evaluate } from './evaluate.ts'
import type { Policy } from './parse.ts'
import { coversAction, coversResource, matchStatement, type Statement } from './statement.ts'
import { resolvable } from './template.ts'

/** Why a question is answered as it is. */
export interface Explanation {
  readonly decision: Decision
  readonly statements: readonly StatementTrace[]
}

export interface StatementTrace {
  /** `<policy>/<Sid>`. */
  readonly label: string
  readonly effect: 'Allow' | 'Deny'
  /** True for a statement of the session's policy. */
  readonly narrowing: boolean
  readonly matched: Truth
  /** What was asked of it, in order. Where the action is another one, nothing else is asked. */
  readonly criteria: readonly CriterionTrace[]
}

export interface CriterionTrace {
  /** e.g. `Action`, `NotResource`, `StringEquals sluice:ObjectOwner`, `Variable sluice:Namespace`. */
  readonly criterion: string
  readonly holds: Truth
  readonly expected: string
  readonly got: string
}

/** The decision of `evaluate` with the reasons of every statement, those that did not match included. */
export function explain(policies: readonly Policy[], question: Question, facts: Facts, narrowing: Policy | null = null): Explanation {
  const asked = askedOf(question, facts)
  const trace = (policy: Policy, isSession: boolean): StatementTrace[] =>
    policy.statements.map((statement) => traceStatement(statement, question, { asked, narrowing: isSession }))
  return {
    decision: evaluate(policies, question, facts, narrowing),
    statements: [...policies.flatMap((policy) => trace(policy, false)), ...(narrowing === null ? [] : trace(narrowing, true))]
  }
}

function traceStatement(
  statement: Statement,
  question: Question,
  { asked, narrowing }: { asked: Asked; narrowing: boolean }
): StatementTrace {
  const { label, effect } = statement
  const covers = coversAction(statement, question.action.toLowerCase())
  const action: CriterionTrace = {
    criterion: statement.action.element,
    holds: covers ? 'yes' : 'no',
    expected: statement.action.texts.join(' or '),
    got: question.action
  }
  if (!covers) return { label, effect, narrowing, matched: 'no', criteria: [action] }
  const resource: CriterionTrace = {
    criterion: statement.resource.element,
    holds: coversResource(statement.resource, asked),
    expected: statement.resource.texts.join(' or '),
    got: question.resource
  }
  const criteria = [
    action,
    resource,
    ...variableTraces(statement, asked),
    ...statement.conditions.map((condition) => traceCondition(condition, asked))
  ]
  return { label, effect, narrowing, matched: matchStatement(statement, asked), criteria }
}

function variableTraces({ variables }: Statement, asked: Asked): CriterionTrace[] {
  const once = new Map(variables.map((variable) => [variable.key.name, variable]))
  return [...once.values()].map((variable) => ({
    criterion: `Variable ${variable.key.name}`,
    holds: resolvable([variable], asked),
    expected: 'one value',
    got: valueText(variable.key, asked)
  }))
}

function traceCondition({ operator, key, values, test }: Condition, asked: Asked): CriterionTrace {
  return { criterion: `${operator} ${key.name}`, holds: test(asked), expected: values.map(quoted).join(' or '), got: valueText(key, asked) }
}

function valueText(key: ConditionKey, asked: Asked): string {
  const values = key.read(asked)
  if (values === 'missing') return 'nothing (the key is missing)'
  if (values === 'unknown') return 'not known until the object is looked at'
  return values.map(quoted).join(', ')
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

/** The explanation as lines for a terminal: the outcome, then each statement with the first criteria that kept it from matching. */
export function explainLines({ decision, statements }: Explanation): readonly string[] {
  return [decisionLine(decision), ...statements.flatMap(statementLines)]
}

function decisionLine(decision: Decision): string {
  switch (decision.effect) {
    case 'allow':
      return `allowed by ${decision.statement}`
    case 'deny':
      return `denied: ${DENIALS[decision.reason]}${decision.statement === null ? '' : ` (${decision.statement})`}`
    case 'undecided':
      return `undecided: it depends on the object's ${decision.needs.map((fact) => (fact === 'objectOwner' ? 'owner' : 'tags')).join(' and ')}`
    default:
      return decision satisfies never
  }
}

const DENIALS = {
  'explicit-deny': 'a Deny statement matches',
  'no-statement-allows': 'no statement allows it',
  'session-policy': 'the policy of the session does not allow it'
} as const

const VERDICTS: Readonly<Record<Truth, string>> = { yes: 'matches', no: 'does not match', unknown: 'may match' }

function statementLines({ label, effect, narrowing, matched, criteria }: StatementTrace): readonly string[] {
  const open = criteria.filter(({ holds }) => holds === (matched === 'no' ? 'no' : 'unknown'))
  const reasons = open.map(({ criterion, expected, got }) => `    ${criterion}: wants ${expected}, is ${got}`)
  return [`  ${effect} ${label}${narrowing ? ' (session)' : ''} ${VERDICTS[matched]}`, ...reasons]
}
