import { bucketOf, versionHeader, versionOf, type Call } from './call.ts'
import { judgeRead } from './conditions.ts'
import { StoreError } from './error.ts'
import { encodeWords, tagsHeader } from './minio-quirks.ts'
import { readRange, type ByteRange } from './range.ts'
import { emptyReply, type Reply } from './reply.ts'
import { parameter, type StoreRequest } from './request.ts'
import type { Version } from './state.ts'
import { sliceBytes } from './stored-bytes.ts'
import { checksumHeaders } from './write-object.ts'

type HeaderList = readonly (readonly [string, string])[]

/** GetObject and HeadObject, which differ only in the body. */
export function readObject(call: Call): Reply {
  const { request, world } = call
  const bucket = bucketOf(call)
  const version = versionOf(call, bucket)
  const verdict = judgeRead(request, version, world.behavior.minioQuirks)
  const identity: HeaderList = [
    ['etag', version.etag],
    ['last-modified', version.lastModified.toUTCString()],
    ...versionHeader(bucket, version)
  ]
  if (verdict === 'notModified') return emptyReply(304, identity)
  if (verdict === 'failed') {
    throw new StoreError('PreconditionFailed', { elements: [['Condition', 'If-Match']] })
  }
  const wanted = wantedRange(request, version, world.behavior.minioQuirks)
  const headers = [...identity, ...objectHeaders(call, version, wanted === null), ...rangeHeaders(wanted, version)]
  const range = wanted ?? { first: 0, last: version.bytes.length - 1 }
  const length = range.last - range.first + 1
  const status = wanted === null ? 200 : 206
  if (request.method === 'HEAD') return { status, headers, body: null, contentLength: length }
  return { status, headers, body: world.vault.hold(sliceBytes(version.bytes, range.first, length)) }
}

function wantedRange(request: StoreRequest, version: Version, minioQuirks: boolean): ByteRange | null {
  const partNumber = parameter(request, 'partNumber')
  const range = request.headers.get('range')
  if (partNumber === null) return readRange(range, version.bytes.length, minioQuirks)
  if (range !== null) throw new StoreError('InvalidRequest', { message: 'Cannot specify both Range header and partNumber query parameter' })
  const number = Number(partNumber)
  if (!/^\d+$/.test(partNumber) || number < 1 || number > 10_000) {
    throw new StoreError('InvalidArgument', { message: 'Part number must be an integer between 1 and 10000, inclusive' })
  }
  const lengths = version.partLengths ?? [version.bytes.length]
  const length = lengths[number - 1]
  if (length === undefined) throw new StoreError('InvalidPartNumber')
  const first = lengths.slice(0, number - 1).reduce((sum, one) => sum + one, 0)
  return length === 0 ? null : { first, last: first + length - 1 }
}

function rangeHeaders(range: ByteRange | null, version: Version): HeaderList {
  return range === null ? [] : [['content-range', `bytes ${range.first}-${range.last}/${version.bytes.length}`]]
}

const OVERRIDES = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-type', 'expires'] as const

function objectHeaders(call: Call, version: Version, whole: boolean): HeaderList {
  const { request, world } = call
  const system = new Map([['content-type', 'binary/octet-stream'], ...version.system])
  for (const name of OVERRIDES) {
    const value = parameter(request, `response-${name}`)
    if (value !== null) system.set(name, Buffer.from(value).toString('latin1'))
  }
  const headers: (readonly [string, string])[] = [['accept-ranges', 'bytes'], ...system]
  for (const [name, value] of version.metadata)
    headers.push([`x-amz-meta-${name}`, world.behavior.minioQuirks ? encodeWords(value) : value])
  if (version.tags.size > 0) headers.push(['x-amz-tagging-count', String(version.tags.size)])
  if (world.behavior.tagsOnRead && request.headers.get('x-amz-tagging-directive') === 'ACCESS' && version.tags.size > 0) {
    headers.push(['x-amz-tagging', tagsHeader(version.tags)])
  }
  if (version.storageClass !== 'STANDARD') headers.push(['x-amz-storage-class', version.storageClass])
  if (version.parts !== null && parameter(request, 'partNumber') !== null)
    headers.push(['x-amz-mp-parts-count', String(version.parts.length)])
  // A checksum of the whole shown beside a part of it makes clients report corruption.
  if (whole && request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') headers.push(...checksumHeaders(version.checksum))
  return headers
}

/** HeadBucket. */
export function headBucket(call: Call): Reply {
  bucketOf(call)
  return emptyReply(200, [['x-amz-bucket-region', call.world.region]])
}
