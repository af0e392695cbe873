import { shown } from '../problems.ts'
import { fixedValue, refuseVariable, type Operator } from './criterion.ts'

/** The truth values, without case as in AWS. */
export const BOOL_OPERATORS: readonly Operator[] = [
  {
    name: 'Bool',
    negated: false,
    kinds: ['bool', 'text'],
    compile: (value, place) => {
      if (refuseVariable(value, place)) return null
      const wanted = value.toLowerCase()
      if (wanted === 'true' || wanted === 'false') return fixedValue((actual) => actual.toLowerCase() === wanted)
      place.report.problem(place.path, `${shown(value)} is neither true nor false`)
      return null
    }
  }
]
