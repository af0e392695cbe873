import { createHash, createHmac } from 'node:crypto'
import { StoreError } from './error.ts'
import { equalText, type Signing } from './signature.ts'

/**
 * Reads the aws-chunked framing (sigv4-streaming.html, sigv4-streaming-trailers.html). Nothing is stored before the whole
 * body proved right, so bytes are handed out as they come and a bad chunk fails the body.
 */

const CHUNK_LINE_BYTES_MAX = 256
const TRAILER_BYTES_MAX = 16 * 1024
/** "Each chunk, except the last one, must have a size of at least 8 KB." */
const CHUNK_BYTES_MIN = 8192

const EMPTY_SHA256 = createHash('sha256').digest('hex')

export interface ChunkedOptions {
  /** Null for unsigned chunks. */
  readonly signing: Signing | null
  /** True when trailers follow the last chunk. */
  readonly trailers: boolean
  /** False for providers that take short chunks anywhere. */
  readonly checkSizes: boolean
}

export class ChunkedDecoder {
  readonly #options: ChunkedOptions
  #state: 'line' | 'data' | 'dataEnd' | 'trailer' = 'line'
  #line = Buffer.alloc(0)
  #left = 0
  #signature = ''
  #previous: string
  #hash = createHash('sha256')
  #shortChunkSeen = false
  #ended = false

  constructor(options: ChunkedOptions) {
    this.#options = options
    this.#previous = options.signing?.seed ?? ''
  }

  /** The data in these bytes of the body. */
  push(bytes: Uint8Array): Uint8Array[] {
    const data: Uint8Array[] = []
    for (let rest = bytes; rest.length > 0;) rest = this.#state === 'data' ? this.#takeData(rest, data) : this.#takeLine(rest)
    return data
  }

  #takeData(bytes: Uint8Array, data: Uint8Array[]): Uint8Array {
    const piece = bytes.subarray(0, this.#left)
    data.push(piece)
    if (this.#options.signing !== null) this.#hash.update(piece)
    this.#left -= piece.length
    if (this.#left === 0) this.#endChunk('dataEnd')
    return bytes.subarray(piece.length)
  }

  #takeLine(bytes: Uint8Array): Uint8Array {
    if (this.#state === 'trailer') {
      this.#line = Buffer.concat([this.#line, bytes])
      if (this.#line.length > TRAILER_BYTES_MAX) throw new StoreError('MalformedTrailerError')
      return bytes.subarray(bytes.length)
    }
    const end = bytes.indexOf(0x0a)
    const taken = end === -1 ? bytes : bytes.subarray(0, end + 1)
    this.#line = Buffer.concat([this.#line, taken])
    if (this.#line.length > CHUNK_LINE_BYTES_MAX) throw new StoreError('IncompleteBody')
    if (end !== -1) this.#endLine()
    return bytes.subarray(taken.length)
  }

  #endLine(): void {
    const line = this.#line.toString('latin1')
    this.#line = Buffer.alloc(0)
    if (!line.endsWith('\r\n')) throw new StoreError('IncompleteBody')
    if (this.#state === 'dataEnd') {
      if (line !== '\r\n') throw new StoreError('IncompleteBody')
      this.#state = 'line'
      return
    }
    this.#startChunk(line.slice(0, -2))
  }

  #startChunk(line: string): void {
    const match = /^([0-9a-fA-F]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line)
    if (match === null) throw new StoreError('IncompleteBody')
    const length = Number.parseInt(match[1]!, 16)
    this.#signature = match[2] ?? ''
    if (length > 0 && this.#shortChunkSeen && this.#options.checkSizes) throw new StoreError('InvalidChunkSizeError')
    this.#shortChunkSeen = length < CHUNK_BYTES_MIN
    this.#left = length
    if (length > 0) this.#state = 'data'
    else this.#endChunk('trailer')
  }

  #endChunk(next: 'dataEnd' | 'trailer'): void {
    this.#state = next
    if (next === 'trailer') this.#ended = true
    const { signing } = this.#options
    if (signing === null) return
    const head = `AWS4-HMAC-SHA256-PAYLOAD\n${signing.longDate}\n${signing.scope}\n${this.#previous}\n${EMPTY_SHA256}\n`
    this.#checkSignature(signing, head + this.#hash.digest('hex'), this.#signature)
    this.#hash = createHash('sha256')
  }

  #checkSignature(signing: Signing, stringToSign: string, given: string): void {
    const expected = createHmac('sha256', signing.key).update(stringToSign).digest('hex')
    if (!equalText(expected, given)) throw new StoreError('SignatureDoesNotMatch')
    this.#previous = expected
  }

  /** The trailers, once the body is over. Fails when the framing did not end. */
  end(): ReadonlyMap<string, string> {
    if (!this.#ended) throw new StoreError('IncompleteBody')
    const trailers = readTrailers(this.#line.toString('latin1'))
    if (!this.#options.trailers && trailers.size > 0) throw new StoreError('MalformedTrailerError')
    if (this.#options.signing === null || !this.#options.trailers) return trailers
    const given = trailers.get('x-amz-trailer-signature') ?? ''
    trailers.delete('x-amz-trailer-signature')
    const canonical = [...trailers].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => `${name}:${value}\n`)
    const hashed = createHash('sha256').update(canonical.join(''), 'latin1').digest('hex')
    const { signing } = this.#options
    this.#checkSignature(signing, `AWS4-HMAC-SHA256-TRAILER\n${signing.longDate}\n${signing.scope}\n${this.#previous}\n${hashed}`, given)
    return trailers
  }
}

// minio-go ends a trailer with a lone line feed before the CRLF, as AWS's own example does.
function readTrailers(text: string): Map<string, string> {
  const trailers = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1) throw new StoreError('MalformedTrailerError')
    trailers.set(line.slice(0, colon).toLowerCase().trim(), line.slice(colon + 1).trim())
  }
  return trailers
}
