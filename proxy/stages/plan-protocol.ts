import type { UploadPlace } from '../identity/upload-id.ts'
import { attributes } from '../ownership/attributes.ts'
import { complete } from '../ownership/complete.ts'
import { copy } from '../ownership/copy.ts'
import { createUpload } from '../ownership/create-upload.ts'
import { deleteMany } from '../ownership/delete-many.ts'
import { deleteObject, type DeleteRequest } from '../ownership/delete.ts'
import { getTagging } from '../ownership/get-tagging.ts'
import { head } from '../ownership/head.ts'
import { putTagging } from '../ownership/put-tagging.ts'
import { put } from '../ownership/put.ts'
import { get, type Judge, type RangeOf } from '../ownership/read.ts'
import type { ObjectRef, Protocol } from '../ownership/steps.ts'
import { uploadPartCopy } from '../ownership/upload-part-copy.ts'
import { readAttributesRequest } from '../s3/attributes.ts'
import {
  copySourceConditions,
  deleteCondition,
  hasConditions,
  judgeConditions,
  judgeCopyConditions,
  namesEtag,
  readConditions,
  writeCondition
} from '../s3/conditions.ts'
import { S3Error } from '../s3/error.ts'
import type { HeaderView } from '../s3/header-view.ts'
import { queryValue } from '../s3/query.ts'
import { checkCopyRange, parseCopyRange, parseRange } from '../s3/range.ts'
import type { TenantKey } from '../tenants/keys.ts'
import type { SourceGrant } from './authorize.ts'
import { bodyOf, type Exchange } from './exchange.ts'
import type { Outbound } from './outbound.ts'
import { objectRequest } from './outbound-for.ts'
import { outboundUploadPart } from './outbound-writes.ts'
import { objectRef, sourceContext, targetContext } from './ownership-context.ts'
import { placedKeyProblem } from './placed-key.ts'
import type { Place } from './resolve.ts'
import type { RewriteDependencies } from './rewrite-request.ts'

/** The protocol run of an operation that touches an object. */
export function planProtocol(exchange: Exchange, upload: UploadPlace | null, deps: RewriteDependencies): Protocol {
  const { request, grant, place } = exchange
  const { operation } = grant
  const context = targetContext(grant, place, deps)
  switch (operation.row.protocol) {
    case 'read':
      return get(context, { at: targetRef(exchange), ...readRequest(exchange) })
    case 'head': {
      const read = readRequest(exchange)
      return read.rangeOf === null
        ? head(context, { at: targetRef(exchange), judge: read.judge })
        : get(context, { at: targetRef(exchange), ...read })
    }
    case 'attributes':
      readAttributesRequest(request.headers)
      return attributes(context, { at: targetRef(exchange) })
    case 'getTagging':
      return getTagging(context, { at: targetRef(exchange) })
    case 'putTagging':
      return putTagging(context, { at: targetRef(exchange), tags: exchange.tags ?? new Map() })
    case 'put':
      return put(context, {
        at: targetRef(exchange),
        client: writeCondition(request.headers),
        replayable: bodyOf(exchange).body.kind !== 'flow'
      })
    case 'copy':
      return copy(context, { ...copyRequest(exchange, deps), client: writeCondition(request.headers) })
    case 'createUpload':
      return createUpload(context, { at: targetRef(exchange) })
    case 'complete':
      if (upload === null) throw new Error('a Complete without upload')
      return complete(context, {
        at: targetRef(exchange),
        uploadId: upload.uploadId,
        nonce: upload.nonce,
        client: writeCondition(request.headers)
      })
    case 'upload':
      if (upload === null) throw new Error('a part without upload')
      return planPartCopy(exchange, upload, deps)
    case 'delete':
      return deleteObject(context, { at: targetRef(exchange), judge: deleteJudge(deleteEtag(request.headers)) })
    case 'deleteMany':
      return deleteMany(context, { items: deletable(exchange).map(({ request: wanted }) => wanted) })
    case 'list':
    case 'none':
      throw new Error(`${operation.name} runs no protocol`)
    default:
      return operation.row.protocol satisfies never
  }
}

/** The one request of an operation on an upload, whose sealed id has already decided. */
export function planUpload(exchange: Exchange, upload: UploadPlace): { readonly outbound: Outbound; readonly label: string } {
  const { request, grant } = exchange
  const at = targetRef(exchange)
  const uploadId: readonly [string, string] = ['uploadId', upload.uploadId]
  switch (grant.operation.name) {
    case 'UploadPart': {
      const partNumber = Number(queryValue(request.query, 'partNumber'))
      return {
        outbound: outboundUploadPart({ at, uploadId: upload.uploadId, partNumber }, exchange, bodyOf(exchange)),
        label: 'uploadPart'
      }
    }
    case 'ListParts': {
      const query = request.query
        .filter(({ name }) => name === 'max-parts' || name === 'part-number-marker')
        .map(({ name, value }) => [name, value] as const)
      return { outbound: objectRequest(exchange, at, { method: 'GET', query: [uploadId, ...query] }), label: 'listParts' }
    }
    case 'AbortMultipartUpload':
      return { outbound: objectRequest(exchange, at, { method: 'DELETE', query: [uploadId] }), label: 'abort' }
    default:
      throw new Error(`${grant.operation.name} is not an operation on an upload`)
  }
}

