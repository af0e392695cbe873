import type { ServerResponse } from 'node:http'
import type { Answer, ByteSink, ByteSource, Sent } from './transport.ts'

/** Up to this size a copy is cheaper than waiting until the connection has taken the bytes. */
const COPIED_BYTES_MAX = 16 * 1024
const LATIN1 = 'latin1'

interface AnswerOptions {
  readonly response: ServerResponse
  readonly method: string
  /** True when the connection ends with this answer. */
  readonly close: boolean
  /** What the client is told of a connection that stays. */
  readonly keepAlive: string
  /** True when the request's body was not read to its end: `finish` then waits before it ends the response. */
  readonly unread: boolean
  readonly idleMs: number
  /** Gives the connection up, so that a cut body never looks whole. */
  readonly destroy: () => void
  readonly settle: (sent: Sent, failure: Error | null) => void
}

/** Sends one answer over node:http. */
export class NodeAnswer implements ByteSink {
  #options: AnswerOptions
  #source: ByteSource | null = null
  #length: number | null = null
  #sent = 0
  #over = false
  #waiting = false
  #watched = false
  /** The whole of a small body, kept until its source says that it is the whole. */
  #whole: string | Uint8Array | null = null

  constructor(options: AnswerOptions) {
    this.#options = options
  }

  /** Throws when the head cannot be sent as it is; nothing has left then. */
  send(answer: Answer): void {
    const { response, method } = this.#options
    const bodiless = method === 'HEAD' || answer.status === 204 || answer.status === 304
    this.#length = lengthOf(answer)
    // A head that was refused before left its text behind.
    response.statusMessage = ''
    response.writeHead(answer.status, this.#headersOf(answer, bodiless))
    if (bodiless || answer.body === null) {
      // Started, not cancelled: an empty flow that is read to its end leaves its connection usable.
      if (isSource(answer.body)) answer.body.start(nothingFrom(answer.body))
      this.#finish(null)
      return
    }
    if (isSource(answer.body)) {
      this.#source = answer.body
      answer.body.start(this)
      return
    }
    this.#sent = answer.body.length
    this.#finish(lastOf(answer.body))
  }

  write(bytes: Uint8Array): boolean {
    const { response } = this.#options
    if (this.#over) return false
    // `write` on a destroyed response says false and `drain` never comes: the flow would hold its upstream connection for good.
    if (response.destroyed) {
      this.#break(new Error('the client is gone'))
      return false
    }
    if (this.#length !== null && this.#sent + bytes.length > this.#length) {
      this.#break(new Error('the flow is longer than announced'))
      return false
    }
    this.#sent += bytes.length
    if (bytes.length > COPIED_BYTES_MAX) {
      // The bytes stay the source's: it goes on when the kernel has them.
      response.write(bytes, () => this.#goOn())
    } else {
      if (this.#sent === bytes.length && this.#sent === this.#length) {
        this.#whole = lastOf(bytes)
        return true
      }
      if (response.write(Buffer.from(bytes))) return true
      response.once('drain', () => this.#goOn())
    }
    this.#waiting = true
    this.#watch()
    return false
  }

  end(): void {
    if (this.#over) return
    if (this.#length !== null && this.#sent !== this.#length) this.#break(new Error('the flow is shorter than announced'))
    else this.#finish(this.#whole)
  }

  fail(error: Error): void {
    this.#break(error)
  }

  /** The client went away. */
  abandon(): void {
    this.#break(new Error('the client is gone'))
  }

  #goOn(): void {
    if (this.#over || !this.#waiting) return
    this.#waiting = false
    this.#source?.resume()
  }

  /** A client that takes nothing for too long is given up. Node counts a partly written chunk as progress. */
  #watch(): void {
    if (this.#watched) return
    this.#watched = true
    this.#options.response.setTimeout(this.#options.idleMs, () => {
      if (this.#waiting) this.#break(new Error('the client took no byte within the time allowed'))
    })
  }

  #headersOf(answer: Answer, bodiless: boolean): string[] {
    const headers: string[] = []
    const keepLength = this.#options.method === 'HEAD'
    for (let i = 0; i < answer.rawHeaders.length; i += 2) {
      const name = answer.rawHeaders[i] ?? ''
      if (!isFraming(name, keepLength)) headers.push(name, answer.rawHeaders[i + 1] ?? '')
    }
    if (!bodiless && this.#length !== null) headers.push('Content-Length', String(this.#length))
    if (this.#options.close) headers.push('Connection', 'close')
    else headers.push('Keep-Alive', this.#options.keepAlive) // beside the Connection header of node, which knows what the client asked for
    return headers
  }

  #finish(last: string | Uint8Array | null): void {
    const { response, unread } = this.#options
    if (!unread || this.#length === null) {
      response.once('finish', () => this.#settle(null))
      if (last === null) response.end()
      else response.end(last, LATIN1)
      this.#waiting = response.socket === null || response.socket.writableLength > 0
      if (this.#waiting) this.#watch()
      return
    }
    // The response is not ended yet, or node would close the connection while the client still sends.
    if (last === null || last.length === 0) {
      response.flushHeaders()
      setImmediate(() => this.#settle(null))
      return
    }
    response.write(last, LATIN1, () => this.#settle(null))
    this.#waiting = true
    this.#watch()
  }

  #break(error: Error): void {
    if (this.#over) return
    this.#source?.cancel(error)
    this.#options.destroy()
    this.#settle(error)
  }

  #settle(failure: Error | null): void {
    if (this.#over) return
    this.#over = true
    this.#waiting = false
    this.#options.settle({ complete: failure === null, bytesSent: this.#sent }, failure)
  }
}

/** The last bytes of an answer; where they are few as text of one character each, which node writes together with the head. */
function lastOf(bytes: Uint8Array): string | Uint8Array {
  if (bytes.length > COPIED_BYTES_MAX) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(LATIN1)
}

/** Takes a flow that must be empty and gives up one that is not. */
function nothingFrom(source: ByteSource): ByteSink {
  return {
    write: () => {
      source.cancel(new Error('an answer without body has a body'))
      return false
    },
    end: () => {},
    fail: () => {}
  }
}

/** Framing and connection are the engine's: what an answer says of them is left out. HEAD keeps the length of the answer to GET. */
function isFraming(name: string, keepLength: boolean): boolean {
  switch (name.length) {
    case 10: {
      const lower = name.toLowerCase()
      return lower === 'connection' || lower === 'keep-alive'
    }
    case 14:
      return !keepLength && name.toLowerCase() === 'content-length'
    case 17:
      return name.toLowerCase() === 'transfer-encoding'
    default:
      return false
  }
}

function lengthOf(answer: Answer): number | null {
  return answer.body === null ? 0 : answer.body.length
}

function isSource(body: Answer['body']): body is ByteSource {
  return body !== null && 'start' in body
}
