import type { Ask, Looked } from '../ownership/steps.ts'
import { encodeKey, encodeQueryValue } from '../s3/encode.ts'
import type { HeaderGroup } from '../s3/operation-row.ts'
import type { Tags } from '../s3/tagging.ts'
import type { PreparedBody } from './body.ts'
import { placeOf, type Exchange } from './exchange.ts'
import { SERVICE_TAG } from '../ownership/context.ts'
import type { Outbound, OutboundBody } from './outbound.ts'
import { conditionHeaders, objectRequest } from './outbound-for.ts'
import { replyHeaders } from './reply.ts'
import { checkedEncryption, checkMetadataSize, describingHeaders, passedOn, ownHeaders, type Headers } from './write-headers.ts'

const NO_TAGS: Tags = new Map()
const DESCRIBING: readonly HeaderGroup[] = ['entity', 'metadata']
/** Of a copy or a new upload, what the checksum of the object shall be; never a value of this request's own body. */
const CHECKSUM_CHOICE: ReadonlySet<string> = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-type'])

/** PutObject of the client's body. */
export function outboundPut(ask: Extract<Ask, { ask: 'put' }>, exchange: Exchange, prepared: PreparedBody): Outbound {
  const described = passedOn(exchange.request.headers, [...DESCRIBING, 'storage'])
  const own = targetHeaders(exchange, { described, tags: exchange.tags ?? NO_TAGS, nonce: null })
  return objectRequest(exchange, ask.at, {
    method: 'PUT',
    headers: withFraming([...own, ...prepared.headers, ...conditionHeaders(ask.condition)], prepared.body),
    body: prepared.body
  })
}

/** PutObject of what a held read of the source carries; the body is put in by the driver. */
export function outboundPutRead(ask: Extract<Ask, { ask: 'putRead' }>, exchange: Exchange): Outbound {
  const own = copiedHeaders(exchange, ask.source, null)
  return objectRequest(exchange, ask.at, { method: 'PUT', headers: [...own, ...conditionHeaders(ask.condition)], slow: true })
}

/** CopyObject with both directives REPLACE: nothing of the source is stored that was not looked at. */
export function outboundCopy(ask: Extract<Ask, { ask: 'copy' }>, exchange: Exchange): Outbound {
  const headers: Headers = [
    ...copiedHeaders(exchange, ask.source, null),
    ...checksumChoice(exchange),
    ...sourceHeaders(exchange, ask.source),
    ['x-amz-metadata-directive', 'REPLACE'],
    ['x-amz-tagging-directive', 'REPLACE'],
    ...conditionHeaders(ask.condition)
  ]
  return objectRequest(exchange, ask.at, { method: 'PUT', headers, slow: true })
}

/** CreateMultipartUpload: of the client, or of an internal upload that copies `source`. */
export function outboundCreateUpload(ask: Extract<Ask, { ask: 'createUpload' }>, exchange: Exchange): Outbound {
  const described = passedOn(exchange.request.headers, [...DESCRIBING, 'storage'])
  const headers =
    ask.source === undefined
      ? targetHeaders(exchange, { described, tags: exchange.tags ?? NO_TAGS, nonce: ask.nonce })
      : copiedHeaders(exchange, ask.source, ask.nonce)
  return objectRequest(exchange, ask.at, { method: 'POST', query: [['uploads', null]], headers: [...headers, ...checksumChoice(exchange)] })
}

/** UploadPartCopy of one range, pinned to the source as looked at. */
export function outboundPartCopy(ask: Extract<Ask, { ask: 'partCopy' }>, exchange: Exchange): Outbound {
  const isWhole = ask.first === 0 && ask.last === ask.source.size - 1
  const range: Headers = isWhole || ask.source.size === 0 ? [] : [['x-amz-copy-source-range', `bytes=${ask.first}-${ask.last}`]]
  return objectRequest(exchange, ask.at, {
    method: 'PUT',
    query: partQuery(ask),
    headers: [...sourceHeaders(exchange, ask.source), ...range],
    slow: true
  })
}

