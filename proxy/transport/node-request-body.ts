import type { IncomingMessage, ServerResponse } from 'node:http'
import { ClientBodyFault } from './transport.ts'
import type { ByteSink, ByteSource } from './transport.ts'

interface BodyOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly length: number | null
  readonly expectsContinue: boolean
  readonly idleMs: number
}

/** The body of a request that node:http received. */
export class NodeRequestBody implements ByteSource {
  readonly length: number | null
  /** Bytes taken from the connection, thrown away or not. */
  bytesReceived = 0
  /** True when the body was read to its end. */
  ended = false
  #options: BodyOptions
  #sink: ByteSink | null = null
  #state: 'waiting' | 'flowing' | 'over' = 'waiting'
  #paused = false
  #idle: NodeJS.Timeout | null = null
  #connectionGone = false

  constructor(options: BodyOptions) {
    this.#options = options
    this.length = options.length
  }

  start(sink: ByteSink): void {
    if (this.#state === 'over') return
    if (this.#state !== 'waiting') throw new Error('a request body flows once')
    this.#state = 'flowing'
    this.#sink = sink
    if (this.#connectionGone) {
      queueMicrotask(() => this.#fail(new ClientBodyFault('gone')))
      return
    }
    const { request, response, expectsContinue, idleMs } = this.#options
    // Not before: a client that is refused must not have sent its body (RFC 9110 section 10.1.1).
    if (expectsContinue) response.writeContinue()
    this.#idle = setTimeout(() => this.#onIdle(), idleMs)
    request.on('data', (bytes: Buffer) => this.#onData(bytes))
    request.on('end', () => this.#onEnd())
  }

  resume(): void {
    if (this.#state !== 'flowing' || !this.#paused) return
    this.#paused = false
    this.#idle?.refresh()
    this.#options.request.resume()
  }

  cancel(_reason: Error): void {
    if (this.#state === 'over') return
    const flowed = this.#state === 'flowing'
    this.#over()
    if (flowed) this.#options.request.pause()
  }

  /** The connection ended: what has not come will not come. */
  connectionGone(): void {
    this.#connectionGone = true
    if (this.#state === 'flowing') this.#fail(new ClientBodyFault('gone'))
  }

  /**
   * Reads on, up to `bytesMax`, and throws the bytes away. Closing a connection with unread bytes resets it, and the reset
   * may overtake the answer (RFC 9112 section 9.6).
   */
  discard(bytesMax: number): void {
    this.cancel(new Error('the rest of the body is not wanted'))
    const { request } = this.#options
    const until = this.bytesReceived + bytesMax
    const count = (bytes: Buffer): void => {
      this.bytesReceived += bytes.length
      if (this.bytesReceived > until) request.pause()
    }
    request.removeAllListeners('data')
    request.on('data', count)
    request.resume()
  }

  #onData(bytes: Buffer): void {
    if (this.#state !== 'flowing') return
    this.bytesReceived += bytes.length
    this.#idle?.refresh()
    if (this.#sink?.write(bytes) === false && !this.#isOver()) {
      this.#paused = true
      this.#options.request.pause()
    }
  }

  #isOver(): boolean {
    return this.#state === 'over'
  }

  #onEnd(): void {
    if (this.#state !== 'flowing') return
    const sink = this.#sink
    this.ended = true
    this.#over()
    sink?.end()
  }

  #onIdle(): void {
    // A paused flow waits for its sink and not for the client.
    if (this.#paused) this.#idle?.refresh()
    else this.#fail(new ClientBodyFault('idle'))
  }

  #fail(error: Error): void {
    const sink = this.#sink
    if (this.#state !== 'flowing') return
    this.#over()
    this.#options.request.pause()
    sink?.fail(error)
  }

  #over(): void {
    this.#state = 'over'
    this.#sink = null
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
  }
}
