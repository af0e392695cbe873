import { urlDecodeXml, urlEncodeXml } from './encode.ts'
import type { ListV1Request, ListV2Request } from './list-request.ts'
import {
  childText,
  childrenOf,
  element,
  readUpstreamXml,
  requiredText,
  textElement,
  xmlDocument,
  XmlProblem,
  type XmlElement
} from './xml.ts'

/** Who owns what a listing names. The same for all entries: the upstream's account is never shown. */
export interface Owner {
  readonly id: string
  readonly displayName: string
}

/** One object of a listing, its key decoded. */
export interface ListedObject {
  readonly key: string
  readonly lastModified: string
  /** With its quotes. */
  readonly etag: string
  readonly size: string
  readonly storageClass: string | undefined
  readonly checksumAlgorithms: readonly string[]
  readonly checksumType: string | undefined
  /** Where `x-amz-optional-object-attributes: RestoreStatus` asked for it. */
  readonly restore: { readonly inProgress: string; readonly expiry: string | undefined } | undefined
}

/** One page of ListObjects or ListObjectsV2 as an upstream gave it, all names decoded. */
export interface ObjectPage {
  readonly objects: readonly ListedObject[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  readonly nextMarker: string | undefined
  readonly nextContinuationToken: string | undefined
}

/** What the page is to the client; the token is this proxy's own. */
export interface ObjectPageAnswer {
  readonly bucket: string
  readonly objects: readonly ListedObject[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  readonly owner: Owner
}

type Decode = (text: string) => string

/** Undoes the encoding that a listing says it has; a listing that says nothing is taken as it stands. */
export function decoderOf(root: XmlElement): Decode {
  if (childText(root, 'EncodingType')?.toLowerCase() !== 'url') return (text) => text
  return (text) => {
    try {
      return urlDecodeXml(text)
    } catch {
      throw new XmlProblem('a name of the listing is not percent-encoded UTF-8')
    }
  }
}

/** Reads a page of either version. */
export function readObjectPage(bytes: Uint8Array): ObjectPage {
  const root = readUpstreamXml(bytes, 'ListBucketResult')
  const decode = decoderOf(root)
  const nextMarker = childText(root, 'NextMarker')
  return {
    objects: childrenOf(root, 'Contents').map((entry) => readObject(entry, decode)),
    commonPrefixes: readCommonPrefixes(root, decode),
    isTruncated: childText(root, 'IsTruncated') === 'true',
    nextMarker: nextMarker === undefined || nextMarker === '' ? undefined : decode(nextMarker),
    nextContinuationToken: childText(root, 'NextContinuationToken') || undefined
  }
}

/** The decoded common prefixes of a listing, in order. */
export function readCommonPrefixes(root: XmlElement, decode: Decode): readonly string[] {
  return childrenOf(root, 'CommonPrefixes').flatMap((group) => childrenOf(group, 'Prefix').map(({ text }) => decode(text)))
}

function readObject(entry: XmlElement, decode: Decode): ListedObject {
  const restore = entry.children.find(({ name }) => name === 'RestoreStatus')
  return {
    key: decode(requiredText(entry, 'Key')),
    lastModified: requiredText(entry, 'LastModified'),
    etag: childText(entry, 'ETag') ?? '',
    size: childText(entry, 'Size') ?? '0',
    storageClass: childText(entry, 'StorageClass'),
    checksumAlgorithms: childrenOf(entry, 'ChecksumAlgorithm').map(({ text }) => text),
    checksumType: childText(entry, 'ChecksumType'),
    restore: restore && {
      inProgress: childText(restore, 'IsRestoreInProgress') ?? 'false',
      expiry: childText(restore, 'RestoreExpiryDate')
    }
  }
}

/** Writes a page of ListObjects. `nextMarker` is written only with a delimiter, as S3 does: without one, the last key is the marker. */
export function writeListV1(request: ListV1Request, page: ObjectPageAnswer & { readonly nextMarker: string | undefined }): string {
  const encode = encoderFor(request.encodeUrl)
  return xmlDocument(
    'ListBucketResult',
    textElement('Name', page.bucket),
    textElement('Prefix', encode(request.prefix)),
    textElement('Marker', encode(request.marker)),
    page.isTruncated && request.delimiter !== undefined && page.nextMarker !== undefined
      ? textElement('NextMarker', encode(page.nextMarker))
      : '',
    textElement('MaxKeys', request.maxKeys),
    delimiterElement(request, encode),
    encodingElement(request),
    textElement('IsTruncated', page.isTruncated),
    ...page.objects.map((object) => writeObject(object, encode, page.owner)),
    writeCommonPrefixes(page.commonPrefixes, encode)
  )
}

/** Writes a page of ListObjectsV2. */
export function writeListV2(
  request: ListV2Request,
  page: ObjectPageAnswer & { readonly nextContinuationToken: string | undefined }
): string {
  const encode = encoderFor(request.encodeUrl)
  return xmlDocument(
    'ListBucketResult',
    textElement('Name', page.bucket),
    textElement('Prefix', encode(request.prefix)),
    // Tokens are never encoded; both of these are echoed when both came, though the token wins.
    textElement('ContinuationToken', request.continuationToken),
    request.startAfter === undefined || request.startAfter === '' ? '' : textElement('StartAfter', encode(request.startAfter)),
    textElement('NextContinuationToken', page.nextContinuationToken),
    textElement('KeyCount', page.objects.length + page.commonPrefixes.length),
    textElement('MaxKeys', request.maxKeys),
    delimiterElement(request, encode),
    encodingElement(request),
    textElement('IsTruncated', page.isTruncated),
    ...page.objects.map((object) => writeObject(object, encode, request.fetchOwner ? page.owner : null)),
    writeCommonPrefixes(page.commonPrefixes, encode)
  )
}

/** How names are written for a client that asked for `encoding-type=url` or did not. */
export function encoderFor(encodeUrl: boolean): (text: string) => string {
  return encodeUrl ? urlEncodeXml : (text) => text
}

/** The echo of the delimiter: nothing where none was asked for. */
export function delimiterElement(request: { readonly delimiter: string | undefined }, encode: (text: string) => string): string {
  return request.delimiter === undefined ? '' : textElement('Delimiter', encode(request.delimiter))
}

/** Says that names are encoded, where they are. */
export function encodingElement(request: { readonly encodeUrl: boolean }): string {
  return request.encodeUrl ? textElement('EncodingType', 'url') : ''
}

/** The common prefixes, encoded as asked. */
export function writeCommonPrefixes(prefixes: readonly string[], encode: (text: string) => string): string {
  return prefixes.map((prefix) => element('CommonPrefixes', textElement('Prefix', encode(prefix)))).join('')
}

/** The owner, or the initiator of an upload; nothing for null. */
export function writeOwner(owner: Owner | null, name: 'Owner' | 'Initiator' = 'Owner'): string {
  return owner === null ? '' : element(name, textElement('ID', owner.id), textElement('DisplayName', owner.displayName))
}

function writeObject(object: ListedObject, encode: (text: string) => string, owner: Owner | null): string {
  return element(
    'Contents',
    textElement('Key', encode(object.key)),
    textElement('LastModified', object.lastModified),
    textElement('ETag', object.etag),
    ...object.checksumAlgorithms.map((algorithm) => textElement('ChecksumAlgorithm', algorithm)),
    textElement('ChecksumType', object.checksumType),
    textElement('Size', object.size),
    writeOwner(owner),
    textElement('StorageClass', object.storageClass ?? 'STANDARD'),
    writeRestore(object.restore)
  )
}

function writeRestore(restore: ListedObject['restore']): string {
  if (restore === undefined) return ''
  return element('RestoreStatus', textElement('IsRestoreInProgress', restore.inProgress), textElement('RestoreExpiryDate', restore.expiry))
}
