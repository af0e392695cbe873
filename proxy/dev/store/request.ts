import { StoreError } from './error.ts'

/** One parameter of the query. */
export interface Parameter {
  readonly name: string
  readonly value: string
}

/** A request as parsed from its own bytes. Header values are latin1 text, query and key are decoded. */
export interface StoreRequest {
  readonly method: string
  readonly rawTarget: string
  readonly rawHeaders: readonly string[]
  readonly rawPath: string
  readonly query: readonly Parameter[]
  readonly headers: HeaderLines
  /** Null at the service. */
  readonly bucket: string | null
  /** Null at the bucket. */
  readonly key: string | null
}

/** The lines of a head, found by lower-case name. */
export class HeaderLines {
  readonly #lines = new Map<string, string[]>()

  constructor(rawHeaders: readonly string[]) {
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) this.append(rawHeaders[index]!, rawHeaders[index + 1]!)
  }

  append(name: string, value: string): void {
    const lower = name.toLowerCase()
    const lines = this.#lines.get(lower)
    if (lines === undefined) this.#lines.set(lower, [value])
    else lines.push(value)
  }

  /** All lines of that name joined by `,`, as S3 joins them; null when there is none. */
  get(name: string): string | null {
    return this.#lines.get(name)?.join(',') ?? null
  }

  has(name: string): boolean {
    return this.#lines.has(name)
  }

  names(): IterableIterator<string> {
    return this.#lines.keys()
  }

  linesOf(name: string): readonly string[] {
    return this.#lines.get(name) ?? []
  }
}

/** The value of the first parameter of that name, or null. */
export function parameter(request: Pick<StoreRequest, 'query'>, name: string): string | null {
  return request.query.find((entry) => entry.name === name)?.value ?? null
}

export interface RequestLine {
  readonly method: string
  readonly rawTarget: string
  readonly rawHeaders: readonly string[]
}

/** The parsed request; `virtualHostDomain` is what follows `<bucket>.` in the Host of a virtual-hosted request. */
export function parseRequest(line: RequestLine, virtualHostDomain: string | null): StoreRequest {
  const headers = new HeaderLines(line.rawHeaders)
  const mark = line.rawTarget.indexOf('?')
  const rawPath = mark === -1 ? line.rawTarget : line.rawTarget.slice(0, mark)
  if (!rawPath.startsWith('/')) throw new StoreError('InvalidURI')
  const query = parseQuery(mark === -1 ? '' : line.rawTarget.slice(mark + 1))
  hoistedHeaders(headers, query)
  return { ...line, rawPath, query, headers, ...addressOf(rawPath, hostBucket(headers.get('host'), virtualHostDomain)) }
}

// A presigned URL may carry `x-amz-*` headers as parameters; S3 obeys them like headers.
function hoistedHeaders(headers: HeaderLines, query: readonly Parameter[]): void {
  if (!query.some(({ name }) => name === 'X-Amz-Signature')) return
  for (const { name, value } of query) {
    const lower = name.toLowerCase()
    if (lower.startsWith('x-amz-') && !SIGNATURE_PARAMETERS.has(lower)) headers.append(lower, Buffer.from(value).toString('latin1'))
  }
}

const SIGNATURE_PARAMETERS = new Set([
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signedheaders',
  'x-amz-signature'
])

function hostBucket(host: string | null, domain: string | null): string | null {
  if (host === null || domain === null) return null
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : null
}

function addressOf(rawPath: string, virtualBucket: string | null): Pick<StoreRequest, 'bucket' | 'key'> {
  if (virtualBucket !== null) return { bucket: virtualBucket, key: keyOf(rawPath.slice(1)) }
  if (rawPath === '/') return { bucket: null, key: null }
  const slash = rawPath.indexOf('/', 1)
  if (slash === -1) return { bucket: decodePercent(rawPath.slice(1)), key: null }
  return { bucket: decodePercent(rawPath.slice(1, slash)), key: keyOf(rawPath.slice(slash + 1)) }
}

function keyOf(encodedKey: string): string | null {
  if (encodedKey === '') return null
  const key = decodePercent(encodedKey)
  if (Buffer.byteLength(key) > 1024) throw new StoreError('KeyTooLongError')
  return key
}

function parseQuery(rawQuery: string): Parameter[] {
  return rawQuery
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=')
      if (equals === -1) return { name: decodePercent(part), value: '' }
      return { name: decodePercent(part.slice(0, equals)), value: decodePercent(part.slice(equals + 1)) }
    })
}

/** Percent-decoded text; `+` stays a plus. Bytes that are no UTF-8, or a `%` without two hex digits, are InvalidURI. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new StoreError('InvalidURI')
  }
}

/** Text of a head (one character per byte) as the UTF-8 it carries; null where it carries something else. */
export function utf8OfLatin1(value: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    return null
  }
}
