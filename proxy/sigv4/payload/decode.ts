import type { ByteSource } from '../../transport/transport.ts'
import { CHUNK_LINE_BYTES_MAX, parseChunkLine, type ChunkLine } from './chunk-line.ts'
import { ChunkChain, type ChunkSigning } from './chunk-signature.ts'
import type { ChunkedMode } from './modes.ts'
import { PayloadProblem } from './problem.ts'
import { canonicalTrailer, parseTrailers, TRAILER_BYTES_MAX, TRAILER_SIGNATURE } from './trailers.ts'
import { splitHeld, Transform } from './transform.ts'

/** A signed chunk is held until it is verified, so its size is ours to bound. SDKs send 64 KiB to 1 MiB. */
export const SIGNED_CHUNK_BYTES_MAX = 16 * 1024 * 1024
/** S3's rule for every chunk but the last. */
export const CHUNK_BYTES_MIN = 8192

/** How an aws-chunked body is to be read. */
export interface Chunking {
  readonly mode: ChunkedMode
  /** The number in x-amz-decoded-content-length. */
  readonly decodedLength: number
  /** The names in x-amz-trailer, lower case. */
  readonly trailerNames: readonly string[]
  /**
   * Needed by the signed modes, ignored by the unsigned one. `unverified` reads the signatures over: for a hop that proves
   * nobody by them and signs anew.
   */
  readonly signing: ChunkSigning | 'unverified' | null
}

/** The decoded bytes of an aws-chunked body. */
export interface DecodedBody extends ByteSource {
  readonly length: number
  /** The trailers, lower-case name to value; empty until the flow has ended, and never filled when it fails. */
  readonly trailers: ReadonlyMap<string, string>
}

/**
 * The data of an aws-chunked body. No byte of a signed chunk comes out before the chunk is verified; unsigned chunks flow through
 * without being held. The last bytes are held until the last chunk, the trailer and the end of the body are verified, so that a
 * bad body never completes. A body of no bytes has nothing to hold: collect it before anything is sent on.
 * HOT: bench/decode-chunks.ts
 */
export function decodeChunked(source: ByteSource, chunking: Chunking): DecodedBody {
  return new ChunkDecoder(source, chunking)
}

type Expecting = 'line' | 'data' | 'data-end' | 'tail'

const NOTHING = new Uint8Array(0)
const CR = 0x0d
const LF = 0x0a

class ChunkDecoder extends Transform implements DecodedBody {
  readonly length: number
  trailers: ReadonlyMap<string, string> = new Map()
  readonly #mode: ChunkedMode
  readonly #trailerNames: readonly string[]
  /** Null where nothing is verified: the chunks carry no signatures, or theirs are read over. */
  readonly #chain: ChunkChain | null
  #expecting: Expecting = 'line'
  /** A line, chunk end or tail that has not come whole. */
  #text = ''
  #chunk: ChunkLine = { size: 0, signature: '' }
  #chunkMissing = 0
  /** The data of a signed chunk that did not come in one piece. */
  #buffer: Uint8Array = NOTHING
  #announced = 0
  #released = 0
  #held: Uint8Array = NOTHING

  constructor(source: ByteSource, { mode, decodedLength, trailerNames, signing }: Chunking) {
    super(source)
    if (mode !== 'unsigned-trailer' && signing === null) throw new Error(`${mode} needs a signing key`)
    this.length = decodedLength
    this.#mode = mode
    this.#trailerNames = trailerNames
    this.#chain = mode === 'unsigned-trailer' || signing === null || signing === 'unverified' ? null : new ChunkChain(signing)
  }

