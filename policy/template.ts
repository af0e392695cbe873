import { findConditionKey, CONDITION_KEY_NAMES, type Asked, type ConditionKey } from './condition-keys.ts'
import { ANY, ONE, compileGlob, type Glob, type GlobToken } from './glob.ts'
import { suggestion, type Place } from './problems.ts'
import type { Truth } from './decision.ts'

/** `${key}` or `${key, 'default'}`. */
export interface Variable {
  readonly key: ConditionKey
  /** Taken when the key is missing; null leaves the variable unresolved, and then its statement does not match. */
  readonly fallback: string | null
}

type Part = GlobToken | Variable

/** A text of the document that may hold variables and, where the element has them, wildcards. */
export interface Template {
  readonly text: string
  readonly parts: readonly Part[]
  readonly variables: readonly Variable[]
}

/** Longer than any ARN of a key (1024 bytes), short enough that a hostile session policy stays cheap. */
const TEXT_LENGTH_MAX = 2048

/**
 * The template that a text spells, or null after reporting why it spells none.
 * `${*}`, `${?}` and `${$}` are the characters themselves, as in AWS.
 */
export function parseTemplate(text: string, wildcards: boolean, { path, report }: Place): Template | null {
  if (text.length > TEXT_LENGTH_MAX) {
    report.problem(path, `is longer than ${TEXT_LENGTH_MAX} characters`)
    return null
  }
  const parts: Part[] = []
  let sound = true
  // `${…}` up to the next brace, one wildcard, or a run of anything else; a `$` before anything but `{` is itself.
  for (const [piece] of text.matchAll(/\$\{[^}]*\}?|[*?]|(?:\$(?!\{)|[^$*?])+/g)) {
    const part = parsePart(piece, wildcards, { path, report })
    if (part === null) sound = false
    else parts.push(part)
  }
  if (!sound) return null
  return { text, parts, variables: parts.filter((part) => typeof part === 'object') }
}

function parsePart(piece: string, wildcards: boolean, { path, report }: Place): Part | null {
  if (!piece.startsWith('${')) {
    if (!wildcards || (piece !== '*' && piece !== '?')) return piece
    return piece === '*' ? ANY : ONE
  }
  const inner = piece.slice(2, -1)
  if (!piece.endsWith('}')) {
    report.problem(path, '"${" is not closed; write "${$}{" for the characters themselves')
    return null
  }
  if (inner === '*' || inner === '?' || inner === '$') return inner
  const comma = inner.indexOf(',')
  const name = (comma < 0 ? inner : inner.slice(0, comma)).trim()
  const fallback = comma < 0 ? null : inner.slice(comma + 1).trim()
  if (fallback !== null && !/^'[^']*'$/.test(fallback)) {
    report.problem(path, `"${piece}": a default stands in single quotes, as in "\${${name}, 'none'}"`)
    return null
  }
  const key = findConditionKey(name)
  if (key === null) {
    report.problem(path, `"${piece}" is not a policy variable${suggestion(name, CONDITION_KEY_NAMES)}`)
    return null
  }
  if (key.many) {
    report.problem(path, `"${piece}" may have several values and cannot be a policy variable`)
    return null
  }
  return { key, fallback: fallback === null ? null : fallback.slice(1, -1) }
}

/** The text of a variable; null when it is unresolved, which its statement must have excluded, or unknown. */
function resolve({ key, fallback }: Variable, asked: Asked): string | null {
  const values = key.read(asked)
  if (values === 'unknown') return null
  if (values === 'missing') return fallback
  return values.length === 1 ? values[0] : fallback
}

/** Whether every variable can be filled in: `no` is "unresolved", and then the statement does not match. */
export function resolvable(variables: readonly Variable[], asked: Asked): Truth {
  let truth: Truth = 'yes'
  for (const variable of variables) {
    if (resolve(variable, asked) !== null) continue
    if (variable.key.read(asked) !== 'unknown') return 'no'
    truth = 'unknown'
  }
  return truth
}

export type TextTest = (actual: string, asked: Asked) => Truth

/** Whether a text matches the template as a pattern. What a variable stands for is literal, never a wildcard. */
export function templateGlob({ parts, variables }: Template): TextTest {
  const fixed = variables.length === 0 ? compileGlob(parts as readonly GlobToken[]) : null
  return (actual, asked) => {
    const glob = fixed ?? filledGlob(parts, asked)
    if (glob === null) return 'unknown'
    return glob(actual) ? 'yes' : 'no'
  }
}

function filledGlob(parts: readonly Part[], asked: Asked): Glob | null {
  const tokens: GlobToken[] = []
  for (const part of parts) {
    const token = typeof part === 'object' ? resolve(part, asked) : part
    if (token === null) return null
    tokens.push(token)
  }
  return compileGlob(tokens)
}

/** Whether a text is the template's own, both first turned by `fold`. The template was parsed without wildcards. */
export function templateEquals({ parts, variables }: Template, fold: (text: string) => string): TextTest {
  const fixed = variables.length === 0 ? fold(parts.join('')) : null
  return (actual, asked) => {
    if (fixed !== null) return fold(actual) === fixed ? 'yes' : 'no'
    const wanted = filledText(parts, asked)
    if (wanted === null) return 'unknown'
    return fold(actual) === fold(wanted) ? 'yes' : 'no'
  }
}

function filledText(parts: readonly Part[], asked: Asked): string | null {
  let text = ''
  for (const part of parts) {
    const piece = typeof part === 'object' ? resolve(part, asked) : (part as string)
    if (piece === null) return null
    text += piece
  }
  return text
}
