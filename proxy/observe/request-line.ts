import { hash } from 'node:crypto'
import type { AccessRecord } from './access-record.ts'

/** The levels of a line, as pino numbers them. */
export const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const

/** The level that the line of a request has. */
export function levelOf({ status }: Pick<AccessRecord, 'status'>): 'info' | 'warn' | 'error' {
  // SlowDown and the like ask a client to come again; they are pressure and not a fault.
  if (status >= 500) return status === 503 ? 'warn' : 'error'
  return status >= 400 ? 'warn' : 'info'
}

/**
 * Makes the lines of requests: what pino would write, made by hand, because its general way costs several times as much
 * (bench/log-line.ts). `keys`: object keys are written as they are; else their hash, which tells equal keys and no more.
 *
 * The fields are named one by one: a field that is new in the record is not in the log until it is named here. No URL and
 * no header is ever among them, because both carry credentials.
 *
 * HOT: bench/log-line.ts
 */
export function createRequestLines(keys: boolean, worker?: number): (record: AccessRecord) => string {
  const requestId = `"${worker === undefined ? '' : `,"worker":${worker}`},"requestId":`
  const [method, operation, tenant, wayIn] = [repeated(), repeated(), repeated(), repeated()]
  const [subject, issuer, role, session] = [repeated(), repeated(), repeated(), repeated()]
  const [statement, account, errorCode] = [repeated(), repeated(), repeated()]
  const [userAgent, remoteAddress] = [repeated(), repeated()]
  const [started, ended] = [isoTimes(), isoTimes()]
  return (record) => {
    const { key, droppedHeaders, timeToFirstByteMs } = record
    const startedMs = record.startedAt.getTime()
    return (
      `{"level":${LEVELS[levelOf(record)]},"time":"${ended(endOf(startedMs, record.durationMs))}` +
      `${requestId}${quoted(record.requestId)},"startedAt":"${started(startedMs)}"` +
      `,"method":${method(record.method)},"operation":${operation(record.operation)},"tenant":${tenant(record.tenant)}` +
      (key === null ? '' : keys ? `,"key":${quoted(key)}` : `,"keyHash":"${hash('sha256', key, 'hex').slice(0, 16)}"`) +
      `,"wayIn":${wayIn(record.wayIn)},"subject":${subject(record.subject)},"issuer":${issuer(record.issuer)}` +
      `,"role":${role(record.role)},"session":${session(record.session)},"statement":${statement(record.statement)}` +
      `,"account":${account(record.account)},"status":${numeral(record.status)},"errorCode":${errorCode(record.errorCode)}` +
      `,"reason":${quotedOrNull(record.reason)},"bytesIn":${numeral(record.bytesIn)},"bytesOut":${numeral(record.bytesOut)}` +
      `,"durationMs":${numeral(rounded(record.durationMs))}` +
      `,"timeToFirstByteMs":${timeToFirstByteMs === null ? 'null' : numeral(rounded(timeToFirstByteMs))}` +
      `,"upstreamRequests":${numeral(record.upstreamRequests)},"upstreamRequestId":${quotedOrNull(record.upstreamRequestId)}` +
      `,"userAgent":${userAgent(record.userAgent)},"remoteAddress":${remoteAddress(record.remoteAddress)}` +
      (droppedHeaders.length === 0 ? '' : `,"droppedHeaders":${JSON.stringify(droppedHeaders)}`) +
      (record.trace === null ? '' : `,"traceId":${quoted(record.trace.traceId)}`) +
      `,"complete":${record.complete},"msg":"request"}\n`
    )
  }
}

/** The time of a line is that at which its request ended, by the clock that began it. */
function endOf(startedMs: number, durationMs: number): number {
  return Number.isFinite(durationMs) ? startedMs + Math.round(durationMs) : startedMs
}

/** Text as `JSON.stringify` writes it. */
export function quoted(text: string): string {
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    // Control characters, quote, backslash; surrogates, which are escaped where they stand alone.
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0xd800 && unit <= 0xdfff)) return JSON.stringify(text)
  }
  return `"${text}"`
}

function quotedOrNull(text: string | null): string {
  return text === null ? 'null' : quoted(text)
}

/** Quotes what is mostly the same as the time before: comparing costs a tenth of quoting. */
function repeated(): (text: string | null) => string {
  let last = ''
  let lastQuoted = '""'
  return (text) => {
    if (text === null) return 'null'
    if (text !== last) {
      lastQuoted = quoted(text)
      last = text
    }
    return lastQuoted
  }
}

/** A number as JSON has it, which has none that is not finite. */
function numeral(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null'
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

/** Writes times in ISO 8601 with milliseconds, as `Date.toISOString` does; what is before them is kept while the second lasts. */
function isoTimes(): (ms: number) => string {
  let second = Number.NaN
  let prefix = ''
  return (ms) => {
    const its = Math.floor(ms / 1000)
    if (its !== second) {
      prefix = new Date(its * 1000).toISOString().slice(0, -4)
      second = its
    }
    const rest = ms - its * 1000
    return `${prefix}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`
  }
}
