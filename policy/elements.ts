import { shown, type Place } from './problems.ts'

/** More values in one list than any document needs; a session policy comes from a client. */
const VALUES_MAX = 1000

/** Whether a part of a document is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reports every element that is not in the closed list. */
export function refuseUnknownElements(record: Readonly<Record<string, unknown>>, known: readonly string[], { path, report }: Place): void {
  for (const name of Object.keys(record)) {
    if (!known.includes(name))
      report.problem(path === '' ? name : `${path}.${name}`, `is not an element here; known are ${known.join(', ')}`)
  }
}

export interface CompiledList<Compiled> {
  readonly texts: readonly string[]
  readonly compiled: readonly Compiled[]
}

/**
 * One value or a list of them, each compiled; null after reporting when the list is none or a value is wrong.
 * Numbers and truth values may stand unquoted, as in AWS.
 */
export function compileList<Compiled>(
  element: unknown,
  place: Place,
  compile: (text: string, place: Place) => Compiled | null
): CompiledList<Compiled> | null {
  const { path, report } = place
  const values: readonly unknown[] = Array.isArray(element) ? element : [element]
  if (values.length === 0 || values.length > VALUES_MAX) {
    report.problem(path, values.length === 0 ? 'is an empty list' : `lists more than ${VALUES_MAX} values`)
    return null
  }
  const texts: string[] = []
  const compiled: Compiled[] = []
  for (const [index, value] of values.entries()) {
    const valuePath = Array.isArray(element) ? `${path}[${index}]` : path
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      report.problem(valuePath, `${shown(value)} is not a text`)
      continue
    }
    const one = compile(String(value), { path: valuePath, report })
    if (one === null) continue
    texts.push(String(value))
    compiled.push(one)
  }
  return compiled.length === values.length ? { texts, compiled } : null
}
