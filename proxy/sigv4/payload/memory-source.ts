import type { ByteSink, ByteSource } from '../../transport/transport.ts'

/** A flow of bytes that are all there; the caller leaves them unchanged while it runs. */
export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return new MemorySource(bytes)
}

class MemorySource implements ByteSource {
  readonly length: number
  readonly #bytes: Uint8Array
  #sink: ByteSink | null = null
  #waiting = false
  #over = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  start(sink: ByteSink): void {
    if (this.#sink !== null) throw new Error('a flow is started once')
    this.#sink = sink
    queueMicrotask(() => {
      if (this.#over) return
      if (this.#bytes.length > 0 && !sink.write(this.#bytes)) this.#waiting = true
      else this.#end()
    })
  }

  resume(): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.#end()
  }

  cancel(): void {
    this.#over = true
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#sink?.end()
  }
}
