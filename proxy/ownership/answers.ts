/** What an upstream answer means for the protocol, and how a run ends. */
import type { OwnershipContext } from './context.ts'
import type { Looked, ObjectRef, Outcome, RefusalCode, Seen, WireCondition } from './steps.ts'

/** Codes by which an upstream says that it does not know the proxy: an outage for the client, not a denial. */
const CREDENTIAL_CODES = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'RequestTimeTooSkewed',
  'InvalidToken',
  // MinIO's word for a session token that it does not take.
  'InvalidTokenId',
  'ExpiredToken',
  'AuthorizationHeaderMalformed'
])
/** Some providers answer this to GetObjectTagging of an object without tags; AWS answers an empty set. */
const NO_TAGS_CODES = new Set(['NoSuchTagSet', 'NoSuchTagSetError'])

export type Refusal = Extract<Outcome, { outcome: 'refuse' }>

/** True for an answer of success. */
export function isDone(seen: Seen): boolean {
  return seen.status >= 200 && seen.status < 300
}

/** True when the answer says that there is no such object or version. */
export function isMissing(seen: Seen): boolean {
  return seen.status === 404 && seen.code !== 'NoSuchBucket' && seen.code !== 'NoSuchUpload'
}

/** True when the version that was asked for by its id is a delete marker: S3 answers 405. */
export function isMarkerById(at: ObjectRef, seen: Seen): boolean {
  return seen.status === 405 && (at.versionId !== undefined || at.nullVersion === true)
}

/** True when there is no object at the reference: nothing, or a delete marker. */
export function isAbsent(at: ObjectRef, seen: Seen): boolean {
  return isMissing(seen) || isMarkerById(at, seen)
}

/** The answer as AWS gives it to a version id that it cannot read, 404 NoSuchVersion: MinIO answers 400. */
export function versionRead(at: ObjectRef, head: Seen): Seen {
  return head.status === 400 && at.versionId !== undefined ? { ...head, status: 404, code: 'NoSuchVersion' } : head
}

/** True when the condition of a write did not hold: 412, a conflict with another writer, or If-Match on a missing key. */
export function lostRace(seen: Seen): boolean {
  return seen.status === 412 || seen.status === 409 || isMissing(seen)
}

/** True when nobody can say whether the effect took place, or will. */
export function isUnknown(seen: Seen): boolean {
  // 501 and 503 say that nothing was done; any other 5xx can come from a gateway that gave up waiting.
  return seen.status === 0 || (seen.status >= 500 && seen.status !== 501 && seen.status !== 503)
}

/** The tags of an answer; null when it has none because it failed. */
export function tagsIn(seen: Seen): ReadonlyMap<string, string> | null {
  if (isDone(seen)) return seen.tags ?? new Map()
  return seen.status === 404 && NO_TAGS_CODES.has(seen.code ?? '') ? new Map() : null
}

/** True when both name the same content; GetObjectAttributes and some clients leave the quotes out. */
export function sameEtag(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && bare(one) === bare(other)
}

function bare(etag: string): string {
  return etag.startsWith('"') && etag.endsWith('"') && etag.length > 1 ? etag.slice(1, -1) : etag
}

/** True when two answers show the same head: ETag, Last-Modified and mark. */
export function sameHead(one: Seen, other: Seen): boolean {
  return (
    isDone(one) && isDone(other) && sameEtag(one.etag, other.etag) && one.lastModified === other.lastModified && one.mark === other.mark
  )
}

/** An end of the run with an error. */
export function refuse(code: RefusalCode, reason: string, seen?: Seen): Refusal {
  return seen === undefined ? { outcome: 'refuse', code, reason } : { outcome: 'refuse', code, reason, seen }
}

/** A lost race: 503 SlowDown, which SDKs retry. */
export function slowDown(reason: string): Refusal {
  return refuse('SlowDown', reason)
}

/** The object is there, and policy does not admit the caller. */
export function denied(looked: Looked): Refusal {
  return refuse('AccessDenied', `policy does not admit the caller to an object of ${looked.owner ?? 'nobody'}`)
}

/** The key or version is not there: as S3 answers, which tells it from a denial only to those who may list. */
export function missing(context: OwnershipContext, at: ObjectRef, seen: Seen): Refusal {
  if (!context.mayList()) return refuse('AccessDenied', 'there is no such object, and the caller may not list')
  if (isMarkerById(at, seen)) return refuse('MethodNotAllowed', 'the version is a delete marker', seen)
  if (at.versionId !== undefined || at.nullVersion) return refuse('NoSuchVersion', 'there is no such version', seen)
  return refuse('NoSuchKey', 'there is no such object', seen)
}

/** An effect that failed: the upstream's own words, except for what is an outage. */
export function refusal(seen: Seen, what: string): Refusal {
  if (seen.malformed === true) return refuse('BadGateway', `${what}: the answer is malformed`)
  if (seen.status === 429 || seen.code === 'SlowDown') return slowDown(`the upstream asks to slow down: ${what}`)
  const isOutage = seen.status < 400 || seen.status === 401 || seen.status >= 500 || CREDENTIAL_CODES.has(seen.code ?? '')
  if (isOutage && seen.status !== 501)
    return refuse('ServiceUnavailable', `${what}: ${seen.status === 0 ? 'no answer' : `${seen.status} ${seen.code ?? ''}`}`)
  return refuse('Upstream', `${what}: ${seen.status} ${seen.code ?? ''}`, seen)
}

/** A look that failed: never a denial, whatever the upstream says, because it was not asked in the client's words. */
export function lookFailed(seen: Seen): Refusal {
  const found = refusal(seen, 'look')
  return found.code === 'Upstream' ? refuse('ServiceUnavailable', found.reason) : found
}

/** The condition as it goes out: nothing where the upstream is known to ignore it. */
export function wire(honoured: boolean, condition: WireCondition): WireCondition {
  return honoured ? condition : { kind: 'none' }
}
