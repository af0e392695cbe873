import { hash } from 'node:crypto'
import { S3Error, isS3ErrorCode } from '../s3/error.ts'
import { checksumChecks, findChecksumClaims, type ChecksumClaims } from '../sigv4/payload/checksum.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import { decodeChunked } from '../sigv4/payload/decode.ts'
import { frameWithTrailer } from '../sigv4/payload/encode.ts'
import { contentSha256Check } from '../sigv4/payload/hash.ts'
import { sourceOfBytes } from '../sigv4/payload/memory-source.ts'
import { parseDecodedLength, type PayloadMode } from '../sigv4/payload/modes.ts'
import { PayloadProblem } from '../sigv4/payload/problem.ts'
import { parseTrailerNames } from '../sigv4/payload/trailers.ts'
import { verifyBody, type BodyCheck } from '../sigv4/payload/verify-body.ts'
import { scopeText } from '../sigv4/string-to-sign.ts'
import { ClientBodyFault, type ByteSource } from '../transport/transport.ts'
import type { Capabilities } from '../upstreams/provider.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Authenticated } from './ways-in/way-in.ts'
import type { OutboundBody } from './outbound.ts'

type Proof = Pick<Authenticated, 'payload'> & { readonly chunkSigning: Authenticated['chunkSigning'] | 'unverified' }

/** A request's body as promised by its head: nothing of it has been read yet. */
export interface OpenBody {
  /** The data without aws-chunked framing; signed chunks are verified on the way. */
  readonly source: ByteSource
  /** Bytes of data, exactly. */
  readonly length: number
  readonly payload: PayloadMode
  readonly claims: ChecksumClaims
  /** Filled when the flow has ended. */
  readonly trailers: () => ReadonlyMap<string, string>
}

/** What stands in headers about a body that was verified here and is sent on in another form. */
export type ChecksumHeaders = readonly (readonly [name: string, value: string])[]

export interface PreparedBody {
  readonly body: OutboundBody
  readonly headers: ChecksumHeaders
}

/**
 * Opens the body for reading, or refuses it for what its head promises. `describesBody` is false for operations whose
 * checksum headers speak of the object and not of this body (CompleteMultipartUpload).
 */
export function openBody(request: AcceptedRequest, proof: Proof, describesBody = true): OpenBody {
  const { payload } = proof
  const { headers } = request
  const trailerNames = refusing(() => parseTrailerNames(headers.get('x-amz-trailer')))
  const claims = describesBody
    ? refusing(() => findChecksumClaims(request.head.rawHeaders, trailerNames))
    : { checksum: null, contentMd5: null }
  if (payload.mode === 'hash' || payload.mode === 'unsigned') {
    if (trailerNames.length > 0) throw new S3Error('InvalidRequest', `x-amz-trailer with ${payload.mode} payload`)
    if (request.body === null && request.resource === 'object' && !headers.has('content-length')) {
      throw new S3Error('MissingContentLength', 'neither a length nor a body')
    }
    const source = request.body ?? sourceOfBytes(new Uint8Array(0))
    if (source.length === null) throw new S3Error('MissingContentLength', 'no length is declared for the object')
    return { source, length: source.length, payload, claims, trailers: () => new Map() }
  }
  const decodedLength = refusing(() => parseDecodedLength(headers.get('x-amz-decoded-content-length')))
  const { chunkSigning } = proof
  const decoded = decodeChunked(request.body ?? sourceOfBytes(new Uint8Array(0)), {
    mode: payload.mode,
    decodedLength,
    trailerNames,
    signing:
      chunkSigning === null || chunkSigning === 'unverified' ? chunkSigning : { ...chunkSigning, scope: scopeText(chunkSigning.scope) }
  })
  return { source: decoded, length: decodedLength, payload, claims, trailers: () => decoded.trailers }
}

/** The whole body in memory, every promise of its head verified; nothing has been sent when it is refused. */
export async function collectVerified(open: OpenBody, bytesMax: number): Promise<Uint8Array> {
  try {
    return await collectBody(verifyBody(open.source, checksOf(open)), { bytesMax })
  } catch (error) {
    throw refusalOf(error)
  }
}

