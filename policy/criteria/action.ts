import { S3_ACTIONS, S3_ACTIONS_LOWER } from '../actions.ts'
import { ANY, ONE, compileGlob, type Glob } from '../glob.ts'
import { shown, suggestion, type Place } from '../problems.ts'

const PATTERN_LENGTH_MAX = 128

/**
 * The matcher of one `Action` or `NotAction` value, for actions in lower case; null after reporting why it is none.
 * A pattern that no S3 action matches is a misspelling, and is refused.
 */
export function compileAction(value: string, { path, report }: Place): Glob | null {
  const named = value.includes(':') ? value : `s3:${value}`
  if (value.length > PATTERN_LENGTH_MAX || (value !== '*' && !/^s3:[a-z*?]+$/i.test(value))) {
    report.problem(path, `${shown(value)} is not an S3 action (such as s3:GetObject, s3:Get* or *)${suggestion(named, S3_ACTIONS)}`)
    return null
  }
  const tokens = Array.from(value.toLowerCase(), (character) => (character === '*' ? ANY : character === '?' ? ONE : character))
  const glob = compileGlob(tokens)
  if (S3_ACTIONS_LOWER.some((action) => glob(action))) return glob
  report.problem(path, `no S3 action is called ${shown(value)}${suggestion(named, S3_ACTIONS)}`)
  return null
}
