import { createHash } from 'node:crypto'
import { openSync } from 'node:fs'
import { pino } from 'pino'
import type { AccessRecord } from './access-record.ts'

export interface LogOptions {
  /** A file, or 1 for standard output. */
  readonly destination: string | number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** True: object keys are written as they are. False: their hash, which tells equal keys and no more. */
  readonly keys: boolean
  readonly flushMs: number
  /** Stands on every line, where several processes write one log. */
  readonly worker?: number
}

export interface Log {
  /** Writes the one line of a request. */
  request(record: AccessRecord): void
  /** Writes a fault with its causes. `record` is null outside of a request. */
  fault(error: unknown, record: AccessRecord | null): void
  event(level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void
  /** Writes out what is held back. */
  flush(): void
  close(): void
}

/** A log that several processes write. */
export interface SharedLog extends Log {
  /** Writes whole lines that another process has made. */
  lines(text: string): void
}

/** Bytes held back before a write: below the 16 KiB that sonic-boom writes at once. */
const HELD_BYTES = 4096

/** A log of JSON lines. Lines are held back to be written together, for `flushMs` at most. */
export function createLog(options: LogOptions): SharedLog {
  // Opened here and now: a destination that still opens its file cannot be flushed, and the first lines would be lost.
  const dest = typeof options.destination === 'string' ? openSync(options.destination, 'a', 0o640) : options.destination
  const destination = pino.destination({ dest, sync: false, minLength: HELD_BYTES })
  const base = options.worker === undefined ? null : { worker: options.worker }
  const logger = pino({ level: options.level, base, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  const timer = setInterval(() => destination.flush(), options.flushMs)
  timer.unref()
  return {
    request: (record) => logger[levelOf(record)](lineOf(record, options.keys), 'request'),
    fault: (error, record) => logger.error({ requestId: record?.requestId ?? null, fault: describe(error) }, 'fault'),
    event: (level, message, fields = {}) => logger[level](fields, message),
    lines: (text) => void destination.write(text),
    flush: () => destination.flush(),
    close: () => {
      clearInterval(timer)
      destination.flushSync()
      destination.end()
    }
  }
}

function levelOf(record: AccessRecord): 'info' | 'warn' | 'error' {
  // SlowDown and the like ask a client to come again; they are pressure and not a fault.
  if (record.status >= 500) return record.status === 503 ? 'warn' : 'error'
  return record.status >= 400 ? 'warn' : 'info'
}

/**
 * The fields that are written, one by one: a field that is new in the record is not in the log until it is named here.
 * No URL and no header is ever among them, because both carry credentials.
 */
function lineOf(record: AccessRecord, keys: boolean): Record<string, unknown> {
  return {
    requestId: record.requestId,
    startedAt: record.startedAt.toISOString(),
    method: record.method,
    operation: record.operation,
    tenant: record.tenant,
    ...(record.key === null ? {} : keys ? { key: record.key } : { keyHash: hashOf(record.key) }),
    wayIn: record.wayIn,
    subject: record.subject,
    issuer: record.issuer,
    role: record.role,
    session: record.session,
    statement: record.statement,
    account: record.account,
    status: record.status,
    errorCode: record.errorCode,
    reason: record.reason,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    durationMs: rounded(record.durationMs),
    timeToFirstByteMs: record.timeToFirstByteMs === null ? null : rounded(record.timeToFirstByteMs),
    upstreamRequests: record.upstreamRequests,
    upstreamRequestId: record.upstreamRequestId,
    userAgent: record.userAgent,
    remoteAddress: record.remoteAddress,
    ...(record.droppedHeaders.length === 0 ? {} : { droppedHeaders: record.droppedHeaders }),
    complete: record.complete
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16)
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

const CAUSES_MAX = 5

function describe(error: unknown): unknown {
  const causes: { name: string; message: string; stack: string | null }[] = []
  let next = error
  while (next instanceof Error && causes.length < CAUSES_MAX) {
    causes.push({ name: next.name, message: next.message, stack: next.stack ?? null })
    next = next.cause
  }
  return causes.length === 0 ? [{ name: typeof error, message: String(error), stack: null }] : causes
}
