import { ARN_OPERATORS } from './criteria/arn.ts'
import { BOOL_OPERATORS } from './criteria/bool.ts'
import type { Operator } from './criteria/criterion.ts'
import { DATE_OPERATORS } from './criteria/date.ts'
import { IP_ADDRESS_OPERATORS } from './criteria/ip-address.ts'
import { NUMERIC_OPERATORS } from './criteria/numeric.ts'
import { STRING_EQUALS_OPERATORS } from './criteria/string-equals.ts'
import { STRING_LIKE_OPERATORS } from './criteria/string-like.ts'

/** Every condition operator but `Null`, which compares nothing. */
const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  [
    ...STRING_EQUALS_OPERATORS,
    ...STRING_LIKE_OPERATORS,
    ...NUMERIC_OPERATORS,
    ...DATE_OPERATORS,
    ...BOOL_OPERATORS,
    ...IP_ADDRESS_OPERATORS,
    ...ARN_OPERATORS
  ].map((operator) => [operator.name, operator])
)

const QUALIFIERS = ['ForAllValues', 'ForAnyValue'] as const
const IF_EXISTS = 'IfExists'

/** How the values of a key are taken: `each` is no qualifier. */
export type Qualifier = (typeof QUALIFIERS)[number] | 'each'

export interface OperatorUse {
  readonly operator: Operator
  readonly qualifier: Qualifier
  readonly ifExists: boolean
}

/** Every way to write a condition operator. `Null` takes neither a qualifier nor `IfExists`. */
export const OPERATOR_USES: ReadonlyMap<string, OperatorUse> = new Map(
  [...OPERATORS.values()].flatMap((operator) =>
    ['each' as const, ...QUALIFIERS].flatMap((qualifier) =>
      [false, true].map((ifExists): [string, OperatorUse] => [
        `${qualifier === 'each' ? '' : `${qualifier}:`}${operator.name}${ifExists ? IF_EXISTS : ''}`,
        { operator, qualifier, ifExists }
      ])
    )
  )
)

export const OPERATOR_NAMES: readonly string[] = [...OPERATOR_USES.keys(), 'Null']
