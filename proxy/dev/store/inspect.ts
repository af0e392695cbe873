import type { Bucket } from './state.ts'
import { readBytes, type StoredBytes } from './stored-bytes.ts'

/** One version as a test looks at it. */
export interface InspectedObject {
  readonly versionId: string
  readonly isMarker: boolean
  readonly length: number
  /** Quoted. */
  readonly etag: string
  readonly tags: ReadonlyMap<string, string>
  /** Names without `x-amz-meta-`; values as latin1 text. */
  readonly metadata: ReadonlyMap<string, string>
  readonly system: ReadonlyMap<string, string>
  readonly storageClass: string
  readonly lastModified: Date
  /** Number of parts; null for an object that came in one piece. */
  readonly parts: number | null
  /** All bytes at once. */
  read(): Promise<Buffer>
}

/** The keys in order, each with its versions, newest first. */
export function inspectObjects(bucket: Bucket): ReadonlyMap<string, readonly InspectedObject[]> {
  const found = new Map<string, InspectedObject[]>()
  for (const key of bucket.objects.keys) {
    found.set(
      key,
      bucket.objects.versions(key).map((version) => ({
        versionId: version.versionId,
        isMarker: version.isMarker,
        length: version.bytes.length,
        etag: version.etag,
        tags: version.tags,
        metadata: version.metadata,
        system: version.system,
        storageClass: version.storageClass,
        lastModified: version.lastModified,
        parts: version.parts?.length ?? null,
        read: () => readWhole(version.bytes)
      }))
    )
  }
  return found
}

async function readWhole(bytes: StoredBytes): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of readBytes(bytes)) pieces.push(piece)
  return Buffer.concat(pieces)
}
