import type { Truth } from '../decision.ts'
import { shown, type Place } from '../problems.ts'
import { parseTemplate, templateGlob, type TextTest } from '../template.ts'
import type { CompiledValue, Operator } from './criterion.ts'

/** ARNs compared part by part. In AWS `ArnEquals` and `ArnLike` behave alike: both know `*` and `?`. */
export const ARN_OPERATORS: readonly Operator[] = [
  { name: 'ArnEquals', negated: false, kinds: ['text'], compile: compileArn },
  { name: 'ArnLike', negated: false, kinds: ['text'], compile: compileArn },
  { name: 'ArnNotEquals', negated: true, kinds: ['text'], compile: compileArn },
  { name: 'ArnNotLike', negated: true, kinds: ['text'], compile: compileArn }
]

/** arn:partition:service:region:account:resource. Only the last may hold colons of its own. */
const ARN_PARTS = 6

function compileArn(value: string, place: Place): CompiledValue | null {
  const parts = splitArn(value)
  if (parts === null) {
    place.report.problem(place.path, `${shown(value)} is not an ARN (arn:partition:service:region:account:resource)`)
    return null
  }
  const templates = parts.map((part) => parseTemplate(part, true, place))
  if (templates.includes(null)) return null
  const whole = templates.filter((template) => template !== null)
  return { test: eachPart(whole.map(templateGlob)), variables: whole.flatMap((template) => template.variables) }
}

/** A star stays within its part, so that `arn:aws:s3:*` does not reach into another account. */
function eachPart(tests: readonly TextTest[]): TextTest {
  return (actual, asked) => {
    const parts = splitArn(actual)
    if (parts === null) return 'no'
    let truth: Truth = 'yes'
    for (const [index, test] of tests.entries()) {
      const part = test(parts[index] ?? '', asked)
      if (part === 'no') return 'no'
      if (part === 'unknown') truth = 'unknown'
    }
    return truth
  }
}

function splitArn(text: string): readonly string[] | null {
  const parts = splitOutsideVariables(text)
  if (parts.length < ARN_PARTS || parts[0] !== 'arn') return null
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')]
}

/** The name of a variable holds a colon (`${sluice:Tenant}`), which parts nothing. */
function splitOutsideVariables(text: string): string[] {
  const parts = ['']
  for (const [piece] of text.matchAll(/\$\{[^}]*\}?|:|[^:$]+|\$/g)) {
    if (piece === ':') parts.push('')
    else parts.push(`${parts.pop() ?? ''}${piece}`)
  }
  return parts
}
