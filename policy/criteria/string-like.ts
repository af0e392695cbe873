import { parseTemplate, templateGlob } from '../template.ts'
import type { Place } from '../problems.ts'
import type { CompiledValue, Operator } from './criterion.ts'

/** Texts that match a pattern of `*` (any text) and `?` (one character), with case. */
export const STRING_LIKE_OPERATORS: readonly Operator[] = [
  { name: 'StringLike', negated: false, kinds: null, compile: compilePattern },
  { name: 'StringNotLike', negated: true, kinds: null, compile: compilePattern }
]

function compilePattern(value: string, place: Place): CompiledValue | null {
  const template = parseTemplate(value, true, place)
  return template === null ? null : { test: templateGlob(template), variables: template.variables }
}
