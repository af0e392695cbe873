import { createHash } from 'node:crypto'
import { bucketOf, keyOf, versionHeader, type Call, type World } from './call.ts'
import { algorithmNamed, combineChecksums, type ChecksumAlgorithm, type ChecksumType, type ObjectChecksum } from './checksum.ts'
import { bareEtag, judgeSource, judgeWrite } from './conditions.ts'
import { checksumElement, findCopySource, sourceVersionHeader } from './copy-object.ts'
import { StoreError } from './error.ts'
import { readCopyRange } from './range.ts'
import { emptyReply, xmlReply, type Reply } from './reply.ts'
import { parameter } from './request.ts'
import type { Bucket, Completed, Part, Upload, Version } from './state.ts'
import { joinBytes, sliceBytes, smallBytes, type StoredBytes } from './stored-bytes.ts'
import { readAttributes } from './write-attributes.ts'
import { checksumHeaders, etagOf, nextVersionId, storeVersion } from './write-object.ts'
import { childrenOf, childText, field, readXml, xmlDocument } from './xml.ts'

/** CreateMultipartUpload. */
export function createUpload(call: Call): Reply {
  const { request, world } = call
  const bucket = bucketOf(call)
  const key = keyOf(call)
  const { algorithm, type } = uploadChecksum(call)
  const upload: Upload = {
    ...readAttributes(request, world.behavior),
    uploadId: world.newId(),
    key,
    initiated: world.now(),
    checksumAlgorithm: algorithm,
    checksumType: type,
    parts: new Map()
  }
  bucket.uploads.set(upload.uploadId, upload)
  world.changed(bucket)
  const checksum: [string, string][] =
    algorithm === null || type === null
      ? []
      : [
          ['x-amz-checksum-algorithm', algorithm],
          ['x-amz-checksum-type', type]
        ]
  const fields = [field('Bucket', bucket.name), field('Key', key), field('UploadId', upload.uploadId)]
  return xmlReply(xmlDocument('InitiateMultipartUploadResult', fields), checksum)
}

function uploadChecksum({ request, world }: Call): { algorithm: ChecksumAlgorithm | null; type: ChecksumType | null } {
  const name = request.headers.get('x-amz-checksum-algorithm')
  if (name === null || world.behavior.checksums === 'ignored') return { algorithm: null, type: null }
  const algorithm = algorithmNamed(name)
  if (algorithm === null || world.behavior.checksums === 'refused')
    throw new StoreError('InvalidRequest', { message: 'Checksum algorithm provided is unsupported.' })
  const usual = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE'
  const type = request.headers.get('x-amz-checksum-type') ?? usual
  const possible = algorithm.startsWith('SHA') ? type === 'COMPOSITE' : algorithm === 'CRC64NVME' ? type === 'FULL_OBJECT' : true
  if ((type !== 'COMPOSITE' && type !== 'FULL_OBJECT') || !possible) {
    throw new StoreError('InvalidRequest', {
      message: `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`
    })
  }
  return { algorithm, type }
}

/** The open upload that the request names; one of another key does not exist for it. */
export function uploadOf(call: Call, bucket: Bucket): Upload {
  const upload = bucket.uploads.get(parameter(call.request, 'uploadId') ?? '')
  if (upload === undefined || upload.key !== keyOf(call)) throw noSuchUpload(call)
  return upload
}

function noSuchUpload({ request }: Call): StoreError {
  return new StoreError('NoSuchUpload', { elements: [['UploadId', parameter(request, 'uploadId') ?? '']] })
}

function partNumberOf(call: Call): number {
  const text = parameter(call.request, 'partNumber') ?? ''
  const number = Number(text)
  if (!/^\d{1,5}$/.test(text) || number < 1 || number > 10_000) {
    throw new StoreError('InvalidArgument', { message: 'Part number must be an integer between 1 and 10000, inclusive' })
  }
  return number
}

/** UploadPart. */
export function uploadPart(call: Call): Reply {
  const { payload, world } = call
  const bucket = bucketOf(call)
  const upload = uploadOf(call, bucket)
  const [announced] = payload.checksums.keys()
  if (upload.checksumAlgorithm !== null && announced !== undefined && !payload.checksums.has(upload.checksumAlgorithm)) {
    throw checksumMissing(call, upload, announced)
  }
  const part = storePart(call, upload, { bytes: world.vault.hold(payload.bytes), md5: payload.md5!, checksums: payload.checksums })
  world.changed(bucket)
  return emptyReply(200, [['etag', part.etag], ...partChecksumHeaders(part)])
}

