import { Sha256 } from '@aws-crypto/sha256-js'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import { createHash } from 'node:crypto'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { SessionCredentials, TestSluice } from '../../helpers/sluice.ts'

export interface Call {
  readonly method: string
  /** The tenant; the shared one of dev mode when left out, none when null. */
  readonly bucket?: string | null
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** A body of so many bytes that flows with UNSIGNED-PAYLOAD, or with its hash. */
  readonly flow?: { readonly source: Readable; readonly length: number; readonly sha256?: string }
  /** Given up when it aborts. */
  readonly signal?: AbortSignal
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly text: string
  /** The code of an error document; null when there is none. */
  readonly code: string | null
  /** False where the connection ended before the body did. */
  readonly whole: boolean
}

/** One service with session credentials, calling over plain HTTP: no SDK that retries or hides what came. */
export interface Caller {
  readonly credentials: SessionCredentials
  send(call: Call): Promise<Reply>
  /** The head alone: the body is the caller's to read. */
  open(call: Call): Promise<IncomingMessage>
  /** Method, target and headers as they would be sent. */
  sign(call: Call): Promise<SignedCall>
  stop(): void
}

export interface SignedCall {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
}

const REGION = 'local'

/** A caller with a session of its own. */
export async function callerOf(
  sluice: Pick<TestSluice, 's3' | 'session' | 'tenants'>,
  serviceAccount: string,
  role = 'app'
): Promise<Caller> {
  return callerWith(sluice, await sluice.session(serviceAccount, { role }))
}

/** A caller with credentials that are there already. */
export function callerWith({ s3, tenants }: Pick<TestSluice, 's3' | 'tenants'>, credentials: SessionCredentials): Caller {
  const { hostname, port, host } = new URL(s3)
  const agent = new Agent({ keepAlive: true })
  const signer = new SignatureV4({ service: 's3', region: REGION, credentials, sha256: Sha256, uriEscapePath: false, applyChecksum: false })
  const sign = async (call: Call): Promise<SignedCall> => {
    const bucket = call.bucket === undefined ? tenants.shared : call.bucket
    const path = `${bucket === null ? '/' : `/${bucket}`}${call.key === undefined ? '' : `/${escapeKey(call.key)}`}`
    const payloadHash =
      call.flow === undefined
        ? createHash('sha256')
            .update(call.body ?? '')
            .digest('hex')
        : (call.flow.sha256 ?? 'UNSIGNED-PAYLOAD')
    const unsigned = new HttpRequest({
      method: call.method,
      protocol: 'http:',
      hostname,
      port: Number(port),
      path,
      query: call.query ?? {},
      headers: { host, 'x-amz-content-sha256': payloadHash, ...call.headers }
    })
    const { headers } = await signer.sign(unsigned)
    const query = Object.entries(call.query ?? {}).map(([name, value]) => `${escape(name)}=${escape(value)}`)
    return {
      method: call.method,
      target: query.length === 0 ? path : `${path}?${query.join('&')}`,
      headers: headers as Record<string, string>
    }
  }
  const open = async (call: Call): Promise<IncomingMessage> => {
    const signed = await sign(call)
    const length = call.flow?.length ?? (call.body === undefined ? null : Buffer.byteLength(call.body))
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        {
          agent,
          hostname,
          port,
          method: signed.method,
          path: signed.target,
          headers: { ...signed.headers, ...(length === null ? {} : { 'content-length': String(length) }) },
          ...(call.signal === undefined ? {} : { signal: call.signal })
        },
        resolve
      )
      outgoing.once('error', reject)
      if (call.flow === undefined) outgoing.end(call.body)
      else call.flow.source.pipe(outgoing)
    })
  }
  return { credentials, sign, open, send: async (call) => readReply(await open(call)), stop: () => agent.destroy() }
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const pieces: Buffer[] = []
  let whole = true
  try {
    for await (const piece of response) pieces.push(piece as Buffer)
  } catch {
    whole = false
  }
  const body = Buffer.concat(pieces)
  const text = body.toString('utf8')
  const isError = (response.statusCode ?? 0) >= 300
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    text,
    code: isError ? (/<Code>([^<]+)<\/Code>/.exec(text)?.[1] ?? null) : null,
    whole: whole && response.complete
  }
}

const escape = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
const escapeKey = (key: string): string => key.split('/').map(escape).join('/')
