/**
 * What may leave of an upstream's answer. Everything else stays: names of the upstream's bucket and key, its product,
 * its request ids, hop-by-hop headers.
 */
const RELEASED: ReadonlySet<string> = new Set([
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'x-amz-abort-date',
  'x-amz-archive-status',
  'x-amz-checksum-crc32',
  'x-amz-checksum-crc32c',
  'x-amz-checksum-crc64nvme',
  'x-amz-checksum-md5',
  'x-amz-checksum-sha1',
  'x-amz-checksum-sha256',
  'x-amz-checksum-sha512',
  'x-amz-checksum-type',
  'x-amz-checksum-xxhash128',
  'x-amz-checksum-xxhash3',
  'x-amz-checksum-xxhash64',
  'x-amz-copy-source-version-id',
  'x-amz-delete-marker',
  'x-amz-missing-meta',
  'x-amz-mp-parts-count',
  'x-amz-object-size',
  'x-amz-restore',
  'x-amz-server-side-encryption',
  'x-amz-storage-class',
  'x-amz-version-id'
])

/** Metadata under this prefix is this proxy's own. */
export const HIDDEN_METADATA = 'x-amz-meta-sluice-'
/** Counts our tag too: a stage writes it anew. */
export const TAGGING_COUNT = 'x-amz-tagging-count'

/** True for a header, by lower-case name, that may leave as the upstream sent it. */
export function isReleasedHeader(name: string): boolean {
  if (RELEASED.has(name)) return true
  return name.startsWith('x-amz-meta-') && !name.startsWith(HIDDEN_METADATA)
}

const NO_OTHERS: ReadonlySet<string> = new Set()

/**
 * The headers of an upstream's answer that may leave, and `others`, flat, names in lower case. HOT: bench/headers.ts
 */
export function releasedHeaders(rawHeaders: readonly string[], others = NO_OTHERS): string[] {
  const released: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (isReleasedHeader(name) || others.has(name)) released.push(name, rawHeaders[index + 1] ?? '')
  }
  return released
}

/** The value of the first header of that lower-case name in a flat list; undefined when there is none. */
export function headerValue(rawHeaders: readonly string[], name: string): string | undefined {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) return rawHeaders[index + 1]
  }
  return undefined
}

/** `x-amz-tagging-count` without our own tag; null where nothing is left to count, and S3 leaves the header out. */
export function clientTaggingCount(upstreamCount: string, hiddenTags: number): string | null {
  const count = Number(upstreamCount) - hiddenTags
  return Number.isInteger(count) && count > 0 ? String(count) : null
}
