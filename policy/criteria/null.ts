import { shown, type Place } from '../problems.ts'

/**
 * Whether the value of a `Null` condition demands that its key is missing; null after reporting that it is neither
 * true nor false. `Null` is no comparison: it asks whether there is a value at all.
 */
export function compileNull(value: string, { path, report }: Place): boolean | null {
  const wanted = value.toLowerCase()
  if (wanted === 'true') return true
  if (wanted === 'false') return false
  report.problem(path, `${shown(value)} is neither true (the key is missing) nor false (it has a value)`)
  return null
}
