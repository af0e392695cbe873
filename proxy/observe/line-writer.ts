import { closeSync, openSync, write, writeSync } from 'node:fs'

export interface LineWriterOptions {
  /** A file, which is appended to, or the number of an open one. */
  readonly destination: string | number
  /** How long a line is held back at most, while the destination takes what it is given. */
  readonly flushMs: number
  /** Bytes held for a destination that does not take them; lines beyond are dropped. */
  readonly heldBytesMax: number
}

interface Chunk {
  readonly bytes: Buffer
  length: number
  lines: number
  written: number
}

/** Written at once. Costs of a write are shared by some hundred lines. */
const CHUNK_BYTES = 65_536
/** No code unit of UTF-16 takes more in UTF-8. */
const UNIT_BYTES_MAX = 3
const SPARE_CHUNKS_MAX = 2
/** Until a destination that is not ready is tried again, and one that failed (a full disk, a reader that is gone). */
const NOT_READY_MS = 10
const FAILED_MS = 100
/** How long the end waits for a destination that takes nothing of what is left. */
const CLOSE_WAIT_MS = 2_000
const SYNC_WAIT_MS = 10
/** Of the flush timer: a write that has not ended after so many is not about to. */
const STUCK_TICKS = 4

/**
 * Writes lines in chunks, in order, one write at a time and never on the thread of its caller: a destination that takes
 * nothing costs lines, which are counted, and never holds up a request. A line is written whole or not at all.
 *
 * HOT: bench/log-line.ts
 */
export class LineWriter {
  #fd: number
  #ownsFile: boolean
  #heldBytesMax: number
  #timer: NodeJS.Timeout
  #filling: Chunk = newChunk(CHUNK_BYTES)
  #waiting: Chunk[] = []
  #waitingBytes = 0
  /** True while the first of those waiting is with the operating system. */
  #writing = false
  #ticks = 0
  #flushWanted = false
  #spare: Buffer[] = []
  #retry: NodeJS.Timeout | null = null
  #dropped = 0
  #closed = false
  #onEmpty: (() => void) | null = null
  #deadline: NodeJS.Timeout | null = null

  constructor({ destination, flushMs, heldBytesMax }: LineWriterOptions) {
    this.#ownsFile = typeof destination === 'string'
    // Opened here and now, so that a path that cannot be written is told at once.
    this.#fd = typeof destination === 'string' ? openSync(destination, 'a', 0o640) : destination
    this.#heldBytesMax = heldBytesMax
    this.#timer = setInterval(() => this.#tick(), flushMs).unref()
  }

  /** How many lines were not written, because the destination did not take them. */
  get linesDropped(): number {
    return this.#dropped
  }

  /** Takes one line, its end included. */
  write(line: string): void {
    const { length } = this.#filling
    const mayNotFit = length + line.length * UNIT_BYTES_MAX > CHUNK_BYTES
    if (this.#closed || (mayNotFit && !this.#makeRoom(Buffer.byteLength(line)))) {
      this.#dropped += 1
      return
    }
    const chunk = this.#filling
    chunk.length += chunk.bytes.write(line, chunk.length)
    chunk.lines += 1
  }

  /** Hands what is held back to the operating system, as soon as it has taken what it was given before. */
  flush(): void {
    this.#flushWanted = true
    this.#pump()
  }

  /** Resolves when everything is written, or the destination has not taken it for seconds. What fails to be written is dropped. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    if (!this.#writing && this.#retry === null) this.writeNow()
    else await this.#emptied()
    this.#dropWaiting()
    if (this.#ownsFile && !this.#writing) closeSync(this.#fd)
  }

  /**
   * Writes everything before it returns: for the end of the process, when nothing can be waited for. What the operating
   * system has been given before is written by it first.
   */
  writeNow(): void {
    this.#closed = true
    if (this.#writing) {
      if (this.#ticks >= STUCK_TICKS) return
      // Its outcome cannot be known any more, but threads of the pool end what they have begun before the process ends.
      pause(SYNC_WAIT_MS)
      this.#waiting.shift()
    }
    this.#seal()
    let tries = CLOSE_WAIT_MS / SYNC_WAIT_MS
    for (let chunk = this.#waiting[0]; chunk !== undefined && tries > 0; chunk = this.#waiting[0]) {
      try {
        chunk.written += writeSync(this.#fd, chunk.bytes, chunk.written, chunk.length - chunk.written)
        if (chunk.written === chunk.length) this.#waiting.shift()
      } catch (error) {
        if (!isNotReady(error)) return
        pause(SYNC_WAIT_MS)
        tries -= 1
      }
    }
  }

  /** True when the line that comes has room in what is filled now. */
  #makeRoom(lineBytes: number): boolean {
    const size = Math.max(lineBytes, CHUNK_BYTES)
    if (this.#filling.length + lineBytes <= this.#filling.bytes.length) return true
    if (this.#waitingBytes + this.#filling.bytes.length + size > this.#heldBytesMax) return false
    this.#seal()
    if (size > CHUNK_BYTES) this.#filling = newChunk(size)
    this.#pump()
    return true
  }

  #seal(): void {
    if (this.#filling.length === 0) return
    this.#waiting.push(this.#filling)
    this.#waitingBytes += this.#filling.bytes.length
    const spare = this.#spare.pop()
    this.#filling = spare === undefined ? newChunk(CHUNK_BYTES) : { bytes: spare, length: 0, lines: 0, written: 0 }
  }

  #pump(): void {
    if (this.#writing || this.#retry !== null) return
    if (this.#waiting.length === 0 && this.#flushWanted) {
      this.#flushWanted = false
      this.#seal()
    }
    const chunk = this.#waiting[0]
    if (chunk === undefined) return this.#onEmpty?.()
    this.#writing = true
    this.#ticks = 0
    write(this.#fd, chunk.bytes, chunk.written, chunk.length - chunk.written, null, (error, written) => {
      this.#writing = false
      if (error === null) this.#took(chunk, written)
      else this.#retry = setTimeout(() => this.#tryAgain(), isNotReady(error) ? NOT_READY_MS : FAILED_MS).unref()
      this.#pump()
    })
  }

  #took(chunk: Chunk, bytes: number): void {
    chunk.written += bytes
    this.#deadline?.refresh()
    if (chunk.written < chunk.length) return
    this.#waiting.shift()
    this.#waitingBytes -= chunk.bytes.length
    if (chunk.bytes.length === CHUNK_BYTES && this.#spare.length < SPARE_CHUNKS_MAX) this.#spare.push(chunk.bytes)
  }

  #tryAgain(): void {
    this.#retry = null
    this.#pump()
  }

  #tick(): void {
    if (this.#writing) this.#ticks += 1
    this.flush()
  }

  async #emptied(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#deadline = setTimeout(resolve, CLOSE_WAIT_MS)
    this.#onEmpty = resolve
    this.flush()
    await promise
    clearTimeout(this.#deadline)
    this.#onEmpty = null
  }

  #dropWaiting(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#seal()
    for (const { lines } of this.#waiting.splice(0)) this.#dropped += lines
  }
}

function newChunk(size: number): Chunk {
  return { bytes: Buffer.allocUnsafeSlow(size), length: 0, lines: 0, written: 0 }
}

function isNotReady(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return code === 'EAGAIN' || code === 'EINTR'
}

/** Nothing else runs meanwhile: only for the end of the process. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
