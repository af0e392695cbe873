import type { Behavior, Honor } from './behavior.ts'
import { StoreError } from './error.ts'
import type { StoreRequest } from './request.ts'
import type { Version } from './state.ts'

type Judged = Pick<Version, 'etag' | 'lastModified'>

/** True when the list of ETags names this one; quotes are optional, as with S3. */
export function namesEtag(list: string, etag: string): boolean {
  return list.split(',').some((one) => one.trim() === '*' || bareEtag(one) === bareEtag(etag))
}

export function bareEtag(etag: string): string {
  return etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1')
}

/** What the four conditions of a read say together (RFC 9110 section 13.2.2, which S3 follows). */
export function judgeRead(request: StoreRequest, version: Judged, minioQuirks: boolean): 'pass' | 'notModified' | 'failed' {
  const noneMatch = request.headers.get('if-none-match')
  // Measured on MinIO: a hit of If-None-Match is answered before a failed If-Match.
  if (minioQuirks && noneMatch !== null && namesEtag(noneMatch, version.etag)) return 'notModified'
  return judge(
    {
      match: request.headers.get('if-match'),
      noneMatch,
      modifiedSince: request.headers.get('if-modified-since'),
      unmodifiedSince: request.headers.get('if-unmodified-since')
    },
    version
  )
}

/** The same for the source of a copy, where both failures are 412. */
export function judgeSource(request: StoreRequest, version: Judged, honor: Honor): void {
  const conditions: Conditions = {
    match: request.headers.get('x-amz-copy-source-if-match'),
    noneMatch: request.headers.get('x-amz-copy-source-if-none-match'),
    modifiedSince: request.headers.get('x-amz-copy-source-if-modified-since'),
    unmodifiedSince: request.headers.get('x-amz-copy-source-if-unmodified-since')
  }
  if (Object.values(conditions).every((condition) => condition === null) || honor === 'ignored') return
  if (honor === 'refused') throw new StoreError('NotImplemented')
  if (judge(conditions, version) !== 'pass')
    throw new StoreError('PreconditionFailed', { elements: [['Condition', 'x-amz-copy-source-If-Match']] })
}

interface Conditions {
  readonly match: string | null
  readonly noneMatch: string | null
  readonly modifiedSince: string | null
  readonly unmodifiedSince: string | null
}

function judge(conditions: Conditions, { etag, lastModified }: Judged): 'pass' | 'notModified' | 'failed' {
  const { match, noneMatch } = conditions
  if (match !== null && !namesEtag(match, etag)) return 'failed'
  const [modifiedSince, unmodifiedSince] = [dateOf(conditions.modifiedSince), dateOf(conditions.unmodifiedSince)]
  const modified = Math.floor(lastModified.getTime() / 1000) * 1000
  if (match === null && unmodifiedSince !== null && modified > unmodifiedSince) return 'failed'
  if (noneMatch !== null) return namesEtag(noneMatch, etag) ? 'notModified' : 'pass'
  return modifiedSince !== null && modified <= modifiedSince ? 'notModified' : 'pass'
}

// A date that cannot be read is as if it were not there (RFC 9110 section 13.1.3).
function dateOf(value: string | null): number | null {
  const time = Date.parse(value ?? '')
  return Number.isNaN(time) ? null : time
}

export interface WriteCondition {
  readonly honor: Honor
  readonly behavior: Behavior
  readonly current: Judged | null
}

/** Judges `If-Match` and `If-None-Match` of a write against what stands at the key (conditional-writes.html). */
export function judgeWrite(request: StoreRequest, { honor, behavior, current }: WriteCondition): void {
  const [match, noneMatch] = [request.headers.get('if-match'), request.headers.get('if-none-match')]
  if ((match === null && noneMatch === null) || honor === 'ignored') return
  const both = match !== null && noneMatch !== null
  if (honor === 'refused' || (both && !behavior.noneMatchTakesEtags)) throw new StoreError('NotImplemented')
  if (noneMatch !== null) {
    if (noneMatch !== '*' && !behavior.noneMatchTakesEtags) throw new StoreError('NotImplemented')
    if (current !== null && namesEtag(noneMatch, current.etag)) throw preconditionFailed('If-None-Match')
    if (match === null) return
  }
  if (current === null) throw new StoreError('NoSuchKey')
  if (!namesEtag(match!, current.etag)) throw preconditionFailed('If-Match')
}

/** Judges `If-Match` of a delete; an absent object satisfies an ETag, as there is nothing that could be lost. */
export function judgeDelete(match: string | null, { honor, current }: Omit<WriteCondition, 'behavior'>): void {
  if (match === null || honor === 'ignored' || (current === null && match.trim() !== '*')) return
  if (honor === 'refused') throw new StoreError('NotImplemented')
  if (current === null || !namesEtag(match, current.etag)) throw preconditionFailed('If-Match')
}

function preconditionFailed(condition: string): StoreError {
  return new StoreError('PreconditionFailed', { elements: [['Condition', condition]] })
}