function partChecksumHeaders(part: Part): [string, string][] {
  return [...part.checksums].map(([algorithm, value]) => [`x-amz-checksum-${algorithm.toLowerCase()}`, value])
}

// Measured on MinIO: the message names the physical bucket and a path inside it.
function checksumMissing({ request, world }: Call, upload: Upload, got: string): StoreError {
  const want = `(checksum missing, want "${upload.checksumAlgorithm}", got "${got}")`
  if (!world.behavior.minioQuirks)
    return new StoreError('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm?.toLowerCase()}, actual checksum Type: ${got.toLowerCase()}`
    })
  const folder = createHash('sha256').update(`${request.bucket}/${upload.key}`).digest('hex')
  return new StoreError('InvalidArgument', {
    message: `Invalid arguments provided for ${request.bucket}/${folder}/${upload.uploadId}: ${want}`
  })
}

interface NewPart {
  readonly bytes: StoredBytes
  readonly md5: Buffer
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>
}

function storePart(call: Call, upload: Upload, { bytes, md5, checksums }: NewPart): Part {
  const { world } = call
  const partNumber = partNumberOf(call)
  const part: Part = { partNumber, bytes, md5, etag: etagOf(md5, world), lastModified: world.now(), checksums }
  const before = upload.parts.get(partNumber)
  if (before !== undefined) world.vault.release(before.bytes)
  upload.parts.set(partNumber, part)
  return part
}

/** UploadPartCopy. */
export function uploadPartCopy(call: Call): Reply {
  const { request, world } = call
  if (world.behavior.uploadPartCopy === 'refused') throw new StoreError('NotImplemented')
  const bucket = bucketOf(call)
  const upload = uploadOf(call, bucket)
  const source = findCopySource(call)
  judgeSource(request, source.version, world.behavior.partSourceCondition)
  const header = request.headers.get('x-amz-copy-source-range')
  const length = source.version.bytes.length
  const range = header === null ? { first: 0, last: length - 1 } : readCopyRange(header, length, world.behavior.minioQuirks)
  const span = { bytes: source.version.bytes, first: range.first, length: range.last - range.first + 1 }
  const md5 = call.digests.md5(span)
  const bytes = world.vault.hold(sliceBytes(span.bytes, span.first, span.length))
  const part = storePart(call, upload, { bytes, md5, checksums: new Map() })
  world.changed(bucket)
  const fields = [field('LastModified', part.lastModified.toISOString()), field('ETag', part.etag)]
  return xmlReply(xmlDocument('CopyPartResult', fields), sourceVersionHeader(source))
}

/** AbortMultipartUpload. */
export function abortUpload(call: Call): Reply {
  const bucket = bucketOf(call)
  const upload = uploadOf(call, bucket)
  for (const part of upload.parts.values()) call.world.vault.release(part.bytes)
  bucket.uploads.delete(upload.uploadId)
  call.world.changed(bucket)
  return emptyReply(204)
}

interface NamedPart {
  readonly partNumber: number
  readonly etag: string
}

const COMPLETED_MAX = 10_000

/** CompleteMultipartUpload. */
export function completeUpload(call: Call): Reply {
  const { request, world } = call
  const bucket = bucketOf(call)
  const named = readParts(call)
  const done = bucket.completed.get(parameter(request, 'uploadId') ?? '')
  if (done !== undefined && done.key === keyOf(call) && world.behavior.completeTwice === 'sameAnswer')
    return completeReply(call, bucket, done)
  const upload = uploadOf(call, bucket)
  if (!call.conditionJudged) judgeComplete(call, bucket)
  const parts = chooseParts(call, upload, named)
  const version = joinedVersion(call, bucket, { upload, parts })
  storeVersion(bucket, version, world)
  forgetUpload(bucket, upload, { kept: new Set(parts), world })
  const completed: Completed = {
    key: upload.key,
    etag: version.etag,
    versionId: bucket.versioning === 'off' ? null : version.versionId
  }
  bucket.completed.set(upload.uploadId, completed)
  for (const oldest of bucket.completed.keys()) if (bucket.completed.size > COMPLETED_MAX) bucket.completed.delete(oldest)
  return completeReply(call, bucket, completed, version.checksum)
}

/** The condition of a CompleteMultipartUpload, by itself for providers that judge it before the body. */
export function judgeComplete(call: Call, bucket: Bucket): void {
  const { behavior } = call.world
  judgeWrite(call.request, { honor: behavior.completeCondition, behavior, current: bucket.objects.current(keyOf(call)) })
}

