import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { InboundLimits, InboundRequest, InboundTimeouts } from './inbound.ts'
import { NodeAnswer } from './node-answer.ts'
import { NodeRequestBody } from './node-request-body.ts'
import type { Answer, RequestHead, Sent } from './transport.ts'

/** Time as a listener counts it, so that connections need no timers of their own. */
export interface Clock {
  readonly tick: number
}

interface ConnectionOptions {
  readonly secure: boolean
  /** The value of the Keep-Alive header. */
  readonly keepAlive: string
  readonly clock: Clock
  readonly reset: () => void
}

/** One accepted connection and the requests that are under way on it: several where the client pipelines. */
export class ClientConnection {
  readonly socket: Socket
  readonly secure: boolean
  readonly live = new Set<NodeIncoming>()
  gone = false
  /** True once an answer on it said that it closes. What comes after that is not served (RFC 9112 section 9.6). */
  closing = false
  /** The tick of the listener's clock at which the last answer was out. */
  idleSince = 0
  readonly keepAlive: string

  #clock: Clock
  #reset: () => void

  constructor(socket: Socket, { secure, keepAlive, clock, reset }: ConnectionOptions) {
    this.socket = socket
    this.secure = secure
    this.keepAlive = keepAlive
    this.#clock = clock
    this.#reset = reset
    // Not the request's or response's own `close`: a pipelined response that waits for its turn never gets one.
    socket.once('close', () => {
      this.gone = true
      for (const incoming of this.live) incoming.connectionGone()
      this.live.clear()
    })
  }

  /** The answer is out. */
  leave(incoming: NodeIncoming): void {
    this.live.delete(incoming)
    this.idleSince = this.#clock.tick
  }

  /** Ends it with a reset: a plain close would still deliver what the kernel holds, which a slow client takes a minute to read. */
  reset(): void {
    this.#reset()
  }
}

export interface IncomingOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly connection: ClientConnection
  readonly bodyLength: number | null
  readonly expectsContinue: boolean
  readonly limits: InboundLimits
  readonly timeouts: InboundTimeouts
  readonly draining: () => boolean
}

/** A request that node:http parsed. */
export class NodeIncoming implements InboundRequest {
  readonly head: RequestHead
  readonly body: NodeRequestBody | null
  readonly expectsContinue: boolean
  headSent = false
  failure: Error | null = null
  #options: IncomingOptions
  #goneCallbacks: (() => void)[] = []
  #answer: NodeAnswer | null = null
  #settled = false

  constructor(options: IncomingOptions) {
    const { request, response, connection, bodyLength, expectsContinue, timeouts } = options
    this.#options = options
    this.expectsContinue = expectsContinue
    this.head = {
      method: request.method ?? '',
      rawTarget: request.url ?? '',
      rawHeaders: request.rawHeaders,
      remoteAddress: plainAddress(connection.socket.remoteAddress ?? ''),
      secure: connection.secure
    }
    this.body =
      bodyLength === 0 ? null : new NodeRequestBody({ request, response, length: bodyLength, expectsContinue, idleMs: timeouts.idleBodyMs })
    connection.live.add(this)
    // The connection's `close` tells; these only keep an error without listener from ending the process.
    request.on('error', ignore)
    response.on('error', ignore)
  }

  get bytesReceived(): number {
    return this.body?.bytesReceived ?? 0
  }

  get gone(): boolean {
    return this.#options.connection.gone
  }

  onGone(callback: () => void): void {
    if (this.#settled) return
    if (this.gone) queueMicrotask(callback)
    else this.#goneCallbacks.push(callback)
  }

  answer(answer: Answer): Promise<Sent> {
    return new Promise((resolve) => {
      if (this.#answer !== null) throw new Error('a request is answered once')
      if (this.gone) {
        this.failure = new Error('the client is gone')
        if (answer.body !== null && 'cancel' in answer.body) answer.body.cancel(this.failure)
        resolve({ complete: false, bytesSent: 0 })
        return
      }
      this.#send(answer, resolve)
    })
  }

  destroy(): void {
    this.#options.connection.socket.destroy()
  }

  cut(): void {
    this.#options.connection.reset()
  }

  /** The connection was lost: everything under way on it ends. */
  connectionGone(): void {
    if (this.#settled) return
    const callbacks = this.#goneCallbacks
    this.#goneCallbacks = []
    this.body?.connectionGone()
    this.#answer?.abandon()
    for (const callback of callbacks) callback()
  }

  #send(answer: Answer, resolve: (sent: Sent) => void): void {
    const { response, connection, limits, timeouts, draining } = this.#options
    const unread = this.body !== null && !this.body.ended
    const close = unread || draining()
    const sender = new NodeAnswer({
      response,
      method: this.head.method,
      close,
      keepAlive: connection.keepAlive,
      unread,
      idleMs: timeouts.idleBodyMs,
      destroy: () => this.destroy(),
      settle: (sent, failure) => {
        this.failure = failure
        this.#settled = sent.complete
        if (sent.complete) this.#leave(unread)
        resolve(sent)
      }
    })
    sender.send(answer)
    this.#answer = sender
    this.headSent = true
    if (close) connection.closing = true
    if (unread) this.body?.discard(limits.discardBytesMax)
  }

  /** The answer is out. A connection with an unread body stays a little, so that its client can read the answer before the reset. */
  #leave(unread: boolean): void {
    const { connection, request, response, timeouts, draining } = this.#options
    this.#goneCallbacks = []
    if (!unread || response.writableEnded) {
      connection.leave(this)
      // The head may have left before draining began, as one that keeps the connection.
      if (draining() && connection.live.size === 0) connection.socket.destroySoon()
      return
    }
    const end = (): void => {
      clearTimeout(timer)
      request.off('end', end)
      connection.socket.off('close', end)
      connection.leave(this)
      response.end()
    }
    const timer = setTimeout(end, timeouts.lingerMs)
    request.once('end', end)
    connection.socket.once('close', end)
  }
}

/** An IPv4 peer of a listener on `::` has a mapped address (RFC 4291 section 2.5.5.2); policies name the plain one. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function ignore(): void {}
