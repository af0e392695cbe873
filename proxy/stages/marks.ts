import { SERVICE_TAG } from '../ownership/context.ts'
import { S3Error } from '../s3/error.ts'
import { checkTagCount } from '../s3/tagging.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'

/** The hidden metadata that says the same in the answer that carries the bytes. */
export const MARK_HEADER = 'x-amz-meta-sluice-service'
/** The hidden metadata that ties an object to the upload it came from. */
export const NONCE_HEADER = 'x-amz-meta-sluice-upload'

/** S3 allows ten tags on an object; one is ours. */
export const CLIENT_TAGS_MAX = 9

/**
 * The tags that the client asks for, without ours. Its own owner is accepted back, because aws cli copies tags by itself;
 * any other owner is refused.
 */
export function clientTags(tags: ReadonlyMap<string, string>, owner: string): ReadonlyMap<string, string> {
  const claimed = tags.get(SERVICE_TAG)
  if (claimed !== undefined && claimed !== owner) throw new S3Error('AccessDenied', `tag ${SERVICE_TAG} names another owner`)
  const own = new Map(tags)
  own.delete(SERVICE_TAG)
  checkTagCount(own, CLIENT_TAGS_MAX)
  return own
}

/** The whole set as it goes out. */
export function markedTags(tags: ReadonlyMap<string, string>, owner: string): ReadonlyMap<string, string> {
  return new Map([...tags, [SERVICE_TAG, owner]])
}

/** Encryption that the operator wants on every write of this account. */
export function encryptionHeaders({ encryption }: UpstreamAccount): readonly (readonly [string, string])[] {
  if (encryption === null) return []
  const headers: [string, string][] = [['x-amz-server-side-encryption', encryption.algorithm]]
  if (encryption.kmsKeyId !== null) headers.push(['x-amz-server-side-encryption-aws-kms-key-id', encryption.kmsKeyId])
  return headers
}
