import type { ByteSource } from '../../transport/transport.ts'
import { checksumName, parseTrailerChecksum } from './checksum.ts'
import { base64Length, type ChecksumAlgorithm } from './digest.ts'
import { PayloadProblem } from './problem.ts'
import { HELD_BYTES_MAX, Transform } from './transform.ts'

/** What is written around a body. */
export interface Framing {
  readonly decodedLength: number
  /** The checksum behind the data; its length, and so the frame's, follows from it. */
  readonly algorithm: ChecksumAlgorithm
  /** The base64 value, asked when the body has come whole. */
  readonly trailerValue: () => string | undefined
}

/** A body in aws-chunked framing. */
export interface FramedBody extends ByteSource {
  /** The exact number of encoded bytes, known before the first of them: the upstream's Content-Length. */
  readonly length: number
}

/**
 * The body as STREAMING-UNSIGNED-PAYLOAD-TRAILER: one chunk of the whole, as the CRT and the Go SDK write it, then the checksum.
 * Fails when the body is not `decodedLength` long or the trailer is no value of the algorithm.
 */
export function frameWithTrailer(source: ByteSource, framing: Framing): FramedBody {
  return new TrailerFramer(source, framing)
}

class TrailerFramer extends Transform implements FramedBody {
  readonly length: number
  readonly #framing: Framing
  /** A small body, collected so that frame and data leave in one piece; null for a large one. */
  readonly #small: Buffer | null
  #smallFilled = 0
  #came = 0

  constructor(source: ByteSource, framing: Framing) {
    super(source)
    const { decodedLength, algorithm } = framing
    this.#framing = framing
    const trailerLine = `${checksumName(algorithm)}:`.length + base64Length(algorithm) + 2
    this.length = chunkHead(decodedLength).length + decodedLength + chunkTail(decodedLength).length + trailerLine + 2
    this.#small = decodedLength <= HELD_BYTES_MAX ? Buffer.alloc(this.length) : null
  }

  protected take(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#came === 0) this.#put(ascii(chunkHead(this.#framing.decodedLength)))
    this.#came += bytes.length
    if (this.#came > this.#framing.decodedLength) throw wrongLength()
    this.#put(bytes)
  }

  protected finish(): void {
    const { decodedLength, algorithm, trailerValue } = this.#framing
    if (this.#came !== decodedLength) throw wrongLength()
    const value = trailerValue()
    parseTrailerChecksum(algorithm, value)
    this.#put(ascii(`${chunkTail(decodedLength)}${checksumName(algorithm)}:${value}\r\n\r\n`))
    if (this.#small !== null) this.emit(this.#small)
  }

  #put(bytes: Uint8Array): void {
    if (this.#small === null) {
      this.emit(bytes)
      return
    }
    this.#small.set(bytes, this.#smallFilled)
    this.#smallFilled += bytes.length
  }
}

function chunkHead(decodedLength: number): string {
  return decodedLength === 0 ? '' : `${decodedLength.toString(16)}\r\n`
}

function chunkTail(decodedLength: number): string {
  return decodedLength === 0 ? '0\r\n' : '\r\n0\r\n'
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

function wrongLength(): PayloadProblem {
  return new PayloadProblem('incomplete', 'You did not provide the number of bytes specified by the Content-Length HTTP header.')
}
