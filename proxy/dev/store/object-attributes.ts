import { bucketOf, versionHeader, versionOf, type Call } from './call.ts'
import { checksumElement } from './copy-object.ts'
import { StoreError } from './error.ts'
import { xmlReply, type Reply } from './reply.ts'
import type { StoreRequest } from './request.ts'
import type { Version } from './state.ts'
import { checksumHeaders } from './write-object.ts'
import { field, group, xmlDocument } from './xml.ts'

const ATTRIBUTES = new Set(['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'])

/** GetObjectAttributes. */
export function getObjectAttributes(call: Call): Reply {
  const bucket = bucketOf(call)
  const version = versionOf(call, bucket)
  const asked = askedAttributes(call)
  const fields: string[] = []
  if (asked.has('ETag')) fields.push(field('ETag', version.etag.slice(1, -1)))
  if (asked.has('Checksum') && version.checksum !== null) fields.push(group('Checksum', checksumFields(version)))
  if (asked.has('ObjectParts') && version.parts !== null) fields.push(partsXml(call.request, version))
  if (asked.has('StorageClass')) fields.push(field('StorageClass', version.storageClass))
  if (asked.has('ObjectSize')) fields.push(field('ObjectSize', version.bytes.length))
  return xmlReply(xmlDocument('GetObjectAttributesResponse', fields), [
    ['last-modified', version.lastModified.toUTCString()],
    ...versionHeader(bucket, version)
  ])
}

function askedAttributes({ request, world }: Call): ReadonlySet<string> {
  const header = request.headers.get('x-amz-object-attributes')
  if (header === null)
    throw new StoreError('InvalidRequest', {
      message: 'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty'
    })
  // Measured on MinIO: a space behind the comma makes the name unknown.
  const asked = header.split(',').map((name) => (world.behavior.minioQuirks ? name : name.trim()))
  for (const name of asked)
    if (!ATTRIBUTES.has(name)) throw new StoreError('InvalidArgument', { message: 'Invalid attribute name specified.' })
  return new Set(asked)
}

function checksumFields(version: Version): string[] {
  return checksumHeaders(version.checksum).map(([name, value]) => field(checksumElement(name), value))
}

function partsXml(request: StoreRequest, version: Version): string {
  const parts = version.parts!
  const [limit, marker] = [numberHeader(request, 'x-amz-max-parts') ?? 1000, numberHeader(request, 'x-amz-part-number-marker') ?? 0]
  const rest = parts
    .map((part, index) => ({ ...part, length: version.partLengths![index]! }))
    .filter(({ partNumber }) => partNumber > marker)
  const shown = rest.slice(0, Math.min(limit, 1000))
  const truncated = shown.length > 0 && rest.length > shown.length
  const composite = version.checksum?.type === 'COMPOSITE'
  return group('ObjectParts', [
    field('TotalPartsCount', parts.length),
    field('PartNumberMarker', marker),
    ...(truncated ? [field('NextPartNumberMarker', shown.at(-1)!.partNumber)] : []),
    field('MaxParts', Math.min(limit, 1000)),
    field('IsTruncated', truncated),
    ...(composite
      ? shown.map((part) =>
          group('Part', [
            field('PartNumber', part.partNumber),
            field('Size', part.length),
            ...[...part.checksums].map(([algorithm, value]) => field(checksumElement(`x-amz-checksum-${algorithm}`), value))
          ])
        )
      : [])
  ])
}

function numberHeader(request: StoreRequest, name: string): number | null {
  const text = request.headers.get(name)
  if (text === null) return null
  if (!/^\d{1,5}$/.test(text)) throw new StoreError('InvalidArgument', { message: `Argument ${name} must be an integer` })
  return Number(text)
}
