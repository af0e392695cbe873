import { UpstreamFault, type ByteSink, type ByteSource } from '../transport.ts'

/** The end of a body is held back until its source has said that the body is complete. */
const HELD_BYTES_MAX = 16 * 1024
/** Bodies in memory go out in pieces of this size, so that a slow upstream shows progress. */
const PIECE_BYTES = 256 * 1024

/** The sending side of a connection. */
export interface Outlet {
  /** Writes bytes, after `head` where there is one. True when nothing is left to be taken: the bytes may be used again. */
  write(bytes: Uint8Array | null, head: string | null): boolean
}

interface UploadOptions {
  readonly source: ByteSource
  readonly length: number
  readonly head: string
  readonly outlet: Outlet
  readonly onFault: (fault: UpstreamFault) => void
  /** The connection takes nothing for now (true), or again (false). */
  readonly onBlocked: (blocked: boolean) => void
  /** The connection has taken everything. */
  readonly onSent: () => void
}

/**
 * A body on its way to the upstream. It is exactly as long as declared or the request is given up. The last bytes leave
 * only after the source's `end`: a source that fails after its last byte (a wrong checksum, a wrong signature) must leave
 * an incomplete request behind, which an upstream does not store.
 */
export class Upload implements ByteSink {
  /** True once every byte was handed over: from then on the upstream may have executed the request. */
  complete = false
  #options: UploadOptions
  #head: string | null
  #received = 0
  #tail: Buffer | null = null
  #over = false
  #blocked = false

  constructor(options: UploadOptions) {
    this.#options = options
    this.#head = options.head
  }

  begin(): void {
    this.#options.source.start(this)
    // The head leaves with the first bytes; where they are not there yet it goes ahead, so that a refusal can come early.
    setImmediate(() => this.#sendHead())
  }

  /** Stops taking from the source. */
  giveUp(reason: Error): void {
    if (this.#over) return
    this.#over = true
    this.#tail = null
    this.#options.source.cancel(reason)
  }

  /** The connection has taken what was written. */
  onWritten(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#options.onBlocked(false)
    if (this.complete) this.#options.onSent()
    else if (!this.#over) this.#options.source.resume()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over) return false
    this.#received += bytes.length
    const { length } = this.#options
    if (this.#received > length) {
      this.#fault(`the body is longer than the ${length} bytes declared`)
      return false
    }
    const part = this.#received === length ? this.#withoutTail(bytes) : bytes
    return part.length === 0 || this.#send(part)
  }

  end(): void {
    if (this.#over) return
    if (this.#received !== this.#options.length) {
      this.#fault(`the body ended after ${this.#received} of ${this.#options.length} bytes`)
      return
    }
    this.#over = true
    this.complete = true
    const taken = this.#tail === null ? true : this.#send(this.#tail)
    if (taken && !this.#blocked) this.#options.onSent()
  }

  fail(error: Error): void {
    this.#fault(error.message, error)
  }

  #withoutTail(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes
    const end = Math.max(0, bytes.length - HELD_BYTES_MAX)
    this.#tail = Buffer.from(bytes.subarray(end))
    return bytes.subarray(0, end)
  }

  #send(bytes: Uint8Array): boolean {
    const head = this.#head
    this.#head = null
    return this.#noted(this.#options.outlet.write(bytes, head))
  }

  #sendHead(): void {
    if (this.#over || this.#head === null) return
    const head = this.#head
    this.#head = null
    this.#noted(this.#options.outlet.write(null, head))
  }

  #noted(taken: boolean): boolean {
    if (taken) return true
    this.#blocked = true
    this.#options.onBlocked(true)
    return false
  }

  #fault(message: string, cause?: Error): void {
    if (this.#over) return
    const fault = new UpstreamFault('body', message, { maybeExecuted: false, cause })
    this.giveUp(fault)
    this.#options.onFault(fault)
  }
}

/** Bytes in memory as a flow. */
export class BytesSource implements ByteSource {
  readonly length: number
  #bytes: Uint8Array
  #at = 0
  #sink: ByteSink | null = null

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  start(sink: ByteSink): void {
    this.#sink = sink
    queueMicrotask(() => this.#flow())
  }

  resume(): void {
    queueMicrotask(() => this.#flow())
  }

  cancel(): void {
    this.#sink = null
  }

  #flow(): void {
    for (let more = true; more && this.#sink !== null && this.#at < this.#bytes.length;) {
      const piece = this.#bytes.subarray(this.#at, this.#at + PIECE_BYTES)
      this.#at += piece.length
      more = this.#sink.write(piece)
      if (!more) return
    }
    const sink = this.#sink
    this.#sink = null
    sink?.end()
  }
}
