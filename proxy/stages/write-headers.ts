import { S3Error } from '../s3/error.ts'
import type { HeaderView } from '../s3/header-view.ts'
import { userMetadataBytes } from '../s3/header-values.ts'
import { headersInGroups } from '../s3/headers.ts'
import type { HeaderGroup } from '../s3/operation-row.ts'
import { HIDDEN_METADATA } from '../s3/response-headers.ts'
import { encodeTaggingHeader, type Tags } from '../s3/tagging.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import { encryptionHeaders, MARK_HEADER, markedTags, NONCE_HEADER } from './marks.ts'

export type Headers = readonly (readonly [name: string, value: string])[]

const METADATA = 'x-amz-meta-'
const ENTITY: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires'
])

/** The client's headers of these groups, by allow-list; nothing else of what it sent goes out. */
export function passedOn(headers: HeaderView, groups: readonly HeaderGroup[]): Headers {
  const picked: [string, string][] = []
  for (const [name, value] of headersInGroups(headers.entries(), groups)) {
    // The CRT of aws cli writes `enabled`, which AWS takes and MinIO does not.
    if (name === 'x-amz-checksum-mode') picked.push([name, value.toUpperCase()])
    else if (name !== 'content-encoding') picked.push([name, value])
    else if (withoutAwsChunked(value) !== '') picked.push([name, withoutAwsChunked(value)])
  }
  return picked
}

/** aws-chunked is the framing of one request, never the object's encoding, wherever it stands in the list. */
function withoutAwsChunked(contentEncoding: string): string {
  return contentEncoding
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked')
    .join(',')
}

/** What describes the object in an upstream's answer: what a copy takes along. The hidden marks are never taken along. */
export function describingHeaders(rawHeaders: readonly string[]): Headers {
  const picked: [string, string][] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const isMetadata = name.startsWith(METADATA) && !name.startsWith(HIDDEN_METADATA)
    if (ENTITY.has(name) || isMetadata) picked.push([name, rawHeaders[index + 1] ?? ''])
  }
  return picked
}

/** Our own headers of a write: tag, mark, nonce and the operator's encryption. */
export function ownHeaders(
  account: UpstreamAccount,
  own: { readonly owner: string; readonly tags: Tags; readonly nonce: string | null }
): Headers {
  const headers: [string, string][] = [[MARK_HEADER, own.owner]]
  if (account.capabilities.tags) headers.push(['x-amz-tagging', encodeTaggingHeader(markedTags(own.tags, own.owner))])
  else if (own.tags.size > 0) throw new S3Error('NotImplemented', `account ${account.id} has no object tags`)
  if (own.nonce !== null) headers.push([NONCE_HEADER, own.nonce])
  return [...headers, ...encryptionHeaders(account)]
}

/** The client's encryption headers, where they say nothing that the operator's setting does not say. */
export function checkedEncryption(headers: HeaderView, account: UpstreamAccount): Headers {
  const asked = passedOn(headers, ['encryption'])
  if (asked.length === 0) return []
  const algorithm = headers.get('x-amz-server-side-encryption')
  const keyId = headers.get('x-amz-server-side-encryption-aws-kms-key-id')
  const { encryption } = account
  const isOwn =
    encryption === null
      ? algorithm === 'AES256' && asked.length === 1
      : algorithm === encryption.algorithm &&
        (keyId === undefined || keyId === encryption.kmsKeyId) &&
        asked.length === (keyId === undefined ? 1 : 2)
  if (!isOwn) throw new S3Error('AccessDenied', 'the client asks for an encryption that is not the account’s')
  // Where the operator sets it, our own header says it.
  return encryption === null ? asked : []
}

/** Refuses more user metadata than the upstream stores with an object, ours included. */
export function checkMetadataSize(headers: Headers, account: UpstreamAccount): void {
  const bytes = userMetadataBytes(headers)
  const { metadataBytesMax } = account.capabilities
  if (bytes <= metadataBytesMax) return
  throw new S3Error('MetadataTooLarge', `${bytes} bytes of metadata`, { Size: String(bytes), MaxSizeAllowed: String(metadataBytesMax) })
}

/** Leaves out what the upstream does not take. */
export function withoutOmitted(headers: Headers, { capabilities }: UpstreamAccount): Headers {
  if (capabilities.omitHeaders.length === 0) return headers
  return headers.filter(
    ([name]) =>
      !capabilities.omitHeaders.some((omitted) => (omitted.endsWith('*') ? name.startsWith(omitted.slice(0, -1)) : name === omitted))
  )
}
