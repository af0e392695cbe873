import type { KeyKind } from '../condition-keys.ts'
import { shown, type Place } from '../problems.ts'
import { fixedValue, refuseVariable, type CompiledValue, type Operator } from './criterion.ts'

const KINDS: readonly KeyKind[] = ['number', 'epoch', 'text']
const NUMBER = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/

/** Comparisons of decimal numbers. A value of the request that is no number equals nothing and is neither less nor greater. */
export const NUMERIC_OPERATORS: readonly Operator[] = [
  numeric('NumericEquals', (actual, wanted) => actual === wanted),
  { ...numeric('NumericNotEquals', (actual, wanted) => actual === wanted), negated: true },
  numeric('NumericLessThan', (actual, wanted) => actual < wanted),
  numeric('NumericLessThanEquals', (actual, wanted) => actual <= wanted),
  numeric('NumericGreaterThan', (actual, wanted) => actual > wanted),
  numeric('NumericGreaterThanEquals', (actual, wanted) => actual >= wanted)
]

function numeric(name: string, compare: (actual: number, wanted: number) => boolean): Operator {
  return { name, negated: false, kinds: KINDS, compile: (value, place) => compileNumber(value, compare, place) }
}

function compileNumber(value: string, compare: (actual: number, wanted: number) => boolean, place: Place): CompiledValue | null {
  if (refuseVariable(value, place)) return null
  if (!NUMBER.test(value)) {
    place.report.problem(place.path, `${shown(value)} is not a number`)
    return null
  }
  const wanted = Number(value)
  return fixedValue((actual) => NUMBER.test(actual) && compare(Number(actual), wanted))
}
