import type { KeyKind } from '../condition-keys.ts'
import type { Place } from '../problems.ts'
import type { TextTest, Variable } from '../template.ts'

/** One value of a document, compiled: says whether a value of the request is one that it means. */
export interface CompiledValue {
  readonly test: TextTest
  readonly variables: readonly Variable[]
}

/** One condition operator without its `IfExists` and its set qualifier, which mean the same for every operator. */
export interface Operator {
  readonly name: string
  /** It holds where none of the values is meant, and on a missing key. */
  readonly negated: boolean
  /** The kinds of key it can read; null: all. */
  readonly kinds: readonly KeyKind[] | null
  /** Null after reporting why the value is none. */
  readonly compile: (value: string, place: Place) => CompiledValue | null
}

/** A compiled value without variables. */
export function fixedValue(holds: (actual: string) => boolean): CompiledValue {
  return { test: (actual) => (holds(actual) ? 'yes' : 'no'), variables: [] }
}

/** Reports a variable in a value whose operator has none (AWS: only string and ARN operators have them); true when there was one. */
export function refuseVariable(value: string, { path, report }: Place): boolean {
  if (!value.includes('${')) return false
  report.problem(path, 'holds a policy variable, which only string and ARN operators take')
  return true
}
