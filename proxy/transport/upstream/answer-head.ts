import { Malformed } from './malformed.ts'

/** How the extent of a body is told (RFC 9112 section 6.3). */
export type Extent = 'length' | 'chunked' | 'close'

/** The head of an answer that is not an interim one. */
export interface AnswerHead {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly extent: Extent
  /** Bytes of the body where `extent` is `length`. */
  readonly length: number
  /** True when another request may follow on the connection. */
  readonly persistent: boolean
  /** Milliseconds that the upstream says it keeps an idle connection; null when it does not say. */
  readonly keepAliveMs: number | null
}

// RFC 9110 section 5.6.2.
export const TOKEN = table((code) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)))
/** Field text: no control character but the tab. */
export const FIELD = table((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f))

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a
/** How much earlier than the upstream says an idle connection is given up. */
const KEEP_ALIVE_MARGIN_MS = 1_000
/** 'HTTP/1.x NNN' */
const STATUS_BYTES = 12

/**
 * The status of the head that begins at `from`, without its fields. Throws when these bytes cannot become a status line,
 * so that an upstream which speaks something else is known by its first bytes.
 */
export function checkStart(bytes: Uint8Array, from: number, end: number): void {
  const start = 'HTTP/1.'
  for (let i = 0; i < start.length && from + i < end; i += 1) {
    if (bytes[from + i] !== start.charCodeAt(i)) throw new Malformed('the answer does not begin with HTTP/1')
  }
  // A line that ends in a bare LF would otherwise be waited for until the deadline.
  for (let at = bytes.indexOf(LF, from); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) {
    if (at === from || bytes[at - 1] !== CR) throw new Malformed('a line of the answer ends in a bare LF')
  }
}

/**
 * Reads a head: `bytes` from `from` to `end`, which is after the empty line. Stricter than RFC 9112 demands of a client: nothing is
 * mended, what two readers could understand differently is refused.
 * HOT: bench/upstream-head.ts
 */
export function readAnswerHead(bytes: Buffer, { from, end, method }: { from: number; end: number; method: string }): AnswerHead {
  const text = bytes.toString('latin1', from, end - 2)
  const status = statusOf(text)
  let at = endOfStatusLine(text)
  const fields = new Fields()
  while (at < text.length) at = fields.take(text, at)
  return headOf({ status, fields, method, minor: text.charCodeAt(7) - 0x30 })
}

/** How long the connection of this answer may wait for its next request; 0 or less when it must not have one. */
export function idleMsAfter({ persistent, keepAliveMs }: AnswerHead, idleMsMax: number): number {
  if (!persistent) return 0
  return keepAliveMs === null ? idleMsMax : Math.min(idleMsMax, keepAliveMs - KEEP_ALIVE_MARGIN_MS)
}

function statusOf(text: string): number {
  const minor = text.charCodeAt(7)
  if (!text.startsWith('HTTP/1.') || (minor !== 0x30 && minor !== 0x31) || text.charCodeAt(8) !== SPACE) {
    throw new Malformed('the answer has no status line of HTTP/1.0 or HTTP/1.1')
  }
  const status = digit(text, 9) * 100 + digit(text, 10) * 10 + digit(text, 11)
  // NaN fails too.
  if (!(status >= 100 && status < 600)) throw new Malformed('the answer has no valid status')
  return status
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 0x30
  return value >= 0 && value <= 9 ? value : NaN
}

function endOfStatusLine(text: string): number {
  const after = text.charCodeAt(STATUS_BYTES)
  if (after !== SPACE && after !== CR) throw new Malformed('the status line is not valid')
  let at = STATUS_BYTES
  while (FIELD[text.charCodeAt(at)] === 1) at += 1
  return endOfLine(text, at)
}

function endOfLine(text: string, at: number): number {
  if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) {
    throw new Malformed('a line of the answer holds a control character or a bare CR or LF')
  }
  return at + 2
}

/** The fields of a head, and what of them frames the answer. */
class Fields {
  readonly raw: string[] = []
  length: string | null = null
  coding: string | null = null
  connection: string | null = null
  keepAlive: string | null = null

