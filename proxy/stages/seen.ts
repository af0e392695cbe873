import type { Ask, Seen } from '../ownership/steps.ts'
import { readAttributes } from '../s3/attributes.ts'
import { readCompleteResult } from '../s3/complete-upload.ts'
import { readCopyResult } from '../s3/copy-result.ts'
import { readDeleteResult } from '../s3/delete-objects.ts'
import { readErrorCode } from '../s3/error-xml.ts'
import { isS3ErrorCode, S3_ERRORS } from '../s3/error.ts'
import { readInitiateResult } from '../s3/multipart.ts'
import { TAGGING_COUNT } from '../s3/response-headers.ts'
import { readTaggingResult } from '../s3/tagging.ts'
import { readVersionPage } from '../s3/version-list.ts'
import type { UpstreamResponse } from '../transport/transport.ts'
import { MARK_HEADER, NONCE_HEADER } from './marks.ts'
import type { Reply } from './reply.ts'

/** What one answer says, in the protocol's words. `ask` is null for a request that no protocol governs, `document` for a body that is held. */
export function seenOf(ask: Ask | null, response: UpstreamResponse, document: Uint8Array | null): Seen {
  const reply: Reply = { response, document, collected: null, taken: false }
  const seen = factsOf(response, reply)
  if (response.status >= 300) return { ...seen, code: codeOf(ask, response, document) }
  return document === null || ask === null ? seen : { ...seen, ...documentFacts(ask, document) }
}

type Facts = { -readonly [Name in keyof Seen]?: Seen[Name] }

/** One pass; where two headers have a name, the first that says something counts. */
function factsOf({ status, rawHeaders }: UpstreamResponse, reply: Reply): Seen {
  const facts: Facts & Pick<Seen, 'status' | 'reply'> = { status, reply }
  let length: string | undefined
  let range: string | undefined
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    const value = rawHeaders[index + 1] as string
    switch (FACTS.get(name.length)?.get(name.toLowerCase())) {
      case undefined:
        break
      case 'etag':
        facts.etag ??= value
        break
      case 'lastModified':
        facts.lastModified ??= value
        break
      case 'mark':
        facts.mark ??= value
        break
      case 'nonce':
        facts.nonce ??= value
        break
      case 'length':
        length ??= value
        break
      case 'range':
        range ??= value
        break
      case 'versionId':
        if (value !== 'null' && value !== '') facts.versionId ??= value
        break
      case 'deleteMarker':
        if (value === 'true') facts.deleteMarker = true
        break
      case 'tagCount':
        if (Number.isInteger(Number(value))) facts.tagCount ??= Number(value)
    }
  }
  const size = sizeOf(length, range)
  if (size !== null) facts.size = size
  return facts
}

type FactName = 'etag' | 'lastModified' | 'mark' | 'nonce' | 'length' | 'range' | 'versionId' | 'deleteMarker' | 'tagCount'

/** By length first: most headers of an answer are none of these. */
const FACTS: ReadonlyMap<number, ReadonlyMap<string, FactName>> = byLength([
  ['etag', 'etag'],
  ['last-modified', 'lastModified'],
  [MARK_HEADER, 'mark'],
  [NONCE_HEADER, 'nonce'],
  ['content-length', 'length'],
  ['content-range', 'range'],
  ['x-amz-version-id', 'versionId'],
  ['x-amz-delete-marker', 'deleteMarker'],
  [TAGGING_COUNT, 'tagCount']
])

function byLength(names: readonly (readonly [header: string, fact: FactName])[]): ReadonlyMap<number, ReadonlyMap<string, FactName>> {
  const lengths = new Map<number, Map<string, FactName>>()
  for (const [header, fact] of names) lengths.set(header.length, (lengths.get(header.length) ?? new Map()).set(header, fact))
  return lengths
}

/** Size of the whole object: of a range, what stands behind the slash. */
function sizeOf(length: string | undefined, range: string | undefined): number | null {
  const text = range === undefined ? length : /\/(\d+)$/.exec(range)?.[1]
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null
}

function codeOf(ask: Ask | null, { status }: UpstreamResponse, document: Uint8Array | null): string {
  const code = document === null ? null : readErrorCode(document)
  if (code !== null) return code
  switch (status) {
    case 304:
      return 'NotModified'
    case 403:
      return 'AccessDenied'
    case 404:
      return ask !== null && 'at' in ask && ask.at.versionId !== undefined ? 'NoSuchVersion' : 'NoSuchKey'
    case 405:
      return 'MethodNotAllowed'
    case 412:
      return 'PreconditionFailed'
    case 416:
      return 'InvalidRange'
    case 503:
      return 'SlowDown'
    default:
      return status >= 500 ? 'InternalError' : 'InvalidRequest'
  }
}

function documentFacts(ask: Ask, document: Uint8Array): Partial<Seen> {
  switch (ask.ask) {
    case 'tags':
      return { tags: readTaggingResult(document) }
    case 'createUpload':
      return { uploadId: readInitiateResult(document) }
    case 'read': {
      // GetObjectAttributes: its ETag stands in the document. A HEAD with a range has none, and says all in its head.
      if (document.length === 0) return {}
      const { etag } = readAttributes(document)
      return etag === undefined ? {} : { etag: `"${etag}"` }
    }
    case 'copy':
    case 'partCopy': {
      const result = readCopyResult(document)
      return result.kind === 'done' ? { etag: result.etag } : lateError(result.code)
    }
    case 'complete': {
      const result = readCompleteResult(document)
      return result.kind === 'done' ? { etag: result.etag } : lateError(result.code)
    }
    case 'deleteBatch':
      return { items: batchItems(ask, document) }
    case 'below':
      return { below: below(ask, document) }
    default:
      return {}
  }
}

/** An error behind a 200: the status is that of its code. */
function lateError(code: string): Partial<Seen> {
  return { status: isS3ErrorCode(code) ? S3_ERRORS[code].status : 500, code }
}

function batchItems(ask: Extract<Ask, { ask: 'deleteBatch' }>, document: Uint8Array): NonNullable<Seen['items']> {
  const result = readDeleteResult(document)
  const name = (key: string, versionId: string | undefined): string => JSON.stringify([key, versionId ?? null])
  const deleted = new Map(result.deleted.map((item) => [name(item.key, item.versionId), item]))
  const errors = new Map(result.errors.map((item) => [name(item.key, item.versionId), item]))
  return ask.items.map(({ at }) => {
    const wanted = name(at.key, at.versionId ?? (at.nullVersion === true ? 'null' : undefined))
    const failure = errors.get(wanted) ?? errors.get(name(at.key, undefined))
    if (failure !== undefined) return { status: isS3ErrorCode(failure.code) ? S3_ERRORS[failure.code].status : 500, code: failure.code }
    // Some upstreams name the version that was removed only as the marker's; a key that is not named at all is unknown.
    const done = deleted.get(wanted) ?? result.deleted.find((item) => item.key === at.key)
    if (done === undefined) return { status: 0 }
    const versionId = done.deleteMarkerVersionId ?? done.versionId
    return { status: 204, ...(versionId !== undefined && { versionId }), ...(done.deleteMarker && { deleteMarker: true }) }
  })
}

function below(ask: Extract<Ask, { ask: 'below' }>, document: Uint8Array): NonNullable<Seen['below']> {
  const [entry] = readVersionPage(document).versions
  if (entry === undefined || entry.key !== ask.at.key) return { found: true }
  return entry.kind === 'version' ? { found: true, versionId: entry.versionId } : { found: true }
}
