import { bucketOf, type Call } from './call.ts'
import { ownerXml } from './buckets.ts'
import { StoreError } from './error.ts'
import { nameWriter, readLimit, walk, type Page } from './list-walk.ts'
import { asVersionId, cacheMark, readCacheMark } from './minio-quirks.ts'
import { xmlReply, type Reply } from './reply.ts'
import { parameter, type StoreRequest } from './request.ts'
import type { Bucket, Version } from './state.ts'
import { field, group, xmlDocument } from './xml.ts'

function* currentVersions(bucket: Bucket, from: string): Generator<readonly [string, Version]> {
  const { keys } = bucket.objects
  for (let index = bucket.objects.firstAt(from); index < keys.length; index++) {
    const version = bucket.objects.current(keys[index]!)
    if (version !== null) yield [version.key, version]
  }
}

interface Listing {
  readonly bucket: Bucket
  readonly prefix: string
  readonly delimiter: string
  readonly asked: number
  readonly page: Page<Version>
  readonly write: (name: string) => string
}

function list(call: Call, after: string): Listing {
  const { request, world } = call
  const bucket = bucketOf(call)
  const [prefix, delimiter] = [parameter(request, 'prefix') ?? '', parameter(request, 'delimiter') ?? '']
  const { asked, limit } = readLimit(request, 'max-keys')
  const walked = walk(currentVersions(bucket, prefix), { prefix, delimiter, after, limit })
  // Measured on MinIO: once a token names its cache, a page that is just full promises another, which is empty.
  const falsePromise = world.behavior.minioQuirks && delimiter === '' && cacheOf(request).cacheId !== null && walked.names.length === limit
  const page = { ...walked, truncated: walked.truncated || falsePromise }
  const write = nameWriter(request, world.behavior)
  return { bucket, prefix, delimiter, asked: world.behavior.minioQuirks ? asked : limit, page, write }
}

function commonFields({ bucket, prefix, delimiter, asked, page, write }: Listing, call: Call): string[] {
  const encoding = parameter(call.request, 'encoding-type')
  return [
    field('Name', bucket.name),
    field('Prefix', write(prefix)),
    ...(delimiter === '' ? [] : [field('Delimiter', write(delimiter))]),
    field('MaxKeys', asked),
    ...(encoding === null || encoding === '' ? [] : [field('EncodingType', encoding)]),
    field('IsTruncated', page.truncated)
  ]
}

function contentsXml({ page, write }: Listing, withOwner: boolean): string[] {
  const contents = page.names.flatMap(({ name, entry }) =>
    entry === null
      ? []
      : [
          group('Contents', [
            field('Key', write(name)),
            field('LastModified', entry.lastModified.toISOString()),
            field('ETag', entry.etag),
            ...(entry.checksum === null
              ? []
              : [field('ChecksumAlgorithm', entry.checksum.algorithm), field('ChecksumType', entry.checksum.type)]),
            field('Size', entry.bytes.length),
            ...(withOwner ? [ownerXml('Owner')] : []),
            field('StorageClass', entry.storageClass)
          ])
        ]
  )
  return [...contents, ...commonPrefixes(page, write)]
}

export function commonPrefixes(page: Page<unknown>, write: (name: string) => string): string[] {
  return page.names.flatMap(({ name, entry }) => (entry === null ? [group('CommonPrefixes', [field('Prefix', write(name))])] : []))
}

/** ListObjects, version 1. */
export function listObjects(call: Call): Reply {
  const { request, world } = call
  const marker = parameter(request, 'marker') ?? ''
  const prefix = parameter(request, 'prefix') ?? ''
  const { minioQuirks } = world.behavior
  const after = minioQuirks ? readCacheMark(marker).name : marker
  if (minioQuirks && after !== '' && !after.startsWith(prefix)) throw new StoreError('NotImplemented')
  const listing = list(call, after)
  const last = listing.page.names.at(-1)
  const showNext = listing.page.truncated && last !== undefined && (minioQuirks || listing.delimiter !== '')
  const next = showNext ? [field('NextMarker', listing.write(last.name + (minioQuirks ? cacheMark(null) : '')))] : []
  const fields = [...commonFields(listing, call), field('Marker', listing.write(marker)), ...next, ...contentsXml(listing, true)]
  return xmlReply(xmlDocument('ListBucketResult', fields))
}

/** ListObjectsV2. */
export function listObjectsV2(call: Call): Reply {
  const { request, world } = call
  const [token, startAfter] = [parameter(request, 'continuation-token'), parameter(request, 'start-after')]
  const { minioQuirks } = world.behavior
  const listing = list(call, token === null ? (startAfter ?? '') : readToken(token, minioQuirks))
  const { names, truncated } = listing.page
  const last = names.at(-1)
  const next = truncated && last !== undefined ? [field('NextContinuationToken', writeToken(last.name, call))] : []
  const fields = [
    ...commonFields(listing, call),
    field('KeyCount', names.length),
    ...(token === null ? [] : [field('ContinuationToken', token)]),
    ...next,
    ...(startAfter === null ? [] : [field('StartAfter', listing.write(startAfter))]),
    ...contentsXml(listing, parameter(request, 'fetch-owner') === 'true')
  ]
  return xmlReply(xmlDocument('ListBucketResult', fields))
}

// AWS's token is opaque; MinIO's is base64 of the key, which a relay would hand to the client.
function writeToken(name: string, { request, world }: Call): string {
  if (!world.behavior.minioQuirks) return `1${scramble(Buffer.from(name)).toString('base64url')}`
  const { marked } = cacheOf(request)
  return Buffer.from(name + cacheMark(marked ? asVersionId(world.newId()) : null)).toString('base64')
}

function readToken(token: string, minioQuirks: boolean): string {
  if (minioQuirks) return readCacheMark(Buffer.from(token, 'base64').toString()).name
  if (!/^1[A-Za-z0-9_-]+$/.test(token)) throw new StoreError('InvalidArgument', { message: 'The continuation token provided is incorrect' })
  return scramble(Buffer.from(token.slice(1), 'base64url')).toString()
}

function cacheOf(request: StoreRequest): ReturnType<typeof readCacheMark> {
  return readCacheMark(Buffer.from(parameter(request, 'continuation-token') ?? '', 'base64').toString())
}

function scramble(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte ^ ((0xa7 + index * 31) & 0xff)))
}
