import { S3Error } from '../s3/error.ts'
import { utf8 } from './part-head.ts'
import type { LengthRange } from './file-source.ts'

/** One thing that a field must be. */
export interface FieldCondition {
  readonly match: 'eq' | 'starts-with'
  /** In lower case. */
  readonly field: string
  readonly value: string
}

/** A POST policy: until when, and of what, its signer lets a form be sent. */
export interface PostPolicy {
  readonly expiresAt: Date
  readonly conditions: readonly FieldCondition[]
  readonly lengthRange: LengthRange
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
// ISO 8601 in GMT, the only form that AWS's page has ("POST Policy", Expiration).
const EXPIRATION = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z$/
const MEMBERS: ReadonlySet<string> = new Set(['expiration', 'conditions'])

/** Reads the policy of a form whose signature has been verified; what is not in AWS's grammar is refused and never skipped. */
export function parsePostPolicy(encoded: string): PostPolicy {
  if (encoded === '' || !BASE64.test(encoded)) throw invalid('it is not base64.')
  const document = parseJson(utf8(Buffer.from(encoded, 'base64')))
  if (!isObject(document)) throw invalid('it is not a JSON object.')
  const unknown = Object.keys(document).find((name) => !MEMBERS.has(name))
  if (unknown !== undefined) throw invalid(`unexpected element "${unknown}".`)
  const { expiration, conditions } = document as { readonly expiration?: unknown; readonly conditions?: unknown }
  if (!Array.isArray(conditions)) throw invalid('"conditions" must be a list.')
  const fields: FieldCondition[] = []
  let range: LengthRange = { min: 0, max: Number.MAX_SAFE_INTEGER }
  for (const condition of conditions as readonly unknown[]) {
    const read = readCondition(condition)
    if ('field' in read) fields.push(read)
    // Each must hold, so together they are what all of them allow.
    else range = { min: Math.max(range.min, read.min), max: Math.min(range.max, read.max) }
  }
  return { expiresAt: readExpiration(expiration), conditions: fields, lengthRange: range }
}

function readExpiration(expiration: unknown): Date {
  const [, seconds = ''] = typeof expiration === 'string' ? (EXPIRATION.exec(expiration) ?? []) : []
  const date = new Date(typeof expiration === 'string' ? expiration : '')
  // A day that the calendar does not have would be moved to the next month.
  if (seconds === '' || Number.isNaN(date.getTime()) || !date.toISOString().startsWith(seconds))
    throw invalid('"expiration" must be a time such as 2030-12-01T12:00:00.000Z.')
  return date
}

function readCondition(condition: unknown): FieldCondition | LengthRange {
  if (!Array.isArray(condition)) return readExact(condition)
  const [match, first, second, ...more] = condition as readonly unknown[]
  if (more.length > 0) throw invalid('a condition has more than three elements.')
  if (match === 'content-length-range') return { min: readBytes(first), max: readBytes(second) }
  if (match !== 'eq' && match !== 'starts-with') throw invalid(`unknown condition ${JSON.stringify(match)}.`)
  if (typeof first !== 'string' || !first.startsWith('$') || typeof second !== 'string')
    throw invalid(`"${match}" takes a field such as "$key" and a text.`)
  return { match, field: first.slice(1).toLowerCase(), value: second }
}

/** `{"acl": "private"}` is `["eq", "$acl", "private"]`. */
function readExact(condition: unknown): FieldCondition {
  const entries = isObject(condition) ? Object.entries(condition) : []
  const [[field, value] = ['', null], ...more] = entries
  if (more.length > 0 || typeof value !== 'string') throw invalid('a condition that is an object must have one field with a text.')
  return { match: 'eq', field: field.toLowerCase(), value }
}

function readBytes(written: unknown): number {
  const value = typeof written === 'string' && /^\d{1,16}$/.test(written) ? Number(written) : written
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw invalid('"content-length-range" takes two numbers of bytes.')
  return value
}

function parseJson(text: string | null): unknown {
  if (text === null) throw invalid('it is not UTF-8.')
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('it is not JSON.')
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function invalid(cause: string): S3Error {
  return new S3Error('InvalidPolicyDocument', `the policy of the form: ${cause}`, { Message: `Invalid Policy: ${cause}` })
}
