/** The client: makes the request of a file whole, signs it as an SDK would, and sends its bytes. */
import { createHash, createHmac } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ChecksumConstructor } from '@smithy/types'
import { formBody, formType, signedFields } from '../helpers/post-form.ts'
import { RawClient, type RawResponse } from '../helpers/raw-http.ts'
import { NOW, REGION, sessionOf } from './cast.ts'
import { frameBody, type BodySettings } from './chunked-body.ts'
import type { Message } from './exchange-file.ts'

/** How the request is signed, where not as it should be. */
export interface ClientSettings {
  readonly caller: string
  readonly signature: 'right' | 'wrong' | 'none' | 'in the query' | 'wrong in the query' | 'in a form' | 'wrong in a form'
  readonly signedAt: Date
  readonly signedFor: string
  /** Lower-case names that are left out of what is signed. */
  readonly unsigned: readonly string[]
  /** Replaces the caller's own. */
  readonly accessKeyId: string | null
  readonly sessionToken: 'own' | 'none' | 'changed' | 'of another'
  readonly body: BodySettings
  /** Fields of the form that the body is the file of, where the signature stands in a form. */
  readonly form: Readonly<Record<string, string>>
}

/** Credentials at the time of signing. */
interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
}

/** SHA-256 for the signer, of the very characters that it is given: header values stand for their bytes, as latin1. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string)
  }
  update(data: Uint8Array | string): void {
    // The canonical request comes as UTF-8 bytes of latin1 text; its hash is over the latin1 bytes.
    this.#hash.update(typeof data === 'string' ? data : Buffer.from(Buffer.from(data).toString('utf8'), 'latin1'))
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }
}

/** What @smithy/signature-v4 signs. */
export interface ToSign {
  readonly method: string
  readonly rawTarget: string
  /** Those that are signed; lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly region: string
  readonly signedAt: Date
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** The authorization header of a request, by @smithy/signature-v4. */
export async function authorizationOf({ method, rawTarget, headers, region, signedAt, credentials }: ToSign): Promise<string> {
  const [path = '', rawQuery] = splitOnce(rawTarget, '?')
  const signed = await signerFor(region, credentials).sign(new HttpRequest({ method, hostname: 'unused', path, query: queryOf(rawQuery), headers: { ...headers } }), {
    signingDate: signedAt,
    signableHeaders: new Set(Object.keys(headers))
  })
  return signed.headers['authorization'] ?? ''
}

function signerFor(region: string, credentials: ToSign['credentials'] & { readonly sessionToken?: string }): SignatureV4 {
  return new SignatureV4({
    service: 's3',
    region,
    credentials,
    sha256: Sha256 as unknown as ChecksumConstructor,
    uriEscapePath: false,
    applyChecksum: false
  })
}

/** The target with the signature in its query, as the SDK's presigner makes it: the payload is unsigned, and said so in the query. */
async function presignedTarget(host: string, { method, rawTarget, settings, signer }: Authorizing): Promise<string> {
  const [path = '', rawQuery] = splitOnce(rawTarget, '?')
  const { accessKeyId, secretAccessKey, sessionToken } = signer
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) }
  const headers = { host, 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' }
  const { query = {} } = await signerFor(settings.signedFor, credentials).presign(
    new HttpRequest({ method, hostname: 'unused', path, query: queryOf(rawQuery), headers }),
    { signingDate: settings.signedAt, expiresIn: PRESIGNED_SECONDS }
  )
  const pairsOfQuery = Object.entries(query).flatMap(([name, value]) => [value ?? ''].flat().map((one) => [name, one] as const))
  const right = `${path}?${pairsOfQuery.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`
  return settings.signature === 'wrong in the query' ? right.replace(/(?<=X-Amz-Signature=)./, (digit) => (digit === '0' ? '1' : '0')) : right
}

function queryOf(rawQuery: string | undefined): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {}
  for (const pair of (rawQuery ?? '').split('&').filter((one) => one !== '')) {
    const [name = '', value = ''] = splitOnce(pair, '=').map(lenientDecode)
    query[name] = name in query ? [query[name] ?? [], value].flat() : value
  }
  return query
}

function lenientDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // Refused before its signature is looked at.
  }
}

function splitOnce(text: string, at: string): string[] {
  const index = text.indexOf(at)
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

/** Everything that goes out, and in which pieces: a body that waits for 100 Continue comes second. */
export interface Wire {
  readonly head: string
  readonly body: Buffer
  readonly waits: boolean
}

/** The bytes of the request that a file shows. */
export async function wireOf(shown: Message, settings: ClientSettings): Promise<Wire> {
  const request = settings.signature.endsWith('in a form') ? asForm(shown, settings) : shown
  const signer = signerOf(settings)
  const headers: [string, string][] = pairs(request.rawHeaders)
  const has = (name: string): boolean => headers.some(([own]) => own.toLowerCase() === name)
  const add = (name: string, value: string): void => void (has(name) || headers.push([name, value]))
  const [method = '', rawTarget = ''] = request.first.split(' ')
  const frame = frameBody(request.body, settings.body)
  const isHeaderSigned = settings.signature === 'right' || settings.signature === 'wrong'
  if (isHeaderSigned) {
    add('x-amz-date', amzDate(settings.signedAt))
    add('x-amz-content-sha256', frame.contentSha256)
    if (signer.sessionToken !== null) add('x-amz-security-token', signer.sessionToken)
  }
  for (const [name, value] of frame.headers) add(name, value)
  const isChunked = headers.some(([name, value]) => name.toLowerCase() === 'transfer-encoding' && value === 'chunked')
  if (!isChunked && (frame.length > 0 || method === 'PUT' || method === 'POST')) add('content-length', String(frame.length))
  if (isHeaderSigned && !has('authorization')) {
    headers.push(['authorization', await authorize(headers, { method, rawTarget, settings, signer })])
  }
  const authorization = headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? ''
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? ''
  const target = settings.signature.endsWith('in the query') ? await presignedTarget(host, { method, rawTarget, settings, signer }) : rawTarget
  const seed = /Signature=([0-9a-f]{64})/.exec(authorization)?.[1] ?? ''
  const body = frame.bytes({ secretAccessKey: signer.secretAccessKey, signedAt: settings.signedAt, region: REGION, seed })
  return {
    head: `${[request.first.replace(rawTarget, () => target), ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`,
    body: isChunked ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]) : body,
    waits: has('expect')
  }
}

