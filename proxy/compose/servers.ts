import { randomBytes } from 'node:crypto'
import { composeApi, type ListenerParts } from './api.ts'
import type { Config } from '../config/config.ts'
import { handle } from '../handle.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import type { Log } from '../observe/log.ts'
import { exchangeResult, type Metrics } from '../observe/metrics.ts'
import { createOpsServer, type OpsServer, type OpsServerOptions } from '../ops/ops-server.ts'
import { S3Error } from '../s3/error.ts'
import { createRequestServer, type RequestServer, type RequestServerDependencies } from '../server.ts'
import { answerError } from '../stages/answer-error.ts'
import type { Dependencies } from '../stages/dependencies.ts'
import { isPreflight } from '../stages/answer-preflight.ts'
import { browserGuards } from '../stages/guard-browsers.ts'
import type { Cors } from '../cors/cors.ts'
import { engineOf } from './certificate.ts'
import { composeTraces } from './traces.ts'
import { INBOUND_LIMITS, INBOUND_TIMEOUTS } from '../transport/inbound.ts'
import type { Answer, RequestHead } from '../transport/transport.ts'

/** Where the listeners are reached; null where there is no API. */
export interface Addresses {
  readonly s3: string
  readonly api: string | null
  readonly ops: string
}

export interface Servers {
  listen(): Promise<Addresses>
  stop(): Promise<void>
}

/** Makes whatever shows the pages of the platform. */
export type OpsMaker = (options: OpsServerOptions) => OpsServer

export interface ServersOptions {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly ready: () => { readonly snapshot: boolean; readonly keys: boolean; readonly credentials: boolean }
  /** A listener of its own unless told. */
  readonly ops?: OpsMaker
}

/** Until traffic is sent elsewhere, after readiness has turned off. */
const CLOSE_AFTER_MS = 5_000

/** The S3 listener, the API listener where one is configured, and the ops listener. */
export function composeServers(deps: Dependencies, options: ServersOptions): Servers {
  const { config, log, metrics, ready, ops: makeOps = createOpsServer } = options
  const { listeners } = config
  const parts = listenerParts({ ...options, now: deps.now, closeAfterMs: config.dev ? 0 : CLOSE_AFTER_MS })
  const engine = engineOf(parts.engine, listeners.s3.tls, log)
  const traces = composeTraces(config, log)
  const s3 = composeS3(
    {
      inbound: engine.inbound,
      handle: async (incoming, record) => {
        traces?.begin(record, incoming.head)
        return dressed(await handle(incoming, record, deps), { head: incoming.head, record, cors: deps.cors })
      },
      ended(record) {
        deps.live?.leave(record)
        deps.load?.leave(record, deps.observe.elapsedMs())
        traces?.end(record)
      },
      cors: deps.cors
    },
    parts
  )
  const api = listeners.api === null ? null : composeApi(deps, listeners.api, parts)
  const ops = makeOps({
    checks: [
      { name: 'accepting', ready: () => s3.accepting },
      { name: 'snapshot', ready: () => ready().snapshot },
      { name: 'issuerKeys', ready: () => ready().keys },
      { name: 'upstreamCredentials', ready: () => ready().credentials }
    ],
    metricsPage: () => metrics.page(),
    onError: (error) => log.fault(error, null)
  })
  return {
    async listen() {
      await traces?.start()
      const opsAddress = await ops.listen(listeners.ops)
      const apiAddress = api === null || listeners.api === null ? null : await api.listen(listeners.api)
      const s3Address = await s3.listen(listeners.s3)
      return {
        s3: urlOf(s3Address, listeners.s3.tls),
        api: apiAddress === null ? null : urlOf(apiAddress, listeners.api?.tls ?? null),
        ops: urlOf(opsAddress, null)
      }
    },
    async stop() {
      engine.close()
      await Promise.all([s3.stop(), api?.stop()])
      await traces?.close()
      await ops.close()
    }
  }
}

export interface ListenerOptions extends Pick<ListenerParts, 'log' | 'metrics' | 'now'> {
  readonly config: Pick<Config, 'limits' | 'timeouts'>
  /** From the first signal to the closing of the listener. */
  readonly closeAfterMs: number
}

