import type { ByteSink, ByteSource, UpstreamFault } from '../transport.ts'

/** How a body acts on the connection that it comes from. */
export interface Flow {
  /** Reads on. Calls `onBytes`, `onEnd` or `onFault`, perhaps at once. */
  goOn(): void
  /** The rest is not wanted. */
  giveUp(): void
}

/** The body of an upstream's answer. It waits, and the connection with it, until it is started. */
export class AnswerBody implements ByteSource {
  readonly length: number | null
  #flow: Flow
  /** Bytes that came with the head: the body's own memory. */
  #first: Buffer | null
  #sink: ByteSink | null = null
  #state: 'waiting' | 'flowing' | 'stopped' | 'over' = 'waiting'
  #resumed = false
  #outcome: 'open' | 'complete' | UpstreamFault = 'open'
  #lent: ((safe: boolean) => void) | null = null

  constructor(length: number | null, flow: Flow, first: Buffer | null) {
    this.length = length
    this.#flow = flow
    this.#first = first
  }

  start(sink: ByteSink): void {
    if (this.#state === 'over') return
    if (this.#state !== 'waiting') throw new Error('a response body flows once')
    this.#state = 'flowing'
    this.#sink = sink
    queueMicrotask(() => this.#goOn())
  }

  resume(): void {
    // A sink may ask for more inside its own `write`.
    this.#resumed = true
    if (this.#state !== 'stopped') return
    this.#state = 'flowing'
    this.#returnLent(true)
    queueMicrotask(() => this.#goOn())
  }

  cancel(_reason: Error): void {
    if (this.#state === 'over') return
    const open = this.#outcome === 'open'
    this.#over()
    if (open) this.#flow.giveUp()
  }

  /** Bytes from the connection. False: they must stay as they are until `goOn`. */
  onBytes(bytes: Uint8Array): boolean {
    if (this.#sink === null) return false
    this.#resumed = false
    const more = this.#sink.write(bytes)
    if (this.#state !== 'flowing') return false
    if (more || this.#resumed) return true
    this.#state = 'stopped'
    return false
  }

  /** The answer is complete. `lend` is called when the sink is done with the last bytes: with true when nobody can read from them any more. */
  onEnd(lend: ((safe: boolean) => void) | null): void {
    this.#outcome = 'complete'
    if (this.#state === 'over') lend?.(false)
    else this.#lent = lend
    if (this.#state === 'flowing') this.#tell()
  }

  /** The answer broke off. */
  onFault(fault: UpstreamFault): void {
    if (this.#outcome !== 'open') return
    this.#outcome = fault
    if (this.#state === 'flowing' || this.#state === 'stopped') this.#tell()
  }

  #goOn(): void {
    if (this.#state !== 'flowing') return
    const first = this.#first
    this.#first = null
    if (first !== null && !this.onBytes(first)) return
    if (this.#outcome === 'open') this.#flow.goOn()
    else this.#tell()
  }

  #tell(): void {
    const sink = this.#sink
    const outcome = this.#outcome
    this.#over()
    if (outcome === 'complete') sink?.end()
    else if (outcome !== 'open') sink?.fail(outcome)
  }

  #over(): void {
    this.#state = 'over'
    this.#sink = null
    this.#first = null
    this.#returnLent(false)
  }

  #returnLent(safe: boolean): void {
    const lent = this.#lent
    this.#lent = null
    lent?.(safe)
  }
}
