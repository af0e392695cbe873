import { createHash, createHmac } from 'node:crypto'
import { decodeChunked, type Chunking, type DecodedBody } from '../../../../proxy/sigv4/payload/decode.ts'
import type { ChunkedMode } from '../../../../proxy/sigv4/payload/modes.ts'
import { deriveSigningKey } from '../../../../proxy/sigv4/signing-key.ts'
import type { ByteSource } from '../../../../proxy/transport/transport.ts'

const SCOPE = { day: '20261124', region: 'local', service: 's3' } as const
const SCOPE_TEXT = '20261124/local/s3/aws4_request'
const AMZ_DATE = '20261124T102030Z'
const SEED = '5'.repeat(64)
const KEY = deriveSigningKey('secret', SCOPE)
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex')
const hmac = (text: string): string => createHmac('sha256', KEY.export()).update(text).digest('hex')

export const TRAILER = 'x-amz-checksum-crc32'

/** One chunk as it stands in the body: its line, its data and the CRLF behind. */
export interface WireChunk {
  readonly line: string
  readonly data: Uint8Array
}

export interface WireBody {
  readonly chunks: readonly WireChunk[]
  /** From behind the zero chunk's line to the end. */
  readonly tail: string
}

/** A body as a client of the mode writes it, signed by a chain of its own making. */
export function encodeBody(mode: ChunkedMode, data: readonly Uint8Array[], trailer = `${TRAILER}:AAAAAA==`): WireBody {
  let previous = SEED
  const signed = mode !== 'unsigned-trailer'
  const chunks = [...data, new Uint8Array(0)].map((chunk) => {
    const size = chunk.length.toString(16)
    if (!signed) return { line: `${size}\r\n`, data: chunk }
    previous = hmac(`AWS4-HMAC-SHA256-PAYLOAD\n${AMZ_DATE}\n${SCOPE_TEXT}\n${previous}\n${EMPTY}\n${sha256(chunk)}`)
    return { line: `${size};chunk-signature=${previous}\r\n`, data: chunk }
  })
  if (mode === 'signed-chunks') return { chunks, tail: '\r\n' }
  if (mode === 'unsigned-trailer') return { chunks, tail: `${trailer}\r\n\r\n` }
  const signature = hmac(`AWS4-HMAC-SHA256-TRAILER\n${AMZ_DATE}\n${SCOPE_TEXT}\n${previous}\n${sha256(`${trailer}\n`)}`)
  return { chunks, tail: `${trailer}\r\nx-amz-trailer-signature:${signature}\r\n\r\n` }
}

export function bytesOf({ chunks, tail }: WireBody): Buffer {
  const parts = chunks.flatMap(({ line, data }) =>
    data.length === 0 ? [Buffer.from(line)] : [Buffer.from(line), data, Buffer.from('\r\n')]
  )
  return Buffer.concat([...parts, Buffer.from(tail, 'latin1')])
}

export function decode(source: ByteSource, mode: ChunkedMode, decodedLength: number, changed: Partial<Chunking> = {}): DecodedBody {
  const trailerNames = mode === 'signed-chunks' ? [] : [TRAILER]
  const signing = { signingKey: KEY, amzDate: AMZ_DATE, scope: SCOPE_TEXT, seedSignature: SEED }
  return decodeChunked(source, { mode, decodedLength, trailerNames, signing, ...changed })
}
