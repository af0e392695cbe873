import { readChecksums, writeChecksums, type ChecksumElements } from './checksum-elements.ts'
import { childText, readUpstreamXml, requiredText, textElement, xmlDocument } from './xml.ts'

export interface Copied {
  /** With its quotes. */
  readonly etag: string
  readonly lastModified: string
  readonly checksums: ChecksumElements
}

/** What an upstream said with status 200: an error may stand in the body. */
export type CopyResult = ({ readonly kind: 'done' } & Copied) | { readonly kind: 'error'; readonly code: string }

/** Reads an upstream's answer to CopyObject or UploadPartCopy with status 200. */
export function readCopyResult(bytes: Uint8Array): CopyResult {
  const root = readUpstreamXml(bytes, 'CopyObjectResult', 'CopyPartResult', 'Error')
  if (root.name === 'Error') return { kind: 'error', code: requiredText(root, 'Code') }
  return {
    kind: 'done',
    etag: requiredText(root, 'ETag'),
    lastModified: childText(root, 'LastModified') ?? '',
    checksums: readChecksums(root)
  }
}

/** Writes the client's answer to CopyObject. */
export function writeCopyObjectResult(copied: Copied): string {
  return writeCopy('CopyObjectResult', copied)
}

/** Writes the client's answer to UploadPartCopy. */
export function writeCopyPartResult(copied: Copied): string {
  return writeCopy('CopyPartResult', copied)
}

function writeCopy(root: string, { etag, lastModified, checksums }: Copied): string {
  return xmlDocument(root, textElement('LastModified', lastModified), textElement('ETag', etag), writeChecksums(checksums))
}