function readParts(call: Call): NamedPart[] {
  const root = readXml(smallBytes(call.payload.bytes))
  const parts = childrenOf(root, 'Part').map((part) => {
    const [number, etag] = [childText(part, 'PartNumber') ?? '', childText(part, 'ETag')]
    if (!/^\s*\d{1,5}\s*$/.test(number) || etag === null) throw new StoreError('MalformedXML')
    return { partNumber: Number(number), etag: bareEtag(etag) }
  })
  if (parts.length === 0 && call.world.behavior.minioQuirks)
    throw new StoreError('InvalidRequest', { message: 'You must specify at least one part' })
  if (root.name !== 'CompleteMultipartUpload' || parts.length === 0) throw new StoreError('MalformedXML')
  for (let index = 1; index < parts.length; index++) {
    if (parts[index]!.partNumber <= parts[index - 1]!.partNumber) throw new StoreError('InvalidPartOrder')
  }
  return parts
}

function chooseParts({ world }: Call, upload: Upload, named: readonly NamedPart[]): Part[] {
  const parts = named.map(({ partNumber, etag }) => {
    const part = upload.parts.get(partNumber)
    if (part === undefined || bareEtag(part.etag) !== etag) {
      throw new StoreError('InvalidPart', {
        elements: [
          ['PartNumber', String(partNumber)],
          ['ETag', etag]
        ]
      })
    }
    return part
  })
  for (const part of parts.slice(0, -1)) {
    if (part.bytes.length < world.limits.partBytesMin) {
      throw new StoreError('EntityTooSmall', {
        elements: [
          ['PartNumber', String(part.partNumber)],
          ['ProposedSize', String(part.bytes.length)]
        ]
      })
    }
    if (world.behavior.equalParts && part.bytes.length !== parts[0]!.bytes.length) {
      throw new StoreError('InvalidPart', { message: 'All non-trailing parts must have the same length.' })
    }
  }
  return parts
}

function joinedVersion(call: Call, bucket: Bucket, { upload, parts }: { upload: Upload; parts: readonly Part[] }): Version {
  const { world } = call
  const digest = createHash('md5')
  for (const part of parts) digest.update(part.md5)
  return {
    system: upload.system,
    metadata: upload.metadata,
    tags: upload.tags,
    storageClass: upload.storageClass,
    key: upload.key,
    versionId: nextVersionId(bucket, world),
    isMarker: false,
    bytes: joinBytes(parts.map(({ bytes }) => bytes)),
    etag: `"${etagOf(digest.digest(), world).slice(1, -1)}-${parts.length}"`,
    lastModified: world.now(),
    checksum: joinedChecksum(call, upload, parts),
    parts: parts.map(({ partNumber, etag, lastModified, checksums }) => ({ partNumber, etag, lastModified, checksums })),
    partLengths: parts.map(({ bytes }) => bytes.length)
  }
}

function joinedChecksum({ request }: Call, upload: Upload, parts: readonly Part[]): ObjectChecksum | null {
  const { checksumAlgorithm: algorithm, checksumType: type } = upload
  if (algorithm === null || type === null) return null
  const values = parts.flatMap(({ checksums, bytes }) => {
    const value = checksums.get(algorithm)
    return value === undefined ? [] : [{ value, length: bytes.length }]
  })
  if (values.length < parts.length) return null
  const checksum = combineChecksums(algorithm, type, values)
  const announced = request.headers.get(`x-amz-checksum-${algorithm.toLowerCase()}`)
  if (announced !== null && announced !== checksum.value && announced !== checksum.value.replace(/-\d+$/, ''))
    throw new StoreError('BadDigest')
  return checksum
}

function forgetUpload(bucket: Bucket, upload: Upload, { kept, world }: { kept: ReadonlySet<Part>; world: World }): void {
  for (const part of upload.parts.values()) if (!kept.has(part)) world.vault.release(part.bytes)
  bucket.uploads.delete(upload.uploadId)
}

function completeReply(call: Call, bucket: Bucket, done: Completed, checksum: ObjectChecksum | null = null): Reply {
  const location = `http://${call.request.headers.get('host') ?? ''}/${bucket.name}/${encodeURIComponent(done.key).replaceAll('%2F', '/')}`
  const fields = [field('Location', location), field('Bucket', bucket.name), field('Key', done.key), field('ETag', done.etag)]
  const checksums = checksumHeaders(checksum).map(([name, value]) => field(checksumElement(name), value))
  const version = done.versionId === null ? [] : versionHeader(bucket, { versionId: done.versionId })
  return xmlReply(xmlDocument('CompleteMultipartUploadResult', [...fields, ...checksums]), version)
}
