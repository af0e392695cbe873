/** Oddities measured on the MinIO build of 2026-02-12, played where the row says so. */

/**
 * The path that MinIO's signature check sees: decoded and encoded again by the strict rule. A path that was signed as it
 * went out, but with a raw `+`, `=` or lower-case hex in it, does not match.
 */
export function strictPath(rawPath: string): string {
  return rawPath.split('/').map(strictSegment).join('/')
}

function strictSegment(segment: string): string {
  try {
    return strictEncode(decodeURIComponent(segment))
  } catch {
    return segment
  }
}

function strictEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** `x-amz-tagging` as a read shows it. */
export function tagsHeader(tags: ReadonlyMap<string, string>): string {
  return [...tags].map(([key, value]) => `${strictEncode(key)}=${strictEncode(value)}`).join('&')
}

/** What its listing cache puts behind the names from which a page goes on; pages after the second name the cache. */
export function cacheMark(id: string | null): string {
  return id === null ? '[minio_cache:v2,return:]' : `[minio_cache:v2,id:${id},p:0,s:0]`
}

/** A marker without what the listing cache put behind it, and the cache it names. */
export function readCacheMark(marker: string): { readonly name: string; readonly cacheId: string | null; readonly marked: boolean } {
  const match = /\[minio_cache:v2,(?:return:|id:([0-9a-f-]+),p:0,s:0)\]$/.exec(marker)
  if (match === null) return { name: marker, cacheId: null, marked: false }
  return { name: marker.slice(0, match.index), cacheId: match[1] ?? null, marked: true }
}

const ENCODED_WORD_BYTES_MAX = 75 - '=?UTF-8?q??='.length

/** A metadata value as it is shown: in RFC 2047 encoded words once it holds anything but printable ASCII. */
export function encodeWords(latin1: string): string {
  if (/^[\t -~]*$/.test(latin1)) return latin1
  const words = ['']
  for (const character of Buffer.from(latin1, 'latin1').toString()) {
    const encoded = /^[ -~]$/.test(character) && !'=?_'.includes(character) ? character.replace(' ', '_') : hexBytes(character)
    if (words.at(-1)!.length + encoded.length > ENCODED_WORD_BYTES_MAX) words.push('')
    words[words.length - 1] += encoded
  }
  return words.map((word) => `=?UTF-8?q?${word}?=`).join(' ')
}

function hexBytes(character: string): string {
  return Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '=$&')
}

/** True when a batch names two keys whose paths are one, but for a slash at the end: their locks wait for each other. */
export function namesOnePathTwice(keys: readonly string[]): boolean {
  const different = new Set(keys)
  const paths = new Set([...different].map((key) => key.replace(/\/(\.?\/)+/g, '/')))
  return paths.size < different.size
}

/** A key as it is stored: the first slash is lost. Null for a key that is refused. */
export function pathKey(key: string): string | null {
  const stored = key.replace(/^\//, '')
  const refused = stored.includes('//') || stored.split('/').some((segment) => segment === '.' || segment === '..')
  return refused ? null : stored
}

/** True for the form of its version ids; any other id is an invalid argument rather than an unknown version. */
export function isVersionId(versionId: string): boolean {
  return versionId === 'null' || /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(versionId)
}

/** 32 hex digits in the form of its version ids. */
export function asVersionId(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
