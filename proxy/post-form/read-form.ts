import { S3Error } from '../s3/error.ts'
import type { ByteSink, ByteSource } from '../transport/transport.ts'
import { malformedForm } from './boundary.ts'
import { delimiterOf, PartReader } from './part-reader.ts'

/** S3's limit on a form without its file (RESTObjectPOST): fields, their heads and boundaries together. */
export const FIELDS_BYTES_MAX = 20 * 1024

/** A form read up to the first byte of its file. */
export interface PostForm {
  /** The fields before the file, by lower-case name. */
  readonly fields: ReadonlyMap<string, string>
  /** The file's name without any path; '' where the client gives none. */
  readonly filename: string
  readonly delimiter: Buffer
  /** The body from the file's first byte on; nothing more of it is read before it is started. */
  readonly rest: ByteSource & { readonly length: number }
}

/** Reads the fields of a form; refused when they are too many, come twice, or no file follows them. */
export function readForm(body: ByteSource, boundary: string): Promise<PostForm> {
  const { length } = body
  if (length === null) return Promise.reject(new S3Error('MissingContentLength', 'no length is declared for the form'))
  return new Promise((resolve, reject) => {
    body.start(new FieldsReader({ body, length, boundary, resolve, reject }))
  })
}

/** The refusal of a form with another number of files than one. */
export function notOneFile(reason: string): S3Error {
  return new S3Error('IncorrectNumberOfFilesInPostRequest', reason)
}

interface Reading {
  readonly body: ByteSource
  readonly length: number
  readonly boundary: string
  readonly resolve: (form: PostForm) => void
  readonly reject: (error: unknown) => void
}

/** The line break that the first boundary of a body lacks, so that all boundaries look alike. */
const FIRST_BREAK = Buffer.from('\r\n')

class FieldsReader implements ByteSink {
  readonly #reading: Reading
  readonly #delimiter: Buffer
  readonly #parts: PartReader
  readonly #fields = new Map<string, string>()
  readonly #buffer = Buffer.allocUnsafe(FIRST_BREAK.length + FIELDS_BYTES_MAX)
  #filled: number
  /** Where the bytes go once the fields are read; null before. */
  #rest: Rest | null = null
  #over = false

  constructor(reading: Reading) {
    this.#reading = reading
    this.#delimiter = delimiterOf(reading.boundary)
    this.#parts = new PartReader(this.#delimiter)
    this.#filled = FIRST_BREAK.copy(this.#buffer)
  }

  write(bytes: Uint8Array): boolean {
    if (this.#rest !== null) return this.#rest.write(bytes)
    if (this.#over) return false
    try {
      return this.#take(bytes)
    } catch (error) {
      this.#over = true
      this.#reading.body.cancel(error as Error)
      this.#reading.reject(error)
      return false
    }
  }

  end(): void {
    if (this.#rest !== null) this.#rest.end()
    else if (!this.#over) this.#reading.reject(malformedForm('the form ends before its file'))
  }

  fail(error: Error): void {
    if (this.#rest !== null) this.#rest.fail(error)
    else if (!this.#over) this.#reading.reject(error)
  }

  #take(bytes: Uint8Array): boolean {
    const taken = Math.min(bytes.length, this.#buffer.length - this.#filled)
    this.#buffer.set(bytes.subarray(0, taken), this.#filled)
    this.#filled += taken
    const seen = this.#buffer.subarray(0, this.#filled)
    for (let part = this.#parts.next(seen); part !== null; part = this.#parts.next(seen)) {
      if (part.kind === 'end') throw notOneFile('the form has no file')
      if (part.kind === 'field') {
        this.#add(part.name, part.value)
        continue
      }
      if (part.name !== 'file') throw notOneFile('a file is not in the field named file')
      this.#finish(part.filename ?? '', seen.subarray(part.at), bytes.subarray(taken))
      return false
    }
    if (taken < bytes.length || this.#filled === this.#buffer.length)
      throw new S3Error('MaxPostPreDataLengthExceededError', `more than ${FIELDS_BYTES_MAX} bytes before the file`)
    return true
  }

  #add(name: string, value: string): void {
    if (this.#fields.has(name))
      throw new S3Error('InvalidArgument', `form field ${name} comes twice`, { Message: 'A form field comes twice.', ArgumentName: name })
    this.#fields.set(name, value)
  }

  #finish(filename: string, begun: Uint8Array, others: Uint8Array): void {
    const { body, length, resolve } = this.#reading
    const read = this.#filled - FIRST_BREAK.length - begun.length
    this.#rest = new Rest(body, length - read, Buffer.concat([begun, others]))
    // Browsers send the name, older ones a path of the client's machine, of which S3 takes the last part.
    const plain = filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1)
    resolve({ fields: this.#fields, filename: plain, delimiter: this.#delimiter, rest: this.#rest })
  }
}

/** What is left of a flow whose beginning was read. */
class Rest implements ByteSource {
  readonly length: number
  readonly #body: ByteSource
  #begun: Uint8Array | null
  #sink: ByteSink | null = null
  /** True while the sink has not given back the first bytes, and the body waits behind them. */
  #firstOut = false
  #ended = false
  #failure: Error | null = null
  #over = false

  constructor(body: ByteSource, length: number, begun: Uint8Array) {
    this.#body = body
    this.length = length
    this.#begun = begun
  }

  start(sink: ByteSink): void {
    if (this.#sink !== null) throw new Error('a flow is started once')
    this.#sink = sink
    queueMicrotask(() => this.#begin(sink))
  }

  resume(): void {
    if (this.#over) return
    if (this.#firstOut) this.#goOn()
    else this.#body.resume()
  }

  cancel(reason: Error): void {
    this.#over = true
    this.#body.cancel(reason)
  }

  write(bytes: Uint8Array): boolean {
    return !this.#over && (this.#sink?.write(bytes) ?? false)
  }

  end(): void {
    if (this.#sink === null || this.#firstOut) this.#ended = true
    else if (!this.#over) this.#sink.end()
  }

  fail(error: Error): void {
    if (this.#sink === null) this.#failure = error
    else if (!this.#over) this.#sink.fail(error)
    this.#over ||= this.#sink !== null
  }

  #begin(sink: ByteSink): void {
    if (this.#over) return
    if (this.#failure !== null) {
      this.#over = true
      sink.fail(this.#failure)
      return
    }
    const begun = this.#begun
    this.#begun = null
    this.#firstOut = true
    if (begun === null || begun.length === 0 || sink.write(begun)) this.#goOn()
  }

  #goOn(): void {
    this.#firstOut = false
    if (this.#over) return
    if (this.#ended) this.#sink?.end()
    else this.#body.resume()
  }
}
