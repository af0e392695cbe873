import { S3Error } from '../s3/error.ts'
import { Transform } from '../sigv4/payload/transform.ts'
import type { ByteSource } from '../transport/transport.ts'
import { malformedForm } from './boundary.ts'
import { PartReader } from './part-reader.ts'
import { FIELDS_BYTES_MAX, notOneFile, type PostForm } from './read-form.ts'

/** Bytes that a file may have. */
export interface LengthRange {
  readonly min: number
  readonly max: number
}

/** Behind the file, if it is the last part, stands the closing delimiter: the delimiter, two hyphens and a line break. */
const CLOSING_BYTES = 4
const CR = 0x0d

/**
 * The file of a form. Its `length` is what it has if nothing follows it, which only the end of the body tells: it may turn out
 * shorter, never longer. Ends only when the whole form has come and is well-formed, so that a cut or crooked one never looks whole.
 */
export function fileOf({ rest, delimiter }: PostForm, range: LengthRange): ByteSource & { readonly length: number } {
  const length = rest.length - delimiter.length - CLOSING_BYTES
  if (length < 0) throw malformedForm('the form ends before its file does')
  if (length < range.min) throw tooSmall(length, range)
  // What may follow the file is bounded, so that this much of it is certain.
  if (length - FIELDS_BYTES_MAX > range.max) throw tooLarge(length, range)
  return new FileSource(rest, { delimiter, length, range })
}

/** The same flow, which fails unless it is as long as it says: for a file that is sent on before its end is seen. */
export function exactly(source: ByteSource, length: number): ByteSource {
  return new ExactLength(source, length)
}

class FileSource extends Transform {
  readonly length: number
  readonly #delimiter: Buffer
  readonly #range: LengthRange
  #passed = 0
  /** The end of a piece that may be the beginning of the delimiter. */
  #maybe: Buffer = Buffer.alloc(0)
  /** From the delimiter behind the file on; null before it has come. */
  #tail: Buffer[] | null = null
  #tailBytes = 0

  constructor(rest: ByteSource, { delimiter, length, range }: { delimiter: Buffer; length: number; range: LengthRange }) {
    super(rest)
    this.#delimiter = delimiter
    this.length = length
    this.#range = range
  }

  protected take(bytes: Uint8Array): void {
    if (this.#tail !== null) {
      this.#addTail(Buffer.from(bytes))
      return
    }
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const data = this.#maybe.length === 0 ? view : Buffer.concat([this.#maybe, view])
    this.#maybe = data.subarray(0, 0)
    const at = data.indexOf(this.#delimiter)
    if (at >= 0) {
      this.#pass(data.subarray(0, at))
      this.#tail = []
      this.#addTail(Buffer.from(data.subarray(at)))
      return
    }
    const kept = beginningAtEnd(data, this.#delimiter)
    this.#maybe = Buffer.from(data.subarray(data.length - kept))
    this.#pass(data.subarray(0, data.length - kept))
  }

  protected finish(): void {
    if (this.#tail === null) throw malformedForm('the form has no closing boundary')
    this.#checkTail(Buffer.concat(this.#tail))
    if (this.#passed < this.#range.min) throw tooSmall(this.#passed, this.#range)
  }

  #pass(bytes: Uint8Array): void {
    this.#passed += bytes.length
    if (this.#passed > this.#range.max) throw tooLarge(this.#passed, this.#range)
    if (this.#passed > this.length) throw malformedForm('the form does not end with its closing boundary and a line break')
    this.emit(bytes)
  }

  #addTail(bytes: Buffer): void {
    this.#tailBytes += bytes.length
    if (this.#tailBytes > FIELDS_BYTES_MAX)
      throw new S3Error('MaxPostPreDataLengthExceededError', `more than ${FIELDS_BYTES_MAX} bytes behind the file`)
    this.#tail?.push(bytes)
  }

  /** Fields behind the file have no effect, as in S3 (a submit button of a form is one); a second file is refused. */
  #checkTail(tail: Buffer): void {
    const parts = new PartReader(this.#delimiter)
    for (;;) {
      const part = parts.next(tail)
      if (part === null) throw malformedForm('the form has no closing boundary')
      if (part.kind === 'file') throw notOneFile('the form has a second file')
      if (part.kind === 'field') continue
      if (tail.toString('latin1', part.at) !== '\r\n')
        throw malformedForm('the form does not end with its closing boundary and a line break')
      return
    }
  }
}

class ExactLength extends Transform {
  readonly length: number
  #passed = 0

  constructor(source: ByteSource, length: number) {
    super(source)
    this.length = length
  }

  protected take(bytes: Uint8Array): void {
    this.#passed += bytes.length
    this.emit(bytes)
  }

  protected finish(): void {
    if (this.#passed === this.length) return
    throw new S3Error('MalformedPOSTRequest', `the file has ${this.#passed} bytes and not ${this.length}: fields follow it`, {
      Message: 'In a form with a file of this size the file must be the last field.'
    })
  }
}

/** How many of the last bytes of a piece the delimiter may begin with. */
function beginningAtEnd(data: Buffer, delimiter: Buffer): number {
  const from = Math.max(0, data.length - delimiter.length + 1)
  for (let at = data.indexOf(CR, from); at >= 0; at = data.indexOf(CR, at + 1)) {
    const end = data.subarray(at)
    if (delimiter.subarray(0, end.length).equals(end)) return end.length
  }
  return 0
}

function tooLarge(length: number, { max }: LengthRange): S3Error {
  return new S3Error('EntityTooLarge', `${length} bytes where the policy allows ${max}`, {
    ProposedSize: String(length),
    MaxSizeAllowed: String(max)
  })
}

function tooSmall(length: number, { min }: LengthRange): S3Error {
  return new S3Error('EntityTooSmall', `${length} bytes where the policy wants ${min}`, {
    ProposedSize: String(length),
    MinSizeAllowed: String(min)
  })
}
