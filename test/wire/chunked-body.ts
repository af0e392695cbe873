/** Bodies as SDKs frame them, and as somebody on the way has changed them. */
import { createHmac, hash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const BODY_MODES = ['hash', 'unsigned', 'unsigned-trailer', 'signed-chunks', 'signed-chunks-trailer'] as const
export const BODY_CHANGES = ['nothing', 'data', 'chunk signature', 'trailer', 'trailer signature', 'missing trailer', 'cut short'] as const

export interface BodySettings {
  readonly mode: (typeof BODY_MODES)[number]
  /** Bytes of every chunk but the last. */
  readonly chunkBytes: number
  /** The checksum behind the data. */
  readonly trailer: 'crc32' | 'sha256' | null
  /** What is changed after everything was signed. */
  readonly changed: (typeof BODY_CHANGES)[number]
}

export interface FrameSigning {
  readonly secretAccessKey: string
  readonly signedAt: Date
  readonly region: string
  /** The signature of the head. */
  readonly seed: string
}

export interface Frame {
  readonly contentSha256: string
  readonly headers: readonly (readonly [string, string])[]
  readonly length: number
  bytes(signing: FrameSigning): Buffer
}

const CONTENT_SHA256: Readonly<Record<BodySettings['mode'], string>> = {
  hash: '',
  unsigned: 'UNSIGNED-PAYLOAD',
  'unsigned-trailer': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'signed-chunks': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'signed-chunks-trailer': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
}
const EMPTY_SHA256 = hash('sha256', '', 'hex')
const NO_SIGNING: FrameSigning = { secretAccessKey: '', signedAt: new Date(0), region: '', seed: '0'.repeat(64) }

/** The frame of a body: its headers are known before the request is signed, its bytes only after. */
export function frameBody(data: Buffer, settings: BodySettings): Frame {
  const { mode } = settings
  const plain = (): Buffer => (settings.changed === 'data' ? flipped(data) : data)
  if (mode === 'hash') return { contentSha256: hash('sha256', data, 'hex'), headers: [], length: data.length, bytes: plain }
  if (mode === 'unsigned') return { contentSha256: CONTENT_SHA256.unsigned, headers: [], length: data.length, bytes: plain }
  const bytes = (signing: FrameSigning): Buffer => chunked(data, settings, signing)
  const headers: [string, string][] = [['x-amz-decoded-content-length', String(data.length)]]
  if (settings.trailer !== null) headers.push(['x-amz-trailer', `x-amz-checksum-${settings.trailer}`])
  // Every signature has the same length, so the frame's is known without them.
  return { contentSha256: CONTENT_SHA256[mode], headers, length: bytes(NO_SIGNING).length, bytes }
}

function flipped(data: Buffer): Buffer {
  const changed = Buffer.from(data)
  changed[0] = (changed[0] ?? 0) ^ 1
  return changed
}

const otherEnd = (text: string): string => text.replace(/.$/, (last) => (last === '0' ? '1' : '0'))

function chunked(data: Buffer, { mode, chunkBytes, trailer, changed }: BodySettings, signing: FrameSigning): Buffer {
  const isSigned = mode !== 'unsigned-trailer'
  const signer = chunkSigner(signing)
  const parts: (Buffer | string)[] = []
  for (let at = 0; at < data.length; at += chunkBytes) {
    const chunk = data.subarray(at, at + chunkBytes)
    const signature = isSigned ? signer.ofChunk(chunk) : ''
    const shown = changed === 'chunk signature' ? otherEnd(signature) : signature
    parts.push(`${chunk.length.toString(16)}${isSigned ? `;chunk-signature=${shown}` : ''}\r\n`)
    parts.push(changed === 'data' ? flipped(chunk) : chunk, '\r\n')
  }
  if (changed === 'cut short') return joined(parts)
  parts.push(`0${isSigned ? `;chunk-signature=${signer.ofChunk(Buffer.alloc(0))}` : ''}\r\n`)
  if (trailer !== null && changed !== 'missing trailer') {
    const line = `x-amz-checksum-${trailer}:${checksum(trailer, changed === 'trailer' ? flipped(data) : data)}`
    parts.push(`${line}\r\n`)
    const signature = signer.ofTrailer(`${line}\n`)
    if (mode === 'signed-chunks-trailer')
      parts.push(`x-amz-trailer-signature:${changed === 'trailer signature' ? otherEnd(signature) : signature}\r\n`)
  }
  return joined([...parts, '\r\n'])
}

const joined = (parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))

function checksum(algorithm: 'crc32' | 'sha256', data: Buffer): string {
  if (algorithm === 'sha256') return hash('sha256', data, 'base64')
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(data))
  return bytes.toString('base64')
}

/** The chain of signatures: each of a chunk hangs on the one before it. */
function chunkSigner({ secretAccessKey, signedAt, region, seed }: FrameSigning) {
  const date = signedAt.toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const day = date.slice(0, 8)
  const scope = `${day}/${region}/s3/aws4_request`
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`)
  for (const text of [day, region, 's3', 'aws4_request']) key = createHmac('sha256', key).update(text).digest()
  let previous = seed
  const sign = (kind: string, rest: readonly string[]): string =>
    createHmac('sha256', key)
      .update([`AWS4-HMAC-SHA256-${kind}`, date, scope, previous, ...rest].join('\n'))
      .digest('hex')
  return {
    ofChunk: (chunk: Buffer): string => (previous = sign('PAYLOAD', [EMPTY_SHA256, hash('sha256', chunk, 'hex')])),
    ofTrailer: (line: string): string => sign('TRAILER', [hash('sha256', line, 'hex')])
  }
}
