/**
 * What the stages see of the wire. An engine implements these types; no stage ever sees a socket, an
 * `http.IncomingMessage` or an undici type, so an engine can be exchanged without touching a stage.
 *
 * All text is latin1: one character per byte as received or as it will be sent (RFC 9110 section 5.5).
 * Header lists are flat: name, value, name, value, in the order of the wire.
 */

/** Takes the bytes of one flow. Exactly one of `end` and `fail` is called, once, after the last `write`. */
export interface ByteSink {
  /**
   * Takes the bytes. `false` asks the source to wait until its `resume` is called.
   * The bytes are the sink's until it returned true or, after it returned false, until it calls `resume`:
   * a sink that keeps them longer copies them.
   */
  write(bytes: Uint8Array): boolean
  /** The flow is complete. */
  end(): void
  /** The flow broke off: what came is not the whole. */
  fail(error: Error): void
}

/** Bytes that flow once, to one sink, as fast as the sink takes them. */
export interface ByteSource {
  /** Bytes that will come, as declared by Content-Length; null where only the end of the flow tells. */
  readonly length: number | null
  /** Starts the flow. Called at most once. Never calls the sink before it returns. */
  start(sink: ByteSink): void
  /** Lets a flow go on that a `false` from `write` stopped. */
  resume(): void
  /** Gives the flow up: nothing more reaches the sink, and a connection that carries it is not used again. Safe to call at any time. */
  cancel(reason: Error): void
}

/** The head of a client's request, before anything is interpreted. */
export interface RequestHead {
  readonly method: string
  /** The request target, byte for byte: never normalised, never decoded. */
  readonly rawTarget: string
  /** Names in lower case, values byte for byte. */
  readonly rawHeaders: readonly string[]
  /** The address of the TCP peer, without port. */
  readonly remoteAddress: string
  /** True when the client's connection is TLS. */
  readonly secure: boolean
}

/** What goes back to the client. */
export interface Answer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  /** Bytes held in memory, a flow, or null for an answer without body. A flow of known length is sent with Content-Length. */
  readonly body: Uint8Array | ByteSource | null
}

/** How an answer left. */
export interface Sent {
  /** True when every byte was handed to the connection. False: the client went away or the flow broke off. */
  readonly complete: boolean
  readonly bytesSent: number
}

/** One request as the inbound engine hands it over. */
export interface Incoming {
  readonly head: RequestHead
  /** The request body; null when the request carries none (neither Content-Length above 0 nor Transfer-Encoding). */
  readonly body: ByteSource | null
  /** True when the client waits for `100 Continue`. The engine sends it when the body is started, never before. */
  readonly expectsContinue: boolean
  /** True once the client is gone. */
  readonly gone: boolean
  /** Calls back once when the client goes away before the answer is complete. */
  onGone(callback: () => void): void
  /**
   * Sends the answer. A flow that fails midway destroys the client's connection, so that a cut body never looks whole.
   * If the request body was not read to its end, the connection is closed after the answer.
   */
  answer(answer: Answer): Promise<Sent>
  /** Ends the connection now, and what stands in its buffers with it: the client gets nothing more. */
  cut(): void
}

/** The client's body did not come to its end. */
export class ClientBodyFault extends Error {
  /** `gone`: the connection ended. `idle`: no byte came within the time allowed. */
  readonly kind: 'gone' | 'idle'

  constructor(kind: ClientBodyFault['kind']) {
    super(kind === 'gone' ? 'the client went away in the middle of the body' : 'no byte of the body came within the time allowed')
    this.name = 'ClientBodyFault'
    this.kind = kind
  }
}

/** One request to an upstream, signed and complete. */
export interface UpstreamRequest {
  /** Scheme, host and port to connect to; the `host` header is in `rawHeaders`. */
  readonly origin: UpstreamOrigin
  readonly method: string
  /** Path and query exactly as they go out. */
  readonly rawTarget: string
  readonly rawHeaders: readonly string[]
  readonly body: Uint8Array | ByteSource | null
  /** Exact number of body bytes; sent as Content-Length. */
  readonly bodyLength: number
  /** Milliseconds until the answer's head must be there, counted from the end of the body. */
  readonly headTimeoutMs: number
}

export interface UpstreamOrigin {
  readonly secure: boolean
  readonly hostname: string
  readonly port: number
  /** PEM of the authority that signed the upstream's certificate; null for the system's own. */
  readonly ca: string | null
}

export interface UpstreamResponse {
  readonly status: number
  readonly rawHeaders: readonly string[]
  /** Must be started or cancelled, or its connection is held. */
  readonly body: ByteSource
}

/** The hop to the upstream could not be completed. A fault, never an S3 refusal. */
export class UpstreamFault extends Error {
  /** `refused`: an answer came, and not the one that is needed; no engine says this. */
  readonly kind: 'connect' | 'timeout' | 'reset' | 'malformed' | 'refused' | 'cancelled' | 'body'
  /** True when the upstream may have seen and executed the request: the outcome is unknown. */
  readonly maybeExecuted: boolean

  constructor(kind: UpstreamFault['kind'], message: string, options: { maybeExecuted: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.name = 'UpstreamFault'
    this.kind = kind
    this.maybeExecuted = options.maybeExecuted
  }
}

export interface UpstreamClient {
  /**
   * Sends one request. Resolves with the head of the answer as soon as it is there, even while the body is still going out
   * (the rest of the body is then given up). Rejects with `UpstreamFault`.
   * `signal` is called back into when the request must be given up (the client is gone).
   */
  send(request: UpstreamRequest, cancellation?: Cancellation): Promise<UpstreamResponse>
  close(): Promise<void>
}

/** Something that may be given up from outside. Cheaper than an AbortSignal and without its listener bookkeeping. */
export interface Cancellation {
  readonly cancelled: boolean
  onCancel(callback: () => void): void
}

/** Gives up what serves a request when its client goes away. */
export function whenGone(incoming: Incoming): Cancellation {
  return new ClientGone(incoming)
}

// A class, because an object with a getter is made anew, property by property, for each request.
class ClientGone implements Cancellation {
  readonly #incoming: Incoming

  constructor(incoming: Incoming) {
    this.#incoming = incoming
  }

  get cancelled(): boolean {
    return this.#incoming.gone
  }

  onCancel(callback: () => void): void {
    this.#incoming.onGone(callback)
  }
}
