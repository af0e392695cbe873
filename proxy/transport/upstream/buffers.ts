/** Read buffers of this size cost least per byte for large bodies (bench/upstream-client.ts). */
const LARGE_BYTES = 512 * 1024
const SMALL_BYTES = 64 * 1024
/** What a connection reads into that carries no body: long enough for a head and the bytes that come with it. */
const SCRATCH_BYTES = 16 * 1024

/** Memory that bodies are read into. It is lent to one connection at a time, and its total is bounded. */
export class BufferPool {
  /** One for all connections: what is read into it is used up before another read can happen. */
  readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  #large: Buffer[] = []
  #small: Buffer[] = []
  #lentBytes = 0
  #budgetBytes: number

  /** Above `budgetBytes` only small buffers are lent; `budgetBytes / 4` are kept for the next. */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** Bytes lent and not given back. */
  get lentBytes(): number {
    return this.#lentBytes
  }

  /** Memory for a flow of which so many bytes are expected. */
  take(bytesExpected: number): Buffer {
    const large = bytesExpected > SMALL_BYTES && this.#lentBytes + LARGE_BYTES <= this.#budgetBytes
    const size = large ? LARGE_BYTES : SMALL_BYTES
    this.#lentBytes += size
    return (large ? this.#large : this.#small).pop() ?? Buffer.allocUnsafeSlow(size)
  }

  giveBack(buffer: Buffer): void {
    this.#lentBytes -= buffer.length
    const free = buffer.length === LARGE_BYTES ? this.#large : this.#small
    if ((free.length + 1) * buffer.length <= this.#budgetBytes / 4) free.push(buffer)
  }

  /** Counts a buffer as gone that somebody may still read from, so that it is not lent again. */
  forget(buffer: Buffer): void {
    this.#lentBytes -= buffer.length
  }
}
