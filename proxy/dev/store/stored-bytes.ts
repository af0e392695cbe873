import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** Bodies up to this size stay in memory, bigger ones go to a file. */
const MEMORY_BODY_BYTES_MAX = 8 * 1024 * 1024
/** Once this much is held in memory, every further body above a page goes to a file, so that many parts stay flat too. */
const MEMORY_TOTAL_BYTES_MAX = 192 * 1024 * 1024
const PAGE_BYTES = 64 * 1024
/** Pieces are written to a file together from this size on. */
const WRITE_BYTES_MIN = 1024 * 1024

/** Bytes that never change, in memory or in a file, held while anything refers to them. */
interface Segment {
  readonly chunks: readonly Uint8Array[] | null
  readonly path: string | null
  holders: number
  readonly length: number
}

interface Slice {
  readonly segment: Segment
  readonly offset: number
  readonly length: number
}

/** The bytes of one object, part or body. Sharing costs nothing: a copy or a range refers to the same segments. */
export interface StoredBytes {
  readonly length: number
  readonly slices: readonly Slice[]
}

/** No bytes. */
export const NO_BYTES: StoredBytes = { length: 0, slices: [] }

/** Takes the bytes of one body. Exactly one of `finish` and `discard` is called. */
export interface BytesWriter {
  write(bytes: Uint8Array): Promise<void> | void
  finish(): Promise<StoredBytes>
  discard(): Promise<void>
}

export interface BytesVaultOptions {
  /** Where files go; with `keep` they outlive the vault. */
  readonly directory: string
  /** True: every body becomes a file and stays when the vault closes. */
  readonly keep: boolean
  /** A file name that was never given before. */
  readonly newName: () => string
}

/** Holds the bodies of a store and counts who refers to them. */
export class BytesVault {
  readonly #options: BytesVaultOptions
  #folder: Promise<string> | null = null
  #memoryBytes = 0

  constructor(options: BytesVaultOptions) {
    this.#options = options
  }

  /** Bytes that the vault holds in memory at this moment. */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** `small`: the body is bounded by its reader and stays in memory whatever the vault does with others. */
  writer({ small }: { readonly small: boolean }): BytesWriter {
    const chunks: Uint8Array[] = []
    let length = 0
    let pendingBytes = 0
    let file: { handle: FileHandle; path: string } | null = null
    const flush = async (): Promise<void> => {
      file ??= await this.#openFile()
      const { bytesWritten } = await file.handle.writev(chunks)
      if (bytesWritten !== pendingBytes) throw new Error(`${file.path}: ${bytesWritten} of ${pendingBytes} bytes were written`)
      chunks.length = 0
      pendingBytes = 0
    }
    return {
      write: (bytes) => {
        if (bytes.length === 0) return
        chunks.push(bytes)
        length += bytes.length
        pendingBytes += bytes.length
        const spills = file !== null || (!small && this.#mustSpill(length))
        return spills && pendingBytes >= WRITE_BYTES_MIN ? flush() : undefined
      },
      finish: async () => {
        if (file !== null || (!small && this.#options.keep && length > 0)) {
          if (pendingBytes > 0) await flush()
          await file!.handle.close()
          return this.#take({ chunks: null, path: file!.path }, length)
        }
        // Copied, because a piece as received may keep a whole read buffer of the socket alive.
        return this.#take({ chunks: [Buffer.concat(chunks)], path: null }, length)
      },
      discard: async () => {
        if (file === null) return
        await file.handle.close()
        await unlink(file.path)
      }
    }
  }

  /** Bytes that are in a file of this vault already, from an earlier life of a kept directory. */
  adopt(path: string, length: number): StoredBytes {
    return this.#take({ chunks: null, path }, length)
  }

  #take(where: Pick<Segment, 'chunks' | 'path'>, length: number): StoredBytes {
    if (length === 0) return NO_BYTES
    if (where.path === null) this.#memoryBytes += length
    return { length, slices: [{ segment: { ...where, holders: 1, length }, offset: 0, length }] }
  }

  /** One holder more; each `hold` is undone by one `release`. */
  hold(bytes: StoredBytes): StoredBytes {
    for (const { segment } of bytes.slices) segment.holders++
    return bytes
  }

  /** One holder less; what nobody holds is gone. */
  release(bytes: StoredBytes): void {
    for (const { segment } of bytes.slices) {
      segment.holders--
      if (segment.holders > 0) continue
      if (segment.path === null) this.#memoryBytes -= segment.length
      else void unlink(segment.path).catch(() => undefined)
    }
  }

  #mustSpill(length: number): boolean {
    if (this.#options.keep || length > MEMORY_BODY_BYTES_MAX) return true
    return length > PAGE_BYTES && this.#memoryBytes + length > MEMORY_TOTAL_BYTES_MAX
  }

  async #openFile(): Promise<{ handle: FileHandle; path: string }> {
    this.#folder ??= this.#makeFolder()
    const path = join(await this.#folder, this.#options.newName())
    return { handle: await open(path, 'wx'), path }
  }

  async #makeFolder(): Promise<string> {
    if (!this.#options.keep) return mkdtemp(join(this.#options.directory, 'sluice-store-'))
    const folder = join(this.#options.directory, 'bytes')
    await mkdir(folder, { recursive: true })
    return folder
  }

  async close(): Promise<void> {
    if (this.#folder !== null && !this.#options.keep) await rm(await this.#folder, { recursive: true, force: true })
  }
}

/** The bytes from `first` on, `length` of them, referring to the same segments. The caller holds them separately. */
export function sliceBytes(bytes: StoredBytes, first: number, length: number): StoredBytes {
  const slices: Slice[] = []
  let position = 0
  for (const slice of bytes.slices) {
    const from = Math.max(first, position)
    const to = Math.min(first + length, position + slice.length)
    if (from < to) slices.push({ segment: slice.segment, offset: slice.offset + from - position, length: to - from })
    position += slice.length
  }
  return { length, slices }
}

/** One after the other. */
export function joinBytes(parts: readonly StoredBytes[]): StoredBytes {
  return { length: parts.reduce((sum, part) => sum + part.length, 0), slices: parts.flatMap((part) => part.slices) }
}

/** The bytes in order, in pieces of bounded size. */
export async function* readBytes(bytes: StoredBytes): AsyncGenerator<Uint8Array> {
  for (const slice of bytes.slices) {
    if (slice.segment.path !== null) yield* readFileSlice(slice.segment.path, slice)
    else yield* memorySlices(slice)
  }
}

async function* readFileSlice(path: string, slice: Slice): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(path, { start: slice.offset, end: slice.offset + slice.length - 1, highWaterMark: 256 * 1024 })
  for await (const chunk of stream) yield chunk as Buffer
}

function* memorySlices(slice: Slice): Generator<Uint8Array> {
  let position = 0
  for (const chunk of slice.segment.chunks!) {
    const from = Math.max(slice.offset, position)
    const to = Math.min(slice.offset + slice.length, position + chunk.length)
    if (from < to) yield chunk.subarray(from - position, to - position)
    position += chunk.length
  }
}

/** All bytes at once, of a body that is known to be small and therefore in memory. */
export function smallBytes(bytes: StoredBytes): Buffer {
  return Buffer.concat(bytes.slices.flatMap((slice) => [...memorySlices(slice)]))
}
