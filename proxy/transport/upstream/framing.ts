import { FIELD, TOKEN, type AnswerHead } from './answer-head.ts'
import { Malformed } from './malformed.ts'

/** Finds the body in the bytes of a connection. */
export interface Framing {
  /** The piece of body that the last `scan` found; empty where `from` equals `to`. */
  readonly from: number
  readonly to: number
  /** Where to go on scanning. */
  readonly next: number
  /** True when the body is at its end. */
  readonly complete: boolean
  /** True when the end of the connection here is the end of the body. */
  readonly endsWithConnection: boolean
  /** Bytes that are known to be still to come, for choosing a buffer. */
  readonly expected: number
  /** Goes through `bytes` from `at` up to the end of the first piece of body. Throws `Malformed`. */
  scan(bytes: Uint8Array, at: number, end: number): void
}

export function framingOf({ extent, length }: AnswerHead): Framing {
  switch (extent) {
    case 'length':
      return new LengthFraming(length)
    case 'chunked':
      return new ChunkedFraming()
    case 'close':
      return new CloseFraming()
    default:
      return extent satisfies never
  }
}

/** What of the body came with the head, in memory of its own; null for nothing. */
export function takeFirst(framing: Framing, bytes: Buffer): Buffer | null {
  if (bytes.length === 0) return null
  const first = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let at = 0
  while (at < bytes.length && !framing.complete) {
    framing.scan(bytes, at, bytes.length)
    length += bytes.copy(first, length, framing.from, framing.to)
    at = framing.next
  }
  if (at < bytes.length) throw new Malformed('the answer is longer than its framing says')
  return length === 0 ? null : first.subarray(0, length)
}

class LengthFraming implements Framing {
  from = 0
  to = 0
  next = 0
  complete: boolean
  expected: number
  readonly endsWithConnection = false

  constructor(length: number) {
    this.expected = length
    this.complete = length === 0
  }

  scan(_bytes: Uint8Array, at: number, end: number): void {
    this.from = at
    this.to = Math.min(end, at + this.expected)
    this.next = this.to
    this.expected -= this.to - at
    this.complete = this.expected === 0
  }
}

class CloseFraming implements Framing {
  from = 0
  to = 0
  next = 0
  readonly complete = false
  readonly expected = 0
  readonly endsWithConnection = true

  scan(_bytes: Uint8Array, at: number, end: number): void {
    this.from = at
    this.to = end
    this.next = end
  }
}

type ChunkedState =
  'size' | 'sizeOrEnd' | 'extension' | 'sizeLf' | 'data' | 'dataCr' | 'dataLf' | 'line' | 'name' | 'value' | 'valueLf' | 'lastLf' | 'over'

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b
const COLON = 0x3a
const SIZE_DIGITS_MAX = 13
const EXTENSION_BYTES_MAX = 256
const TRAILER_BYTES_MAX = 8 * 1024

/** RFC 9112 section 7.1, read strictly: no white space around a size, every line ends in CRLF. Extensions and trailers are checked and dropped. */
class ChunkedFraming implements Framing {
  from = 0
  to = 0
  next = 0
  complete = false
  readonly endsWithConnection = false
  #state: ChunkedState = 'size'
  #size = 0
  #digits = 0
  #skipped = 0

  get expected(): number {
    // Chunks come one after another: what follows this one is not known.
    return Number.MAX_SAFE_INTEGER
  }

  scan(bytes: Uint8Array, at: number, end: number): void {
    this.from = this.to = 0
    let i = at
    while (i < end && this.#state !== 'over') {
      if (this.#state === 'data') {
        this.from = i
        this.to = Math.min(end, i + this.#size)
        this.#size -= this.to - i
        if (this.#size === 0) this.#state = 'dataCr'
        this.next = this.to
        return
      }
      this.#state = this.#after(bytes[i] ?? 0)
      i += 1
    }
    this.complete = this.#state === 'over'
    this.next = i
  }

  /** The state after one byte that is not data. */
  #after(byte: number): ChunkedState {
    switch (this.#state) {
      case 'size':
      case 'sizeOrEnd':
        return this.#afterSize(byte)
      case 'extension':
        if (byte === CR) return 'sizeLf'
        return this.#skip(FIELD[byte] === 1, EXTENSION_BYTES_MAX, 'extension')
      case 'sizeLf':
        expect(byte, LF)
        this.#digits = this.#skipped = 0
        return this.#size === 0 ? 'line' : 'data'
      case 'dataCr':
        expect(byte, CR)
        return 'dataLf'
      case 'dataLf':
        expect(byte, LF)
        return 'size'
      case 'line':
        if (byte === CR) return 'lastLf'
        return this.#skip(TOKEN[byte] === 1, TRAILER_BYTES_MAX, 'name')
      case 'name':
        if (byte === COLON) return 'value'
        return this.#skip(TOKEN[byte] === 1, TRAILER_BYTES_MAX, 'name')
      case 'value':
        if (byte === CR) return 'valueLf'
        return this.#skip(FIELD[byte] === 1, TRAILER_BYTES_MAX, 'value')
      case 'valueLf':
        expect(byte, LF)
        return 'line'
      case 'lastLf':
        expect(byte, LF)
        return 'over'
      case 'data':
      case 'over':
        return this.#state
      default:
        return this.#state satisfies never
    }
  }

  #afterSize(byte: number): ChunkedState {
    const digit = hexOf(byte)
    if (digit >= 0) {
      this.#digits += 1
      if (this.#digits > SIZE_DIGITS_MAX) throw new Malformed('the size of a chunk is too long')
      this.#size = this.#size * 16 + digit
      return 'sizeOrEnd'
    }
    if (this.#state === 'size') throw new Malformed('a chunk of the answer has no size')
    if (byte === CR) return 'sizeLf'
    if (byte === SEMICOLON) return 'extension'
    throw new Malformed('the size of a chunk is not a number')
  }

  #skip(allowed: boolean, bytesMax: number, state: ChunkedState): ChunkedState {
    this.#skipped += 1
    if (!allowed) throw new Malformed('a line between the chunks of the answer is not valid')
    if (this.#skipped > bytesMax) throw new Malformed('a line between the chunks of the answer is too long')
    return state
  }
}

function expect(byte: number, expected: number): void {
  if (byte !== expected) throw new Malformed('a line between the chunks of the answer does not end in CRLF')
}

function hexOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