/** A collected body as it goes out: with our own hash, replayable, its checksum in a header where the upstream keeps it. */
export function preparedBytes(bytes: Uint8Array, open: OpenBody, capabilities: Capabilities): PreparedBody {
  return {
    body: { kind: 'bytes', bytes, payloadHash: open.payload.mode === 'hash' ? open.payload.hex : hash('sha256', bytes, 'hex') },
    headers: checksumHeaders(open, capabilities)
  }
}

/** A body that flows through: what the upstream can verify is left to it, the rest is verified on the way. */
export function preparedFlow(open: OpenBody, capabilities: Capabilities): PreparedBody {
  const { payload, claims, length } = open
  const trailing = claims.checksum !== null && claims.checksum.value === null
  if (trailing && claims.checksum !== null && capabilities.payload.trailer && capabilities.checksums.includes(claims.checksum.algorithm)) {
    const { algorithm, name } = claims.checksum
    const source = verifyBody(open.source, md5Checks(open))
    const framed = frameWithTrailer(source, { decodedLength: length, algorithm, trailerValue: () => open.trailers().get(name) })
    return {
      body: { kind: 'flow', source: framed, length: framed.length, payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
      headers: [
        ['x-amz-trailer', name],
        ['x-amz-decoded-content-length', String(length)],
        ['x-amz-sdk-checksum-algorithm', algorithm.toUpperCase()]
      ]
    }
  }
  if (payload.mode === 'hash' && capabilities.payload.hash) {
    const source = verifyBody(open.source, unkeptChecks(open, capabilities))
    return { body: { kind: 'flow', source, length, payloadHash: payload.hex }, headers: checksumHeaders(open, capabilities) }
  }
  const kept = checksumHeaders(open, capabilities)
  const checks = [...(payload.mode === 'hash' ? [contentSha256Check(payload.hex)] : []), ...unkeptChecks(open, capabilities)]
  return { body: { kind: 'flow', source: verifyBody(open.source, checks), length, payloadHash: 'UNSIGNED-PAYLOAD' }, headers: kept }
}

/** Turns a body's refusal, wherever it surfaced, into S3's words; anything else stays what it is. */
export function refusalOf(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof S3Error) return cause
  if (cause instanceof PayloadProblem) {
    return new S3Error(isS3ErrorCode(cause.code) ? cause.code : 'InvalidRequest', cause.kind, { Message: cause.message })
  }
  if (cause instanceof ClientBodyFault && cause.kind === 'idle') return new S3Error('RequestTimeout', cause.message)
  return error
}

function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw refusalOf(error)
  }
}

function checksOf(open: OpenBody): readonly BodyCheck[] {
  const claimed = checksumChecks(open.claims, open.trailers)
  return open.payload.mode === 'hash' ? [contentSha256Check(open.payload.hex), ...claimed] : claimed
}

const md5Checks = (open: OpenBody): readonly BodyCheck[] =>
  checksumChecks({ checksum: null, contentMd5: open.claims.contentMd5 }, open.trailers)

/** What the upstream will not verify. Content-MD5 is verified by every upstream. */
function unkeptChecks(open: OpenBody, capabilities: Capabilities): readonly BodyCheck[] {
  const { checksum } = open.claims
  if (checksum === null) return []
  const kept = checksum.value !== null && capabilities.checksums.includes(checksum.algorithm)
  return kept ? [] : checksumChecks({ checksum, contentMd5: null }, open.trailers)
}

/** The claims that can stand in headers: those that came in headers or, for a collected body, in its trailer. */
function checksumHeaders(open: OpenBody, capabilities: Capabilities): ChecksumHeaders {
  const headers: [string, string][] = []
  const { checksum, contentMd5 } = open.claims
  if (contentMd5 !== null) headers.push(['content-md5', contentMd5])
  const value = checksum === null ? undefined : (checksum.value ?? open.trailers().get(checksum.name))
  if (checksum !== null && value !== undefined && capabilities.checksums.includes(checksum.algorithm)) {
    headers.push([checksum.name, value], ['x-amz-sdk-checksum-algorithm', checksum.algorithm.toUpperCase()])
  }
  return headers
}
