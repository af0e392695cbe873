import type { Behavior } from './behavior.ts'
import type { Digests } from './digest-demand.ts'
import { StoreError } from './error.ts'
import { isVersionId, pathKey } from './minio-quirks.ts'
import type { Payload } from './payload.ts'
import type { Reply } from './reply.ts'
import { parameter, type StoreRequest } from './request.ts'
import type { Bucket, Version } from './state.ts'
import type { BytesVault } from './stored-bytes.ts'

/** Sizes that a test may lower to reach a limit cheaply. */
export interface StoreLimits {
  /** Smallest part but the last of a multipart upload. */
  readonly partBytesMin: number
  /** Biggest body of PutObject and UploadPart. */
  readonly bodyBytesMax: number
  /** Biggest source of CopyObject. */
  readonly copyBytesMax: number
}

export const AWS_LIMITS: StoreLimits = {
  partBytesMin: 5 * 1024 * 1024,
  bodyBytesMax: 5 * 1024 * 1024 * 1024,
  copyBytesMax: 5 * 1024 * 1024 * 1024
}

/** Everything that requests act on. */
export interface World {
  readonly buckets: Map<string, Bucket>
  readonly behavior: Behavior
  readonly vault: BytesVault
  readonly region: string
  readonly limits: StoreLimits
  now(): Date
  /** Text that was never given before, of characters that need no escaping. */
  newId(): string
  /** Called after each change of a bucket. */
  changed(bucket: Bucket): void
}

/** One request at the instant of its effect: its body is whole and its signature right. */
export interface Call {
  readonly request: StoreRequest
  readonly payload: Payload
  readonly world: World
  readonly digests: Digests
  /** True where the provider judged the write's condition before the body came. */
  readonly conditionJudged: boolean
}

/** Takes effect and answers, in one instant: nothing else happens between what it reads and what it writes. */
export type Handler = (call: Call) => Reply

/** The owner that every answer names. */
export const OWNER_ID = '75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a'

/** The bucket that the request names. */
export function bucketOf(call: Call): Bucket {
  const { request, world } = call
  const bucket = world.buckets.get(request.bucket ?? '')
  if (bucket === undefined) throw new StoreError('NoSuchBucket', { elements: [['BucketName', request.bucket ?? '']] })
  const expected = request.headers.get('x-amz-expected-bucket-owner')
  if (expected !== null && expected !== OWNER_ACCOUNT && world.behavior.expectedOwner === 'checked') throw new StoreError('AccessDenied')
  return bucket
}

/** The account number that `x-amz-expected-bucket-owner` may name. */
export const OWNER_ACCOUNT = '111122223333'

/** The key that the request names, as this provider stores it. */
export function keyOf(call: Call): string {
  return storedKey(call.request.key ?? '', call.world.behavior)
}

export function storedKey(key: string, behavior: Behavior): string {
  if (!behavior.minioQuirks) return key
  const stored = pathKey(key)
  if (stored === null) throw new StoreError('XMinioInvalidObjectName')
  return stored
}

/** The version that the request names by `versionId`, or the current one; delete markers are told apart as S3 does. */
export function versionOf(call: Call, bucket: Bucket): Version {
  return findVersion(bucket, { key: keyOf(call), versionId: parameter(call.request, 'versionId'), behavior: call.world.behavior })
}

export interface VersionQuestion {
  readonly key: string
  readonly versionId: string | null
  readonly behavior: Behavior
}

export function findVersion(bucket: Bucket, question: VersionQuestion): Version {
  const { key, behavior } = question
  const versionId = question.versionId === '' && behavior.minioQuirks ? null : question.versionId
  const versions = bucket.objects.versions(key)
  if (versionId === '') throw new StoreError('InvalidArgument', { message: 'Version id cannot be the empty string' })
  const version = versionId === null ? versions[0] : versions.find((one) => one.versionId === versionId)
  if (version === undefined && versionId !== null) throw missingVersion({ key, versionId, behavior })
  if (version === undefined) throw new StoreError('NoSuchKey', { elements: [['Key', key]] })
  if (!version.isMarker) return version
  const headers = [['x-amz-delete-marker', 'true'] as const, ['x-amz-version-id', version.versionId] as const]
  if (versionId === null) throw new StoreError('NoSuchKey', { elements: [['Key', key]], headers })
  throw new StoreError('MethodNotAllowed', { headers: [...headers, ['allow', 'DELETE']] })
}

function missingVersion({ key, versionId, behavior }: VersionQuestion): StoreError {
  if (behavior.minioQuirks && !isVersionId(versionId ?? ''))
    return new StoreError('InvalidArgument', { message: 'Invalid version id specified' })
  return new StoreError('NoSuchVersion', {
    elements: [
      ['Key', key],
      ['VersionId', versionId ?? '']
    ]
  })
}

/** `x-amz-version-id`, which S3 shows once a bucket has known versioning. */
export function versionHeader(bucket: Bucket, version: Pick<Version, 'versionId'>): readonly (readonly [string, string])[] {
  return bucket.versioning === 'off' ? [] : [['x-amz-version-id', version.versionId]]
}
