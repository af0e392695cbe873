import type { Test } from 'tap'
import {
  INBOUND_LIMITS,
  INBOUND_TIMEOUTS,
  type Certificate,
  type InboundLimits,
  type InboundRequest,
  type InboundTimeouts
} from '../../../proxy/transport/inbound.ts'
import { createNodeInbound } from '../../../proxy/transport/inbound-node.ts'
import { createUpstream, UPSTREAM_LIMITS, type EngineOptions, type UpstreamEngine } from '../../../proxy/transport/upstream/engine.ts'
import { UPSTREAM_DEFAULTS, type UpstreamOptions } from '../../../proxy/transport/upstream-options.ts'
import { createUndiciUpstream } from '../../../proxy/transport/upstream-undici.ts'
import type { ByteSink, ByteSource, Cancellation, UpstreamClient, UpstreamRequest } from '../../../proxy/transport/transport.ts'
import { RawClient, RawUpstream, type Script } from '../../helpers/raw-http.ts'

/** A listener whose requests are handed to `onRequest`; closed at the end of the test. */
export async function startInbound(
  t: Test,
  onRequest: (request: InboundRequest) => void,
  options: { limits?: Partial<InboundLimits>; timeouts?: Partial<InboundTimeouts>; certificate?: Certificate } = {}
) {
  const seen: InboundRequest[] = []
  const refused: string[] = []
  const inbound = createNodeInbound(
    {
      certificate: options.certificate ?? null,
      limits: { ...INBOUND_LIMITS, ...options.limits },
      timeouts: { ...INBOUND_TIMEOUTS, lingerMs: 50, ...options.timeouts }
    },
    {
      onRequest: (request) => {
        seen.push(request)
        onRequest(request)
      },
      onRefused: (reason) => refused.push(reason)
    }
  )
  const { port } = await inbound.listen({ host: '127.0.0.1', port: 0 })
  const clients: RawClient[] = []
  t.teardown(async () => {
    for (const client of clients) client.destroy()
    inbound.destroy()
    await inbound.close()
  })
  const connect = (): RawClient => {
    const client = new RawClient(port)
    clients.push(client)
    return client
  }
  return { inbound, port, connect, seen, refused }
}

/** Makes an engine for the hop upstream. */
export type CreateUpstream = (options: Partial<UpstreamOptions>) => UpstreamClient

export const createWithUndici: CreateUpstream = (options) => createUndiciUpstream({ ...UPSTREAM_DEFAULTS, onError: () => {}, ...options })
export const createOwn = (options: Partial<EngineOptions>): UpstreamEngine =>
  createUpstream({ ...UPSTREAM_LIMITS, tickMs: 10, onError: () => {}, ...options })

/** An upstream that plays a script and a client for it; both closed at the end of the test. */
export async function startUpstream(t: Test, script: Script, options: Partial<UpstreamOptions> = {}, create: CreateUpstream = createOwn) {
  return startUpstreamFor(t, script, create(options))
}

/** An upstream that plays a script, and requests for it; closed with the engine at the end of the test. */
export async function startUpstreamFor<Client extends UpstreamClient>(
  t: Test,
  script: Script,
  client: Client,
  certificate: Certificate | null = null
) {
  const upstream = await RawUpstream.start(script, { certificate })
  const origin = { secure: certificate !== null, hostname: '127.0.0.1', port: upstream.port, ca: certificate?.cert ?? null }
  t.teardown(async () => {
    await client.close()
    await upstream.stop()
  })
  const request = (changes: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
    origin,
    method: 'GET',
    rawTarget: '/b/k',
    rawHeaders: ['host', 's3.upstream.test'],
    body: null,
    bodyLength: 0,
    headTimeoutMs: 10_000,
    ...changes
  })
  return { upstream, client, request }
}

/** What a flow brought, and whether it came to its end. */
export interface Collected {
  readonly bytes: Buffer
  readonly error: Error | null
}

export function collect(source: ByteSource): Promise<Collected> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    source.start({
      write: (bytes) => {
        chunks.push(Buffer.from(bytes))
        return true
      },
      end: () => resolve({ bytes: Buffer.concat(chunks), error: null }),
      fail: (error) => resolve({ bytes: Buffer.concat(chunks), error })
    })
  })
}

/** A source that a test pushes by hand, and that notes what was asked of it. */
export class HandSource implements ByteSource {
  readonly length: number | null
  sink: ByteSink | null = null
  resumed = 0
  cancelled: Error | null = null
  #onStart: () => void = () => {}
  readonly started: Promise<void>

  constructor(length: number | null) {
    this.length = length
    this.started = new Promise((resolve) => (this.#onStart = resolve))
  }

  start(sink: ByteSink): void {
    this.sink = sink
    queueMicrotask(this.#onStart)
  }

  resume(): void {
    this.resumed += 1
  }

  cancel(reason: Error): void {
    this.cancelled ??= reason
  }
}

/** Bytes as a flow of chunks; ends, or fails where `error` is given. Counts how far it was let go. */
export class ChunkSource implements ByteSource {
  readonly length: number | null
  given = 0
  cancelled: Error | null = null
  #chunks: Uint8Array[]
  #error: Error | null
  #sink: ByteSink | null = null
  #next = 0

  constructor(chunks: readonly (string | Uint8Array)[], options: { length?: number | null; error?: Error } = {}) {
    this.#chunks = chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk))
    this.#error = options.error ?? null
    this.length = options.length === undefined ? this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0) : options.length
  }

  start(sink: ByteSink): void {
    this.#sink = sink
    queueMicrotask(() => this.#flow())
  }

  resume(): void {
    queueMicrotask(() => this.#flow())
  }

  cancel(reason: Error): void {
    this.cancelled ??= reason
  }

  #flow(): void {
    while (this.cancelled === null && this.#sink !== null) {
      const chunk = this.#chunks[this.#next]
      if (chunk === undefined) {
        const sink = this.#sink
        this.#sink = null
        if (this.#error === null) sink.end()
        else sink.fail(this.#error)
        return
      }
      this.#next += 1
      this.given += chunk.length
      // What the sink let go of may be written over: a sink that kept it shows the overwritten bytes.
      const lent = Buffer.from(chunk)
      const more = this.#sink.write(lent)
      if (more) lent.fill('!')
      else return
    }
  }
}

/** A cancellation that a test gives. */
export function handCancellation(): Cancellation & { cancel(): void } {
  const callbacks: (() => void)[] = []
  let cancelled = false
  return {
    get cancelled() {
      return cancelled
    },
    onCancel: (callback) => callbacks.push(callback),
    cancel: () => {
      cancelled = true
      for (const callback of callbacks) callback()
    }
  }
}

/** The fault that a send ended in. */
export async function faultOfSend(client: UpstreamClient, request: UpstreamRequest, cancellation?: Cancellation): Promise<unknown> {
  try {
    await client.send(request, cancellation)
  } catch (fault) {
    return fault
  }
  throw new Error('the request did not fail')
}

/** Resolves when the condition holds; it is looked at after every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
