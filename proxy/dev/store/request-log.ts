/** One request as it arrived, and what became of it. */
export interface RecordedRequest {
  readonly method: string
  readonly rawTarget: string
  readonly rawHeaders: readonly string[]
  /** AWS's name of the operation; null when it was not recognized. */
  readonly operation: string | null
  readonly bucket: string | null
  readonly key: string | null
  /** Bytes of the body without its aws-chunked framing; null while it is not whole. */
  readonly bodyLength: number | null
  /** Hex; null while the body is not whole, or when it is too big to be hashed in passing. */
  readonly bodySha256: string | null
  /** The body itself where it is a document. */
  readonly document: string | null
  /** True once it took effect. */
  readonly effective: boolean
  /** The status that was answered; null when no answer was sent. */
  readonly status: number | null
  readonly errorCode: string | null
}

/** The same while its story is still being written. */
export type OpenRecord = { -readonly [Field in keyof RecordedRequest]: RecordedRequest[Field] }

const RECORDS_MAX = 20_000

/** What reached the store, oldest first; the oldest go when there are too many. */
export class RequestLog {
  #records: OpenRecord[] = []

  get all(): readonly RecordedRequest[] {
    return this.#records
  }

  /** Those of one operation. */
  of(operation: string): readonly RecordedRequest[] {
    return this.#records.filter((record) => record.operation === operation)
  }

  clear(): void {
    this.#records = []
  }

  begin(method: string, rawTarget: string, rawHeaders: readonly string[]): OpenRecord {
    const record: OpenRecord = {
      method,
      rawTarget,
      rawHeaders,
      operation: null,
      bucket: null,
      key: null,
      bodyLength: null,
      bodySha256: null,
      document: null,
      effective: false,
      status: null,
      errorCode: null
    }
    this.#records.push(record)
    if (this.#records.length > RECORDS_MAX) this.#records.shift()
    return record
  }
}
