import { percentDecode } from './encode.ts'
import { S3Error, type S3ErrorCode } from './error.ts'
import type { Resource } from './operation-row.ts'

/** What a request addresses. */
export interface Address {
  readonly style: 'path' | 'virtual'
  readonly resource: Resource
  readonly bucket: string | null
  /** Decoded once, never normalised. */
  readonly key: string | null
  /** Path and query byte for byte, without the `?` between them: what the client signed. */
  readonly rawPath: string
  readonly rawQuery: string
}

/** S3's limit, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024

/**
 * What the request target and the `Host` header address. `domains`, in lower case, are those under which
 * `<bucket>.<domain>` names a bucket; any other host means path style.
 * HOT: bench/address.ts
 */
export function addressOf(rawTarget: string, host: string | undefined, domains: readonly string[]): Address {
  // Absolute form and `*` are not for an origin server; `#` and `\` mean other paths to other parsers (attack S-9).
  if (!rawTarget.startsWith('/')) throw new S3Error('InvalidURI', 'the request target does not begin with a slash')
  if (/[#\\]/.test(rawTarget)) throw new S3Error('InvalidURI', 'the request target has a raw # or backslash')
  const mark = rawTarget.indexOf('?')
  const rawPath = mark === -1 ? rawTarget : rawTarget.slice(0, mark)
  const rawQuery = mark === -1 ? '' : rawTarget.slice(mark + 1)

  const virtualBucket = bucketOfHost(host, domains)
  if (virtualBucket !== null) {
    return { style: 'virtual', ...resourceOf(virtualBucket, rawPath.slice(1)), rawPath, rawQuery }
  }
  if (rawPath === '/') return { style: 'path', resource: 'service', bucket: null, key: null, rawPath, rawQuery }
  const slash = rawPath.indexOf('/', 1)
  const rawBucket = slash === -1 ? rawPath.slice(1) : rawPath.slice(1, slash)
  const rawKey = slash === -1 ? '' : rawPath.slice(slash + 1)
  return { style: 'path', ...resourceOf(decoded(rawBucket), rawKey), rawPath, rawQuery }
}

function resourceOf(bucket: string, rawKey: string): Pick<Address, 'resource' | 'bucket' | 'key'> {
  checkBucketName(bucket)
  // `/bucket/` is the bucket: several SDKs write it so.
  if (rawKey === '') return { resource: 'bucket', bucket, key: null }
  const key = decoded(rawKey)
  checkKey(key)
  return { resource: 'object', bucket, key }
}

function decoded(raw: string): string {
  const text = percentDecode(raw)
  if (text === null) throw new S3Error('InvalidURI', 'the path is not percent-encoded UTF-8')
  return text
}

function bucketOfHost(host: string | undefined, domains: readonly string[]): string | null {
  if (host === undefined || domains.length === 0) return null
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
  let longest: string | null = null
  for (const domain of domains) {
    // The domain itself is path style, also where it lies under another domain of the list.
    if (name === domain) return null
    if (name.endsWith(`.${domain}`) && (longest === null || domain.length > longest.length)) longest = domain
  }
  return longest === null ? null : name.slice(0, -longest.length - 1)
}

// What S3 allowed before 2018 (upper case, underscores, 255 characters) is still a bucket's name somewhere.
const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$/

/** Refuses what can never be the name of a bucket. */
export function checkBucketName(bucket: string): void {
  if (!BUCKET_NAME.test(bucket)) throw new S3Error('InvalidBucketName', 'not a possible bucket name', { BucketName: bucket })
}

export interface KeyProblem {
  readonly code: Extract<S3ErrorCode, 'KeyTooLongError' | 'InvalidURI' | 'InvalidArgument'>
  readonly reason: string
}

/**
 * Why a decoded key is refused; null for a good one. S3 takes dot segments, but hops that collapse them (URL parsers,
 * file systems below an upstream) would turn the key into another one, perhaps another tenant's.
 */
export function keyProblem(key: string): KeyProblem | null {
  if (key === '') return { code: 'InvalidArgument', reason: 'the key is empty' }
  // A character is at most three bytes per UTF-16 unit, so short keys need no count.
  if (key.length * 3 > KEY_BYTES_MAX && Buffer.byteLength(key) > KEY_BYTES_MAX) {
    return { code: 'KeyTooLongError', reason: `the key is longer than ${KEY_BYTES_MAX} bytes` }
  }
  if (key.includes('\0')) return { code: 'InvalidArgument', reason: 'the key holds a NUL' }
  if (DOT_SEGMENT.test(key)) return { code: 'InvalidURI', reason: 'the key has a dot segment' }
  return null
}

const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/

/** Refuses a key for the reasons of `keyProblem`. */
export function checkKey(key: string): void {
  const problem = keyProblem(key)
  if (problem === null) return
  const extra = problem.code === 'KeyTooLongError' ? { Size: String(Buffer.byteLength(key)), MaxSizeAllowed: String(KEY_BYTES_MAX) } : {}
  throw new S3Error(problem.code, problem.reason, extra)
}
