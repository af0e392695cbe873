import type { RequestHead } from '../transport/transport.ts'
import type { AccessRecord, TraceRecord } from './access-record.ts'

/** Where a client's own span stands. */
export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

export interface Sampling {
  /** The part of requests that is traced, 0 to 1. */
  readonly ratio: number
  /** True: what a `traceparent` says decides, and the ratio only where there is none. A client can then have every request traced. */
  readonly trustParent: boolean
  /** From 0 up to 1. */
  readonly random: () => number
  readonly newTraceId: () => string
  readonly elapsedMs: () => number
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/

/** The span that a `traceparent` names; null where it is not what W3C Trace Context §3.2 lets it be, which is to be ignored. */
export function parseTraceparent(value: string): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(value) ?? []
  if (version === undefined || version === 'ff' || ZEROS.test(traceId) || ZEROS.test(spanId)) return null
  // Only versions after this one may have more.
  if (version === '00' && rest !== undefined) return null
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** What is kept of a request that is to be traced; null of one that is not, which most are. */
export function sampleTrace(head: RequestHead, sampling: Sampling): TraceRecord | null {
  const decides = sampling.trustParent ? parentOf(head) : null
  if (!(decides === null ? sampling.random() < sampling.ratio : decides.sampled)) return null
  // A client that is not trusted to decide may still say which trace its request belongs to.
  const joined = decides ?? parentOf(head)
  return {
    traceId: joined?.traceId ?? sampling.newTraceId(),
    parentSpanId: joined?.spanId ?? null,
    secure: head.secure,
    startedMs: sampling.elapsedMs(),
    calls: []
  }
}

/** Two of them say nothing: which one holds cannot be known. */
function parentOf({ rawHeaders }: RequestHead): TraceParent | null {
  let found: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length !== 11 || name.toLowerCase() !== 'traceparent') continue
    if (found !== null) return null
    found = rawHeaders[i + 1] ?? ''
  }
  return found === null ? null : parseTraceparent(found)
}

/** One span, as it is handed to an exporter. Times are milliseconds since 1970. */
export interface Span {
  readonly name: string
  readonly kind: 'server' | 'client'
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number>>
}

/** The methods of RFC 9110 and PATCH; any other is `_OTHER`, so that no client makes names. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/**
 * The spans of a request that has ended: its own first, then one for each request to an upstream. Attributes are those of
 * OpenTelemetry's conventions for HTTP servers and the AWS SDK. Never among them: the path, which holds the key; headers, which
 * hold credentials; the caller.
 */
export function spansOf(record: AccessRecord, { calls, startedMs, secure }: TraceRecord): readonly [Span, ...Span[]] {
  const startMs = record.startedAt.getTime()
  const { status, operation, tenant, errorCode, userAgent } = record
  const method = METHODS.has(record.method) ? record.method : '_OTHER'
  const route = tenant === null ? '/' : record.key === null ? '/{bucket}' : '/{bucket}/{key+}'
  const own: Span = {
    name: `${method === '_OTHER' ? 'HTTP' : method} ${route}`,
    kind: 'server',
    startMs,
    endMs: startMs + record.durationMs,
    failed: status >= 500,
    attributes: {
      ...{
        'http.request.method': method,
        'http.response.status_code': status,
        'http.route': route,
        'url.scheme': secure ? 'https' : 'http'
      },
      ...{ 'rpc.system.name': 'aws-api', 'aws.request_id': record.requestId, 'network.peer.address': record.remoteAddress },
      ...(operation === null ? {} : { 'rpc.method': operation }),
      ...(tenant === null ? {} : { 'aws.s3.bucket': tenant }),
      ...(errorCode === null ? {} : { 'error.type': errorCode }),
      ...(userAgent === null ? {} : { 'user_agent.original': userAgent })
    }
  }
  const upstream = calls.map(({ account, ask, status, startMs: callMs, endMs }): Span => {
    const outcome = status === null ? { 'error.type': 'no_answer' } : { 'http.response.status_code': status }
    return {
      ...{ name: `upstream ${ask}`, kind: 'client', startMs: startMs + callMs - startedMs, endMs: startMs + endMs - startedMs },
      failed: status === null || status >= 500,
      attributes: { 'rpc.system.name': 'aws-api', 'sluice.account': account, 'sluice.ask': ask, ...outcome }
    }
  })
  return [own, ...upstream]
}
