import { factsOf, compileConditions, type Condition } from './condition.ts'
import type { Asked } from './condition-keys.ts'
import { compileAction } from './criteria/action.ts'
import type { CompiledValue } from './criteria/criterion.ts'
import { compileResource } from './criteria/resource.ts'
import type { Fact, Truth } from './decision.ts'
import { compileList, isRecord, refuseUnknownElements, type CompiledList } from './elements.ts'
import type { Glob } from './glob.ts'
import { shown, type Place } from './problems.ts'
import { resolvable, type Variable } from './template.ts'

/** One statement, compiled. It matches when its action, its resource and all its conditions do. */
export interface Statement {
  /** `<policy>/<Sid>`, or its place in the document: what a decision and the audit record name it by. */
  readonly label: string
  readonly effect: 'Allow' | 'Deny'
  readonly action: Pattern<Glob>
  readonly resource: Pattern<CompiledValue>
  readonly conditions: readonly Condition[]
  /** The variables without a default. While one is unresolved the statement does not match. */
  readonly variables: readonly Variable[]
  /** What it reads of the object. */
  readonly facts: readonly Fact[]
  /** Resource and conditions in the order in which they are asked: those whose patterns are ready come before those to be filled in. */
  readonly checks: readonly ((asked: Asked) => Truth)[]
}

/** `Action` or `Resource`, or with `negated` their `Not…` forms. */
export interface Pattern<Compiled> extends CompiledList<Compiled> {
  readonly element: string
  readonly negated: boolean
}

const ELEMENTS = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition']
const PRINCIPALS = ['Principal', 'NotPrincipal']
const SID = /^[A-Za-z0-9 _.-]{1,64}$/

/** The statement that an element of the document spells, or null after reporting what is wrong with it. */
export function compileStatement(element: unknown, policy: string, place: Place): Statement | null {
  const { path, report } = place
  if (!isRecord(element)) {
    report.problem(path, `${shown(element)} is not a statement`)
    return null
  }
  for (const name of PRINCIPALS) {
    if (name in element)
      report.problem(`${path}.${name}`, 'has no place here: the role that carries this policy says who its principals are')
  }
  refuseUnknownElements(element, [...ELEMENTS, ...PRINCIPALS], place)
  const sid = readSid(element['Sid'], { path: `${path}.Sid`, report })
  const effect = element['Effect']
  if (effect !== 'Allow' && effect !== 'Deny') report.problem(`${path}.Effect`, `${shown(effect)} is neither "Allow" nor "Deny"`)
  const action = compilePattern(element, 'Action', place, compileAction)
  const resource = compilePattern(element, 'Resource', place, compileResource)
  const conditions = 'Condition' in element ? compileConditions(element['Condition'], { path: `${path}.Condition`, report }) : []
  if (action === null || resource === null || (effect !== 'Allow' && effect !== 'Deny')) return null

  const used = [...resource.compiled.flatMap(({ variables }) => variables), ...conditions.flatMap(({ variables }) => variables)]
  const variables = used.filter(({ fallback }) => fallback === null)
  const facts = factsOf([...used, ...conditions].map(({ key }) => key))
  const checks = checksOf(resource, conditions)
  const statement = { label: `${policy}/${sid ?? path}`, effect, action, resource, conditions, variables, facts, checks } as const
  warnAboutSurprises(statement, place)
  return statement
}

function checksOf(resource: Pattern<CompiledValue>, conditions: readonly Condition[]): Statement['checks'] {
  const resourceCheck = {
    test: (asked: Asked) => coversResource(resource, asked),
    ready: resource.compiled.every(({ variables }) => variables.length === 0)
  }
  const all = [resourceCheck, ...conditions.map(({ test, variables }) => ({ test, ready: variables.length === 0 }))]
  return all.toSorted((a, b) => Number(b.ready) - Number(a.ready)).map(({ test }) => test)
}

function readSid(sid: unknown, { path, report }: Place): string | null {
  if (sid === undefined) return null
  if (typeof sid === 'string' && SID.test(sid)) return sid
  report.problem(path, `${shown(sid)} is not a statement id (1 to 64 letters, digits, spaces or _ . -)`)
  return null
}

function compilePattern<Compiled>(
  element: Readonly<Record<string, unknown>>,
  name: 'Action' | 'Resource',
  { path, report }: Place,
  compile: (text: string, place: Place) => Compiled | null
): Pattern<Compiled> | null {
  const negated = !(name in element)
  const written = negated ? `Not${name}` : name
  if (negated && !(written in element)) {
    report.problem(path, `has neither ${name} nor ${written}`)
    return null
  }
  if (!negated && `Not${name}` in element) report.problem(path, `has both ${name} and Not${name}`)
  const list = compileList(element[written], { path: `${path}.${written}`, report }, compile)
  return list === null ? null : { ...list, element: written, negated }
}

function warnAboutSurprises({ effect, variables, conditions }: Statement, { path, report }: Place): void {
  for (const { key } of effect === 'Deny' ? variables.filter(({ key }) => !key.always) : []) {
    report.warning(
      path,
      `this Deny does not apply to a request without ${key.name}, because its variable is unresolved then; give it a default: \${${key.name}, 'none'}`
    )
  }
  for (const { operator, key } of effect === 'Allow' ? conditions : []) {
    const guarded = conditions.some(
      (other) => other.operator === 'Null' && other.key.name === key.name && other.values.every((value) => value.toLowerCase() === 'false')
    )
    if (!operator.startsWith('ForAllValues:') || guarded) continue
    report.warning(
      path,
      `${operator} also holds on a request without ${key.name}; add "Null": {"${key.name}": "false"} where it must have one`
    )
  }
}

/** Whether the statement is about this action, given in lower case. */
export function coversAction({ action }: Statement, actionLower: string): boolean {
  return action.compiled.some((glob) => glob(actionLower)) !== action.negated
}

/** Whether the resource is one the statement is about. */
export function coversResource(resource: Pattern<CompiledValue>, asked: Asked): Truth {
  let truth: Truth = 'no'
  for (const { test } of resource.compiled) {
    const covered = test(asked.resource, asked)
    if (covered === 'yes') return resource.negated ? 'no' : 'yes'
    if (covered === 'unknown') truth = 'unknown'
  }
  if (truth === 'unknown') return truth
  return resource.negated ? 'yes' : 'no'
}

/** Whether all of the statement but its action matches; the action was looked up before. */
export function matchStatement(statement: Statement, asked: Asked): Truth {
  let truth: Truth = resolvable(statement.variables, asked)
  if (truth === 'no') return 'no'
  for (const check of statement.checks) {
    const holds = check(asked)
    if (holds === 'no') return 'no'
    if (holds === 'unknown') truth = 'unknown'
  }
  return truth
}
