import { createHash } from 'node:crypto'
import { Agent, request as httpRequest } from 'node:http'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { HttpRequest } from '@smithy/types'

/** Where requests go and who signs them. */
export interface Upstream {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface RawAsk {
  readonly method: string
  /** Path and query, exactly as they go out. */
  readonly target: string
  /** Signed. Values are latin1 text. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent, but not covered by the signature. */
  readonly unsigned?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** The value of x-amz-content-sha256; the body's own hash when absent. */
  readonly payloadHash?: string
  /** Sent instead of the body's own length; null sends no length and no body framing at all. */
  readonly contentLength?: string | null
  /** The Host header; the endpoint's own when absent. */
  readonly host?: string
  readonly signedAt?: Date
}

export interface RawAnswer {
  readonly status: number
  /** Lower-case names; several lines are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  readonly text: string
  /** The code of an error document, else the empty string. */
  readonly code: string
}

/** Sends one request on a connection of its own, signed over exactly these bytes. */
export async function sendRaw(upstream: Upstream, ask: RawAsk): Promise<RawAnswer> {
  const body = Buffer.from(ask.body ?? '')
  const headers = { ...(await signedHeaders(upstream, ask, body)), ...ask.unsigned }
  if (ask.contentLength !== null) headers['content-length'] = ask.contentLength ?? String(body.length)
  const { hostname, port } = new URL(upstream.endpoint)
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ hostname, port, method: ask.method, path: ask.target, headers, agent: new Agent(), setHost: false })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('error', reject)
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('end', () => resolve(rawAnswer(incoming.statusCode ?? 0, incoming.rawHeaders, Buffer.concat(pieces))))
    })
    if (ask.contentLength === null) outgoing.useChunkedEncodingByDefault = false
    outgoing.end(body)
  })
}

/** The headers of the request with its signature among them. */
export async function signedHeaders(upstream: Upstream, ask: RawAsk, body: Uint8Array): Promise<Record<string, string>> {
  const { host } = new URL(upstream.endpoint)
  const mark = ask.target.indexOf('?')
  const signer = new SignatureV4({
    credentials: upstream,
    region: upstream.region,
    service: 's3',
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false
  })
  const signed = await signer.sign(
    {
      method: ask.method,
      protocol: 'http:',
      hostname: host,
      path: mark === -1 ? ask.target : ask.target.slice(0, mark),
      query: mark === -1 ? {} : queryBag(ask.target.slice(mark + 1)),
      headers: {
        ...asText(ask.headers ?? {}),
        host: ask.host ?? host,
        'x-amz-content-sha256': ask.payloadHash ?? createHash('sha256').update(body).digest('hex')
      }
    } as HttpRequest,
    { signingDate: ask.signedAt ?? new Date() }
  )
  return { ...signed.headers, ...ask.headers }
}

// The signer hashes UTF-8; the header goes out as those same bytes.
function asText(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, 'latin1').toString()]))
}

function queryBag(rawQuery: string): Record<string, string | string[]> {
  const bag: Record<string, string | string[]> = {}
  for (const part of rawQuery.split('&').filter((one) => one !== '')) {
    const [name, ...value] = part.split('=').map(decodeURIComponent) as [string, ...string[]]
    const before = bag[name]
    bag[name] = before === undefined ? value.join('=') : [before, value.join('=')].flat()
  }
  return bag
}

function rawAnswer(status: number, rawHeaders: readonly string[], body: Buffer): RawAnswer {
  const headers = new Map<string, string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase()
    const before = headers.get(name)
    headers.set(name, before === undefined ? rawHeaders[index + 1]! : `${before},${rawHeaders[index + 1]!}`)
  }
  const text = body.toString()
  return { status, headers, body, text, code: /<Error>.*?<Code>([^<]*)<\/Code>/s.exec(text)?.[1] ?? '' }
}
