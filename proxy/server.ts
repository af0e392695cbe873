import { createRequestIds, newAccessRecord, type AccessRecord } from './observe/access-record.ts'
import type { Address, Inbound, InboundFactory, InboundRequest } from './transport/inbound.ts'
import type { Answer, Incoming, RequestHead } from './transport/transport.ts'

/** What an error is answered with: the request as far as it was understood. */
export interface ErrorContext {
  readonly head: RequestHead
  readonly record: AccessRecord
}

export interface RequestServerDependencies {
  readonly inbound: InboundFactory
  readonly handle: (incoming: Incoming, record: AccessRecord) => Answer | Promise<Answer>
  /** Turns whatever was thrown into an answer, and notes code and reason in the record. */
  readonly answerError: (error: unknown, context: ErrorContext) => Answer
  /** What is thrown at requests that come when no more are taken: too many under way, or the process is about to end. */
  readonly overloaded: (reason: 'too-many-requests' | 'closing') => unknown
  readonly log: {
    request(record: AccessRecord): void
    fault(error: unknown, record: AccessRecord | null): void
    event(level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void
  }
  readonly metrics: { requestStarted(): void; requestDone(record: AccessRecord): void; refused(reason: string): void }
  readonly now: () => Date
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicMs: () => number
  /** Random bytes for request ids. */
  readonly randomBytes: (count: number) => Buffer
  readonly limits: {
    /** Requests under way at once. A stalled transfer holds some 2 MB in the kernel, which no heap limit bounds. */
    readonly requestsMax: number
  }
  readonly drain: DrainTimes
}

export interface DrainTimes {
  /** Between readiness turning off and the listener closing: until then traffic still comes. */
  readonly closeAfterMs: number
  /** How long requests under way may take after that. */
  readonly drainTimeoutMs: number
}

export interface RequestServer {
  listen(address: Address): Promise<Address>
  /** False once `stop` was called. */
  readonly accepting: boolean
  readonly requestsUnderWay: number
  /**
   * Drains: answers close their connections, then the listener closes, then requests under way have their time, and what
   * is left is destroyed on both sides, so that no upstream sees a complete body. Resolves with the number destroyed.
   * A second call destroys at once.
   */
  stop(): Promise<number>
}

/** A listener for requests: takes each through `handle`, answers it, and writes its line. */
export function createRequestServer(deps: RequestServerDependencies): RequestServer {
  return new Listener(deps)
}

class Listener implements RequestServer {
  #deps: RequestServerDependencies
  #inbound: Inbound
  #nextId: () => string
  #underWay = 0
  #state: 'accepting' | 'draining' | 'closing' = 'accepting'
  #stopping: Promise<number> | null = null
  #hurried = false
  #endWait: () => void = () => {}
  #onIdle: () => void = () => {}

  constructor(deps: RequestServerDependencies) {
    this.#deps = deps
    this.#nextId = createRequestIds(deps.randomBytes)
    this.#inbound = deps.inbound({
      onRequest: (request) => void this.#serve(request),
      onRefused: (reason) => deps.metrics.refused(reason)
    })
  }

  get accepting(): boolean {
    return this.#state === 'accepting'
  }

  get requestsUnderWay(): number {
    return this.#underWay
  }

  listen(address: Address): Promise<Address> {
    return this.#inbound.listen(address)
  }

  stop(): Promise<number> {
    if (this.#stopping === null) this.#stopping = this.#stop()
    else {
      this.#hurried = true
      this.#endWait()
    }
    return this.#stopping
  }

  async #serve(incoming: InboundRequest): Promise<void> {
    const { deps, started, record } = {
      deps: this.#deps,
      started: this.#deps.monotonicMs(),
      record: newAccessRecord(this.#nextId(), this.#deps.now(), incoming.head)
    }
    this.#underWay += 1
    deps.metrics.requestStarted()
    let answer: Answer | null = null
    try {
      if (this.#state === 'closing') throw deps.overloaded('closing')
      if (this.#underWay > deps.limits.requestsMax) throw deps.overloaded('too-many-requests')
      answer = await deps.handle(incoming, record)
      await this.#send(answer, { incoming, record, started })
    } catch (error) {
      giveUp(answer, error)
      await this.#answerError(error, { incoming, record, started })
    }
    record.bytesIn = incoming.bytesReceived
    record.durationMs = deps.monotonicMs() - started
    this.#underWay -= 1
    deps.metrics.requestDone(record)
    deps.log.request(record)
    if (this.#underWay === 0) this.#onIdle()
  }

  async #send(answer: Answer, { incoming, record, started }: Serving): Promise<void> {
    record.status = answer.status
    record.timeToFirstByteMs = this.#deps.monotonicMs() - started
    const sent = await incoming.answer(answer)
    record.bytesOut = sent.bytesSent
    record.complete = sent.complete
    if (!sent.complete) record.reason ??= incoming.failure?.message ?? 'the answer broke off'
  }

  async #answerError(error: unknown, serving: Serving): Promise<void> {
    const { incoming, record } = serving
    if (incoming.gone) {
      // Nobody is left to be answered, and what the stages threw is most likely the client's going itself.
      record.status = CLIENT_GONE
      record.reason = `the client is gone: ${String(error)}`
      return
    }
    if (incoming.headSent) {
      // The status is out; only the connection can still tell the client.
      record.complete = false
      record.reason = String(error)
      this.#deps.log.fault(error, record)
      incoming.destroy()
      return
    }
    try {
      const answer = this.#deps.answerError(error, { head: incoming.head, record })
      if (answer.status === 500) this.#deps.log.fault(error, record)
      await this.#send(answer, serving)
    } catch (second) {
      this.#deps.log.fault(second, record)
      record.status = 500
      incoming.destroy()
    }
  }

  async #stop(): Promise<number> {
    const { log, drain } = this.#deps
    this.#state = 'draining'
    this.#inbound.drain()
    log.event('info', 'draining', { requestsUnderWay: this.#underWay })
    await this.#wait(drain.closeAfterMs, false)
    this.#state = 'closing'
    const closed = this.#inbound.close()
    await this.#wait(drain.drainTimeoutMs, true)
    const left = this.#underWay
    if (left > 0) log.event('warn', 'requests destroyed at the end of draining', { requests: left })
    this.#inbound.destroy()
    await closed
    return left
  }

  /** Waits, but not when `stop` is called again, and not for requests where none is under way. */
  #wait(ms: number, forRequests: boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#onIdle = () => {}
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#endWait = done
      if (forRequests) this.#onIdle = done
      if (this.#hurried || (forRequests && this.#underWay === 0)) done()
    })
  }
}

/** The status in log and metrics of a request whose client left before the answer; nothing is sent with it. */
const CLIENT_GONE = 499

interface Serving {
  readonly incoming: InboundRequest
  readonly record: AccessRecord
  readonly started: number
}

/** An answer that could not be sent holds an upstream connection until its flow is given up. */
function giveUp(answer: Answer | null, error: unknown): void {
  if (answer !== null && answer.body !== null && 'cancel' in answer.body) {
    answer.body.cancel(error instanceof Error ? error : new Error(String(error)))
  }
}
