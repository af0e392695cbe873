import { checkBucketName, checkKey } from './address.ts'
import { percentDecode } from './encode.ts'
import { S3Error } from './error.ts'

/** The object that a copy reads, as the client names it. */
export interface CopySource {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | null
}

const VERSION = '?versionId='

/**
 * Reads `x-amz-copy-source`: `[/]bucket/key[?versionId=id]`, percent-decoded once, `+` a plus. The version is split off
 * before decoding, so that `%3FversionId%3D` is part of the key. The key obeys the rules of keys in paths.
 */
export function parseCopySource(value: string): CopySource {
  const mark = value.indexOf(VERSION)
  const name = decoded(mark === -1 ? value : value.slice(0, mark))
  const versionId = mark === -1 ? null : decoded(value.slice(mark + VERSION.length))
  if (versionId === '') throw invalid('the version id of the copy source is empty')
  const path = name.startsWith('/') ? name.slice(1) : name
  const slash = path.indexOf('/')
  if (slash < 1 || slash === path.length - 1) throw invalid('the copy source names no bucket or no key')
  const bucket = path.slice(0, slash)
  const key = path.slice(slash + 1)
  try {
    // Refuses ARNs too, by their colons: access points would be resolved by the upstream, past every rule of this proxy.
    checkBucketName(bucket)
    checkKey(key)
  } catch (error) {
    if (error instanceof S3Error) throw invalid(`copy source: ${error.reason}`)
    throw error
  }
  return { bucket, key, versionId }
}

function decoded(text: string): string {
  const value = percentDecode(text)
  if (value === null) throw invalid('the copy source is not percent-encoded UTF-8')
  return value
}

function invalid(reason: string): S3Error {
  return new S3Error('InvalidArgument', reason, {
    Message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    ArgumentName: 'x-amz-copy-source'
  })
}
