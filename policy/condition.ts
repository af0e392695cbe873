import { findConditionKey, CONDITION_KEY_NAMES, type Asked, type ConditionKey, type KeyKind } from './condition-keys.ts'
import { compileNull } from './criteria/null.ts'
import type { CompiledValue } from './criteria/criterion.ts'
import type { Fact, Truth } from './decision.ts'
import { OPERATOR_NAMES, OPERATOR_USES, type OperatorUse } from './operators.ts'
import { shown, suggestion, type Place } from './problems.ts'
import type { Variable } from './template.ts'
import { compileList, isRecord } from './elements.ts'

/** One key under one operator of a statement's `Condition`. All of a statement's conditions must hold. */
export interface Condition {
  /** As the document writes it, e.g. `ForAnyValue:StringLike`. */
  readonly operator: string
  readonly key: ConditionKey
  readonly values: readonly string[]
  readonly variables: readonly Variable[]
  readonly test: (asked: Asked) => Truth
}

const KIND_WORDS: Readonly<Record<KeyKind, string>> = {
  text: 'a text',
  number: 'a number',
  date: 'a date',
  epoch: 'a time in seconds',
  bool: 'true or false',
  ip: 'an IP address'
}

/** The conditions of a `Condition` element; what is wrong goes to the report. */
export function compileConditions(element: unknown, { path, report }: Place): readonly Condition[] {
  if (!isRecord(element)) {
    report.problem(path, `${shown(element)} is not a map of condition operators`)
    return []
  }
  const operators = Object.entries(element)
  if (operators.length === 0) report.problem(path, 'is empty; leave it out where there is no condition')
  return operators.flatMap(([operator, keys]) => compileOperator(operator, keys, { path: `${path}.${operator}`, report }))
}

function compileOperator(operator: string, keys: unknown, { path, report }: Place): readonly Condition[] {
  const use = OPERATOR_USES.get(operator)
  if (use === undefined && operator !== 'Null') {
    report.problem(path, `is not a condition operator${suggestion(operator, OPERATOR_NAMES)}`)
    return []
  }
  if (!isRecord(keys) || Object.keys(keys).length === 0) {
    report.problem(path, `${shown(keys)} is not a map of condition keys to values`)
    return []
  }
  const conditions: Condition[] = []
  for (const [name, values] of Object.entries(keys)) {
    const place = { path: `${path}.${name}`, report }
    const key = findConditionKey(name)
    if (key === null) {
      report.problem(place.path, `is not a condition key${suggestion(name, CONDITION_KEY_NAMES)}`)
      continue
    }
    const condition =
      use === undefined ? compileNullCondition(key, values, place) : compileComparison({ operator, use, key }, values, place)
    if (condition !== null) conditions.push(condition)
  }
  return conditions
}

function compileNullCondition(key: ConditionKey, element: unknown, place: Place): Condition | null {
  const wanted = compileList(element, place, compileNull)
  if (wanted === null) return null
  const test = (asked: Asked): Truth => {
    const values = key.read(asked)
    if (values === 'unknown') return 'unknown'
    return wanted.compiled.includes(values === 'missing') ? 'yes' : 'no'
  }
  return { operator: 'Null', key, values: wanted.texts, variables: [], test }
}

interface Comparison {
  readonly operator: string
  readonly use: OperatorUse
  readonly key: ConditionKey
}

function compileComparison({ operator, use, key }: Comparison, element: unknown, place: Place): Condition | null {
  if (use.operator.kinds !== null && !use.operator.kinds.includes(key.kind)) {
    place.report.problem(place.path, `${use.operator.name} cannot read ${key.name}, which is ${KIND_WORDS[key.kind]}`)
    return null
  }
  if (key.many && use.qualifier === 'each') {
    place.report.problem(place.path, `${key.name} may have several values; say ForAllValues:${operator} or ForAnyValue:${operator}`)
    return null
  }
  const list = compileList(element, place, use.operator.compile)
  if (list === null) return null
  return {
    operator,
    key,
    values: list.texts,
    variables: list.compiled.flatMap((value) => value.variables),
    test: comparisonTest(use, key, list.compiled)
  }
}

/**
 * How a comparison holds, exactly as in AWS: the values of the document are alternatives; a negated operator holds for a
 * value that is none of them. On a missing key a plain operator fails and a negated one holds, `IfExists` and
 * ForAllValues hold (ForAllValues also on an empty list: nothing contradicts it), ForAnyValue fails.
 */
function comparisonTest(
  { operator, qualifier, ifExists }: OperatorUse,
  key: ConditionKey,
  wanted: readonly CompiledValue[]
): Condition['test'] {
  const ifMissing = ifExists || qualifier === 'ForAllValues' || (qualifier === 'each' && operator.negated) ? 'yes' : 'no'
  const mustAll = qualifier === 'ForAllValues' || (qualifier === 'each' && operator.negated)
  return (asked) => {
    const values = key.read(asked)
    if (values === 'unknown') return 'unknown'
    if (values === 'missing') return ifMissing
    let unsure = false
    for (const value of values) {
      const meant = isMeant(value, wanted, asked)
      if (meant === 'unknown') unsure = true
      else {
        const holds = (meant === 'yes') !== operator.negated
        if (holds !== mustAll) return holds ? 'yes' : 'no'
      }
    }
    if (unsure) return 'unknown'
    return mustAll ? 'yes' : 'no'
  }
}

function isMeant(actual: string, wanted: readonly CompiledValue[], asked: Asked): Truth {
  let truth: Truth = 'no'
  for (const { test } of wanted) {
    const meant = test(actual, asked)
    if (meant === 'yes') return 'yes'
    if (meant === 'unknown') truth = 'unknown'
  }
  return truth
}

/** The facts that a key or the variables beside it read. */
export function factsOf(keys: readonly ConditionKey[]): readonly Fact[] {
  return [...new Set(keys.flatMap(({ fact }) => (fact === null ? [] : [fact])))]
}
