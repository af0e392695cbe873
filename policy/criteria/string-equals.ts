import { parseTemplate, templateEquals } from '../template.ts'
import type { Place } from '../problems.ts'
import type { CompiledValue, Operator } from './criterion.ts'

const same = (text: string): string => text
const withoutCase = (text: string): string => text.toLowerCase()

/** Equal texts; `*` and `?` are themselves here. */
export const STRING_EQUALS_OPERATORS: readonly Operator[] = [
  { name: 'StringEquals', negated: false, kinds: null, compile: compileWith(same) },
  { name: 'StringNotEquals', negated: true, kinds: null, compile: compileWith(same) },
  { name: 'StringEqualsIgnoreCase', negated: false, kinds: null, compile: compileWith(withoutCase) },
  { name: 'StringNotEqualsIgnoreCase', negated: true, kinds: null, compile: compileWith(withoutCase) }
]

function compileWith(fold: (text: string) => string): (value: string, place: Place) => CompiledValue | null {
  return (value, place) => {
    const template = parseTemplate(value, false, place)
    return template === null ? null : { test: templateEquals(template, fold), variables: template.variables }
  }
}
