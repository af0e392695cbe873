import { isChecksumElement, readChecksums, writeChecksums, type ChecksumElements } from './checksum-elements.ts'
import { bareEtag } from './conditions.ts'
import { S3Error } from './error.ts'
import { PART_NUMBER_MAX } from './parameters.ts'
import {
  childText,
  childrenOf,
  element,
  readClientXml,
  readUpstreamXml,
  requiredText,
  textElement,
  xmlDocument,
  type XmlElement
} from './xml.ts'

/** A Part of number, ETag and three checksums has 12. */
const PARTS_TAGS_MAX = 12 * PART_NUMBER_MAX + 100

/** One part that an upload is to be made of. */
export interface CompletedPart {
  readonly partNumber: number
  /** Without quotes: clients send it either way. */
  readonly etag: string
  readonly checksums: ChecksumElements
}

/** Reads the body of CompleteMultipartUpload: at least one part, in ascending order. */
export function readPartsRequest(bytes: Uint8Array): readonly CompletedPart[] {
  const root = readClientXml(bytes, 'CompleteMultipartUpload', PARTS_TAGS_MAX)
  const parts = childrenOf(root, 'Part').map(readPart)
  if (parts.length === 0) throw malformed('no parts')
  if (parts.length > PART_NUMBER_MAX || root.children.length !== parts.length) throw malformed('too many parts or an unknown element')
  for (const [index, { partNumber }] of parts.entries()) {
    const before = parts[index - 1]
    if (before !== undefined && before.partNumber >= partNumber)
      throw new S3Error('InvalidPartOrder', `part ${partNumber} after ${before.partNumber}`)
  }
  return parts
}

function readPart(part: XmlElement): CompletedPart {
  const stranger = part.children.find(({ name }) => name !== 'PartNumber' && name !== 'ETag' && !isChecksumElement(name))
  if (stranger !== undefined) throw malformed(`a Part has a ${stranger.name}`)
  const number = childText(part, 'PartNumber')?.trim() ?? ''
  const etag = childText(part, 'ETag')
  if (etag === undefined || !/^\d{1,10}$/.test(number)) throw malformed('a Part without number or ETag')
  const partNumber = Number(number)
  if (partNumber < 1 || partNumber > PART_NUMBER_MAX) {
    throw new S3Error('InvalidArgument', `part number ${partNumber}`, {
      Message: `PartNumber must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
      ArgumentName: 'partNumber',
      ArgumentValue: number
    })
  }
  return { partNumber, etag: bareEtag(etag), checksums: readChecksums(part) }
}

const malformed = (reason: string): S3Error => new S3Error('MalformedXML', `CompleteMultipartUpload: ${reason}`)

/** Writes the body that goes to the upstream. */
export function writePartsRequest(parts: readonly CompletedPart[]): string {
  return xmlDocument(
    'CompleteMultipartUpload',
    ...parts.map(({ partNumber, etag, checksums }) =>
      element('Part', textElement('PartNumber', partNumber), textElement('ETag', `"${etag}"`), writeChecksums(checksums))
    )
  )
}

/** What an upstream said with status 200: S3 sends that status before it knows, and an error then stands in the body. */
export type CompleteResult =
  { readonly kind: 'done'; readonly etag: string; readonly checksums: ChecksumElements } | { readonly kind: 'error'; readonly code: string }

/** Reads an upstream's answer with status 200. */
export function readCompleteResult(bytes: Uint8Array): CompleteResult {
  const root = readUpstreamXml(bytes, 'CompleteMultipartUploadResult', 'Error')
  if (root.name === 'Error') return { kind: 'error', code: requiredText(root, 'Code') }
  return { kind: 'done', etag: requiredText(root, 'ETag'), checksums: readChecksums(root) }
}

export interface CompletedUpload {
  /** The object's URL on this proxy. */
  readonly location: string
  readonly bucket: string
  readonly key: string
  /** With its quotes. */
  readonly etag: string
  readonly checksums: ChecksumElements
}

/** Writes the client's CompleteMultipartUploadResult. */
export function writeCompleteResult({ location, bucket, key, etag, checksums }: CompletedUpload): string {
  return xmlDocument(
    'CompleteMultipartUploadResult',
    textElement('Location', location),
    textElement('Bucket', bucket),
    textElement('Key', key),
    textElement('ETag', etag),
    writeChecksums(checksums)
  )
}