/** The keys of DeleteObjects that policy does not deny outright, each with its place in the request. */
export function deletable(exchange: Exchange): readonly { readonly index: number; readonly request: DeleteRequest }[] {
  const { grant, place } = exchange
  return (grant.operation.deletes?.items ?? []).flatMap((item, index) => {
    if (grant.keys[index] === null || placedKeyProblem(place, item.key) !== null) return []
    const at = objectRef(place, 'target', { key: item.key as TenantKey, versionId: item.versionId ?? null })
    return [{ index, request: { at, judge: deleteJudge(item.etag) } }]
  })
}

function targetRef({ grant, place }: Exchange): ObjectRef {
  if (grant.key === null) throw new Error('an object operation without key')
  return objectRef(place, 'target', { key: grant.key, versionId: grant.operation.versionId })
}

function readRequest({ request }: Exchange): { judge: Judge | null; rangeOf: RangeOf | null; lookFirst: boolean } {
  const conditions = readConditions(request.headers)
  const range = request.headers.get('range')
  const part = queryValue(request.query, 'partNumber')
  const rangeOf: RangeOf | null =
    range !== undefined
      ? (looked) => parseRange(range, looked.size)
      : part !== undefined
        ? (looked) => partOf(looked.etag, Number(part))
        : null
  return {
    judge: hasConditions(conditions) ? (looked) => judgeConditions(conditions, looked) : null,
    rangeOf,
    lookFirst: conditions.ifNoneMatch !== undefined || conditions.ifModifiedSince !== undefined
  }
}

/** The ETag of a multipart object ends in its number of parts; any other object has one. */
function partOf(etag: string, part: number): 'whole' | 'unsatisfiable' {
  const parts = Number(/-(\d{1,5})"?$/.exec(etag)?.[1] ?? 1)
  return part > parts ? 'unsatisfiable' : 'whole'
}

function deleteEtag(headers: HeaderView): string | undefined {
  const condition = deleteCondition(headers)
  return condition.kind === 'match' ? condition.etag : undefined
}

function deleteJudge(ifMatch: string | undefined): Judge | null {
  return ifMatch === undefined ? null : (looked) => (namesEtag(ifMatch, looked.etag) ? 'pass' : 412)
}

function requiredSource({ grant }: Exchange): SourceGrant {
  if (grant.source === null) throw new Error('a copy without source')
  return grant.source
}

function copySourceParts(exchange: Exchange, deps: RewriteDependencies) {
  const source = requiredSource(exchange)
  const conditions = copySourceConditions(exchange.request.headers)
  const judgeSource: Judge | null = hasConditions(conditions) ? (looked) => judgeCopyConditions(conditions, looked) : null
  return {
    source: { context: sourceContext(exchange.grant, source, deps), at: objectRef(source.place, 'source', source) },
    judgeSource,
    sameAccount: reachesBoth(exchange.place, source.place)
  }
}

/** True when what signs a write at one place may also name an object at the other. */
function reachesBoth(one: Place, other: Place): boolean {
  if (one.account.id !== other.account.id) return false
  if (one.account.tenantCredentials === null) return true
  // A tenant's own credentials end where its keys end, so what crosses that goes through the proxy.
  return one.assignment.upstreamBucket === other.assignment.upstreamBucket && one.assignment.keyPrefix === other.assignment.keyPrefix
}

function copyRequest(exchange: Exchange, deps: RewriteDependencies) {
  const { headers } = exchange.request
  const source = requiredSource(exchange)
  const at = targetRef(exchange)
  const parts = copySourceParts(exchange, deps)
  const sameKey =
    parts.sameAccount &&
    source.place.assignment.upstreamBucket === exchange.place.assignment.upstreamBucket &&
    parts.source.at.key === at.key
  const ontoItself = sameKey && source.versionId === null
  for (const name of ['x-amz-metadata-directive', 'x-amz-tagging-directive']) {
    const directive = headers.get(name)?.toUpperCase()
    if (directive !== undefined && directive !== 'COPY' && directive !== 'REPLACE')
      throw new S3Error('InvalidArgument', `${name} is ${directive}`, { ArgumentName: name })
  }
  const changes =
    ['x-amz-metadata-directive', 'x-amz-tagging-directive'].some((name) => headers.get(name)?.toUpperCase() === 'REPLACE') ||
    headers.has('x-amz-storage-class') ||
    headers.has('x-amz-server-side-encryption')
  if (ontoItself && !changes) {
    throw new S3Error('InvalidRequest', 'a copy onto itself changes nothing', {
      Message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
    })
  }
  return {
    at,
    ...parts,
    copiesTags: headers.get('x-amz-tagging-directive')?.toUpperCase() !== 'REPLACE',
    ontoItself,
    smallBytesMax: deps.limits.smallPutBytesMax
  }
}

function planPartCopy(exchange: Exchange, upload: UploadPlace, deps: RewriteDependencies): Protocol {
  const { request, grant, place } = exchange
  const range = request.headers.get('x-amz-copy-source-range')
  const wanted = range === undefined ? null : parseCopyRange(range)
  return uploadPartCopy(targetContext(grant, place, deps), {
    at: targetRef(exchange),
    uploadId: upload.uploadId,
    partNumber: Number(queryValue(request.query, 'partNumber')),
    rangeOf:
      wanted === null
        ? null
        : (looked) => {
            checkCopyRange(wanted, looked.size)
            return wanted
          },
    ...copySourceParts(exchange, deps)
  })
}
