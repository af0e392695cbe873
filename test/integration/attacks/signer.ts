import { createHash, createHmac } from 'node:crypto'

/**
 * SigV4 as a client writes it, by hand and from AWS's documentation alone, so that a test can get any part of it wrong.
 * It shares no code with the proxy. Text is latin1: one character per byte.
 */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
}

export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface Unsigned {
  readonly method: string
  /** Path and query as they go on the wire. */
  readonly target: string
  readonly headers: HeaderList
}

export interface SigningOptions {
  readonly now: Date
  readonly region?: string
  readonly service?: string
  /** The value of x-amz-content-sha256; null leaves the header out and signs UNSIGNED-PAYLOAD. */
  readonly payload: string | null
  /** Lower-case names that are left out of SignedHeaders. */
  readonly leaveUnsigned?: readonly string[]
  /** Changes the finished Authorization value. */
  readonly edit?: (authorization: string) => string
}

export interface SignedRequest {
  readonly headers: HeaderList
  readonly chain: ChunkSigning
}

/** What the signatures of chunks are chained to. */
export interface ChunkSigning {
  readonly key: Buffer
  readonly amzDate: string
  readonly scope: string
  readonly seed: string
}

export const EMPTY_SHA256 = sha256('')

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256')
    .update(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    .digest('hex')
}

export function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(Buffer.from(text, 'latin1')).digest()
}

/** `yyyymmddThhmmssZ`. */
export function amzDateOf(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, '')
}

export function signingKey(secret: string, { day, region, service }: { day: string; region: string; service: string }): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request')
}

/** The request with its own date, payload, token and Authorization headers. */
export function signHeaders(request: Unsigned, credentials: Credentials, options: SigningOptions): SignedRequest {
  const { region = 'local', service = 's3', payload } = options
  const amzDate = amzDateOf(options.now)
  const own: [string, string][] = [['x-amz-date', amzDate]]
  if (payload !== null) own.push(['x-amz-content-sha256', payload])
  if (credentials.sessionToken !== null) own.push(['x-amz-security-token', credentials.sessionToken])
  // What a test writes itself is not added a second time.
  const headers = [...own.filter(([name]) => !request.headers.some(([given]) => given.toLowerCase() === name)), ...request.headers]
  const left = new Set(options.leaveUnsigned ?? [])
  const values = new Map<string, string>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (left.has(lower) || ['authorization', 'connection', 'content-length', 'expect', 'transfer-encoding', 'user-agent'].includes(lower))
      continue
    const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, '').replace(/ +/g, ' ')
    const before = values.get(lower)
    values.set(lower, before === undefined ? trimmed : `${before},${trimmed}`)
  }
  const names = [...values.keys()].sort()
  const [path = '', query = ''] = splitTarget(request.target)
  const canonical = [
    request.method,
    path,
    canonicalQuery(query),
    ...names.map((name) => `${name}:${values.get(name) ?? ''}`),
    '',
    names.join(';'),
    payload ?? 'UNSIGNED-PAYLOAD'
  ].join('\n')
  const day = amzDate.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const key = signingKey(credentials.secretAccessKey, { day, region, service })
  const seed = hmac(key, `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical)}`).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${seed}`
  return {
    headers: [...headers, ['authorization', options.edit?.(authorization) ?? authorization]],
    chain: { key, amzDate, scope, seed }
  }
}

/** The six parameters of a query-signed request; the signature is that of a client that may sign. */
export function presign(request: Unsigned, credentials: Credentials, options: SigningOptions & { readonly expires?: string }): string {
  const { region = 'local', service = 's3' } = options
  const amzDate = amzDateOf(options.now)
  const day = amzDate.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const parameters = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encodeURIComponent(`${credentials.accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${amzDate}`,
    `X-Amz-Expires=${options.expires ?? '900'}`,
    'X-Amz-SignedHeaders=host'
  ]
  if (credentials.sessionToken !== null) parameters.push(`X-Amz-Security-Token=${encodeURIComponent(credentials.sessionToken)}`)
  const [path = '', query = ''] = splitTarget(request.target)
  const all = [...(query === '' ? [] : [query]), ...parameters].join('&')
  const host = request.headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? ''
  const canonical = [request.method, path, canonicalQuery(all), `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const key = signingKey(credentials.secretAccessKey, { day, region, service })
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical)}`).toString('hex')
  return `${path}?${all}&X-Amz-Signature=${signature}`
}

function splitTarget(target: string): readonly string[] {
  const mark = target.indexOf('?')
  return mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  return query
    .split('&')
    .map((part) => {
      const equals = part.indexOf('=')
      return equals === -1 ? [encoded(part), ''] : [encoded(part.slice(0, equals)), encoded(part.slice(equals + 1))]
    })
    .sort(([nameA = '', valueA = ''], [nameB = '', valueB = '']) =>
      nameA < nameB ? -1 : nameA > nameB ? 1 : valueA < valueB ? -1 : valueA > valueB ? 1 : 0
    )
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function encoded(raw: string): string {
  const bytes = raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return [...bytes]
    .map((byte) => (/[A-Za-z0-9\-._~]/.test(byte) ? byte : `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`))
    .join('')
}

/** One chunk of an aws-chunked body as it goes on the wire. */
export interface Chunk {
  readonly line: string
  readonly data: Buffer
}

/** The chunks of a signed body, the last empty one among them, and the signature that a trailer would follow. */
export function signedChunks(parts: readonly Buffer[], chain: ChunkSigning): { readonly chunks: Chunk[]; readonly last: string } {
  let previous = chain.seed
  const chunks = [...parts, Buffer.alloc(0)].map((data) => {
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${chain.amzDate}\n${chain.scope}\n${previous}\n${EMPTY_SHA256}\n${sha256(data)}`
    previous = hmac(chain.key, text).toString('hex')
    return { line: `${data.length.toString(16)};chunk-signature=${previous}`, data }
  })
  return { chunks, last: previous }
}

/** The chunks of an unsigned body. */
export function plainChunks(parts: readonly Buffer[]): Chunk[] {
  return [...parts, Buffer.alloc(0)].map((data) => ({ line: data.length.toString(16), data }))
}

/** The signature of a trailer, given as it is hashed (`name:value\n`). */
export function trailerSignature(trailer: string, chain: ChunkSigning, last: string): string {
  return hmac(chain.key, `AWS4-HMAC-SHA256-TRAILER\n${chain.amzDate}\n${chain.scope}\n${last}\n${sha256(trailer)}`).toString('hex')
}

/** The bytes of a chunked body: chunks, then whatever stands behind the last one. */
export function framed(chunks: readonly Chunk[], tail = '\r\n'): Buffer {
  const pieces = chunks.flatMap(({ line, data }) => [
    Buffer.from(`${line}\r\n`, 'latin1'),
    data,
    Buffer.from(data.length === 0 ? '' : '\r\n')
  ])
  return Buffer.concat([...pieces, Buffer.from(tail, 'latin1')])
}