  /** Takes the line at `at`; gives back where the next begins. */
  take(text: string, at: number): number {
    let i = at
    while (TOKEN[text.charCodeAt(i)] === 1) i += 1
    // Also a line that continues the one before (obs-fold) and white space before the colon.
    if (i === at || text.charCodeAt(i) !== COLON) throw new Malformed('the name of a header field is not a token')
    const name = text.slice(at, i)
    i += 1
    while (text.charCodeAt(i) === SPACE || text.charCodeAt(i) === TAB) i += 1
    const start = i
    let end = i
    for (let code = text.charCodeAt(i); FIELD[code] === 1; code = text.charCodeAt(++i)) if (code !== SPACE && code !== TAB) end = i + 1
    const next = endOfLine(text, i)
    const value = text.slice(start, end)
    this.raw.push(name, value)
    this.#note(name, value)
    return next
  }

  #note(name: string, value: string): void {
    switch (name.length) {
      case 10: {
        const lower = name.toLowerCase()
        if (lower === 'connection') this.connection = this.connection === null ? value : `${this.connection},${value}`
        else if (lower === 'keep-alive') this.keepAlive = value
        return
      }
      case 14:
        if (name.toLowerCase() !== 'content-length') return
        if (this.length !== null) throw new Malformed('the answer has two Content-Length fields')
        this.length = value
        return
      case 17:
        if (name.toLowerCase() !== 'transfer-encoding') return
        if (this.coding !== null) throw new Malformed('the answer has two Transfer-Encoding fields')
        this.coding = value
    }
  }
}

function headOf(read: { status: number; fields: Fields; method: string; minor: number }): AnswerHead {
  const { status, fields, method, minor } = read
  const { extent, length } = extentOf(read)
  const { connection } = fields
  const closes = connection !== null && connection.split(',').some((token) => token.trim().toLowerCase() === 'close')
  // A bodiless answer's framing fields describe another answer, but a contradiction between them is refused all the same.
  const bodiless = method === 'HEAD' || status === 204 || status === 304
  return {
    status,
    rawHeaders: fields.raw,
    extent: bodiless ? 'length' : extent,
    length: bodiless ? 0 : length,
    persistent: minor === 1 && !closes && (bodiless || extent !== 'close'),
    keepAliveMs: keepAliveOf(fields.keepAlive)
  }
}

function extentOf({ status, fields, method, minor }: { status: number; fields: Fields; method: string; minor: number }): {
  extent: Extent
  length: number
} {
  const { length, coding } = fields
  if (status < 200) {
    // RFC 9110 section 8.6 and RFC 9112 section 6.1 forbid both.
    if (length !== null || coding !== null) throw new Malformed('an interim answer announces a body')
    return { extent: 'length', length: 0 }
  }
  if (coding !== null) {
    // Both together are how a request or an answer is smuggled (RFC 9112 section 6.3, rule 3).
    if (length !== null) throw new Malformed('the answer has both Content-Length and Transfer-Encoding')
    if (minor === 0) throw new Malformed('an answer of HTTP/1.0 has Transfer-Encoding')
    if (coding.toLowerCase() !== 'chunked') throw new Malformed('the answer has a transfer coding other than chunked')
    return { extent: 'chunked', length: 0 }
  }
  if (length !== null) {
    const bytes = /^[0-9]{1,16}$/.test(length) ? Number(length) : NaN
    if (!Number.isSafeInteger(bytes)) throw new Malformed('the Content-Length of the answer is not a number of bytes')
    return { extent: 'length', length: bytes }
  }
  // Such a body looks whole wherever it is cut. What tells of a failure may be cut; what carries an object may not.
  if (status < 400 && status !== 204 && status !== 304 && method !== 'HEAD') {
    throw new Malformed('nothing in the answer tells where its body ends')
  }
  return { extent: 'close', length: 0 }
}

function keepAliveOf(value: string | null): number | null {
  const seconds = value === null ? null : /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,6})(?!\d)/i.exec(value)
  return seconds === null ? null : Number(seconds[1]) * 1000
}

function table(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (holds(code) ? 1 : 0))
}