/** The file that an exchange shows, in a form that its caller signed. */
function asForm({ first, rawHeaders, body }: Message, settings: ClientSettings): Message {
  const fields = signedFields({
    credentials: signerOf(settings),
    bucket: /^POST \/([^/ ?]+)/.exec(first)?.[1] ?? (rawHeaders[1] ?? '').split('.')[0] ?? '',
    fields: Object.entries(settings.form),
    at: settings.signedAt,
    region: settings.signedFor,
    conditions: Object.keys(settings.form).map((name) => ['starts-with', `$${name}`, '']),
    replaced: settings.signature === 'in a form' ? {} : { 'x-amz-signature': '0'.repeat(64) }
  })
  return { first, rawHeaders: [...rawHeaders, 'Content-Type', formType()], body: formBody({ fields, file: body }) }
}

interface Authorizing {
  readonly method: string
  readonly rawTarget: string
  readonly settings: ClientSettings
  readonly signer: Signer
}

/** How long a URL lives that a file has signed in the query. */
const PRESIGNED_SECONDS = 300

// boto3 signs all of these kinds and no other; what it leaves out, a hop may change.
const NOT_SIGNED: ReadonlySet<string> = new Set(['connection', 'expect', 'transfer-encoding', 'user-agent', 'content-length'])

async function authorize(headers: readonly [string, string][], { method, rawTarget, settings, signer }: Authorizing): Promise<string> {
  const signed: Record<string, string> = {}
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (NOT_SIGNED.has(lower) || settings.unsigned.includes(lower)) continue
    signed[lower] = lower in signed ? `${signed[lower] ?? ''},${value}` : value
  }
  const credentials = { accessKeyId: signer.accessKeyId, secretAccessKey: signer.secretAccessKey }
  const right = await authorizationOf({ method, rawTarget, headers: signed, region: settings.signedFor, signedAt: settings.signedAt, credentials })
  return settings.signature === 'wrong' ? right.replace(/.$/, (last) => (last === '0' ? '1' : '0')) : right
}

function signerOf({ caller, accessKeyId, sessionToken }: ClientSettings): Signer {
  const own = sessionOf(caller)
  const tokens = {
    own: own.sessionToken,
    none: null,
    changed: own.sessionToken.replace(/.{8}$/, 'AAAAAAAA'),
    'of another': sessionOf(caller === 'clerk' ? 'invoicer' : 'clerk').sessionToken
  }
  return { accessKeyId: accessKeyId ?? own.accessKeyId, secretAccessKey: own.secretAccessKey, sessionToken: tokens[sessionToken] }
}

/** Sends the bytes and reads the answer; tells of answers before it. */
export async function exchange(port: number, wire: Wire, onInterim: (status: number) => void): Promise<Message> {
  const client = new RawClient(port)
  try {
    client.send(wire.head)
    if (!wire.waits) client.send(wire.body)
    const bodiless = wire.head.startsWith('HEAD ')
    let response = await client.readResponse({ bodiless, interim: true })
    while (response.status < 200) {
      onInterim(response.status)
      if (wire.waits) client.send(wire.body)
      response = await client.readResponse({ bodiless, interim: true })
    }
    return messageOf(response)
  } finally {
    client.destroy()
  }
}

/** Left out: what node says of the clock and of a connection that stays open, which no exchange is about. */
function messageOf({ status, rawHeaders, body, whole }: RawResponse): Message {
  const kept = pairs(rawHeaders).filter(
    ([name, value]) => !/^(date|keep-alive)$/i.test(name) && !(/^connection$/i.test(name) && value === 'keep-alive')
  )
  const cut = whole ? [] : [Buffer.from('(the connection is cut here)')]
  return { first: `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, rawHeaders: kept.flat(), body: Buffer.concat([body, ...cut]) }
}

/** A flat list as pairs. */
export function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? ''] as [string, string]] : []))
}

export function amzDate(time: Date): string {
  return time.toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
}

/** The settings of a client that does everything right. */
export const USUAL_CLIENT: ClientSettings = {
  caller: 'invoicer',
  signature: 'right',
  signedAt: NOW,
  signedFor: REGION,
  unsigned: [],
  accessKeyId: null,
  sessionToken: 'own',
  body: { mode: 'hash', chunkBytes: 8192, trailer: null, changed: 'nothing' },
  form: {}
}
