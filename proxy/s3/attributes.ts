import { readChecksums, writeChecksums, type ChecksumElements } from './checksum-elements.ts'
import { bareEtag } from './conditions.ts'
import { S3Error } from './error.ts'
import type { HeaderView } from './header-view.ts'
import { PAGE_MAX } from './list-request.ts'
import { childText, childrenOf, element, readUpstreamXml, textElement, xmlDocument, type XmlElement } from './xml.ts'

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const
export type ObjectAttribute = (typeof ATTRIBUTES)[number]

/** What GetObjectAttributes is asked for. */
export interface AttributesRequest {
  readonly attributes: ReadonlySet<ObjectAttribute>
  readonly maxParts: number
  readonly partNumberMarker: number
}

/** Reads the headers of GetObjectAttributes. The attributes come as one list or as repeated lines. */
export function readAttributesRequest(headers: HeaderView): AttributesRequest {
  const value = headers.get('x-amz-object-attributes')
  if (value === undefined || value.trim() === '') {
    throw new S3Error('InvalidRequest', 'x-amz-object-attributes is missing', {
      Message: 'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty'
    })
  }
  return {
    attributes: new Set(value.split(',').map(attributeOf)),
    maxParts: Math.min(wholeNumber(headers, 'x-amz-max-parts') ?? PAGE_MAX, PAGE_MAX),
    partNumberMarker: wholeNumber(headers, 'x-amz-part-number-marker') ?? 0
  }
}

function attributeOf(text: string): ObjectAttribute {
  const attribute = ATTRIBUTES.find((name) => name === text.trim())
  if (attribute !== undefined) return attribute
  throw new S3Error('InvalidArgument', `unknown object attribute "${text}"`, {
    Message: 'Invalid attribute name specified.',
    ArgumentName: 'x-amz-object-attributes',
    ArgumentValue: text.trim()
  })
}

function wholeNumber(headers: HeaderView, name: string): number | undefined {
  const value = headers.get(name)
  if (value === undefined) return undefined
  if (/^\d{1,10}$/.test(value)) return Number(value)
  throw new S3Error('InvalidArgument', `header ${name} is not a number`, { ArgumentName: name, ArgumentValue: value })
}

/** An object's attributes as an upstream gave them; what it did not give is undefined. */
export interface ObjectAttributes {
  /** Without quotes, as in no other answer of S3. */
  readonly etag: string | undefined
  readonly checksums: ChecksumElements | undefined
  readonly storageClass: string | undefined
  readonly size: string | undefined
  readonly parts: AttributeParts | undefined
}

export interface AttributeParts {
  readonly total: string | undefined
  readonly partNumberMarker: string | undefined
  readonly nextPartNumberMarker: string | undefined
  readonly maxParts: string | undefined
  readonly isTruncated: string | undefined
  /** Only for uploads with checksums. */
  readonly parts: readonly { readonly partNumber: string; readonly size: string; readonly checksums: ChecksumElements }[]
}

/** Reads an upstream's answer to GetObjectAttributes; MinIO writes its root in lower case. */
export function readAttributes(bytes: Uint8Array): ObjectAttributes {
  const root = readUpstreamXml(bytes, 'GetObjectAttributesResponse', 'GetObjectAttributesOutput', 'getObjectAttributesResponse')
  const etag = childText(root, 'ETag')
  const [checksum] = childrenOf(root, 'Checksum')
  const [parts] = childrenOf(root, 'ObjectParts')
  return {
    etag: etag === undefined ? undefined : bareEtag(etag),
    checksums: checksum && readChecksums(checksum),
    storageClass: childText(root, 'StorageClass'),
    size: childText(root, 'ObjectSize'),
    parts: parts && readParts(parts)
  }
}

function readParts(parts: XmlElement): AttributeParts {
  return {
    // AWS's documentation and its answers differ in the name of the count.
    total: childText(parts, 'PartsCount') ?? childText(parts, 'TotalPartsCount'),
    partNumberMarker: childText(parts, 'PartNumberMarker'),
    nextPartNumberMarker: childText(parts, 'NextPartNumberMarker'),
    maxParts: childText(parts, 'MaxParts'),
    isTruncated: childText(parts, 'IsTruncated'),
    parts: childrenOf(parts, 'Part').map((part) => ({
      partNumber: childText(part, 'PartNumber') ?? '',
      size: childText(part, 'Size') ?? '',
      checksums: readChecksums(part)
    }))
  }
}

/** Writes the client's answer: of the object's attributes those that were asked for. */
export function writeAttributes(object: ObjectAttributes, wanted: ReadonlySet<ObjectAttribute>): string {
  return xmlDocument(
    'GetObjectAttributesResponse',
    wanted.has('ETag') ? textElement('ETag', object.etag) : '',
    wanted.has('Checksum') && object.checksums !== undefined ? element('Checksum', writeChecksums(object.checksums)) : '',
    wanted.has('ObjectParts') && object.parts !== undefined ? writeParts(object.parts) : '',
    wanted.has('StorageClass') ? textElement('StorageClass', object.storageClass) : '',
    wanted.has('ObjectSize') ? textElement('ObjectSize', object.size) : ''
  )
}

function writeParts(parts: AttributeParts): string {
  return element(
    'ObjectParts',
    textElement('PartsCount', parts.total),
    textElement('PartNumberMarker', parts.partNumberMarker),
    textElement('NextPartNumberMarker', parts.nextPartNumberMarker),
    textElement('MaxParts', parts.maxParts),
    textElement('IsTruncated', parts.isTruncated),
    ...parts.parts.map(({ partNumber, size, checksums }) =>
      element('Part', textElement('PartNumber', partNumber), textElement('Size', size), writeChecksums(checksums))
    )
  )
}
