import { emptied, givenUp, isSource, lengthFault } from '../outgoing-body.ts'
import { UpstreamFault } from '../transport.ts'
import type { Cancellation, UpstreamClient, UpstreamOrigin, UpstreamRequest, UpstreamResponse } from '../transport.ts'
import { UPSTREAM_DEFAULTS, type UpstreamOptions } from '../upstream-options.ts'
import { systemLookup, type Lookup } from './addresses.ts'
import { BufferPool } from './buffers.ts'
import { Deadlines } from './deadlines.ts'
import { Exchange } from './exchange.ts'
import { Malformed } from './malformed.ts'
import { OriginPool } from './origin-pool.ts'
import { requestHead } from './request-head.ts'

/** `connectTimeoutMs` is for each attempt, and shared by the addresses of a host; an upstream's `Keep-Alive: timeout` shortens `keepAliveMs`. */
export interface EngineOptions extends UpstreamOptions {
  readonly tlsTimeoutMs: number
  /** Memory for bodies on their way; above it they go in smaller pieces. */
  readonly bufferBytesMax: number
  /** How long `close` waits for requests that are under way. */
  readonly drainMs: number
  /** How exactly deadlines are met. */
  readonly tickMs: number
  readonly lookup: Lookup
}

export const UPSTREAM_LIMITS: Omit<EngineOptions, 'onError'> = {
  ...UPSTREAM_DEFAULTS,
  tlsTimeoutMs: 5_000,
  bufferBytesMax: 64 * 1024 * 1024,
  drainMs: 500,
  tickMs: 50,
  lookup: systemLookup
}

/** The hop to the upstreams over HTTP/1.1 on plain sockets. It follows no redirect, understands no content coding and never pipelines. */
export function createUpstream(options: EngineOptions): UpstreamEngine {
  return new UpstreamEngine(options)
}

export class UpstreamEngine implements UpstreamClient {
  #options: EngineOptions
  #deadlines: Deadlines
  #buffers: BufferPool
  #pools = new Map<string, OriginPool>()
  /** Saves making the key of the map for every request: the origins are few objects, held by the accounts. */
  #byOrigin = new WeakMap<UpstreamOrigin, OriginPool>()
  #closed = false

  constructor(options: EngineOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.tickMs)
    this.#buffers = new BufferPool(options.bufferBytesMax)
  }

  /** What is open, waiting and lent: all zero but `idle` and `open` when no request is under way. */
  get counts(): { open: number; idle: number; dialing: number; queued: number; lentBytes: number; deadlines: number } {
    const counts = { open: 0, idle: 0, dialing: 0, queued: 0, lentBytes: this.#buffers.lentBytes, deadlines: this.#deadlines.size }
    for (const pool of this.#pools.values()) {
      const { open, idle, dialing, queued } = pool.counts
      counts.open += open
      counts.idle += idle
      counts.dialing += dialing
      counts.queued += queued
    }
    return counts
  }

  send(request: UpstreamRequest, cancellation?: Cancellation): Promise<UpstreamResponse> {
    const { body } = request
    if (!isSource(body) || request.bodyLength > 0) return this.#dispatch(request, cancellation)
    const fault = this.#faultBefore(request, cancellation)
    if (fault !== null) return refused(request, fault)
    return emptied(request, body).then((empty) => this.#dispatch(empty, cancellation))
  }

  async close(): Promise<void> {
    this.#closed = true
    const pools = [...this.#pools.values()]
    const timer = setTimeout(() => pools.forEach((pool) => pool.destroy()), this.#options.drainMs)
    await Promise.all(pools.map((pool) => pool.drain()))
    clearTimeout(timer)
  }

  #dispatch(request: UpstreamRequest, cancellation: Cancellation | undefined): Promise<UpstreamResponse> {
    const fault = this.#faultBefore(request, cancellation)
    if (fault !== null) return refused(request, fault)
    const head = headOrFault(request)
    if (typeof head !== 'string') return refused(request, head)
    return new Promise((resolve, reject) => {
      const pool = this.#pool(request.origin)
      pool.submit(new Exchange({ request, head, cancellation, dispatcher: pool, resolve, reject }))
    })
  }

  #faultBefore(request: UpstreamRequest, cancellation: Cancellation | undefined): UpstreamFault | null {
    if (this.#closed || cancellation?.cancelled === true) return givenUp(false)
    return lengthFault(request)
  }

  #pool(origin: UpstreamOrigin): OriginPool {
    const known = this.#byOrigin.get(origin)
    if (known !== undefined) return known
    const key = JSON.stringify([origin.secure, origin.hostname, origin.port, origin.ca])
    const { lookup, onError } = this.#options
    const pool =
      this.#pools.get(key) ??
      new OriginPool(origin, { limits: this.#options, buffers: this.#buffers, deadlines: this.#deadlines, lookup, onError })
    this.#pools.set(key, pool)
    this.#byOrigin.set(origin, pool)
    return pool
  }
}

/** Nothing is sent, and the body is given up. */
function refused({ body }: UpstreamRequest, fault: UpstreamFault): Promise<never> {
  if (isSource(body)) body.cancel(fault)
  return Promise.reject(fault)
}

function headOrFault(request: UpstreamRequest): string | UpstreamFault {
  try {
    return requestHead(request)
  } catch (cause) {
    if (cause instanceof Malformed) return new UpstreamFault('malformed', cause.message, { maybeExecuted: false, cause })
    throw cause
  }
}
