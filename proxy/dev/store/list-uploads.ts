import { bucketOf, type Call } from './call.ts'
import { ownerXml } from './buckets.ts'
import { checksumElement } from './copy-object.ts'
import { StoreError } from './error.ts'
import { commonPrefixes } from './list-objects.ts'
import { nameWriter, readLimit, walk } from './list-walk.ts'
import { uploadOf } from './multipart.ts'
import { xmlReply, type Reply } from './reply.ts'
import { parameter } from './request.ts'
import { compareUtf8, type Upload } from './state.ts'
import { field, group, xmlDocument } from './xml.ts'

/** ListMultipartUploads: by key, then by time. */
export function listUploads(call: Call): Reply {
  const { request, world } = call
  const bucket = bucketOf(call)
  const marker = { key: parameter(request, 'key-marker') ?? '', uploadId: parameter(request, 'upload-id-marker') ?? '' }
  const prefix = parameter(request, 'prefix') ?? ''
  const delimiter = world.behavior.minioQuirks ? '' : (parameter(request, 'delimiter') ?? '')
  const { limit } = readLimit(request, 'max-uploads')
  const write = nameWriter(request, world.behavior)
  const sorted = sortUploads([...bucket.uploads.values()])
  // Measured on MinIO: the prefix must be a whole key, and markers and limits are ignored.
  const uploads = world.behavior.minioQuirks ? sorted.filter(({ key }) => prefix === '' || key === prefix) : afterMarker(sorted, marker)
  const after = world.behavior.minioQuirks || marker.uploadId !== '' ? '' : marker.key
  const page = walk(
    uploads.map((upload) => [upload.key, upload] as const),
    { prefix, delimiter, after, limit: world.behavior.minioQuirks ? 10_000 : limit }
  )
  const last = page.names.at(-1)
  const fields = [
    field('Bucket', bucket.name),
    field('KeyMarker', write(marker.key)),
    field('UploadIdMarker', marker.uploadId),
    ...(page.truncated && last !== undefined
      ? [field('NextKeyMarker', write(last.name)), field('NextUploadIdMarker', last.entry?.uploadId ?? '')]
      : []),
    field('Prefix', write(prefix)),
    ...(delimiter === '' ? [] : [field('Delimiter', write(delimiter))]),
    field('MaxUploads', limit),
    ...(parameter(request, 'encoding-type') === 'url' ? [field('EncodingType', 'url')] : []),
    field('IsTruncated', page.truncated),
    ...page.names.map(({ name, entry }) => (entry === null ? '' : uploadXml(entry, write(name)))),
    ...commonPrefixes(page, write)
  ]
  return xmlReply(xmlDocument('ListMultipartUploadsResult', fields))
}

function sortUploads(uploads: Upload[]): Upload[] {
  return uploads.sort((one, other) => compareUtf8(one.key, other.key) || one.initiated.getTime() - other.initiated.getTime())
}

// With both markers, the uploads of the marker's key that come after the marker's upload still belong to the page.
function afterMarker(sorted: readonly Upload[], marker: { readonly key: string; readonly uploadId: string }): readonly Upload[] {
  if (marker.key === '' || marker.uploadId === '') return sorted
  const at = sorted.findIndex(({ key, uploadId }) => key === marker.key && uploadId === marker.uploadId)
  return at === -1 ? sorted.filter(({ key }) => compareUtf8(key, marker.key) > 0) : sorted.slice(at + 1)
}

function uploadXml(upload: Upload, writtenKey: string): string {
  const checksum =
    upload.checksumAlgorithm === null
      ? []
      : [field('ChecksumAlgorithm', upload.checksumAlgorithm), field('ChecksumType', upload.checksumType ?? '')]
  return group('Upload', [
    field('Key', writtenKey),
    field('UploadId', upload.uploadId),
    ownerXml('Initiator'),
    ownerXml('Owner'),
    field('StorageClass', upload.storageClass),
    field('Initiated', upload.initiated.toISOString()),
    ...checksum
  ])
}

/** ListParts. */
export function listParts(call: Call): Reply {
  const { request } = call
  const bucket = bucketOf(call)
  const upload = uploadOf(call, bucket)
  const markerText = parameter(request, 'part-number-marker') ?? ''
  const marker = markerText === '' ? 0 : Number(markerText)
  if (!/^\d{0,5}$/.test(markerText)) throw new StoreError('InvalidArgument', { message: 'Argument part-number-marker must be an integer' })
  const { limit } = readLimit(request, 'max-parts')
  const parts = [...upload.parts.values()]
    .sort((one, other) => one.partNumber - other.partNumber)
    .filter(({ partNumber }) => partNumber > marker)
  const shown = parts.slice(0, limit)
  const truncated = limit > 0 && parts.length > shown.length
  const fields = [
    field('Bucket', bucket.name),
    field('Key', upload.key),
    field('UploadId', upload.uploadId),
    ownerXml('Initiator'),
    ownerXml('Owner'),
    field('StorageClass', upload.storageClass),
    field('PartNumberMarker', marker),
    ...(truncated ? [field('NextPartNumberMarker', shown.at(-1)!.partNumber)] : []),
    field('MaxParts', limit),
    field('IsTruncated', truncated),
    ...(upload.checksumAlgorithm === null
      ? []
      : [field('ChecksumAlgorithm', upload.checksumAlgorithm), field('ChecksumType', upload.checksumType ?? '')]),
    ...shown.map((part) =>
      group('Part', [
        field('PartNumber', part.partNumber),
        field('LastModified', part.lastModified.toISOString()),
        field('ETag', part.etag),
        ...[...part.checksums].map(([algorithm, value]) => field(checksumElement(`x-amz-checksum-${algorithm}`), value)),
        field('Size', part.bytes.length)
      ])
    )
  ]
  return xmlReply(xmlDocument('ListPartsResult', fields))
}