/** UploadPart of what a held range of the source carries; the body is put in by the driver. */
export function outboundPartPut(ask: Extract<Ask, { ask: 'partPut' }>, exchange: Exchange): Outbound {
  return objectRequest(exchange, ask.at, { method: 'PUT', query: partQuery(ask), slow: true })
}

/** UploadPart of the client's body: the sealed upload id has already said whose upload it is. */
export function outboundUploadPart(
  part: { readonly at: Extract<Ask, { ask: 'put' }>['at']; readonly uploadId: string; readonly partNumber: number },
  exchange: Exchange,
  prepared: PreparedBody
): Outbound {
  return objectRequest(exchange, part.at, {
    method: 'PUT',
    query: partQuery(part),
    headers: withFraming(prepared.headers, prepared.body),
    body: prepared.body
  })
}

const partQuery = (part: { readonly partNumber: number; readonly uploadId: string }): Outbound['query'] => [
  ['partNumber', String(part.partNumber)],
  ['uploadId', part.uploadId]
]

interface TargetHeaders {
  readonly described: Headers
  readonly tags: Tags
  readonly nonce: string | null
}

function targetHeaders(exchange: Exchange, { described, tags, nonce }: TargetHeaders): Headers {
  const { account } = exchange.place
  const own = ownHeaders(account, { owner: exchange.grant.caller.owner, tags, nonce })
  const headers = [...described, ...checkedEncryption(exchange.request.headers, account), ...own]
  checkMetadataSize(headers, account)
  return headers
}

/** What a copy is described by: the source as looked at, or what the client says in its place. */
function copiedHeaders(exchange: Exchange, source: Looked, nonce: string | null): Headers {
  const { headers } = exchange.request
  const replacesMetadata = headers.get('x-amz-metadata-directive')?.toUpperCase() === 'REPLACE'
  const replacesTags = headers.get('x-amz-tagging-directive')?.toUpperCase() === 'REPLACE'
  const described = replacesMetadata ? passedOn(headers, DESCRIBING) : describingHeaders(replyHeaders(source.head))
  const tags = replacesTags ? (exchange.tags ?? NO_TAGS) : sourceTags(exchange, source)
  return targetHeaders(exchange, { described: [...described, ...passedOn(headers, ['storage'])], tags, nonce })
}

function sourceTags(exchange: Exchange, source: Looked): Tags {
  const tags = new Map(source.tags ?? NO_TAGS)
  tags.delete(SERVICE_TAG)
  // A provider without tags has nowhere to keep them; CopyObject there has none to copy.
  return exchange.place.account.capabilities.tags ? tags : NO_TAGS
}

/** The copy source by its upstream name, bound to the very content that was looked at. */
function sourceHeaders(exchange: Exchange, source: Looked): Headers {
  const { assignment } = placeOf(exchange, 'source')
  const versionId = source.at.versionId ?? source.versionId
  const version =
    versionId === undefined ? (source.at.nullVersion === true ? '?versionId=null' : '') : `?versionId=${encodeQueryValue(versionId)}`
  return [
    ['x-amz-copy-source', `/${assignment.upstreamBucket}/${encodeKey(source.at.key)}${version}`],
    ['x-amz-copy-source-if-match', source.etag]
  ]
}

function checksumChoice(exchange: Exchange): Headers {
  return passedOn(exchange.request.headers, ['checksum']).filter(([name]) => CHECKSUM_CHOICE.has(name))
}

/** A body that we frame says so beside the object's own encodings. */
function withFraming(headers: Headers, body: OutboundBody): Headers {
  if (body.kind !== 'flow' || body.payloadHash !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return headers
  const others = headers.filter(([name]) => name !== 'content-encoding')
  const encoding = headers.find(([name]) => name === 'content-encoding')?.[1]
  return [...others, ['content-encoding', encoding === undefined ? 'aws-chunked' : `aws-chunked,${encoding}`]]
}
