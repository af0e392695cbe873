import { bucketOf, findVersion, keyOf, storedKey, versionHeader, type Call } from './call.ts'
import { judgeSource, judgeWrite } from './conditions.ts'
import { StoreError } from './error.ts'
import { xmlReply, type Reply } from './reply.ts'
import { decodePercent, utf8OfLatin1 } from './request.ts'
import type { Attributes, Bucket, Version } from './state.ts'
import { encryptionHeaders, readAttributes } from './write-attributes.ts'
import { checksumHeaders, etagOf, nextVersionId, storeVersion } from './write-object.ts'
import { field, xmlDocument } from './xml.ts'

/** The object that `x-amz-copy-source` names. */
export interface CopySource {
  readonly bucket: Bucket
  readonly version: Version
}

/** Finds the source: an optional leading `/`, percent-encoded or raw, `?versionId=` only where the `?` itself is not encoded. */
export function findCopySource(call: Call): CopySource {
  const { request, world } = call
  const header = utf8OfLatin1(request.headers.get('x-amz-copy-source') ?? '')
  const [path, versionId] = splitVersion(header ?? '', world.behavior.minioQuirks)
  const decoded = decodeSource(path).replace(/^\//, '')
  const slash = decoded.indexOf('/')
  if (slash < 1 || slash === decoded.length - 1) {
    throw new StoreError('InvalidArgument', { message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey' })
  }
  const bucket = world.buckets.get(decoded.slice(0, slash))
  if (bucket === undefined) throw new StoreError('NoSuchBucket', { elements: [['BucketName', decoded.slice(0, slash)]] })
  const key = storedKey(decoded.slice(slash + 1), world.behavior)
  return { bucket, version: findVersion(bucket, { key, versionId, behavior: world.behavior }) }
}

function splitVersion(header: string, minioQuirks: boolean): [path: string, versionId: string | null] {
  // MinIO reads the header as a URL, in which `#` begins a fragment.
  const source = minioQuirks ? header.replace(/#.*$/s, '') : header
  const mark = source.indexOf('?versionId=')
  return mark === -1 ? [source, null] : [source.slice(0, mark), source.slice(mark + '?versionId='.length)]
}

function decodeSource(path: string): string {
  try {
    return decodePercent(path)
  } catch {
    throw new StoreError('InvalidArgument', { message: 'Invalid copy source encoding.' })
  }
}

/** CopyObject. */
export function copyObject(call: Call): Reply {
  const { request, world } = call
  const { behavior } = world
  const bucket = bucketOf(call)
  const key = keyOf(call)
  const source = findCopySource(call)
  const directives = readDirectives(call)
  judgeSource(request, source.version, behavior.sourceCondition)
  if (!call.conditionJudged) judgeWrite(request, { honor: behavior.copyCondition, behavior, current: bucket.objects.current(key) })
  if (source.version.bytes.length > world.limits.copyBytesMax) {
    throw new StoreError('InvalidRequest', {
      message: `The specified copy source is larger than the maximum allowable size for a copy source: ${world.limits.copyBytesMax}`
    })
  }
  const ontoItself = source.bucket === bucket && source.version.key === key && source.version === bucket.objects.current(key)
  if (ontoItself && directives.metadata === 'COPY' && request.headers.get('x-amz-storage-class') === null) throw copyOntoItself()
  const copy: Version = {
    ...copiedAttributes(call, source.version, directives),
    key,
    versionId: nextVersionId(bucket, world),
    isMarker: false,
    bytes: world.vault.hold(source.version.bytes),
    etag: copiedEtag(source.version, call),
    lastModified: world.now(),
    checksum: source.version.checksum?.type === 'FULL_OBJECT' ? source.version.checksum : null,
    parts: null,
    partLengths: null
  }
  storeVersion(bucket, copy, world)
  return copyReply(copy, [...versionHeader(bucket, copy), ...encryptionHeaders(copy), ...sourceVersionHeader(source)])
}

function copyOntoItself(): StoreError {
  return new StoreError('InvalidRequest', {
    message:
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
  })
}

export function sourceVersionHeader({ bucket, version }: CopySource): readonly (readonly [string, string])[] {
  return bucket.versioning === 'off' ? [] : [['x-amz-copy-source-version-id', version.versionId]]
}

interface Directives {
  readonly metadata: 'COPY' | 'REPLACE'
  readonly tagging: 'COPY' | 'REPLACE'
}

function readDirectives({ request }: Call): Directives {
  const read = (name: string): 'COPY' | 'REPLACE' => {
    const value = request.headers.get(name) ?? 'COPY'
    if (value !== 'COPY' && value !== 'REPLACE') throw new StoreError('InvalidArgument', { message: `Unknown ${name}.` })
    return value
  }
  return { metadata: read('x-amz-metadata-directive'), tagging: read('x-amz-tagging-directive') }
}

function copiedAttributes(call: Call, source: Version, directives: Directives): Attributes {
  const given = readAttributes(call.request, call.world.behavior)
  const { system, metadata } = directives.metadata === 'REPLACE' ? given : source
  // Encryption is of the copy's own, whatever the directive says.
  const plain = [...system].filter(([name]) => !name.startsWith('x-amz-server-side-encryption'))
  return {
    system: new Map([...plain, ...encryptionHeaders(given)]),
    metadata,
    tags: directives.tagging === 'REPLACE' ? given.tags : source.tags,
    storageClass: given.storageClass
  }
}

// A copy is one piece, so the ETag of an object of parts does not survive it.
function copiedEtag(source: Version, { world, digests }: Call): string {
  const { bytes } = source
  const plain = source.parts === null && !world.behavior.uniqueEtags
  return plain ? source.etag : etagOf(digests.md5({ bytes, first: 0, length: bytes.length }), world)
}

function copyReply(copy: Version, headers: Reply['headers']): Reply {
  const checksum = checksumHeaders(copy.checksum).map(([name, value]) => field(checksumElement(name), value))
  const fields = [field('LastModified', copy.lastModified.toISOString()), field('ETag', copy.etag), ...checksum]
  return xmlReply(xmlDocument('CopyObjectResult', fields), headers)
}

/** The element that a checksum header is called in a document: `ChecksumCRC32` for `x-amz-checksum-crc32`. */
export function checksumElement(header: string): string {
  const name = header.slice('x-amz-checksum-'.length)
  return name === 'type' ? 'ChecksumType' : `Checksum${name.toUpperCase()}`
}
