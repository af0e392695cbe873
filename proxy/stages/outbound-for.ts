import type { Ask, ObjectRef, WireCondition } from '../ownership/steps.ts'
import { writePartsRequest } from '../s3/complete-upload.ts'
import { writeDeleteRequest } from '../s3/delete-objects.ts'
import { writeTagging } from '../s3/tagging.ts'
import { digestBase64 } from '../sigv4/payload/digest.ts'
import { hash } from 'node:crypto'
import { bodyOf, placeOf, type Exchange } from './exchange.ts'
import { bucketRequest, type Outbound, type OutboundBody } from './outbound.ts'
import { outboundCopy, outboundCreateUpload, outboundPartCopy, outboundPartPut, outboundPut, outboundPutRead } from './outbound-writes.ts'
import { outboundRead, outboundReadRange } from './outbound-reads.ts'
import { passedOn, withoutOmitted, type Headers } from './write-headers.ts'

/** One ask of the protocol as a request to the upstream. */
export function outboundFor(ask: Ask, exchange: Exchange): Outbound {
  switch (ask.ask) {
    case 'head':
    case 'read':
      return outboundRead(ask, exchange)
    case 'readRange':
      return outboundReadRange(ask, exchange)
    case 'tags':
      return objectRequest(exchange, ask.at, { method: 'GET', query: [['tagging', null], ...versionQuery(ask.at)] })
    case 'put':
      return outboundPut(ask, exchange, bodyOf(exchange))
    case 'putRead':
      return outboundPutRead(ask, exchange)
    case 'copy':
      return outboundCopy(ask, exchange)
    case 'createUpload':
      return outboundCreateUpload(ask, exchange)
    case 'partCopy':
      return outboundPartCopy(ask, exchange)
    case 'partPut':
      return outboundPartPut(ask, exchange)
    case 'complete':
      return outboundComplete(ask, exchange)
    case 'abort':
      return objectRequest(exchange, ask.at, { method: 'DELETE', query: [['uploadId', ask.uploadId]] })
    case 'delete':
      return objectRequest(exchange, ask.at, { method: 'DELETE', query: versionQuery(ask.at), headers: conditionHeaders(ask.condition) })
    case 'deleteBatch':
      return outboundDeleteBatch(ask, exchange)
    case 'putTags': {
      const { body, headers } = xmlBody(writeTagging(ask.tags))
      return objectRequest(exchange, ask.at, { method: 'PUT', query: [['tagging', null], ...versionQuery(ask.at)], headers, body })
    }
    case 'below':
      return outboundBelow(ask, exchange)
    default:
      return ask satisfies never
  }
}

interface ObjectRequest {
  readonly method: Outbound['method']
  readonly query?: Outbound['query']
  readonly headers?: Headers
  readonly body?: OutboundBody
  readonly slow?: boolean
}

/** A request on one object at its place. */
export function objectRequest(exchange: Exchange, at: ObjectRef, parts: ObjectRequest): Outbound {
  const { account, assignment } = placeOf(exchange, at.place)
  return {
    account,
    bucket: assignment.upstreamBucket,
    method: parts.method,
    key: at.key,
    query: parts.query ?? [],
    headers: withoutOmitted(parts.headers ?? [], account),
    body: parts.body ?? { kind: 'none' },
    slow: parts.slow ?? false
  }
}

/** The version that an ask is for; `null` names the version without an id. */
export function versionQuery(at: ObjectRef): Outbound['query'] {
  if (at.versionId !== undefined) return [['versionId', at.versionId]]
  return at.nullVersion === true ? [['versionId', 'null']] : []
}

/** What makes an effect do nothing unless the look still holds. */
export function conditionHeaders(condition: WireCondition): Headers {
  switch (condition.kind) {
    case 'absent':
      return [['if-none-match', '*']]
    case 'match':
      return [['if-match', condition.etag]]
    case 'none':
      return []
    default:
      return condition satisfies never
  }
}

/** An XML body of our own writing, with its hash and digest. */
export function xmlBody(xml: string): { readonly body: OutboundBody; readonly headers: Headers } {
  const bytes = Buffer.from(xml, 'utf8')
  return {
    body: { kind: 'bytes', bytes, payloadHash: hash('sha256', bytes, 'hex') },
    headers: [
      ['content-md5', digestBase64('md5', bytes)],
      ['content-type', 'application/xml']
    ]
  }
}

function outboundComplete(ask: Extract<Ask, { ask: 'complete' }>, exchange: Exchange): Outbound {
  const own = ask.parts?.map(({ partNumber, etag }) => ({ partNumber, etag: etag.replace(/^"|"$/g, ''), checksums: [] }))
  const { body } = xmlBody(writePartsRequest(own ?? exchange.grant.operation.parts ?? []))
  // The checksums of Complete speak of the object, not of this body.
  const claims =
    own === undefined ? passedOn(exchange.request.headers, ['checksum', 'uploadSize']).filter(([name]) => name !== 'content-md5') : []
  return objectRequest(exchange, ask.at, {
    method: 'POST',
    query: [['uploadId', ask.uploadId]],
    headers: [['content-type', 'application/xml'], ...claims, ...conditionHeaders(ask.condition)],
    body,
    slow: true
  })
}

function outboundDeleteBatch(ask: Extract<Ask, { ask: 'deleteBatch' }>, exchange: Exchange): Outbound {
  const items = ask.items.map(({ at, etag }) => ({
    key: at.key,
    versionId: at.versionId ?? (at.nullVersion === true ? 'null' : undefined),
    etag: etag ?? undefined
  }))
  const { body, headers } = xmlBody(writeDeleteRequest(items))
  return bucketRequest(placeOf(exchange, 'target'), [['delete', null]], { method: 'POST', headers, body, slow: true })
}

function outboundBelow(ask: Extract<Ask, { ask: 'below' }>, exchange: Exchange): Outbound {
  return bucketRequest(placeOf(exchange, ask.at.place), [
    ['versions', null],
    ['prefix', ask.at.key],
    ['key-marker', ask.at.key],
    ['version-id-marker', ask.versionId],
    ['max-keys', '1'],
    ['encoding-type', 'url']
  ])
}
