import { malformedForm } from './boundary.ts'
import { formText, parsePartHead } from './part-head.ts'

/** What stands next in a form. */
export type Part =
  | { readonly kind: 'field'; readonly name: string; readonly value: string }
  /** A file, whose bytes begin at `at` and are not looked at here. */
  | { readonly kind: 'file'; readonly name: string; readonly filename: string | null; readonly at: number }
  /** The form ends at `at`. */
  | { readonly kind: 'end'; readonly at: number }

const CRLF = '\r\n'
const HEAD_END = Buffer.from('\r\n\r\n')

/** What stands before every part: the line break belongs to it and not to the part before it (RFC 2046 §5.1.1). */
export function delimiterOf(boundary: string): Buffer {
  return Buffer.from(`\r\n--${boundary}`, 'latin1')
}

/**
 * Reads the parts of a form from bytes that grow: each call is given all that came so far, from the delimiter of the first
 * part on. No padding, preamble or line break other than CRLF is taken: what one reader skips another takes for a part.
 */
export class PartReader {
  readonly #delimiter: Buffer
  #at = 0
  /** Up to here the bytes are known not to hold what is looked for. */
  #searched = 0
  /** The name of the field whose value is looked for. */
  #field: string | null = null

  constructor(delimiter: Buffer) {
    this.#delimiter = delimiter
  }

  /** The next part; null when it has not come whole. */
  next(bytes: Buffer): Part | null {
    if (this.#field === null) {
      const begun = this.#beginPart(bytes)
      if (begun !== 'field') return begun
    }
    const end = this.#find(bytes, this.#delimiter, this.#at)
    if (end < 0) return null
    const value = formText(bytes.subarray(this.#at, end))
    const name = this.#field ?? ''
    this.#at = end
    this.#field = null
    return { kind: 'field', name, value }
  }

  #beginPart(bytes: Buffer): Exclude<Part, { kind: 'field' }> | 'field' | null {
    const start = this.#at + this.#delimiter.length
    const found = bytes.subarray(this.#at, start)
    if (!this.#delimiter.subarray(0, found.length).equals(found)) throw malformedForm('the form does not begin with its boundary')
    if (bytes.length < start + 2) return null
    const mark = bytes.toString('latin1', start, start + 2)
    if (mark === '--') return { kind: 'end', at: start + 2 }
    if (mark !== CRLF) throw malformedForm('a boundary is not followed by a line break')
    // From the line break on, so that a part without a head is seen as one.
    const end = this.#find(bytes, HEAD_END, start)
    if (end < 0) return null
    const { name, filename } = parsePartHead(bytes.subarray(start + 2, Math.max(end, start + 2)))
    this.#at = end + HEAD_END.length
    if (name === 'file' || filename !== null) return { kind: 'file', name, filename, at: this.#at }
    this.#field = name
    return 'field'
  }

  #find(bytes: Buffer, wanted: Buffer, from: number): number {
    const at = bytes.indexOf(wanted, Math.max(from, this.#searched - wanted.length + 1))
    this.#searched = at < 0 ? bytes.length : 0
    return at
  }
}
