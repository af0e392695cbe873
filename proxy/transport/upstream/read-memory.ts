import type { BufferPool } from './buffers.ts'

/**
 * Where one connection reads into: memory that all connections share while it carries no body, and a buffer of its own, lent by the
 * pool, while it does. A buffer goes back only when neither the socket can read into it nor a sink can read from it.
 */
export class ReadMemory {
  #pool: BufferPool
  #buffer: Buffer | null = null
  /** True while the socket may read into the buffer: it can be given other memory only after a read. */
  #readsOwn = false
  /** True while a sink may still read from the buffer. */
  held = false

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  /** What is read here is used up, or copied, before the callback returns. */
  shared(): Buffer {
    this.#readsOwn = false
    return this.#pool.scratch
  }

  own(bytesExpected: number): Buffer {
    this.#readsOwn = true
    return (this.#buffer ??= this.#pool.take(bytesExpected))
  }

  isShared(memory: Uint8Array): boolean {
    return memory === this.#pool.scratch
  }

  isOwn(bytes: Uint8Array): boolean {
    return this.#buffer !== null && bytes.buffer === this.#buffer.buffer
  }

  /** Gives the buffer back. Called where the socket is about to be given other memory, or is gone. */
  release(): void {
    const buffer = this.#buffer
    this.#buffer = null
    if (buffer === null) return
    if (this.held) this.#pool.forget(buffer)
    else this.#pool.giveBack(buffer)
    this.held = false
  }

  /** The body is at its end and nobody reads from the buffer: it goes back now, or after the next read. */
  settle(): null {
    if (!this.#readsOwn) this.release()
    return null
  }

  /** Leaves the buffer to whoever reads from it. The function gives it back: with false where it may still be read from, so that nobody else gets it. */
  leave(): (safe: boolean) => void {
    const pool = this.#pool
    const buffer = this.#buffer
    this.#buffer = null
    return (safe) => {
      if (buffer === null) return
      if (safe) pool.giveBack(buffer)
      else pool.forget(buffer)
    }
  }
}
