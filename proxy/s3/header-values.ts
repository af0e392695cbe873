import { S3Error } from './error.ts'
import type { HeaderView } from './header-view.ts'

/** S3's limit on user metadata: names without their prefix, and values, together. */
export const USER_METADATA_BYTES_MAX = 2048
const USER_METADATA = 'x-amz-meta-'

const STORAGE_CLASSES: ReadonlySet<string> = new Set([
  ...['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER', 'DEEP_ARCHIVE', 'GLACIER_IR'],
  ...['EXPRESS_ONEZONE', 'OUTPOSTS', 'SNOW', 'FSX_OPENZFS', 'FSX_ONTAP']
])
const DIRECTIVES = ['x-amz-metadata-directive', 'x-amz-tagging-directive'] as const

/** Refuses, for an operation that makes an object, values that no upstream may take another way than S3 does. */
export function checkHeaderValues(headers: HeaderView): void {
  const storageClass = headers.get('x-amz-storage-class')
  if (storageClass !== undefined && !STORAGE_CLASSES.has(storageClass)) {
    throw new S3Error('InvalidStorageClass', 'unknown storage class', { StorageClassRequested: storageClass })
  }
  for (const name of DIRECTIVES) {
    const value = headers.get(name)
    if (value === undefined || /^(copy|replace)$/i.test(value)) continue
    const message = `Unknown ${name === 'x-amz-metadata-directive' ? 'metadata' : 'tagging'} directive.`
    throw new S3Error('InvalidArgument', `${name} is neither COPY nor REPLACE`, {
      Message: message,
      ArgumentName: name,
      ArgumentValue: value
    })
  }
  const bytes = userMetadataBytes(headers.entries())
  if (bytes > USER_METADATA_BYTES_MAX) {
    throw new S3Error('MetadataTooLarge', `${bytes} bytes of metadata`, {
      Size: String(bytes),
      MaxSizeAllowed: String(USER_METADATA_BYTES_MAX)
    })
  }
}

/** What user metadata counts towards S3's limit. Text is latin1, so that a character is a byte. */
export function userMetadataBytes(headers: Iterable<readonly [name: string, value: string]>): number {
  let bytes = 0
  for (const [name, value] of headers) {
    if (name.startsWith(USER_METADATA)) bytes += name.length - USER_METADATA.length + value.length
  }
  return bytes
}

// RFC 9110 §5.6.2, without upper case: names are compared in lower case.
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/**
 * Text that came in a query or a form, as the value of the header that it stands for: one character per byte, and without the
 * spaces around it that no header has. Refused when it could not have come in a header (attack S-8).
 */
export function asHeaderValue(name: string, value: string): string {
  if (!HEADER_NAME.test(name)) throw unfit('Header name cannot be represented', name)
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) throw unfit('Header value cannot be represented', name)
  return Buffer.from(value, 'utf8')
    .toString('latin1')
    .replace(/^[ \t]+|[ \t]+$/g, '')
}

function unfit(message: string, name: string): S3Error {
  return new S3Error('InvalidArgument', `${JSON.stringify(name)} cannot be a header`, { Message: message })
}
