import type { KeyKind } from '../condition-keys.ts'
import { shown, type Place } from '../problems.ts'
import { fixedValue, refuseVariable, type CompiledValue, type Operator } from './criterion.ts'

const KINDS: readonly KeyKind[] = ['date', 'epoch']
/** The profile of ISO 8601 that AWS names (W3C NOTE-datetime), from the year down to fractions of a second. */
const ISO = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2}))?)?)?$/
const EPOCH_SECONDS = /^-?\d{1,12}$/
/** Four digits alone are a year, as in AWS's own format; more are seconds since 1970. */
const YEAR_DIGITS = 4

/** Comparisons of moments, written as ISO 8601 or as seconds since 1970. */
export const DATE_OPERATORS: readonly Operator[] = [
  date('DateEquals', (actual, wanted) => actual === wanted),
  { ...date('DateNotEquals', (actual, wanted) => actual === wanted), negated: true },
  date('DateLessThan', (actual, wanted) => actual < wanted),
  date('DateLessThanEquals', (actual, wanted) => actual <= wanted),
  date('DateGreaterThan', (actual, wanted) => actual > wanted),
  date('DateGreaterThanEquals', (actual, wanted) => actual >= wanted)
]

function date(name: string, compare: (actual: number, wanted: number) => boolean): Operator {
  return { name, negated: false, kinds: KINDS, compile: (value, place) => compileDate(value, compare, place) }
}

function compileDate(value: string, compare: (actual: number, wanted: number) => boolean, place: Place): CompiledValue | null {
  if (refuseVariable(value, place)) return null
  const wanted = parseMoment(value)
  if (wanted === null) {
    place.report.problem(place.path, `${shown(value)} is neither an ISO 8601 date (such as 2030-01-31T12:00:00Z) nor seconds since 1970`)
    return null
  }
  return fixedValue((text) => {
    const actual = parseMoment(text)
    return actual !== null && compare(actual, wanted)
  })
}

/** Milliseconds since 1970, or null. */
function parseMoment(text: string): number | null {
  if (text.length !== YEAR_DIGITS && EPOCH_SECONDS.test(text)) return Number(text) * 1000
  const match = ISO.exec(text)
  if (match === null) return null
  const moment = Date.parse(text)
  if (Number.isNaN(moment)) return null
  // Date.parse turns 30 February into 1 March; a date that does not exist is a mistake.
  const [, year, month = '01', day = '01'] = match
  const start = new Date(`${year}-${month}-${day}T00:00:00Z`)
  return start.getUTCDate() === Number(day) ? moment : null
}
