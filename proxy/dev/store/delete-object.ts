import { bucketOf, keyOf, storedKey, type Call, type World } from './call.ts'
import { judgeDelete } from './conditions.ts'
import { NeverAnswered, StoreError } from './error.ts'
import { namesOnePathTwice } from './minio-quirks.ts'
import { emptyReply, xmlReply, type Reply } from './reply.ts'
import { parameter } from './request.ts'
import type { Bucket, Version } from './state.ts'
import { NO_BYTES, smallBytes } from './stored-bytes.ts'
import { nextVersionId, storeVersion } from './write-object.ts'
import { childrenOf, childText, field, group, readXml, xmlDocument, type XmlElement } from './xml.ts'

/** What a delete did. */
interface Deleted {
  /** The version that was removed, or the id of the marker that was added; null in a bucket without versions. */
  readonly versionId: string | null
  /** True when a marker was added or removed. */
  readonly marker: boolean
}

/** DeleteObject. */
export function deleteObject(call: Call): Reply {
  const bucket = bucketOf(call)
  const target = { key: keyOf(call), versionId: parameter(call.request, 'versionId') }
  if (target.versionId === '') throw new StoreError('InvalidArgument', { message: 'Version id cannot be the empty string' })
  judgeDelete(call.request.headers.get('if-match'), conditionFor(bucket, target.key, call.world))
  const { versionId, marker } = deleteOne(bucket, target, call.world)
  const headers: [string, string][] = []
  if (marker) headers.push(['x-amz-delete-marker', 'true'])
  if (versionId !== null) headers.push(['x-amz-version-id', versionId])
  return emptyReply(204, headers)
}

function conditionFor(bucket: Bucket, key: string, world: World): Parameters<typeof judgeDelete>[1] {
  return { honor: world.behavior.deleteCondition, current: bucket.objects.current(key) }
}

interface Target {
  readonly key: string
  readonly versionId: string | null
}

function deleteOne(bucket: Bucket, { key, versionId }: Target, world: World): Deleted {
  const versions = bucket.objects.versions(key)
  if (versionId !== null) {
    const gone = versions.find((one) => one.versionId === versionId)
    if (gone !== undefined) removeVersion(bucket, gone, world)
    return { versionId: bucket.versioning === 'off' ? null : versionId, marker: gone?.isMarker ?? false }
  }
  if (bucket.versioning === 'off') {
    if (versions[0] !== undefined) removeVersion(bucket, versions[0], world)
    return { versionId: null, marker: false }
  }
  const marker = deleteMarker(key, nextVersionId(bucket, world), world.now())
  storeVersion(bucket, marker, world)
  return { versionId: marker.versionId, marker: true }
}

function removeVersion(bucket: Bucket, gone: Version, world: World): void {
  bucket.objects.set(
    gone.key,
    bucket.objects.versions(gone.key).filter((one) => one !== gone)
  )
  world.vault.release(gone.bytes)
  world.changed(bucket)
}

function deleteMarker(key: string, versionId: string, lastModified: Date): Version {
  const nothing: ReadonlyMap<string, string> = new Map()
  const attributes = { system: nothing, metadata: nothing, tags: nothing, storageClass: 'STANDARD' }
  return {
    ...attributes,
    key,
    versionId,
    isMarker: true,
    bytes: NO_BYTES,
    etag: '',
    lastModified,
    checksum: null,
    parts: null,
    partLengths: null
  }
}

const KEYS_MAX = 1000

/** DeleteObjects: one answer per key, in the order of the request. */
export function deleteObjects(call: Call): Reply {
  const bucket = bucketOf(call)
  if (call.world.behavior.deleteObjects === 'refused') throw new StoreError('NotImplemented')
  const proven = call.request.headers.has('content-md5') || call.payload.checksums.size > 0
  if (!proven && call.world.behavior.minioQuirks) throw new StoreError('MissingContentMD5')
  if (!proven) throw new StoreError('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' })
  const root = readXml(smallBytes(call.payload.bytes))
  const items = childrenOf(root, 'Object')
  if (root.name !== 'Delete' || items.length === 0 || items.length > KEYS_MAX) throw new StoreError('MalformedXML')
  const keys = items.map((item) => childText(item, 'Key') ?? '')
  if (call.world.behavior.minioQuirks && namesOnePathTwice(keys)) throw new NeverAnswered()
  const quiet = childText(root, 'Quiet') === 'true'
  const results = items.map((item, index) => {
    const again = call.world.behavior.minioQuirks && keys.indexOf(keys[index]!) < index
    return again ? { xml: '<Deleted></Deleted>', failed: false } : deleteItem(call, bucket, item)
  })
  const shown = results.filter(({ failed }) => failed || !quiet)
  return xmlReply(
    xmlDocument(
      'DeleteResult',
      shown.map(({ xml }) => xml)
    )
  )
}

function deleteItem(call: Call, bucket: Bucket, item: XmlElement): { xml: string; failed: boolean } {
  const [name, versionId] = [childText(item, 'Key'), childText(item, 'VersionId')]
  if (name === null || name === '') throw new StoreError('MalformedXML')
  const named = [field('Key', name), ...(versionId === null ? [] : [field('VersionId', versionId)])]
  try {
    const key = storedKey(name, call.world.behavior)
    judgeDelete(childText(item, 'ETag'), conditionFor(bucket, key, call.world))
    const deleted = deleteOne(bucket, { key, versionId }, call.world)
    const markerId = deleted.marker && deleted.versionId !== null ? [field('DeleteMarkerVersionId', deleted.versionId)] : []
    const marker = deleted.marker ? [field('DeleteMarker', true), ...markerId] : []
    return { xml: group('Deleted', [...named, ...marker]), failed: false }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return { xml: group('Error', [...named, field('Code', error.code), field('Message', error.message)]), failed: true }
  }
}
