import { bucketOf, type Call } from './call.ts'
import { ownerXml } from './buckets.ts'
import { StoreError } from './error.ts'
import { commonPrefixes } from './list-objects.ts'
import { nameWriter, readLimit, walk, type Listed, type Page } from './list-walk.ts'
import { xmlReply, type Reply } from './reply.ts'
import { parameter } from './request.ts'
import type { Bucket, Version } from './state.ts'
import { field, group, xmlDocument } from './xml.ts'

/** Where a page of versions goes on: behind all versions of a key, or behind one of them. */
interface Marker {
  readonly key: string
  readonly versionId: string | null
}

interface VersionEntry {
  readonly version: Version
  readonly isLatest: boolean
}

function* versionsFrom(bucket: Bucket, marker: Marker): Generator<readonly [string, VersionEntry]> {
  const { keys } = bucket.objects
  for (let at = marker.versionId === null ? 0 : bucket.objects.firstAt(marker.key); at < keys.length; at++) {
    const key = keys[at]!
    const versions = bucket.objects.versions(key)
    const behind = key === marker.key ? versions.findIndex((one) => one.versionId === marker.versionId) + 1 : 0
    for (let index = behind; index < versions.length; index++) yield [key, { version: versions[index]!, isLatest: index === 0 }]
  }
}

/** ListObjectVersions. */
export function listObjectVersions(call: Call): Reply {
  const { request, world } = call
  const bucket = bucketOf(call)
  const marker = readMarker(call)
  const [prefix, delimiter] = [parameter(request, 'prefix') ?? '', parameter(request, 'delimiter') ?? '']
  const { asked, limit } = readLimit(request, 'max-keys')
  const page = walk(versionsFrom(bucket, marker), { prefix, delimiter, after: marker.versionId === null ? marker.key : '', limit })
  const write = nameWriter(request, world.behavior)
  const encoding = parameter(request, 'encoding-type')
  const fields = [
    field('Name', bucket.name),
    field('Prefix', write(prefix)),
    field('KeyMarker', write(marker.key)),
    field('VersionIdMarker', marker.versionId ?? ''),
    ...nextMarker(page, write),
    field('MaxKeys', world.behavior.minioQuirks ? asked : limit),
    ...(delimiter === '' ? [] : [field('Delimiter', write(delimiter))]),
    ...(encoding === null || encoding === '' ? [] : [field('EncodingType', encoding)]),
    field('IsTruncated', page.truncated),
    ...page.names.map((listed) => versionXml(listed, write)),
    ...commonPrefixes(page, write)
  ]
  return xmlReply(xmlDocument('ListVersionsResult', fields))
}

function readMarker({ request }: Call): Marker {
  const [key, versionId] = [parameter(request, 'key-marker') ?? '', parameter(request, 'version-id-marker')]
  if (versionId === '') throw new StoreError('InvalidArgument', { message: 'A version-id marker cannot be empty.' })
  if (versionId !== null && key === '')
    throw new StoreError('InvalidArgument', { message: 'A version-id marker cannot be specified without a key marker.' })
  return { key, versionId }
}

function nextMarker(page: Page<VersionEntry>, write: (name: string) => string): string[] {
  const last = page.names.at(-1)
  if (!page.truncated || last === undefined) return []
  const versionId = last.entry === null ? [] : [field('NextVersionIdMarker', last.entry.version.versionId)]
  return [field('NextKeyMarker', write(last.name)), ...versionId]
}

function versionXml({ name, entry }: Listed<VersionEntry>, write: (name: string) => string): string {
  if (entry === null) return ''
  const { version, isLatest } = entry
  const common = [
    field('Key', write(name)),
    field('VersionId', version.versionId),
    field('IsLatest', isLatest),
    field('LastModified', version.lastModified.toISOString())
  ]
  if (version.isMarker) return group('DeleteMarker', [...common, ownerXml('Owner')])
  const content = [
    field('ETag', version.etag),
    field('Size', version.bytes.length),
    field('StorageClass', version.storageClass),
    ownerXml('Owner')
  ]
  return group('Version', [...common, ...content])
}
