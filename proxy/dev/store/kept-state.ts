import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyBucket, type Bucket, type Completed, type Part, type Upload, type Version, type Versioning } from './state.ts'
import type { BytesVault, StoredBytes } from './stored-bytes.ts'

/**
 * What a store with a directory keeps: one document per bucket beside the files of its bodies. The document is written
 * anew after changes, so a crash may lose the last moments but never shows half an object.
 */
export class KeptState {
  readonly #folder: string
  readonly #dirty = new Set<Bucket>()
  readonly #buckets: ReadonlyMap<string, Bucket>
  #writing: Promise<void> | null = null
  /** The first error of a write; the store reports it when it closes. */
  #failure: unknown = null

  constructor(directory: string, buckets: ReadonlyMap<string, Bucket>) {
    this.#folder = join(directory, 'buckets')
    this.#buckets = buckets
    mkdirSync(this.#folder, { recursive: true })
  }

  /** Notes a change; documents are written one after another, each with everything noted until then. */
  changed(bucket: Bucket): void {
    this.#dirty.add(bucket)
    this.#writing ??= this.#write().catch((error: unknown) => void (this.#failure ??= error))
  }

  async #write(): Promise<void> {
    while (this.#dirty.size > 0) {
      // Changes of one turn go into one document.
      await new Promise<void>((resolve) => void setImmediate(resolve))
      const [bucket] = this.#dirty
      this.#dirty.delete(bucket!)
      const path = join(this.#folder, `${bucket!.name}.json`)
      if (this.#buckets.get(bucket!.name) !== bucket) {
        rmSync(path, { force: true })
        continue
      }
      await writeFile(`${path}.new`, JSON.stringify(describeBucket(bucket!)))
      await rename(`${path}.new`, path)
    }
    this.#writing = null
  }

  async close(): Promise<void> {
    await this.#writing
    if (this.#failure !== null) throw new Error('the state of the store could not be written', { cause: this.#failure })
  }
}

type Plain<T> = T extends Date
  ? string
  : T extends Buffer
    ? string
    : T extends StoredBytes
      ? readonly PlainSlice[]
      : T extends ReadonlyMap<infer Key, infer Value>
        ? readonly (readonly [Key, Plain<Value>])[]
        : T extends readonly (infer Item)[]
          ? readonly Plain<Item>[]
          : T extends object
            ? { readonly [Field in keyof T]: Plain<T[Field]> }
            : T

/** A slice of a file, by the file's name. */
interface PlainSlice {
  readonly file: string
  readonly whole: number
  readonly offset: number
  readonly length: number
}

interface PlainBucket {
  readonly name: string
  readonly created: string
  readonly versioning: Versioning
  readonly versions: readonly Plain<Version>[]
  readonly uploads: readonly Plain<Upload>[]
  readonly completed: readonly (readonly [string, Completed])[]
}

function describeBucket(bucket: Bucket): PlainBucket {
  return {
    name: bucket.name,
    created: bucket.created.toISOString(),
    versioning: bucket.versioning,
    versions: bucket.objects.keys.flatMap((key) => plain(bucket.objects.versions(key)) as Plain<Version>[]),
    uploads: plain([...bucket.uploads.values()]) as Plain<Upload>[],
    completed: [...bucket.completed]
  }
}

function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)])
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('slices' in value) return plainSlices(value as StoredBytes)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}

function plainSlices({ slices }: StoredBytes): PlainSlice[] {
  return slices.map(({ segment, offset, length }) => ({
    file: segment.path!.replace(/^.*[/\\]/, ''),
    whole: segment.length,
    offset,
    length
  }))
}

/** The buckets that a directory holds. Objects whose file is gone are left out; files that nothing names are removed. */
export function readKeptBuckets(directory: string, vault: BytesVault): Bucket[] {
  const folder = join(directory, 'buckets')
  if (!existsSync(folder)) return []
  const reader = new KeptReader(join(directory, 'bytes'), vault)
  const buckets = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => reader.bucket(JSON.parse(readFileSync(join(folder, name), 'utf8')) as PlainBucket))
  reader.removeOthers()
  return buckets
}

class KeptReader {
  readonly #folder: string
  readonly #vault: BytesVault
  readonly #segments = new Map<string, StoredBytes>()

  constructor(folder: string, vault: BytesVault) {
    this.#folder = folder
    this.#vault = vault
  }

  bucket(kept: PlainBucket): Bucket {
    const bucket: Bucket = {
      ...emptyBucket(kept.name, new Date(kept.created)),
      versioning: kept.versioning,
      completed: new Map(kept.completed)
    }
    for (const one of kept.versions) {
      const bytes = this.#bytes(one.bytes)
      if (bytes !== null) bucket.objects.set(one.key, [...bucket.objects.versions(one.key), readVersion(one, bytes)])
    }
    for (const one of kept.uploads) {
      const parts = one.parts.flatMap(([number, part]) => {
        const bytes = this.#bytes(part.bytes)
        return bytes === null ? [] : [[number, readPart(part, bytes)] as const]
      })
      bucket.uploads.set(one.uploadId, { ...one, ...readMaps(one), initiated: new Date(one.initiated), parts: new Map(parts) })
    }
    return bucket
  }

  // Null when a file is gone or cut: the crash came before its document was written.
  #bytes(slices: readonly PlainSlice[]): StoredBytes | null {
    const found = slices.map(({ file, whole, offset, length }) => {
      const known = this.#segments.get(file) ?? this.#adopt(file, whole)
      return known === null ? null : { segment: known.slices[0]!.segment, offset, length }
    })
    const present = found.filter((slice) => slice !== null)
    if (present.length < found.length) return null
    return this.#vault.hold({ length: present.reduce((sum, { length }) => sum + length, 0), slices: present })
  }

  #adopt(file: string, whole: number): StoredBytes | null {
    const path = join(this.#folder, file)
    if (!existsSync(path) || statSync(path).size !== whole) return null
    const bytes = this.#vault.adopt(path, whole)
    this.#segments.set(file, bytes)
    return bytes
  }

  removeOthers(): void {
    // Each adopted file was held by the reader until its objects held it.
    for (const bytes of this.#segments.values()) this.#vault.release(bytes)
    if (!existsSync(this.#folder)) return
    for (const file of readdirSync(this.#folder)) if (!this.#segments.has(file)) unlinkSync(join(this.#folder, file))
  }
}

function readMaps({
  system,
  metadata,
  tags
}: Plain<Pick<Version, 'system' | 'metadata' | 'tags'>>): Pick<Version, 'system' | 'metadata' | 'tags'> {
  return { system: new Map(system), metadata: new Map(metadata), tags: new Map(tags) }
}

function readVersion(kept: Plain<Version>, bytes: StoredBytes): Version {
  const parts =
    kept.parts?.map((part) => ({ ...part, lastModified: new Date(part.lastModified), checksums: new Map(part.checksums) })) ?? null
  return { ...kept, ...readMaps(kept), bytes, lastModified: new Date(kept.lastModified), parts }
}

function readPart(kept: Plain<Part>, bytes: StoredBytes): Part {
  return {
    ...kept,
    bytes,
    md5: Buffer.from(kept.md5, 'base64'),
    lastModified: new Date(kept.lastModified),
    checksums: new Map(kept.checksums)
  }
}
