import { readAttributes, readAttributesRequest, writeAttributes } from '../s3/attributes.ts'
import { readVersioning, writeVersioning } from '../s3/buckets.ts'
import { readCompleteResult, writeCompleteResult } from '../s3/complete-upload.ts'
import { readCopyResult, writeCopyObjectResult, writeCopyPartResult, type Copied } from '../s3/copy-result.ts'
import { redirectTo } from '../post-form/fields.ts'
import { encodeKey } from '../s3/encode.ts'
import { S3Error } from '../s3/error.ts'
import { readListParts } from '../s3/list-request.ts'
import { readPartPage, writeInitiateResult, writePartPage } from '../s3/multipart.ts'
import { writePostResult } from '../s3/post-result.ts'
import { queryValue } from '../s3/query.ts'
import { clientTaggingCount, headerValue, isReleasedHeader, releasedHeaders, TAGGING_COUNT } from '../s3/response-headers.ts'
import { writeTagging } from '../s3/tagging.ts'
import { sealUploadId } from '../identity/upload-id.ts'
import type { Looked, Seen } from '../ownership/steps.ts'
import type { Answer } from '../transport/transport.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Grant } from './authorize.ts'
import type { Dependencies } from './dependencies.ts'
import { answerDeletes } from './answer-deletes.ts'
import { answerListing } from './list-response.ts'
import { SERVICE_TAG } from '../ownership/context.ts'
import { clientOwner } from './owner-id.ts'
import type { Plan } from './rewrite-request.ts'
import { replyHeaders, replyOf, takeBody } from './reply.ts'
import type { Release, Released } from './verify-owner.ts'

export interface Leaving {
  readonly request: AcceptedRequest
  readonly grant: Grant
  readonly plan: Plan
}

type Relayed = Extract<Released, { outcome: 'relay' }>

/** What the client gets: names and keys as it knows them, headers by allow-list, documents written anew. */
export function rewriteResponse(release: Release, leaving: Leaving, deps: Dependencies): Answer {
  const { outcome } = release
  if (outcome.outcome === 'batch') return answerDeletes(outcome.items, leaving)
  if (outcome.outcome === 'computed') return answerComputed(outcome, leaving, deps)
  return answerRelayed(outcome, leaving, deps)
}

function answerRelayed(relayed: Relayed, leaving: Leaving, deps: Dependencies): Answer {
  const { seen } = relayed
  switch (leaving.grant.operation.name) {
    case 'GetObject':
      return { status: seenStatus(seen), rawHeaders: objectHeaders(seen), body: takeBody(seen) }
    case 'HeadObject':
      return { status: seenStatus(seen), rawHeaders: objectHeaders(seen), body: null }
    case 'GetObjectAttributes':
      return answerAttributes(seen, leaving)
    case 'GetObjectTagging':
      return answerTags(seen, relayed.proof)
    case 'PutObjectTagging':
      return { status: 200, rawHeaders: versionHeaders(seen, relayed.proof), body: null }
    case 'DeleteObjectTagging':
      return { status: 204, rawHeaders: versionHeaders(seen, relayed.proof), body: null }
    case 'PutObject':
    case 'UploadPart':
      return { status: 200, rawHeaders: effectHeaders(seen), body: null }
    case 'PostObject':
      return answerPost(seen, leaving)
    case 'CopyObject':
      return answerCopy(relayed, deps)
    case 'CreateMultipartUpload':
      return answerCreate(relayed, leaving, deps)
    case 'UploadPartCopy':
      return xmlAnswer(writeCopyPartResult(copiedOf(seen, deps)), sourceVersion(relayed.source))
    case 'CompleteMultipartUpload':
      return answerComplete(seen, leaving, deps)
    case 'AbortMultipartUpload':
      forgetUpload(leaving, deps)
      return { status: 204, rawHeaders: [], body: null }
    case 'ListParts':
      return answerParts(seen, leaving)
    case 'DeleteObject':
      return { status: 204, rawHeaders: effectHeaders(seen), body: null }
    case 'GetBucketVersioning':
      return xmlAnswer(writeVersioning(readVersioning(documentOf(seen))))
    case 'ListObjects':
    case 'ListObjectsV2':
    case 'ListObjectVersions':
      return answerListing(documentOf(seen), leaving, deps)
    default:
      throw new Error(`no answer is written for ${leaving.grant.operation.name}`)
  }
}

