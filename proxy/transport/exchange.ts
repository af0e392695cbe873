import type { Dispatcher } from 'undici'
import { givenUp } from './outgoing-body.ts'
import { ResponseBody } from './response-body.ts'
import { UpstreamFault, type UpstreamRequest, type UpstreamResponse } from './transport.ts'
import { UploadStream } from './upload-stream.ts'
import { faultOf } from './upstream-fault.ts'

export interface ExchangeOptions {
  readonly request: UpstreamRequest
  readonly stallMs: number
  readonly queueMs: number
  readonly resolve: (response: UpstreamResponse) => void
  readonly reject: (fault: UpstreamFault) => void
}

/** One request on its way to one answer: what undici calls back into. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** True once a byte of the answer came. */
  answerBegan = false
  readonly upload: UploadStream | null
  #options: ExchangeOptions
  #controller: Dispatcher.DispatchController | null = null
  #phase: 'queued' | 'sent' | 'answered' | 'over' = 'queued'
  #givenUp: UpstreamFault | null = null
  #body: ResponseBody | null = null
  #queue: NodeJS.Timeout

  constructor(options: ExchangeOptions) {
    this.#options = options
    const { body, bodyLength } = options.request
    this.upload =
      body !== null && 'start' in body
        ? new UploadStream({ source: body, length: bodyLength, stallMs: options.stallMs, onFault: (fault) => this.giveUp(fault) })
        : null
    this.#queue = setTimeout(
      () => this.giveUp(new UpstreamFault('timeout', 'no connection came free within the time allowed', { maybeExecuted: false })),
      options.queueMs
    )
  }

  /** Ends the exchange from this side. */
  giveUp(fault: UpstreamFault): void {
    if (this.#phase === 'over' || this.#givenUp !== null) return
    this.#givenUp = fault
    if (this.#controller === null) {
      // It still stands in undici's queue and cannot be taken out; its turn will pass it over.
      this.upload?.giveUp(fault)
      this.#fail(fault)
      return
    }
    this.#controller.abort(fault)
  }

  /** Ends it because whoever wanted the answer does not any more. */
  cancel(): void {
    this.giveUp(givenUp(this.#maybeExecuted()))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: an abort here destroys the idle connection that was about to be used, once for every client
    // that left while it waited.
    if (this.#givenUp !== null) throw this.#givenUp
    clearTimeout(this.#queue)
    this.#controller = controller
    this.#phase = 'sent'
  }

  onResponseStarted(): void {
    this.answerBegan = true
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#phase !== 'sent') return
    const rawHeaders = decodeHeaders(controller.rawHeaders)
    const length = bodyLengthOf(this.#options.request.method, status, rawHeaders)
    if (length === undefined) {
      this.giveUp(new UpstreamFault('malformed', 'nothing in the answer tells where its body ends', { maybeExecuted: true }))
      return
    }
    this.#phase = 'answered'
    if (this.upload?.complete === false) this.upload.giveUp(new Error('the upstream answered before the end of the body'))
    this.#body = new ResponseBody(length, controller)
    // An empty body is over at once, started or not, so that its connection comes free.
    if (length !== 0) controller.pause()
    this.#options.resolve({ status, rawHeaders, body: this.#body })
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.onBytes(chunk)
  }

  onResponseEnd(): void {
    this.#phase = 'over'
    this.#body?.onEnd()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const complete = this.upload === null || this.upload.complete
    const fault = this.#givenUp ?? faultOf(error, { sent: this.#phase !== 'queued', complete })
    this.upload?.giveUp(fault)
    this.#fail(fault)
  }

  #maybeExecuted(): boolean {
    return this.#phase !== 'queued' && (this.upload === null || this.upload.complete)
  }

  #fail(fault: UpstreamFault): void {
    if (this.#phase === 'over') return
    const answered = this.#phase === 'answered'
    this.#phase = 'over'
    clearTimeout(this.#queue)
    if (answered) this.#body?.onFault(fault)
    else this.#options.reject(fault)
  }
}

/** Header bytes as latin1 text, one character per byte: metadata is UTF-8 to some clients and none of our business. */
function decodeHeaders(raw: unknown): string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((text: Buffer | string) => (typeof text === 'string' ? text : text.toString('latin1')))
}

/**
 * Bytes that will come: null where chunks tell, undefined where only the end of the connection would (RFC 9112 section
 * 6.3, rule 8), because such a body looks whole wherever it is cut.
 */
function bodyLengthOf(method: string, status: number, rawHeaders: readonly string[]): number | null | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return 0
  let length: number | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      return (rawHeaders[i + 1] ?? '').trim().toLowerCase() === 'chunked' ? null : undefined
    }
    if (name.length === 14 && name.toLowerCase() === 'content-length') length = Number(rawHeaders[i + 1])
  }
  return length
}
