import fc from 'fast-check'
import type { ObjectFacts, Question } from '../../../policy/decision.ts'
import type { PlainStatement, World } from './brute-force.ts'
import { contextOf } from './ask-policy.ts'

/** A world small enough to be tried out whole: every owner and every tag that a condition of it can tell apart. */
const OWNERS = ['', 'a', 'B']
const TAG_VALUES = [undefined, '1', 'a']
const TAGS = ['x', 'y']

export const ALL_OBJECTS: readonly (ObjectFacts | null)[] = [
  null,
  ...OWNERS.flatMap((owner) =>
    TAG_VALUES.flatMap((x) =>
      TAG_VALUES.map((y) => ({
        owner,
        tags: new Map(
          [['x', x] as const, ['y', y] as const].filter((entry): entry is readonly ['x' | 'y', string] => entry[1] !== undefined)
        )
      }))
    )
  )
]

type Keys = Readonly<Record<string, readonly string[]>>
export interface Asked {
  readonly action: string
  readonly resource: string
  readonly keys: Keys
}

const optional = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(arbitrary, { nil: undefined })
const text = fc.constantFrom('', 'a', 'b', '1', '2', 'a*', '*')
const CONTEXT_KEYS = ['sluice:Service', 'sluice:Namespace', 's3:prefix', 's3:max-keys', 's3:RequestObjectTag/x']

export const askedArbitrary: fc.Arbitrary<Asked> = fc.record({
  action: fc.constantFrom('s3:GetObject', 's3:PutObject', 's3:ListBucket'),
  resource: fc.constantFrom('arn:aws:s3:::t', 'arn:aws:s3:::t/a/1', 'arn:aws:s3:::t/b', 'arn:aws:s3:::u/a/2', 'arn:aws:s3:::t/a*'),
  keys: fc
    .record({
      single: fc.array(optional(text), { minLength: CONTEXT_KEYS.length, maxLength: CONTEXT_KEYS.length }),
      many: optional(fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }))
    })
    .map(({ single, many }) => {
      const keys: Record<string, readonly string[]> = many === undefined ? {} : { 's3:RequestObjectTagKeys': many }
      for (const [index, value] of single.entries()) if (value !== undefined) keys[CONTEXT_KEYS[index] ?? ''] = [value]
      return keys
    })
})

export function questionOf({ action, resource, keys }: Asked): Question {
  return { action, resource, context: contextOf(keys) }
}

/** The whole state when the object is this one. A resource without key has no object. */
export function worldOf({ action, resource, keys }: Asked, object: ObjectFacts | null): World {
  if (object === null || !resource.includes('/')) return { action, resource, keys }
  const tags = TAGS.flatMap((tag) => {
    const value = object.tags?.get(tag)
    return value === undefined ? [] : [[`s3:ExistingObjectTag/${tag}`, [value]] as const]
  })
  return { action, resource, keys: { ...keys, 'sluice:ObjectOwner': [object.owner], ...Object.fromEntries(tags) } }
}

const oneOrMore = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | readonly Value[]> =>
  fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }))

export const KNOWN_KEYS = ['s3:prefix', 'sluice:Service', 'sluice:Namespace', 's3:RequestObjectTag/x']
export const OBJECT_KEYS = ['sluice:ObjectOwner', 's3:ExistingObjectTag/x', 's3:ExistingObjectTag/y']
const variables = (keys: readonly string[]): readonly string[] => keys.flatMap((key) => [`\${${key}}`, `\${${key}, 'a'}`, `x\${${key}}*`])

const qualified = (names: readonly string[]): readonly string[] =>
  names.flatMap((name) => [name, `${name}IfExists`, `ForAllValues:${name}`, `ForAnyValue:${name}`, `ForAnyValue:${name}IfExists`])
const STRINGS = ['StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike', 'StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase']
const NUMBERS = ['NumericEquals', 'NumericNotEquals', 'NumericLessThan']

type ConditionEntry = readonly [operator: string, key: string, values: string | readonly string[]]