/** An answer that a look has decided: nothing of it is the upstream's own. */
function answerComputed({ status, proof }: Extract<Released, { outcome: 'computed' }>, leaving: Leaving, deps: Dependencies): Answer {
  switch (status) {
    case 204:
      return { status: 204, rawHeaders: [], body: null }
    case 200:
      if (proof === null) throw new Error('a finished upload without its object')
      return answerComplete(proof.head, leaving, deps)
    case 304:
      return { status: 304, rawHeaders: proof === null ? [] : notModifiedHeaders(proof), body: null }
    case 412:
      throw new S3Error('PreconditionFailed', 'the client’s condition does not hold for the object as looked at')
    case 416:
      if (queryValue(leaving.request.query, 'partNumber') !== undefined)
        throw new S3Error('InvalidPartNumber', 'the object has fewer parts')
      throw new S3Error('InvalidRange', 'the range lies outside the object', {
        RangeRequested: leaving.request.headers.get('range') ?? '',
        ActualObjectSize: String(proof?.size ?? 0)
      })
    default:
      return status satisfies never
  }
}

/** MinIO writes 206 with a range that no parser takes for an empty object; S3 sends 200 without one. */
function seenStatus(seen: Seen): number {
  return seen.status === 206 && hasBrokenRange(replyHeaders(seen)) ? 200 : seen.status
}

function hasBrokenRange(rawHeaders: readonly string[]): boolean {
  const range = headerValue(rawHeaders, 'content-range')
  return range !== undefined && !/^bytes \d+-\d+\/\d+$/.test(range)
}

/** The headers of an object: what its owner may see, our tag not counted. */
function objectHeaders(seen: Seen): string[] {
  const upstream = replyHeaders(seen)
  const headers = releasedHeaders(upstream)
  const kept = hasBrokenRange(upstream) ? without(headers, 'content-range') : headers
  const count = headerValue(upstream, TAGGING_COUNT)
  const own = count === undefined ? null : clientTaggingCount(count, 1)
  if (own !== null) kept.push(TAGGING_COUNT, own)
  return kept
}

function without(headers: readonly string[], name: string): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2)
    if (headers[index] !== name) kept.push(headers[index] ?? '', headers[index + 1] ?? '')
  return kept
}

const NOT_MODIFIED: ReadonlySet<string> = new Set(['cache-control', 'etag', 'expires', 'last-modified', 'x-amz-version-id'])

function notModifiedHeaders(proof: Looked): string[] {
  const headers = releasedHeaders(replyHeaders(proof.head))
  return headers.flatMap((name, index) => (index % 2 === 0 && NOT_MODIFIED.has(name) ? [name, headers[index + 1] ?? ''] : []))
}

/** What an effect tells of the object that it made: its ETag and everything of S3's own; nothing of the answer's entity. */
function effectHeaders(seen: Seen): string[] {
  const upstream = replyHeaders(seen)
  const headers: string[] = []
  for (let index = 0; index + 1 < upstream.length; index += 2) {
    const name = (upstream[index] ?? '').toLowerCase()
    const isOwn = name === 'etag' || (name.startsWith('x-amz-') && !name.startsWith('x-amz-meta-'))
    if (isOwn && isReleasedHeader(name)) headers.push(name, upstream[index + 1] ?? '')
  }
  return headers
}

/** RESTObjectPOST: nothing, or a document, or the page that the form names. */
function answerPost(seen: Seen, leaving: Leaving): Answer {
  const { request, grant, plan } = leaving
  const { postAnswer } = request
  if (postAnswer === undefined || grant.key === null) throw new Error('a form without its answer or key')
  const stored = { bucket: plan.exchange.place.assignment.tenant, key: grant.key, etag: seen.etag ?? '' }
  if (postAnswer.redirect !== null)
    return { status: 303, rawHeaders: ['location', redirectTo(postAnswer.redirect, stored), ...effectHeaders(seen)], body: null }
  const location = locationOf(leaving, grant.key)
  const headers = ['location', location, ...effectHeaders(seen)]
  if (postAnswer.status !== 201) return { status: postAnswer.status, rawHeaders: headers, body: null }
  return { ...xmlAnswer(writePostResult({ location, ...stored }), headers), status: 201 }
}

function versionHeaders(seen: Seen, proof: Looked | null): string[] {
  const versionId = seen.versionId ?? proof?.versionId
  return versionId === undefined ? [] : ['x-amz-version-id', versionId]
}

const sourceVersion = (source: Looked | undefined): string[] =>
  source?.versionId === undefined ? [] : ['x-amz-copy-source-version-id', source.versionId]

function answerAttributes(seen: Seen, { request }: Leaving): Answer {
  const { attributes } = readAttributesRequest(request.headers)
  const lastModified = headerValue(replyHeaders(seen), 'last-modified')
  const headers = [...(lastModified === undefined ? [] : ['last-modified', lastModified]), ...versionHeaders(seen, null)]
  return xmlAnswer(writeAttributes(readAttributes(documentOf(seen)), attributes), headers)
}