/** What listeners for requests are built from. */
export function listenerParts({ config, log, metrics, now, closeAfterMs }: ListenerOptions): ListenerParts {
  const { limits, timeouts } = config
  return {
    engine: {
      limits: {
        ...INBOUND_LIMITS,
        headerBytesMax: limits.headerBytesMax,
        headersMax: limits.headersMax,
        connectionsMax: limits.connectionsMax
      },
      timeouts: { ...INBOUND_TIMEOUTS, headersMs: timeouts.head, keepAliveMs: timeouts.keepAlive, idleBodyMs: timeouts.idle }
    },
    log,
    metrics,
    now,
    monotonicMs: () => performance.now(),
    randomBytes,
    limits: { requestsMax: limits.requestsMax },
    drain: { closeAfterMs, drainTimeoutMs: timeouts.drain }
  }
}

/** What an S3 listener does with its requests. */
export interface S3Listener extends Pick<RequestServerDependencies, 'inbound' | 'handle' | 'ended'> {
  /** What pages of other origins may do, refusals read; null where none may even ask. */
  readonly cors: Cors | null
}

/** A listener for S3 requests, each taken through `handle` and refused in S3's words. */
export function composeS3({ cors, ...listener }: S3Listener, { metrics, ...parts }: ListenerParts): RequestServer {
  return createRequestServer({
    ...parts,
    ...listener,
    answerError: (error, { head, record }) => answerAndNote(error, { head, record, cors }, metrics),
    overloaded(reason) {
      if (reason === 'too-many-requests') metrics.limited('process-concurrency')
      return new S3Error(reason === 'closing' ? 'ServiceUnavailable' : 'SlowDown', reason)
    },
    metrics: {
      ...metrics,
      requestDone(record) {
        metrics.requestDone(record)
        countOutcome(record, metrics)
      }
    }
  })
}

export function urlOf({ host, port }: { readonly host: string; readonly port: number }, tls: object | null): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${tls === null ? 'http' : 'https'}://${name}:${port}`
}

interface Dressing {
  readonly head: RequestHead
  readonly record: AccessRecord
  readonly cors: Cors | null
}

/**
 * What every answer carries: the name of its request, as S3's do (the id that stands in an error's body too), what guards a
 * browser where one can ask, and what lets a page of another origin read it, where that is permitted.
 */
export function dressed(answer: Answer, { head, record, cors }: Dressing): Answer {
  const named = ['x-amz-request-id', record.requestId, 'x-amz-id-2', record.requestId]
  // A preflight has said all of it.
  const readable = cors === null || (isPreflight(head) && answer.status < 400) ? [] : cors.answerHeaders(head)
  return { ...answer, rawHeaders: [...answer.rawHeaders, ...named, ...browserGuards(record.wayIn), ...readable] }
}

/** The stages count nothing themselves: what they leave in the record is counted here. */
export function countOutcome(record: AccessRecord, metrics: Pick<Metrics, 'stsExchanged' | 'decided' | 'headerDropped'>): void {
  const { operation, status, issuer, statement, errorCode } = record
  if (operation === 'AssumeRoleWithWebIdentity') metrics.stsExchanged(issuer, exchangeResult(status))
  else if (operation !== null && errorCode === 'AccessDenied') metrics.decided('deny')
  else if (statement !== null) metrics.decided('allow')
  for (let dropped = 0; dropped < record.droppedHeaders.length; dropped++) metrics.headerDropped()
}

const AUTHENTICATION_CODES: ReadonlySet<string> = new Set([
  'AuthorizationHeaderMalformed',
  'AuthorizationQueryParametersError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch'
])

function answerAndNote(error: unknown, failed: Dressing, metrics: Metrics): Answer {
  const { head, record } = failed
  const { answer, code, reason } = answerError(error, { ...head, requestId: record.requestId })
  record.errorCode = code
  record.reason = record.reason === null ? reason : `${reason}; ${record.reason}`
  if (AUTHENTICATION_CODES.has(code)) metrics.authRejected(code)
  return dressed(answer, failed)
}