/** Any condition on one of these keys, its values perhaps variables of the others. */
function conditionOn(keys: readonly string[], variableKeys: readonly string[]): fc.Arbitrary<ConditionEntry> {
  const value = fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(...variables(variableKeys)) })
  const key = fc.constantFrom(...keys)
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...qualified(STRINGS)), key, oneOrMore(value)) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...qualified(NUMBERS)), key, oneOrMore(fc.constantFrom('1', '2'))) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('Null'), key, fc.constantFrom('true', 'false')) },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom(...qualified(['StringEquals', 'StringNotLike']).filter((name) => name.startsWith('For'))),
        fc.constant('s3:RequestObjectTagKeys'),
        oneOrMore(fc.constantFrom('x', 'y', '*'))
      )
    }
  )
}

function conditionElement(entries: readonly ConditionEntry[]): Pick<PlainStatement, 'Condition'> {
  if (entries.length === 0) return {}
  const condition: Record<string, Record<string, string | readonly string[]>> = {}
  for (const [operator, key, values] of entries) condition[operator] = { ...condition[operator], [key]: values }
  return { Condition: condition }
}

/** Statements whose conditions are given; everything else is drawn from this universe. */
function statementWith(conditions: fc.Arbitrary<readonly ConditionEntry[]>, resourceKeys: readonly string[]): fc.Arbitrary<PlainStatement> {
  const arn = (rest: string): string => `arn:aws:s3:::${rest}`
  const resource = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('*', '*', '*', arn('*'), arn('t'), arn('t/*'), arn('*/a*'), arn('t/?/1'), arn('t/a${*}')) },
    { weight: 1, arbitrary: fc.constantFrom(...variables(resourceKeys).map((variable) => arn(`t/${variable}`))) }
  )
  const action = fc.constantFrom('*', '*', 's3:GetObject', 's3:*Object', 's3:List*', 's3:?etObject')
  return fc
    .record({
      Effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Allow' as const, 'Deny' as const),
      action: fc.tuple(fc.constantFrom('Action', 'Action', 'Action', 'NotAction'), oneOrMore(action)),
      resource: fc.tuple(fc.constantFrom('Resource', 'Resource', 'Resource', 'NotResource'), oneOrMore(resource)),
      conditions
    })
    .map(({ Effect, action, resource, conditions }) => ({
      Effect,
      [action[0]]: action[1],
      [resource[0]]: resource[1],
      ...conditionElement(conditions)
    }))
}

const ALL_KEYS = [...KNOWN_KEYS, ...OBJECT_KEYS]

/** Anything that this universe can say. */
export const anyStatements: fc.Arbitrary<readonly PlainStatement[]> = fc.array(
  statementWith(fc.array(conditionOn(ALL_KEYS, ALL_KEYS), { maxLength: 2 }), ALL_KEYS),
  { minLength: 1, maxLength: 4 }
)

/** Conditions that are true of some objects and false of others, whatever the request. */
const CONTINGENT: Readonly<Record<string, readonly ConditionEntry[]>> = Object.fromEntries(
  OBJECT_KEYS.map((key) => [
    key,
    [
      ['StringEquals', key, 'a'],
      ['StringEquals', key, ['1', 'a']],
      ['StringNotEquals', key, 'a'],
      ['StringLike', key, 'a*'],
      ['StringNotLike', key, '*'],
      ['StringEqualsIfExists', key, 'a'],
      ['ForAllValues:StringEquals', key, 'a'],
      ['Null', key, 'true'],
      ['Null', key, 'false']
    ]
  ])
)

/**
 * Policies in which at most one condition reads a fact, or several do that read tags of their own: then no two of them
 * can cancel out, and `undecided` must be exact.
 */
export const independentStatements: fc.Arbitrary<readonly PlainStatement[]> = fc
  .tuple(
    fc.array(statementWith(fc.array(conditionOn(KNOWN_KEYS, KNOWN_KEYS), { maxLength: 2 }), KNOWN_KEYS), { minLength: 2, maxLength: 4 }),
    fc.oneof(fc.constant(['sluice:ObjectOwner']), fc.constant(['s3:ExistingObjectTag/x', 's3:ExistingObjectTag/y'])),
    fc.array(fc.nat({ max: 8 }), { minLength: 2, maxLength: 2 })
  )
  .map(([statements, keys, choices]) =>
    statements.map((statement, index) => {
      const [operator, key, values] = CONTINGENT[keys[index] ?? '']?.[choices[index] ?? 0] ?? []
      if (operator === undefined || key === undefined || values === undefined) return statement
      return { ...statement, Condition: { ...statement.Condition, [operator]: { ...statement.Condition?.[operator], [key]: values } } }
    })
  )
