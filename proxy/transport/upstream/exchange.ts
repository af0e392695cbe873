import { givenUp, isSource } from '../outgoing-body.ts'
import { UpstreamFault, type Cancellation, type UpstreamRequest, type UpstreamResponse } from '../transport.ts'
import { AnswerBody, type Flow } from './answer-body.ts'
import type { AnswerHead } from './answer-head.ts'
import type { UpstreamConnection } from './connection.ts'
import { NEVER, type Deadlined } from './deadlines.ts'
import { Malformed } from './malformed.ts'
import { BytesSource, Upload } from './upload.ts'
import { JOINED_BYTES_MAX } from './write-out.ts'

/** Who gives an exchange a connection. */
export interface Dispatcher {
  /** Puts the exchange in the queue again, for a connection that has no past. */
  retry(exchange: Exchange): void
  /** The exchange does not wait any more. */
  withdraw(exchange: Exchange): void
}

export interface ExchangeOptions {
  readonly request: UpstreamRequest
  readonly head: string
  readonly cancellation: Cancellation | undefined
  readonly dispatcher: Dispatcher
  readonly resolve: (response: UpstreamResponse) => void
  readonly reject: (fault: UpstreamFault) => void
}

/** One request on its way to one answer. */
export class Exchange implements Flow, Deadlined {
  /** Until when a connection must be there. */
  deadline = NEVER
  #options: ExchangeOptions
  #connection: UpstreamConnection | null = null
  #upload: Upload | null = null
  #body: AnswerBody | null = null
  #phase: 'queued' | 'sent' | 'answered' | 'over' = 'queued'
  #retried = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    options.cancellation?.onCancel(() => this.cancel())
  }

  get method(): string {
    return this.#options.request.method
  }

  get headTimeoutMs(): number {
    return this.#options.request.headTimeoutMs
  }

  /** True when every byte of the request was handed over. */
  get sentWhole(): boolean {
    return this.#phase !== 'queued' && (this.#upload === null || this.#upload.complete)
  }

  /** Sends the request on a connection that is its own until the answer is complete. */
  begin(connection: UpstreamConnection): void {
    const { request, head } = this.#options
    const { body } = request
    this.#connection = connection
    this.#phase = 'sent'
    if (isSource(body) || (body !== null && body.length > JOINED_BYTES_MAX)) {
      this.#upload = new Upload({
        source: isSource(body) ? body : new BytesSource(body),
        length: request.bodyLength,
        head,
        outlet: connection,
        onFault: (fault) => this.fail(fault),
        onBlocked: (blocked) => connection.awaitRoom(blocked),
        onSent: () => connection.awaitHead()
      })
      this.#upload.begin()
      return
    }
    connection.write(body === null || body.length === 0 ? null : body, head)
    connection.awaitHead()
  }

  onWritten(): void {
    this.#upload?.onWritten()
  }

  /** No more of the request can be sent. True when the answer may have come before all of it was. */
  stopSending(reason: Error): boolean {
    this.#upload?.giveUp(reason)
    return this.#upload !== null
  }

  /** The head of the answer, and what of its body came with it. */
  onHead(head: AnswerHead, first: Buffer | null): void {
    if (this.#phase !== 'sent') return
    // No upstream can have done what it has not got: most likely this answers another request.
    if (!this.sentWhole && head.status < 300) throw new Malformed('the upstream reports success before it has the whole body')
    this.#phase = 'answered'
    if (!this.sentWhole) this.#upload?.giveUp(new Error('the upstream answered before the end of the body'))
    const length = head.extent === 'length' ? head.length : null
    this.#body = new AnswerBody(length, this, first)
    this.#options.resolve({ status: head.status, rawHeaders: head.rawHeaders, body: this.#body })
  }

  onBytes(bytes: Uint8Array): boolean {
    return this.#body?.onBytes(bytes) ?? false
  }

  onEnd(lend: ((safe: boolean) => void) | null): void {
    this.#phase = 'over'
    this.#connection = null
    this.#body?.onEnd(lend)
  }

  /** The connection is gone. `untouched`: it had served others before, and not a byte of this answer came. */
  onLost(error: Error, untouched: boolean): void {
    this.#connection = null
    if (untouched && this.#mayRetry()) {
      this.#retried = true
      this.#phase = 'queued'
      this.#options.dispatcher.retry(this)
      return
    }
    this.#end(this.#faultOf(error))
  }

  /** No connection came within the time allowed. */
  onDeadline(): void {
    this.fail(new UpstreamFault('timeout', 'no connection came free within the time allowed', { maybeExecuted: false }))
  }

  /** Whoever wanted the answer does not any more. */
  cancel(): void {
    this.fail(givenUp(this.sentWhole))
  }

  /** Ends the exchange from this side. */
  fail(fault: UpstreamFault): void {
    if (this.#phase === 'over') return
    if (this.#phase === 'queued') this.#options.dispatcher.withdraw(this)
    const connection = this.#connection
    this.#connection = null
    connection?.abandon()
    this.#end(fault)
  }

  goOn(): void {
    this.#connection?.goOn()
  }

  giveUp(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#connection?.abandon()
    this.#connection = null
  }

  /**
   * Once, for GET and HEAD only: of anything else that met a closing connection nobody can say that it was not executed.
   */
  #mayRetry(): boolean {
    const { method, body } = this.#options.request
    if (method !== 'GET' && method !== 'HEAD') return false
    return this.#phase === 'sent' && !this.#retried && !isSource(body) && this.#options.cancellation?.cancelled !== true
  }

  #faultOf(error: Error): UpstreamFault {
    if (error instanceof UpstreamFault) return error
    // An incomplete body is never stored, so a request whose body did not go out was not executed.
    const maybeExecuted = this.sentWhole || this.#phase === 'answered'
    return new UpstreamFault(error instanceof Malformed ? 'malformed' : 'reset', error.message, { maybeExecuted, cause: error })
  }

  #end(fault: UpstreamFault): void {
    const phase = this.#phase
    if (phase === 'over') return
    this.#phase = 'over'
    const { body } = this.#options.request
    if (this.#upload !== null) this.#upload.giveUp(fault)
    else if (isSource(body)) body.cancel(fault)
    if (phase === 'answered') this.#body?.onFault(fault)
    else this.#options.reject(fault)
  }
}
