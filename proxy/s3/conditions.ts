import { S3Error } from './error.ts'
import type { HeaderView } from './header-view.ts'
import { parseHttpDate } from './http-date.ts'

/** The client's conditions on an object, each as sent. */
export interface Conditions {
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly ifModifiedSince?: string
  readonly ifUnmodifiedSince?: string
}

/** What conditions are judged against. `lastModified` is the header's text. */
export interface JudgedObject {
  readonly etag: string
  readonly lastModified: string
}

/** The conditions of a read. */
export function readConditions(headers: HeaderView): Conditions {
  return conditionsOf(headers, '')
}

/** The conditions that a copy puts on its source. */
export function copySourceConditions(headers: HeaderView): Conditions {
  return conditionsOf(headers, 'x-amz-copy-source-')
}

function conditionsOf(headers: HeaderView, prefix: string): Conditions {
  const ifMatch = headers.get(`${prefix}if-match`)
  const ifNoneMatch = headers.get(`${prefix}if-none-match`)
  const ifModifiedSince = headers.get(`${prefix}if-modified-since`)
  const ifUnmodifiedSince = headers.get(`${prefix}if-unmodified-since`)
  return {
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
    ...(ifModifiedSince !== undefined && { ifModifiedSince }),
    ...(ifUnmodifiedSince !== undefined && { ifUnmodifiedSince })
  }
}

/** True when there is any condition. */
export function hasConditions(conditions: Conditions): boolean {
  return Object.keys(conditions).length > 0
}

/**
 * Judges a read's conditions in the order of RFC 9110 section 13.2.2, which is S3's: a true If-Match beats
 * If-Unmodified-Since, If-None-Match beats If-Modified-Since. A date that cannot be read is no condition.
 */
export function judgeConditions(conditions: Conditions, object: JudgedObject): 'pass' | 304 | 412 {
  if (isPreconditionFailed(conditions, object)) return 412
  return isUnchanged(conditions, object) ? 304 : 'pass'
}

/** Judges the conditions on a copy's source: whatever fails, fails with 412 (CopyObject has no 304). */
export function judgeCopyConditions(conditions: Conditions, source: JudgedObject): 'pass' | 412 {
  return isPreconditionFailed(conditions, source) || isUnchanged(conditions, source) ? 412 : 'pass'
}

function isPreconditionFailed({ ifMatch, ifUnmodifiedSince }: Conditions, object: JudgedObject): boolean {
  if (ifMatch !== undefined) return !namesEtag(ifMatch, object.etag)
  const limit = ifUnmodifiedSince === undefined ? null : parseHttpDate(ifUnmodifiedSince)
  const modified = parseHttpDate(object.lastModified)
  return limit !== null && modified !== null && modified > limit
}

function isUnchanged({ ifNoneMatch, ifModifiedSince }: Conditions, object: JudgedObject): boolean {
  if (ifNoneMatch !== undefined) return namesEtag(ifNoneMatch, object.etag)
  const limit = ifModifiedSince === undefined ? null : parseHttpDate(ifModifiedSince)
  const modified = parseHttpDate(object.lastModified)
  return limit !== null && modified !== null && modified <= limit
}

/** Whether a condition's value, `*` or a list of ETags with or without quotes, names the ETag. */
export function namesEtag(value: string, etag: string): boolean {
  const wanted = bareEtag(etag)
  return value.split(',').some((item) => item.trim() === '*' || bareEtag(item) === wanted)
}

/** An ETag without `W/` and quotes. */
export function bareEtag(etag: string): string {
  return etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1')
}

/** The client's condition on what a write replaces. */
export type WriteCondition =
  | { readonly kind: 'none' }
  | { readonly kind: 'absent' }
  /** `etag` as sent; `*` means any object. */
  | { readonly kind: 'match'; readonly etag: string }

/** Reads If-Match and If-None-Match of a write: S3 knows `If-None-Match: *` alone, and not both together. */
export function writeCondition(headers: HeaderView): WriteCondition {
  const ifMatch = headers.get('if-match')
  const ifNoneMatch = headers.get('if-none-match')
  if (ifNoneMatch === undefined) return ifMatch === undefined ? { kind: 'none' } : { kind: 'match', etag: ifMatch.trim() }
  if (ifMatch !== undefined) throw new S3Error('NotImplemented', 'If-Match and If-None-Match on one write', { Header: 'If-Match' })
  if (ifNoneMatch.trim() !== '*') throw new S3Error('NotImplemented', 'If-None-Match on a write is not *', { Header: 'If-None-Match' })
  return { kind: 'absent' }
}

/** Reads the condition of a delete, where S3 knows If-Match alone. */
export function deleteCondition(headers: HeaderView): Exclude<WriteCondition, { kind: 'absent' }> {
  const condition = writeCondition(headers)
  if (condition.kind === 'absent') throw new S3Error('NotImplemented', 'If-None-Match on a delete', { Header: 'If-None-Match' })
  return condition
}
