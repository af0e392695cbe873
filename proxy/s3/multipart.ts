import { readChecksums, writeChecksums, type ChecksumElements } from './checksum-elements.ts'
import type { ListPartsRequest, ListUploadsRequest } from './list-request.ts'
import {
  decoderOf,
  delimiterElement,
  encoderFor,
  encodingElement,
  readCommonPrefixes,
  writeCommonPrefixes,
  writeOwner,
  type Owner
} from './list-result.ts'
import { childText, childrenOf, element, readUpstreamXml, requiredText, textElement, xmlDocument, type XmlElement } from './xml.ts'

/** The upstream's upload id of a CreateMultipartUpload answer. */
export function readInitiateResult(bytes: Uint8Array): string {
  return requiredText(readUpstreamXml(bytes, 'InitiateMultipartUploadResult'), 'UploadId')
}

/** Writes the client's answer to CreateMultipartUpload; the upload id is the sealed one. */
export function writeInitiateResult({ bucket, key, uploadId }: { bucket: string; key: string; uploadId: string }): string {
  return xmlDocument(
    'InitiateMultipartUploadResult',
    textElement('Bucket', bucket),
    textElement('Key', key),
    textElement('UploadId', uploadId)
  )
}

export interface ListedPart {
  readonly partNumber: number
  readonly lastModified: string
  /** With its quotes. */
  readonly etag: string
  readonly size: string
  readonly checksums: ChecksumElements
}

/** One page of ListParts. */
export interface PartPage {
  readonly parts: readonly ListedPart[]
  readonly isTruncated: boolean
  readonly nextPartNumberMarker: number
  readonly storageClass: string
  readonly checksumAlgorithm: string | undefined
  readonly checksumType: string | undefined
}

/** Reads a page of ListParts. */
export function readPartPage(bytes: Uint8Array): PartPage {
  const root = readUpstreamXml(bytes, 'ListPartsResult')
  return {
    parts: childrenOf(root, 'Part').map(readPart),
    isTruncated: childText(root, 'IsTruncated') === 'true',
    nextPartNumberMarker: Number(childText(root, 'NextPartNumberMarker') || 0),
    storageClass: childText(root, 'StorageClass') || 'STANDARD',
    checksumAlgorithm: childText(root, 'ChecksumAlgorithm'),
    checksumType: childText(root, 'ChecksumType')
  }
}

function readPart(part: XmlElement): ListedPart {
  return {
    partNumber: Number(requiredText(part, 'PartNumber')),
    lastModified: childText(part, 'LastModified') ?? '',
    etag: requiredText(part, 'ETag'),
    size: requiredText(part, 'Size'),
    checksums: readChecksums(part)
  }
}

export interface PartPageAnswer extends PartPage {
  readonly bucket: string
  readonly key: string
  readonly uploadId: string
  readonly owner: Owner
}

/** Writes the client's page of ListParts. */
export function writePartPage(request: ListPartsRequest, page: PartPageAnswer): string {
  return xmlDocument(
    'ListPartsResult',
    textElement('Bucket', page.bucket),
    textElement('Key', encoderFor(request.encodeUrl)(page.key)),
    textElement('UploadId', page.uploadId),
    writeOwner(page.owner, 'Initiator'),
    writeOwner(page.owner),
    textElement('StorageClass', page.storageClass),
    textElement('PartNumberMarker', request.partNumberMarker),
    textElement('NextPartNumberMarker', page.nextPartNumberMarker),
    textElement('MaxParts', request.maxParts),
    encodingElement(request),
    textElement('IsTruncated', page.isTruncated),
    textElement('ChecksumAlgorithm', page.checksumAlgorithm),
    textElement('ChecksumType', page.checksumType),
    ...page.parts.map(writePart)
  )
}

function writePart({ partNumber, lastModified, etag, size, checksums }: ListedPart): string {
  return element(
    'Part',
    textElement('PartNumber', partNumber),
    textElement('LastModified', lastModified),
    textElement('ETag', etag),
    textElement('Size', size),
    writeChecksums(checksums)
  )
}

export interface ListedUpload {
  readonly key: string
  readonly uploadId: string
  readonly initiated: string
  readonly storageClass: string
}

/** One page of ListMultipartUploads, all names decoded. */
export interface UploadPage {
  readonly uploads: readonly ListedUpload[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  readonly nextKeyMarker: string | undefined
  readonly nextUploadIdMarker: string | undefined
}

/** Reads an upstream's page of ListMultipartUploads. */
export function readUploadPage(bytes: Uint8Array): UploadPage {
  const root = readUpstreamXml(bytes, 'ListMultipartUploadsResult')
  const decode = decoderOf(root)
  const nextKeyMarker = childText(root, 'NextKeyMarker') || undefined
  return {
    uploads: childrenOf(root, 'Upload').map((upload) => ({
      key: decode(requiredText(upload, 'Key')),
      uploadId: requiredText(upload, 'UploadId'),
      initiated: childText(upload, 'Initiated') ?? '',
      storageClass: childText(upload, 'StorageClass') || 'STANDARD'
    })),
    commonPrefixes: readCommonPrefixes(root, decode),
    isTruncated: childText(root, 'IsTruncated') === 'true',
    nextKeyMarker: nextKeyMarker === undefined ? undefined : decode(nextKeyMarker),
    nextUploadIdMarker: childText(root, 'NextUploadIdMarker') || undefined
  }
}

/** Writes the client's page of ListMultipartUploads. */
export function writeUploadPage(
  request: ListUploadsRequest,
  page: UploadPage & { readonly bucket: string; readonly owner: Owner }
): string {
  const encode = encoderFor(request.encodeUrl)
  return xmlDocument(
    'ListMultipartUploadsResult',
    textElement('Bucket', page.bucket),
    textElement('KeyMarker', encode(request.keyMarker)),
    textElement('UploadIdMarker', request.uploadIdMarker),
    page.nextKeyMarker === undefined ? '' : textElement('NextKeyMarker', encode(page.nextKeyMarker)),
    textElement('NextUploadIdMarker', page.nextUploadIdMarker),
    textElement('Prefix', encode(request.prefix)),
    delimiterElement(request, encode),
    encodingElement(request),
    textElement('MaxUploads', request.maxKeys),
    textElement('IsTruncated', page.isTruncated),
    ...page.uploads.map(({ key, uploadId, initiated, storageClass }) =>
      element(
        'Upload',
        textElement('Key', encode(key)),
        textElement('UploadId', uploadId),
        writeOwner(page.owner, 'Initiator'),
        writeOwner(page.owner),
        textElement('StorageClass', storageClass),
        textElement('Initiated', initiated)
      )
    ),
    writeCommonPrefixes(page.commonPrefixes, encode)
  )
}
