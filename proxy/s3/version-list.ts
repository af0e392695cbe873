import type { ListVersionsRequest } from './list-request.ts'
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

/** One version or delete marker of a listing, its key decoded. */
export interface ListedVersion {
  readonly kind: 'version' | 'deleteMarker'
  readonly key: string
  readonly versionId: string
  readonly isLatest: boolean
  readonly lastModified: string
  /** With its quotes; empty for a delete marker, as are the next two. */
  readonly etag: string
  readonly size: string
  readonly storageClass: string
  readonly checksumAlgorithms: readonly string[]
  readonly checksumType: string | undefined
}

/** One page of ListObjectVersions, all names decoded, entries in the order of the upstream. */
export interface VersionPage {
  readonly versions: readonly ListedVersion[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  readonly nextKeyMarker: string | undefined
  readonly nextVersionIdMarker: string | undefined
}

/** Reads a page of ListObjectVersions. */
export function readVersionPage(bytes: Uint8Array): VersionPage {
  const root = readUpstreamXml(bytes, 'ListVersionsResult')
  const decode = decoderOf(root)
  const nextKeyMarker = childText(root, 'NextKeyMarker') || undefined
  return {
    // Versions and markers of one key are told apart by their order alone.
    versions: root.children.filter(({ name }) => name === 'Version' || name === 'DeleteMarker').map((entry) => readVersion(entry, decode)),
    commonPrefixes: readCommonPrefixes(root, decode),
    isTruncated: childText(root, 'IsTruncated') === 'true',
    nextKeyMarker: nextKeyMarker === undefined ? undefined : decode(nextKeyMarker),
    nextVersionIdMarker: childText(root, 'NextVersionIdMarker') || undefined
  }
}

function readVersion(entry: XmlElement, decode: (text: string) => string): ListedVersion {
  return {
    kind: entry.name === 'Version' ? 'version' : 'deleteMarker',
    key: decode(requiredText(entry, 'Key')),
    versionId: childText(entry, 'VersionId') ?? 'null',
    isLatest: childText(entry, 'IsLatest') === 'true',
    lastModified: requiredText(entry, 'LastModified'),
    etag: childText(entry, 'ETag') ?? '',
    size: childText(entry, 'Size') ?? '0',
    storageClass: childText(entry, 'StorageClass') || 'STANDARD',
    checksumAlgorithms: childrenOf(entry, 'ChecksumAlgorithm').map(({ text }) => text),
    checksumType: childText(entry, 'ChecksumType')
  }
}

/** Writes a page of ListObjectVersions; the page's names and markers are the client's. */
export function writeVersionPage(
  request: ListVersionsRequest,
  page: VersionPage & { readonly bucket: string; readonly owner: Owner }
): string {
  const encode = encoderFor(request.encodeUrl)
  return xmlDocument(
    'ListVersionsResult',
    textElement('Name', page.bucket),
    textElement('Prefix', encode(request.prefix)),
    textElement('KeyMarker', encode(request.keyMarker)),
    textElement('VersionIdMarker', request.versionIdMarker),
    page.nextKeyMarker === undefined ? '' : textElement('NextKeyMarker', encode(page.nextKeyMarker)),
    textElement('NextVersionIdMarker', page.nextVersionIdMarker),
    textElement('MaxKeys', request.maxKeys),
    delimiterElement(request, encode),
    encodingElement(request),
    textElement('IsTruncated', page.isTruncated),
    ...page.versions.map((version) => writeVersion(version, encode, page.owner)),
    writeCommonPrefixes(page.commonPrefixes, encode)
  )
}

function writeVersion(version: ListedVersion, encode: (text: string) => string, owner: Owner): string {
  const isVersion = version.kind === 'version'
  return element(
    isVersion ? 'Version' : 'DeleteMarker',
    textElement('Key', encode(version.key)),
    textElement('VersionId', version.versionId),
    textElement('IsLatest', version.isLatest),
    textElement('LastModified', version.lastModified),
    isVersion ? textElement('ETag', version.etag) : '',
    ...version.checksumAlgorithms.map((algorithm) => textElement('ChecksumAlgorithm', algorithm)),
    textElement('ChecksumType', version.checksumType),
    isVersion ? textElement('Size', version.size) : '',
    isVersion ? textElement('StorageClass', version.storageClass) : '',
    writeOwner(owner)
  )
}