  protected take(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      switch (this.#expecting) {
        case 'line':
          at = this.#takeLine(bytes, at)
          break
        case 'data':
          at = this.#chain === null ? this.#takeUnsigned(bytes, at) : this.#takeSigned(bytes, at, this.#chain)
          break
        case 'data-end':
          at = this.#takeDataEnd(bytes, at)
          break
        case 'tail':
          at = this.#takeTail(bytes, at)
          break
        default:
          return this.#expecting satisfies never
      }
    }
  }

  protected finish(): void {
    if (this.#expecting !== 'tail') throw incomplete()
    this.#checkTail()
    this.emit(this.#held)
  }

  #takeLine(bytes: Uint8Array, at: number): number {
    const lineEnd = bytes.indexOf(LF, at)
    const end = lineEnd < 0 ? bytes.length : lineEnd
    if (this.#text.length + end - at > CHUNK_LINE_BYTES_MAX) throw new PayloadProblem('framing', 'A chunk header is too long.')
    this.#text += latin1(bytes, at, end)
    if (lineEnd < 0) return bytes.length
    const line = parseChunkLine(this.#text, this.#mode !== 'unsigned-trailer')
    this.#text = ''
    this.#beginChunk(line)
    return lineEnd + 1
  }

  #beginChunk(line: ChunkLine): void {
    if (line.size > 0 && this.#announced > 0 && this.#chunk.size < CHUNK_BYTES_MIN) {
      throw new PayloadProblem('chunk-size', 'Only the last chunk is allowed to have a size less than 8192 bytes.')
    }
    if (this.#chain !== null && line.size > SIGNED_CHUNK_BYTES_MAX) {
      throw new PayloadProblem('chunk-size', `A signed chunk is at most ${SIGNED_CHUNK_BYTES_MAX} bytes.`)
    }
    this.#announced += line.size
    if (this.#announced > this.length) throw incomplete()
    this.#chunk = line
    this.#chunkMissing = line.size
    if (line.size > 0) {
      this.#expecting = 'data'
      return
    }
    if (this.#announced !== this.length) throw incomplete()
    this.#checkChunk(NOTHING)
    this.#expecting = 'tail'
  }

  #takeUnsigned(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#chunkMissing)
    this.#chunkMissing -= end - at
    if (this.#chunkMissing === 0) this.#expecting = 'data-end'
    this.#release(bytes.subarray(at, end))
    return end
  }

  #takeSigned(bytes: Uint8Array, at: number, chain: ChunkChain): number {
    const { size } = this.#chunk
    const end = Math.min(bytes.length, at + this.#chunkMissing)
    if (end - at === size) {
      // The whole chunk lies in this piece: nothing to copy.
      const data = bytes.subarray(at, end)
      this.#chunkMissing = 0
      this.#expecting = 'data-end'
      this.#checkChunk(data)
      this.#release(data)
      return end
    }
    const filled = size - this.#chunkMissing
    this.#reserve(filled, filled + end - at)
    this.#buffer.set(bytes.subarray(at, end), filled)
    this.#chunkMissing -= end - at
    if (this.#chunkMissing > 0) return end
    this.#expecting = 'data-end'
    const data = this.#buffer.subarray(0, size)
    if (!chain.isNext(data, this.#chunk.signature)) throw badChunk()
    // A sink that waits still reads the buffer; the next chunk then gets another one.
    if (!this.#release(data)) this.#buffer = NOTHING
    return end
  }

  /** Makes room, growing with what has come and not with what was announced: an announcement costs the client nothing. */
  #reserve(filled: number, needed: number): void {
    if (this.#buffer.length >= needed) return
    const grown = Buffer.allocUnsafeSlow(Math.min(SIGNED_CHUNK_BYTES_MAX, Math.max(needed, 2 * this.#buffer.length, 64 * 1024)))
    grown.set(this.#buffer.subarray(0, filled))
    this.#buffer = grown
  }

  #checkChunk(data: Uint8Array): void {
    if (this.#chain !== null && !this.#chain.isNext(data, this.#chunk.signature)) throw badChunk()
  }

  /** Hands verified (or unsigned) data on, but for the last bytes of the body. True when the data's memory is free again. */
  #release(data: Uint8Array): boolean {
    this.#released += data.length
    if (this.#released < this.length) return this.emit(data)
    const { free, held } = splitHeld(data)
    this.#held = held
    return this.emit(free)
  }

  #takeDataEnd(bytes: Uint8Array, at: number): number {
    // One byte at a time: the CR may be the last of one piece and the LF the first of the next.
    const byte = bytes[at]
    if (byte !== (this.#text === '' ? CR : LF)) throw new PayloadProblem('framing', 'A chunk is longer than its header says.')
    this.#text = byte === CR ? '\r' : ''
    if (byte === LF) this.#expecting = 'line'
    return at + 1
  }

  #takeTail(bytes: Uint8Array, at: number): number {
    if (this.#text.length + bytes.length - at > TRAILER_BYTES_MAX) throw new PayloadProblem('trailer', 'The trailer is too long.')
    this.#text += latin1(bytes, at, bytes.length)
    return bytes.length
  }

  /** What stands behind the last chunk. Read only now: nothing but the end of the body tells where it ends. */
  #checkTail(): void {
    switch (this.#mode) {
      case 'signed-chunks':
        if (this.#text === '\r\n') return
        if ('\r\n'.startsWith(this.#text)) throw incomplete()
        throw new PayloadProblem('framing', 'The request body goes on behind its last chunk.')
      case 'unsigned-trailer':
        this.trailers = parseTrailers(this.#text, { names: this.#trailerNames, signed: false })
        return
      case 'signed-chunks-trailer': {
        const trailers = new Map(parseTrailers(this.#text, { names: this.#trailerNames, signed: true }))
        const signature = trailers.get(TRAILER_SIGNATURE) ?? ''
        if (this.#chain !== null && !this.#chain.isTrailer(canonicalTrailer(trailers), signature)) {
          throw new PayloadProblem('trailer-signature', 'The trailer signature does not match.')
        }
        trailers.delete(TRAILER_SIGNATURE)
        this.trailers = trailers
        return
      }
      default:
        return this.#mode satisfies never
    }
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

function incomplete(): PayloadProblem {
  return new PayloadProblem('incomplete', 'You did not provide the number of bytes specified by the Content-Length HTTP header.')
}

function badChunk(): PayloadProblem {
  return new PayloadProblem('chunk-signature', 'The request signature we calculated does not match the signature you provided.')
}
