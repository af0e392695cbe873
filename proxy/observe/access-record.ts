import type { RequestHead } from '../transport/transport.ts'

/**
 * What is known of one request, filled in as it goes through the stages: the one line that is logged of it, and what the
 * metrics count. A request that is refused early still says how far it came.
 */
export interface AccessRecord {
  readonly requestId: string
  readonly startedAt: Date
  readonly method: string
  readonly remoteAddress: string
  readonly userAgent: string | null
  /** Name of the operation's row; null while it is not recognized. */
  operation: string | null
  tenant: string | null
  /** The tenant's name of the object. Logged as a hash unless configured otherwise. */
  key: string | null
  /** How the caller proves itself; null where the request carries no proof, or two. */
  wayIn: string | null
  subject: string | null
  issuer: string | null
  role: string | null
  session: string | null
  /** The policy statement that allowed it or denied it. */
  statement: string | null
  /** The account the upstream requests went to. */
  account: string | null
  status: number
  /** The S3 error code that was answered. */
  errorCode: string | null
  /** Why, for the log only: it never reaches the client. */
  reason: string | null
  bytesIn: number
  bytesOut: number
  durationMs: number
  /** Until the head of the answer was handed to the connection; null when none was. */
  timeToFirstByteMs: number | null
  /** How many requests to the upstream it took. */
  upstreamRequests: number
  upstreamRequestId: string | null
  /** Names of headers that were left out as the operator configured. */
  droppedHeaders: readonly string[]
  /** False when the client went away or the answer broke off. */
  complete: boolean
  /** What is kept for the trace of the request; null where it is not traced. */
  trace: TraceRecord | null
}

/** A request that is traced. Its spans are made at its end, of its record. */
export interface TraceRecord {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string
  /** The client's own span, where it named one. */
  readonly parentSpanId: string | null
  readonly secure: boolean
  /** When it began, by the clock of the calls. */
  readonly startedMs: number
  readonly calls: UpstreamCall[]
}

/** A request to an upstream: when it began and had the head of its answer, in milliseconds of a clock that never jumps. */
export interface UpstreamCall {
  readonly account: string
  readonly ask: string
  /** Null when there was no answer. */
  readonly status: number | null
  readonly startMs: number
  readonly endMs: number
}

/** Notes who calls. */
export function nameCaller(record: AccessRecord, caller: Pick<AccessRecord, 'subject' | 'issuer' | 'role' | 'session'>): void {
  record.subject = caller.subject
  record.issuer = caller.issuer
  record.role = caller.role
  record.session = caller.session
}

const USER_AGENT_CHARS_MAX = 256
const NONE: readonly string[] = []

/** The record of a request of which nothing is known yet but its head. */
export function newAccessRecord(requestId: string, startedAt: Date, head: RequestHead): AccessRecord {
  return {
    requestId,
    startedAt,
    method: head.method,
    remoteAddress: head.remoteAddress,
    userAgent: userAgentOf(head.rawHeaders),
    operation: null,
    tenant: null,
    key: null,
    wayIn: null,
    subject: null,
    issuer: null,
    role: null,
    session: null,
    statement: null,
    account: null,
    status: 0,
    errorCode: null,
    reason: null,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
    timeToFirstByteMs: null,
    upstreamRequests: 0,
    upstreamRequestId: null,
    droppedHeaders: NONE,
    complete: false,
    trace: null
  }
}

function userAgentOf(rawHeaders: readonly string[]): string | null {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 10 && name.toLowerCase() === 'user-agent') return (rawHeaders[i + 1] ?? '').slice(0, USER_AGENT_CHARS_MAX)
  }
  return null
}

/** Random bytes taken at once: asking for eight costs as much as asking for this many. */
const POOL_BYTES = 4096
const ID_BYTES = 8

/** Makes request ids in the form of AWS's own: sixteen upper-case hexadecimal digits. */
export function createRequestIds(randomBytes: (count: number) => Buffer): () => string {
  let pool: Buffer = Buffer.alloc(0)
  let next = 0
  return () => {
    if (next >= pool.length) {
      pool = randomBytes(POOL_BYTES)
      next = 0
    }
    next += ID_BYTES
    return pool.toString('hex', next - ID_BYTES, next).toUpperCase()
  }
}
