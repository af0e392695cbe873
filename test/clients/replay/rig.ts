import { startHash, type ChecksumAlgorithm } from '../../../proxy/dev/store/checksum.ts'
import { RawClient, type RawResponse } from '../../helpers/raw-http.ts'
import type { SessionCredentials } from '../../helpers/sluice.ts'
import {
  framed,
  plainChunks,
  sha256,
  signedChunks,
  signHeaders,
  trailerSignature,
  type ChunkSigning,
  type HeaderList
} from '../../integration/attacks/signer.ts'

/** A request as a client was seen to send it. */
export interface Replay {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** In order and in the client's spelling; values are latin1 text. Signed, but for `unsigned`. */
  readonly headers?: HeaderList
  readonly unsigned?: readonly string[]
  /** x-amz-content-sha256: the hash of the body unless said. */
  readonly payload?: string
  /** Signs that value and does not send the header. */
  readonly hidesPayload?: true
  readonly body?: Buffer
  /** Makes the body out of what the head was signed with. */
  readonly bodyFrom?: (chain: ChunkSigning) => Buffer
  /** How the body is framed. Default `length`; `none` says nothing of a body. */
  readonly framing?: 'length' | 'chunked' | 'none'
  /** Waits for 100 Continue before the body is sent. */
  readonly waits?: true
}

export interface ReplayAnswer extends RawResponse {
  readonly text: string
  /** The code of an S3 error; empty where there is none. */
  readonly code: string
  header(name: string): string | undefined
}

/** Sends requests byte for byte, signed by a service's session. */
export class Replayer {
  readonly #port: number
  readonly #credentials: SessionCredentials

  constructor(port: number, credentials: SessionCredentials) {
    this.#port = port
    this.#credentials = credentials
  }

  async send(replay: Replay): Promise<ReplayAnswer> {
    const { method, target, body = Buffer.alloc(0), framing = 'length' } = replay
    const length = String(replay.bodyFrom === undefined ? body.length : replay.bodyFrom(NO_CHAIN).length)
    const { headers, chain } = signHeaders(
      {
        method,
        target,
        headers: [['Host', `127.0.0.1:${this.#port}`], ...(replay.headers ?? [])]
      },
      this.#credentials,
      {
        now: new Date(),
        payload: replay.payload ?? sha256(body),
        leaveUnsigned: [...(replay.unsigned ?? []), ...(replay.hidesPayload === true ? [PAYLOAD_HEADER] : [])]
      }
    )
    const bytes = replay.bodyFrom?.(chain) ?? body
    const sent = headers.filter(([name]) => replay.hidesPayload !== true || name !== PAYLOAD_HEADER)
    const lines = sent.map(([name, value]) => `${name}: ${value}`)
    if (framing === 'length' && (bytes.length > 0 || method === 'PUT' || method === 'POST')) lines.push(`Content-Length: ${length}`)
    if (framing === 'chunked') lines.push('Transfer-Encoding: chunked')
    if (replay.waits === true) lines.push('Expect: 100-continue')
    const client = new RawClient(this.#port)
    try {
      client.send(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      if (replay.waits === true) {
        const first = await client.readResponse({ interim: true })
        if (first.status !== 100) return answerOf(first)
      }
      client.send(framing === 'chunked' ? httpChunks(bytes) : bytes)
      return answerOf(await client.readResponse({ bodiless: method === 'HEAD' }))
    } finally {
      client.destroy()
    }
  }
}

const PAYLOAD_HEADER = 'x-amz-content-sha256'

/** Only for the length of a body, which does not depend on its signatures. */
const NO_CHAIN: ChunkSigning = { key: Buffer.alloc(32), amzDate: '20260101T000000Z', scope: '', seed: '' }

function answerOf(response: RawResponse): ReplayAnswer {
  const text = response.body.toString()
  return {
    ...response,
    text,
    code: /<Error>\s*<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '',
    header: (name) => response.headers.get(name)
  }
}

/** The outer framing, in pieces that have nothing to do with the chunks inside. */
function httpChunks(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 50_000) {
    const piece = bytes.subarray(at, at + 50_000)
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')])
}

/** A body as signed chunks of a size, with what follows the last one: a trailer where `trailerOf` makes one. */
export function signedBody(
  data: Buffer,
  chunkBytes: number,
  trailer?: { readonly line: string; readonly end: 'lf crlf' | 'crlf' }
): (chain: ChunkSigning) => Buffer {
  return (chain) => {
    const { chunks, last } = signedChunks(cut(data, chunkBytes), chain)
    if (trailer === undefined) return framed(chunks)
    const signature = trailerSignature(`${trailer.line}\n`, chain, last)
    const newline = trailer.end === 'crlf' ? '\r\n' : '\n\r\n'
    return framed(chunks, `${trailer.line}${newline}x-amz-trailer-signature:${signature}\r\n\r\n`)
  }
}

/** A body as unsigned chunks with a trailer; `end` is what stands behind it. */
export function trailedBody(data: Buffer, chunkBytes: number, line: string, end = '\r\n\r\n'): Buffer {
  return framed(plainChunks(cut(data, chunkBytes)), line + end)
}

function cut(data: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < data.length; at += size) pieces.push(data.subarray(at, at + size))
  return pieces
}

/** A checksum as S3's headers hold it. */
export function checksum(algorithm: ChecksumAlgorithm | 'MD5', data: Buffer): string {
  const hash = startHash(algorithm)
  hash.update(data)
  return hash.digest().toString('base64')
}
