import { S3Error } from './error.ts'
import { childText, childrenOf, element, readClientXml, readUpstreamXml, textElement, xmlDocument, type XmlElement } from './xml.ts'

/** S3's limit on keys of one request. */
export const DELETE_KEYS_MAX = 1000
/** An Object of Key, VersionId and ETag has 8; twice that leaves room for comments and for one key too many. */
const DELETE_TAGS_MAX = 16 * DELETE_KEYS_MAX

/** One key that a client wants deleted. Whether the key itself is acceptable, `keyProblem` says per key. */
export interface DeleteItem {
  readonly key: string
  readonly versionId: string | undefined
  /** The client's own condition. */
  readonly etag: string | undefined
}

export interface DeleteRequest {
  /** Only errors are wanted in the answer. */
  readonly quiet: boolean
  readonly items: readonly DeleteItem[]
}

/** Reads the body of DeleteObjects. */
export function readDeleteRequest(bytes: Uint8Array): DeleteRequest {
  const root = readClientXml(bytes, 'Delete', DELETE_TAGS_MAX)
  refuseUnknown(root, ['Quiet', 'Object'])
  const objects = childrenOf(root, 'Object')
  if (objects.length === 0 || objects.length > DELETE_KEYS_MAX) throw malformed(`${objects.length} keys`)
  return { quiet: readQuiet(childText(root, 'Quiet')), items: objects.map(readItem) }
}

function readQuiet(text: string | undefined): boolean {
  const value = text?.trim().toLowerCase() ?? 'false'
  if (value !== 'true' && value !== 'false') throw malformed('Quiet is neither true nor false')
  return value === 'true'
}

function readItem(object: XmlElement): DeleteItem {
  // They would narrow the delete; S3 knows them for directory buckets alone, and leaving them out would delete more.
  for (const name of ['LastModifiedTime', 'Size']) {
    if (childText(object, name) !== undefined) throw new S3Error('NotImplemented', `DeleteObjects with a condition on ${name}`)
  }
  refuseUnknown(object, ['Key', 'VersionId', 'ETag'])
  const [key, ...others] = childrenOf(object, 'Key')
  if (key === undefined || others.length > 0) throw malformed('an Object without one Key')
  if (key.text === '') throw new S3Error('UserKeyMustBeSpecified', 'an empty key in DeleteObjects')
  return { key: key.text, versionId: childText(object, 'VersionId') || undefined, etag: childText(object, 'ETag') || undefined }
}

function refuseUnknown(parent: XmlElement, known: readonly string[]): void {
  const stranger = parent.children.find(({ name }) => !known.includes(name))
  if (stranger !== undefined) throw malformed(`${parent.name} has a ${stranger.name}`)
  for (const name of known) {
    if (name !== 'Object' && childrenOf(parent, name).length > 1) throw malformed(`${parent.name} has two ${name}`)
  }
}

const malformed = (reason: string): S3Error => new S3Error('MalformedXML', `DeleteObjects: ${reason}`)

/** Writes the body that goes to the upstream. Never quiet: the answer must say what became of each key. */
export function writeDeleteRequest(items: readonly DeleteItem[]): string {
  return xmlDocument(
    'Delete',
    ...items.map(({ key, versionId, etag }) =>
      element('Object', textElement('Key', key), textElement('VersionId', versionId), textElement('ETag', etag))
    )
  )
}

export interface DeletedItem {
  readonly key: string
  readonly versionId: string | undefined
  readonly deleteMarker: boolean
  readonly deleteMarkerVersionId: string | undefined
}

export interface DeleteFailure {
  readonly key: string
  readonly versionId: string | undefined
  readonly code: string
  /** What the client is told. An upstream's own text is not read: it may name the upstream's bucket. */
  readonly message: string
}

export interface DeleteResult {
  readonly deleted: readonly DeletedItem[]
  readonly errors: readonly DeleteFailure[]
}

/** Reads an upstream's DeleteResult; the messages are left empty. A `Deleted` without key says nothing and is left out. */
export function readDeleteResult(bytes: Uint8Array): DeleteResult {
  const root = readUpstreamXml(bytes, 'DeleteResult')
  return {
    deleted: childrenOf(root, 'Deleted')
      .filter((entry) => childText(entry, 'Key') !== undefined)
      .map((entry) => ({
        key: childText(entry, 'Key') ?? '',
        versionId: childText(entry, 'VersionId') || undefined,
        deleteMarker: childText(entry, 'DeleteMarker') === 'true',
        deleteMarkerVersionId: childText(entry, 'DeleteMarkerVersionId') || undefined
      })),
    errors: childrenOf(root, 'Error').map((entry) => ({
      key: childText(entry, 'Key') ?? '',
      versionId: childText(entry, 'VersionId') || undefined,
      code: childText(entry, 'Code') ?? 'InternalError',
      message: ''
    }))
  }
}

/** Writes the client's DeleteResult; a quiet one names errors alone. */
export function writeDeleteResult({ deleted, errors }: DeleteResult, quiet: boolean): string {
  return xmlDocument('DeleteResult', ...(quiet ? [] : deleted.map(writeDeleted)), ...errors.map(writeFailure))
}

function writeDeleted({ key, versionId, deleteMarker, deleteMarkerVersionId }: DeletedItem): string {
  return element(
    'Deleted',
    textElement('Key', key),
    textElement('VersionId', versionId),
    deleteMarker ? textElement('DeleteMarker', true) : '',
    textElement('DeleteMarkerVersionId', deleteMarkerVersionId)
  )
}

function writeFailure({ key, versionId, code, message }: DeleteFailure): string {
  return element(
    'Error',
    textElement('Key', key),
    textElement('VersionId', versionId),
    textElement('Code', code),
    textElement('Message', message)
  )
}
