import { createHash } from 'node:crypto'
import { bucketOf, keyOf, versionHeader, type Call, type World } from './call.ts'
import { CHECKSUM_ALGORITHMS, type ObjectChecksum } from './checksum.ts'
import { judgeWrite } from './conditions.ts'
import { asVersionId } from './minio-quirks.ts'
import type { Payload } from './payload.ts'
import { emptyReply, type Reply } from './reply.ts'
import type { Bucket, Version } from './state.ts'
import { encryptionHeaders, readAttributes } from './write-attributes.ts'

/** PutObject. */
export function putObject(call: Call): Reply {
  const { request, payload, world } = call
  const bucket = bucketOf(call)
  const key = keyOf(call)
  if (!call.conditionJudged) judgePut(call, bucket)
  const version: Version = {
    ...readAttributes(request, world.behavior),
    key,
    versionId: nextVersionId(bucket, world),
    isMarker: false,
    bytes: world.vault.hold(payload.bytes),
    etag: etagOf(payload.md5!, world),
    lastModified: world.now(),
    checksum: checksumOf(payload),
    parts: null,
    partLengths: null
  }
  storeVersion(bucket, version, world)
  return emptyReply(200, [
    ['etag', version.etag],
    ...versionHeader(bucket, version),
    ...encryptionHeaders(version),
    ...checksumHeaders(version.checksum)
  ])
}

/** The condition of a PutObject, by itself for providers that judge it before the body. */
export function judgePut(call: Call, bucket: Bucket): void {
  const { behavior } = call.world
  judgeWrite(call.request, { honor: behavior.putCondition, behavior, current: bucket.objects.current(keyOf(call)) })
}

/** Quoted; where the provider makes every write's ETag its own, equal bytes differ. */
export function etagOf(md5: Buffer, world: World): string {
  if (!world.behavior.uniqueEtags) return `"${md5.toString('hex')}"`
  return `"${createHash('md5').update(md5).update(world.newId()).digest('hex')}"`
}

// What a body announced is what its object shows. (S3 would add CRC64NVME where nothing was announced; this store does not.)
function checksumOf(payload: Payload): ObjectChecksum | null {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = payload.checksums.get(algorithm)
    if (value !== undefined) return { algorithm, type: 'FULL_OBJECT', value }
  }
  return null
}

export function checksumHeaders(checksum: ObjectChecksum | null): readonly (readonly [string, string])[] {
  if (checksum === null) return []
  return [
    [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`, checksum.value],
    ['x-amz-checksum-type', checksum.type]
  ]
}

/** The id of a version written now. */
export function nextVersionId(bucket: Bucket, world: World): string {
  if (bucket.versioning !== 'Enabled') return 'null'
  return world.behavior.minioQuirks ? asVersionId(world.newId()) : world.newId()
}

/** Puts the version on top of its key; a `null` version takes the place of the `null` version before it. */
export function storeVersion(bucket: Bucket, version: Version, world: World): void {
  const before = bucket.objects.versions(version.key)
  const kept = version.versionId === 'null' ? before.filter((one) => one.versionId !== 'null') : before
  bucket.objects.set(version.key, [version, ...kept])
  for (const one of before) if (!kept.includes(one)) world.vault.release(one.bytes)
  world.changed(bucket)
}
