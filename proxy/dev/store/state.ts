import type { ChecksumAlgorithm, ChecksumType, ObjectChecksum } from './checksum.ts'
import type { StoredBytes } from './stored-bytes.ts'

/** One part as it stands in an upload or in a finished multipart object. */
export interface Part {
  readonly partNumber: number
  readonly bytes: StoredBytes
  /** Quoted. */
  readonly etag: string
  readonly md5: Buffer
  readonly lastModified: Date
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>
}

/** What a write carries beside its bytes. */
export interface Attributes {
  /** content-type, cache-control and so on, lower-case. */
  readonly system: ReadonlyMap<string, string>
  /** `x-amz-meta-*` without the prefix, lower-case; values as latin1 text. */
  readonly metadata: ReadonlyMap<string, string>
  readonly tags: ReadonlyMap<string, string>
  readonly storageClass: string
}

/** One version of an object, or a delete marker. */
export interface Version extends Attributes {
  readonly key: string
  /** `null` for versions written while versioning was not enabled. */
  readonly versionId: string
  readonly isMarker: boolean
  readonly bytes: StoredBytes
  /** Quoted. */
  readonly etag: string
  readonly lastModified: Date
  readonly checksum: ObjectChecksum | null
  /** Null for an object that came in one piece. */
  readonly parts: readonly Omit<Part, 'bytes' | 'md5'>[] | null
  readonly partLengths: readonly number[] | null
}

export interface Upload extends Attributes {
  readonly uploadId: string
  readonly key: string
  readonly initiated: Date
  readonly checksumAlgorithm: ChecksumAlgorithm | null
  readonly checksumType: ChecksumType | null
  readonly parts: Map<number, Part>
}

/** What is remembered of a finished upload, so that completing it again is answered alike. */
export interface Completed {
  readonly key: string
  readonly etag: string
  readonly versionId: string | null
}

export type Versioning = 'off' | 'Enabled' | 'Suspended'

export interface Bucket {
  readonly name: string
  readonly created: Date
  versioning: Versioning
  readonly objects: ObjectIndex
  readonly uploads: Map<string, Upload>
  readonly completed: Map<string, Completed>
}

/** The versions of every key, keys in UTF-8 byte order. */
export class ObjectIndex {
  readonly #versions = new Map<string, Version[]>()
  #keys: string[] = []

  /** Newest first; empty when the key was never written. */
  versions(key: string): readonly Version[] {
    return this.#versions.get(key) ?? []
  }

  /** The newest version unless it is a delete marker. */
  current(key: string): Version | null {
    const newest = this.#versions.get(key)?.[0]
    return newest === undefined || newest.isMarker ? null : newest
  }

  get empty(): boolean {
    return this.#versions.size === 0
  }

  set(key: string, versions: readonly Version[]): void {
    const present = this.#versions.has(key)
    if (versions.length === 0) {
      if (!present) return
      this.#versions.delete(key)
      this.#keys.splice(this.firstAt(key), 1)
      return
    }
    if (!present) this.#keys.splice(this.firstAt(key), 0, key)
    this.#versions.set(key, [...versions])
  }

  /** All keys in order. */
  get keys(): readonly string[] {
    return this.#keys
  }

  /** The position of the first key that is not before `key`. */
  firstAt(key: string): number {
    let [low, high] = [0, this.#keys.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareUtf8(this.#keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The order of the UTF-8 bytes, which is that of the code points; comparing strings would put U+FFFF after U+10000. */
export function compareUtf8(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length)
  for (let index = 0; index < shorter; index++) {
    const [first, second] = [one.charCodeAt(index), other.charCodeAt(index)]
    if (first === second) continue
    return rank(first) - rank(second)
  }
  return one.length - other.length
}

// Surrogates stand for code points above all others, so they rank above U+E000..U+FFFF.
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

export function emptyBucket(name: string, created: Date): Bucket {
  return { name, created, versioning: 'off', objects: new ObjectIndex(), uploads: new Map(), completed: new Map() }
}
