import type { ByteSink, ByteSource } from '../../transport/transport.ts'

/**
 * A source that makes its bytes from those of another. Subclasses say what comes of a piece (`take`) and of the end
 * (`finish`); everything about back-pressure, cancelling, failing and who owns which buffer when is here, once.
 */
export abstract class Transform implements ByteSource {
  abstract readonly length: number | null
  readonly #source: ByteSource
  #sink: ByteSink | null = null
  /** Emitted while the sink waits. They may lie in the source's buffer: it is ours until we ask it to resume. */
  #queue: Uint8Array[] = []
  #sinkWaits = false
  #sourceWaits = false
  #finished = false
  #over = false

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** Reads a piece and emits what may go on. The piece is only lent: what `emit` was not given must be copied. May throw to break off. */
  protected abstract take(bytes: Uint8Array): void
  /** The source is complete: emits what was held back, or throws to break off. */
  protected abstract finish(): void

  /** Hands bytes on. True when the sink is done with them, so that their memory may be used again. */
  protected emit(bytes: Uint8Array): boolean {
    if (this.#over || bytes.length === 0) return true
    if (this.#sinkWaits || this.#queue.length > 0) {
      this.#queue.push(bytes)
      return false
    }
    return this.#pass(bytes)
  }

  start(sink: ByteSink): void {
    if (this.#sink !== null) throw new Error('a flow is started once')
    this.#sink = sink
    if (this.#over) return
    this.#source.start({
      write: (bytes) => this.#write(bytes),
      end: () => this.#end(),
      fail: (error) => this.#fail(error)
    })
  }

  resume(): void {
    if (this.#over || !this.#sinkWaits) return
    this.#sinkWaits = false
    this.#flush()
  }

  cancel(reason: Error): void {
    this.#stop()
    this.#source.cancel(reason)
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#over) return false
    try {
      this.take(bytes)
    } catch (error) {
      this.#breakOff(error)
    }
    if (this.#over) return false
    this.#sourceWaits = this.#sinkWaits || this.#queue.length > 0
    return !this.#sourceWaits
  }

  #end(): void {
    if (this.#over || this.#finished) return
    try {
      this.finish()
    } catch (error) {
      this.#breakOff(error)
      return
    }
    this.#finished = true
    this.#flush()
  }

  #fail(error: Error): void {
    if (this.#over) return
    this.#stop()
    this.#sink?.fail(error)
  }

  /** The flow ends here for a reason of its own: the source is given up and the sink told. */
  #breakOff(error: unknown): void {
    if (this.#over) return
    this.#stop()
    const reason = error instanceof Error ? error : new Error(String(error))
    this.#source.cancel(reason)
    this.#sink?.fail(reason)
  }

  #stop(): void {
    this.#over = true
    this.#queue = []
  }

  #flush(): void {
    while (!this.#sinkWaits && !this.#over) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) break
      this.#pass(bytes)
    }
    if (this.#sinkWaits || this.#over) return
    // Also after the source's end: it may be waiting to get its buffer back.
    if (this.#sourceWaits) {
      this.#sourceWaits = false
      this.#source.resume()
    }
    this.#complete()
  }

  #complete(): void {
    if (!this.#finished || this.#over || this.#sinkWaits || this.#queue.length > 0) return
    this.#over = true
    this.#sink?.end()
  }

  #pass(bytes: Uint8Array): boolean {
    const taken = this.#sink?.write(bytes) ?? true
    if (!taken) this.#sinkWaits = true
    return taken
  }
}

/**
 * The tail of a flow that must not complete before it is verified. While bytes are missing, an upstream that was told their
 * number commits nothing, so holding back even one of them is enough; a small body is held whole to leave in one piece.
 */
export const HELD_BYTES_MAX = 16 * 1024

/** Cuts the bytes that are to be held back off the last piece of a flow, as a copy. */
export function splitHeld(bytes: Uint8Array): { readonly free: Uint8Array; readonly held: Uint8Array } {
  const cut = Math.max(0, bytes.length - HELD_BYTES_MAX)
  return { free: bytes.subarray(0, cut), held: bytes.slice(cut) }
}
