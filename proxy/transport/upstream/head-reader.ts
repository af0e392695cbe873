import { checkStart, readAnswerHead, type AnswerHead } from './answer-head.ts'
import { Malformed } from './malformed.ts'

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const INTERIM_MAX = 8

/** A head, and what came behind it in the same bytes. */
export interface HeadRead {
  readonly head: AnswerHead
  readonly rest: Buffer
}

/** Puts the head of one answer after another together from the bytes of a connection. Interim answers are read over. */
export class HeadReader {
  /** True once a byte of the answer came. */
  began = false
  #bytesMax: number
  #partial: Buffer | null = null
  #interim = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Another answer is expected. */
  reset(): void {
    this.began = false
    this.#partial = null
    this.#interim = 0
  }

  /** Takes bytes, which are not kept; null while the head is not complete. Throws `Malformed`. */
  read(read: Buffer, method: string): HeadRead | null {
    const bytes = this.#partial === null ? read : Buffer.concat([this.#partial, read])
    this.began = true
    this.#partial = null
    for (let from = 0; from < bytes.length;) {
      const found = bytes.indexOf(END_OF_HEAD, from)
      const end = found < 0 ? bytes.length : found + END_OF_HEAD.length
      if (end - from > this.#bytesMax) throw new Malformed('the head of the answer is too long')
      if (found < 0) {
        checkStart(bytes, from, end)
        this.#partial = Buffer.from(bytes.subarray(from))
        return null
      }
      const head = readAnswerHead(bytes, { from, end, method })
      if (head.status >= 200) return { head, rest: bytes.subarray(end) }
      this.#interim += 1
      if (head.status === 101) throw new Malformed('the upstream changes the protocol without being asked to')
      if (this.#interim > INTERIM_MAX) throw new Malformed('the answer is announced again and again')
      from = end
    }
    return null
  }
}
