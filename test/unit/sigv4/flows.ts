import type { ByteSink, ByteSource } from '../../../proxy/transport/transport.ts'

/**
 * A source that keeps the contract to the letter: it reuses one buffer, spoils it as soon as it is given back, waits when told
 * to, and records how it was treated.
 */
export class PiecesSource implements ByteSource {
  readonly length: number | null
  cancelled: Error | null = null
  /** Pieces handed over so far. */
  written = 0
  readonly #pieces: readonly Uint8Array[]
  readonly #failure: Error | null
  #sink: ByteSink | null = null
  #lent: Uint8Array | null = null
  #running = false

  constructor(pieces: readonly Uint8Array[], options: { length?: number | null; failure?: Error } = {}) {
    this.#pieces = pieces
    this.length = options.length ?? null
    this.#failure = options.failure ?? null
  }

  start(sink: ByteSink): void {
    if (this.#sink !== null) throw new Error('started twice')
    this.#sink = sink
    queueMicrotask(() => this.#run())
  }

  resume(): void {
    if (this.#lent === null) return
    this.#takeBack()
    if (!this.#running) queueMicrotask(() => this.#run())
  }

  cancel(reason: Error): void {
    this.cancelled ??= reason
  }

  #takeBack(): void {
    this.#lent?.fill(0x58)
    this.#lent = null
  }

  #run(): void {
    const sink = this.#sink
    if (sink === null || this.#running) return
    this.#running = true
    while (this.cancelled === null && this.written < this.#pieces.length) {
      this.#lent = Uint8Array.from(this.#pieces[this.written++] as Uint8Array)
      if (!sink.write(this.#lent)) break
      this.#takeBack()
    }
    this.#running = false
    if (this.cancelled !== null || this.#lent !== null || this.written < this.#pieces.length) return
    this.written = Infinity
    if (this.#failure === null) sink.end()
    else sink.fail(this.#failure)
  }
}

export interface Flowed {
  readonly bytes: Buffer
  /** `end`, or the error of `fail`. */
  readonly outcome: 'end' | Error
  readonly writes: number
}

/**
 * Runs a flow to its end and checks on the way that the source keeps the contract: nothing synchronous from start, nothing after
 * the end, nothing while waiting, and bytes that stay as they are until given back.
 */
export function flow(source: ByteSource, { slow = false }: { slow?: boolean } = {}): Promise<Flowed> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let state: 'starting' | 'flowing' | 'waiting' | 'over' = 'starting'
    const expectFlowing = (call: string): void => {
      if (state !== 'flowing') reject(new Error(`${call} while ${state}`))
    }
    const finish = (outcome: 'end' | Error): void => {
      if (state === 'starting' || state === 'over') reject(new Error(`${String(outcome)} while ${state}`))
      state = 'over'
      // A turn later, so that a call behind the last one is seen.
      setImmediate(() => resolve({ bytes: Buffer.concat(pieces), outcome, writes: pieces.length }))
    }
    source.start({
      write(bytes) {
        expectFlowing('write')
        if (bytes.length === 0) reject(new Error('an empty write'))
        const copy = Buffer.from(bytes)
        pieces.push(copy)
        if (!slow) return true
        state = 'waiting'
        setImmediate(() => {
          if (state === 'over') return
          if (!copy.equals(bytes)) reject(new Error('bytes changed while the sink had them'))
          state = 'flowing'
          source.resume()
        })
        return false
      },
      end() {
        expectFlowing('end')
        finish('end')
      },
      fail: finish
    })
    state = 'flowing'
  })
}

/** The bytes in pieces of `size`, the last one shorter. */
export function inPieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}
