import { buildConnector, Client, Pool, type Dispatcher } from 'undici'
import type { EventEmitter } from 'node:events'
import { isIP, type Socket } from 'node:net'
import { Exchange } from './exchange.ts'
import { emptied, givenUp, isSource, lengthFault } from './outgoing-body.ts'
import { lookupBy, systemResolve } from './guarded-lookup.ts'
import type { UpstreamOptions } from './upstream-options.ts'
import { UpstreamFault } from './transport.ts'
import type { Cancellation, UpstreamClient, UpstreamOrigin, UpstreamRequest, UpstreamResponse } from './transport.ts'
import { diedFromIdle } from './upstream-fault.ts'

type DispatchOptions = Dispatcher.DispatchOptions & { servername?: string }

/** The hop to the upstreams over undici. It follows no redirect and understands no content coding. */
export function createUndiciUpstream(options: UpstreamOptions): UpstreamClient {
  return new UndiciUpstream(options)
}

class UndiciUpstream implements UpstreamClient {
  #options: UpstreamOptions
  #pools = new Map<string, Pool>()
  /** Saves making the key of the map for every request: the origins are few objects, held by the accounts. */
  #byOrigin = new WeakMap<UpstreamOrigin, Pool>()
  /** Errors of connections that had carried an answer before. */
  #reused = new WeakSet<object>()

  constructor(options: UpstreamOptions) {
    this.#options = options
  }

  async send(request: UpstreamRequest, cancellation?: Cancellation): Promise<UpstreamResponse> {
    if (isCancelled(cancellation)) {
      if (isSource(request.body)) request.body.cancel(new Error('the request was given up'))
      throw givenUp(false)
    }
    const ready = isSource(request.body) && request.bodyLength === 0 ? await emptied(request, request.body) : request
    const first = this.#attempt(ready, cancellation)
    try {
      return await first.response
    } catch (fault) {
      if (!this.#mayRetry(ready, first.exchange, fault) || isCancelled(cancellation)) throw fault
      return this.#attempt(ready, cancellation).response
    }
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  #attempt(request: UpstreamRequest, cancellation: Cancellation | undefined): { exchange: Exchange; response: Promise<UpstreamResponse> } {
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>()
    const { idleBodyTimeoutMs, queueTimeoutMs } = this.#options
    const exchange = new Exchange({ request, stallMs: idleBodyTimeoutMs, queueMs: queueTimeoutMs, resolve, reject })
    cancellation?.onCancel(() => exchange.cancel())
    const fault = lengthFault(request)
    if (fault === null) this.#pool(request.origin).dispatch(this.#dispatchOptions(request, exchange), exchange)
    else exchange.giveUp(fault)
    return { exchange, response: promise }
  }

  #dispatchOptions(request: UpstreamRequest, exchange: Exchange): DispatchOptions {
    const options: DispatchOptions = {
      path: request.rawTarget,
      method: request.method,
      headers: withLength(request),
      body: exchange.upload ?? (request.body as Uint8Array | null),
      headersTimeout: request.headTimeoutMs,
      bodyTimeout: this.#options.idleBodyTimeoutMs
    }
    // undici gives a connection up after HEAD unless told not to.
    if (request.method === 'HEAD') options.reset = false
    // undici takes the name from the Host header and reconnects whenever that changes.
    if (request.origin.secure) options.servername = request.origin.hostname
    return options
  }

  /**
   * Once, for GET and HEAD only: of anything else that met a closing connection nobody can say that it was not executed.
   * (undici looks at an idle connection before it writes, so this is rare.)
   */
  #mayRetry(request: UpstreamRequest, exchange: Exchange, fault: unknown): boolean {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    if (isSource(request.body) || exchange.answerBegan) return false
    return fault instanceof UpstreamFault && fault.kind === 'reset' && diedFromIdle(fault.cause, this.#reused)
  }

  #pool(origin: UpstreamOrigin): Pool {
    const known = this.#byOrigin.get(origin)
    if (known !== undefined) return known
    const key = JSON.stringify([origin.secure, origin.hostname, origin.port, origin.ca])
    const pool = this.#pools.get(key) ?? this.#makePool(origin)
    this.#pools.set(key, pool)
    this.#byOrigin.set(origin, pool)
    return pool
  }

  #makePool(origin: UpstreamOrigin): Pool {
    const { connectTimeoutMs, idleBodyTimeoutMs, connectionsMax, keepAliveMs, headerBytesMax, onError } = this.#options
    const connect = buildConnector({
      timeout: connectTimeoutMs,
      allowH2: false,
      lookup: lookupBy(systemResolve),
      ...(origin.ca === null ? {} : { ca: origin.ca })
    })
    return new Pool(
      `${origin.secure ? 'https' : 'http'}://${isIP(origin.hostname) === 6 ? `[${origin.hostname}]` : origin.hostname}:${origin.port}`,
      {
        connections: connectionsMax,
        pipelining: 1,
        keepAliveTimeout: keepAliveMs,
        keepAliveMaxTimeout: keepAliveMs,
        bodyTimeout: idleBodyTimeoutMs,
        maxHeaderSize: headerBytesMax,
        strictContentLength: true,
        factory: (url: URL, options: object) => makeClient(url, options, onError),
        connect: (target, callback) => {
          connect(target, (error, socket) => {
            if (error !== null) callback(error, null)
            else callback(null, this.#watched(socket))
          })
        }
      }
    )
  }

  #watched(socket: Socket): Socket {
    return socket.on('error', (error) => {
      if (socket.bytesRead > 0) this.#reused.add(error)
    }) as Socket
  }
}

function makeClient(url: URL, options: object, onError: (error: Error) => void): Client {
  const client = new Client(url, options)
  const events: EventEmitter = client
  events.on('error', onError)
  return client
}

/** The length comes from `bodyLength` alone; undici writes it itself where the body is held in memory. */
function withLength(request: UpstreamRequest): string[] {
  const headers: string[] = []
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? ''
    if (name.length !== 14 || name.toLowerCase() !== 'content-length') headers.push(name, request.rawHeaders[i + 1] ?? '')
  }
  if (isSource(request.body)) headers.push('content-length', String(request.bodyLength))
  return headers
}

function isCancelled(cancellation: Cancellation | undefined): boolean {
  return cancellation?.cancelled === true
}
