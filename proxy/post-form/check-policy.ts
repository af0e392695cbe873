import { S3Error } from '../s3/error.ts'
import type { FieldCondition, PostPolicy } from './policy.ts'

/** Fields that no policy can or must speak of (AWS, "POST Policy", Conditions). */
const EXEMPT: ReadonlySet<string> = new Set(['policy', 'x-amz-signature'])
/** Fields that mean nothing, so that a page may send what S3 shall not look at. */
export const IGNORED_PREFIX = 'x-ignore-'
// AWS takes the value of these for a list of which each item must begin so.
const LISTS: ReadonlySet<string> = new Set(['content-type'])

/**
 * Refuses a form that its signer did not allow: after its time, with a field that breaks a condition, or with one that no
 * condition speaks of. `fields` are the form's, with the key as it will be used and the bucket that is addressed.
 */
export function checkPostPolicy({ expiresAt, conditions }: PostPolicy, fields: ReadonlyMap<string, string>, now: Date): void {
  if (now.getTime() >= expiresAt.getTime()) throw denied('Policy expired.')
  const spokenOf = new Set<string>()
  for (const condition of conditions) {
    spokenOf.add(condition.field)
    // A field that did not come is one with nothing in it.
    if (!holds(condition, fields.get(condition.field) ?? ''))
      throw denied(`Policy Condition failed: ${JSON.stringify([condition.match, `$${condition.field}`, condition.value])}`)
  }
  const extra = [...fields.keys()].filter((name) => !spokenOf.has(name) && !EXEMPT.has(name) && !name.startsWith(IGNORED_PREFIX))
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(', ')}`)
}

function holds({ match, field, value }: FieldCondition, sent: string): boolean {
  if (match === 'eq') return sent === value
  return LISTS.has(field) ? sent.split(',').every((item) => item.trim().startsWith(value)) : sent.startsWith(value)
}

function denied(cause: string): S3Error {
  return new S3Error('AccessDenied', `POST policy: ${cause}`, { Message: `Invalid according to Policy: ${cause}` })
}