function answerTags(seen: Seen, proof: Looked | null): Answer {
  const tags = new Map(seen.tags ?? proof?.tags ?? [])
  tags.delete(SERVICE_TAG)
  return xmlAnswer(writeTagging(tags), versionHeaders(seen, proof))
}

function answerCopy({ seen, source }: Relayed, deps: Dependencies): Answer {
  return xmlAnswer(writeCopyObjectResult(copiedOf(seen, deps)), [...effectHeaders(seen).filter(isNotEtag), ...sourceVersion(source)])
}

// Flat list: a name is kept or dropped together with its value.
function isNotEtag(_: string, index: number, headers: readonly string[]): boolean {
  return headers[index - (index % 2)] !== 'etag'
}

/** What was copied, from the copy's own document or, where a copy was made of a put, from its answer. */
function copiedOf(seen: Seen, deps: Dependencies): Copied {
  const document = replyOf(seen)?.document ?? null
  if (document !== null && document.length > 0) {
    const text = Buffer.from(document).toString('latin1', 0, 512)
    if (/<Copy(Object|Part)Result/.test(text)) {
      const result = readCopyResult(document)
      if (result.kind === 'done')
        return { etag: result.etag, lastModified: result.lastModified || deps.now().toISOString(), checksums: result.checksums }
    }
  }
  return { etag: seen.etag ?? '', lastModified: deps.now().toISOString(), checksums: [] }
}

function answerCreate({ seen, nonce }: Relayed, { request, grant, plan }: Leaving, deps: Dependencies): Answer {
  const { account, assignment } = plan.exchange.place
  if (seen.uploadId === undefined || nonce === undefined || grant.key === null) throw new Error('an upload was begun without id or nonce')
  const place = { account: account.id, upstreamBucket: assignment.upstreamBucket, uploadId: seen.uploadId, nonce }
  const binding = { tenant: assignment.tenant, key: grant.key, owner: grant.caller.owner }
  deps.ledger.insert({ ...place, ...binding, createdAt: deps.now() })
  const headers = effectHeaders(seen)
  const algorithm = headerValue(replyHeaders(seen), 'x-amz-checksum-algorithm') ?? request.headers.get('x-amz-checksum-algorithm')
  if (algorithm !== undefined && /^[A-Za-z0-9]{1,16}$/.test(algorithm)) headers.push('x-amz-checksum-algorithm', algorithm)
  return xmlAnswer(
    writeInitiateResult({ bucket: assignment.tenant, key: grant.key, uploadId: sealUploadId(deps.ring(), place, binding) }),
    headers
  )
}

function answerComplete(seen: Seen, leaving: Leaving, deps: Dependencies): Answer {
  const { grant, plan } = leaving
  const { tenant } = plan.exchange.place.assignment
  if (grant.key === null) throw new Error('a Complete without key')
  forgetUpload(leaving, deps)
  const document = replyOf(seen)?.document ?? null
  const result = document === null || document.length === 0 ? null : readCompleteResult(document)
  const checksums = result !== null && result.kind === 'done' ? result.checksums : []
  const xml = writeCompleteResult({
    location: locationOf(leaving, grant.key),
    bucket: tenant,
    key: grant.key,
    etag: seen.etag ?? '',
    checksums
  })
  return xmlAnswer(xml, effectHeaders(seen).filter(isNotEtag))
}

/** The object's URL as this client would write it. */
function locationOf({ request }: Leaving, key: string): string {
  const origin = `${request.head.secure ? 'https' : 'http'}://${request.headers.get('host') ?? ''}`
  return request.address.style === 'virtual' ? `${origin}/${encodeKey(key)}` : `${origin}/${request.tenant ?? ''}/${encodeKey(key)}`
}

function forgetUpload({ plan }: Leaving, deps: Dependencies): void {
  if (plan.upload !== null) deps.ledger.remove(plan.upload)
}

function answerParts(seen: Seen, { request, grant, plan }: Leaving): Answer {
  const page = readPartPage(documentOf(seen))
  const { tenant } = plan.exchange.place.assignment
  const uploadId = queryValue(request.query, 'uploadId') ?? ''
  return xmlAnswer(
    writePartPage(readListParts(request.query), {
      ...page,
      bucket: tenant,
      key: grant.key ?? '',
      uploadId,
      owner: clientOwner(grant.caller)
    })
  )
}

function documentOf(seen: Seen): Uint8Array {
  const document = replyOf(seen)?.document ?? null
  if (document === null) throw new Error('an answer was not read')
  return document
}

/** An XML answer of our own writing. */
export function xmlAnswer(xml: string, headers: readonly string[] = []): Answer {
  return { status: 200, rawHeaders: ['content-type', 'application/xml', ...headers], body: Buffer.from(xml, 'utf8') }
}
