import { Readable } from 'node:stream'
import { UpstreamFault, type ByteSink, type ByteSource } from './transport.ts'

/** The end of a body is held back until its source has said that the body is complete. */
const HELD_BYTES_MAX = 16 * 1024
/**
 * The stream buffer of a connection. A write of this size or more is reported as not taken until the kernel has it,
 * so such bytes need no copy; smaller ones may stay queued after they were called taken.
 */
const QUEUE_BYTES = 64 * 1024

interface UploadOptions {
  readonly source: ByteSource
  readonly length: number
  /** Longest time the upstream may take no bytes. */
  readonly stallMs: number
  readonly onFault: (fault: UpstreamFault) => void
}

/**
 * A body on its way to the upstream, as the stream that undici reads. It is exactly as long as declared or the request is
 * given up. The last bytes leave only after the source's `end`: a source that fails after its last byte (a wrong
 * checksum, a wrong signature) must leave an incomplete request behind, which an upstream does not store.
 */
export class UploadStream extends Readable {
  /** True once every byte was handed over: from then on the upstream may have executed the request. */
  complete = false
  #options: UploadOptions
  #received = 0
  #tail: Buffer | null = null
  #state: 'waiting' | 'flowing' | 'over' = 'waiting'
  #blocked = false
  #stall: NodeJS.Timeout | null = null

  constructor(options: UploadOptions) {
    super()
    this.#options = options
  }

  /** Stops taking from the source; the stream itself stays open, because destroying it would abort the request. */
  giveUp(reason: Error): void {
    if (this.#state === 'over') return
    this.#over()
    this.#options.source.cancel(reason)
  }

  // The source pushes; there is nothing to pull.
  override _read(): void {}

  // The flow starts when undici reads, that is, when a connection is there: not while the request waits for one.
  override resume(): this {
    super.resume()
    if (this.#state === 'waiting') {
      this.#state = 'flowing'
      this.#options.source.start(this.#sink())
    } else if (this.#blocked) {
      this.#blocked = false
      if (this.#stall !== null) clearTimeout(this.#stall)
      if (this.#state === 'flowing') this.#options.source.resume()
    }
    return this
  }

  // No error is passed on: undici has stopped listening by then, and an 'error' without listener ends the process.
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.giveUp(error ?? new Error('the upstream connection ended'))
    callback(null)
  }

  #sink(): ByteSink {
    return {
      write: (bytes) => this.#take(bytes),
      end: () => this.#end(),
      fail: (error) => this.#fault('body', error.message, error)
    }
  }

  #take(bytes: Uint8Array): boolean {
    if (this.#state !== 'flowing') return false
    this.#received += bytes.length
    const { length } = this.#options
    if (this.#received > length) {
      this.#fault('body', `the body is longer than the ${length} bytes declared`)
      return false
    }
    let part = bytes
    if (this.#received === length && bytes.length > 0) {
      const kept = bytes.subarray(Math.max(0, bytes.length - HELD_BYTES_MAX))
      this.#tail = Buffer.from(kept)
      part = bytes.subarray(0, bytes.length - kept.length)
    }
    if (part.length === 0) return true
    this.push(part.length >= QUEUE_BYTES ? part : Buffer.from(part))
    if (!this.isPaused()) return true
    this.#blocked = true
    this.#stall = setTimeout(() => this.#fault('timeout', 'the upstream took no byte within the time allowed'), this.#options.stallMs)
    return false
  }

  #end(): void {
    if (this.#state !== 'flowing') return
    if (this.#received !== this.#options.length) {
      this.#fault('body', `the body ended after ${this.#received} of ${this.#options.length} bytes`)
      return
    }
    this.#over()
    this.complete = true
    if (this.#tail !== null) this.push(this.#tail)
    this.push(null)
  }

  #fault(kind: 'body' | 'timeout', message: string, cause?: Error): void {
    if (this.#state === 'over') return
    const fault = new UpstreamFault(kind, message, { maybeExecuted: false, cause })
    this.giveUp(fault)
    this.#options.onFault(fault)
  }

  #over(): void {
    this.#state = 'over'
    if (this.#stall !== null) clearTimeout(this.#stall)
  }
}
