import type { ByteSink, ByteSource, UpstreamFault } from './transport.ts'

/** How a response body acts on the connection it comes from. */
export interface ResponseControl {
  pause(): void
  resume(): void
  abort(reason: Error): void
}

/** The body of an upstream's answer. It waits, and the connection with it, until it is started. */
export class ResponseBody implements ByteSource {
  readonly length: number | null
  #control: ResponseControl
  #sink: ByteSink | null = null
  #started = false
  #cancelled = false
  #outcome: 'open' | 'complete' | UpstreamFault = 'open'

  constructor(length: number | null, control: ResponseControl) {
    this.length = length
    this.#control = control
  }

  start(sink: ByteSink): void {
    if (this.#cancelled) return
    if (this.#started) throw new Error('a response body flows once')
    this.#started = true
    this.#sink = sink
    queueMicrotask(() => {
      if (this.#outcome === 'open') this.#control.resume()
      else this.#tell()
    })
  }

  // Not at once: the caller may be inside the callback of another connection's parser, and undici's parser is not re-entrant.
  resume(): void {
    queueMicrotask(() => {
      if (this.#outcome === 'open' && !this.#cancelled) this.#control.resume()
    })
  }

  cancel(reason: Error): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#sink = null
    if (this.#outcome === 'open') this.#control.abort(reason)
  }

  /** Bytes from the upstream. */
  onBytes(bytes: Uint8Array): void {
    if (this.#sink?.write(bytes) === false) this.#control.pause()
  }

  /** The answer is complete. */
  onEnd(): void {
    this.#outcome = 'complete'
    if (this.#started) this.#tell()
  }

  /** The answer broke off. */
  onFault(fault: UpstreamFault): void {
    if (this.#outcome !== 'open') return
    this.#outcome = fault
    if (this.#started) this.#tell()
  }

  #tell(): void {
    const sink = this.#sink
    this.#sink = null
    if (this.#outcome === 'complete') sink?.end()
    else if (this.#outcome !== 'open') sink?.fail(this.#outcome)
  }
}
