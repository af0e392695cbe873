import { ChunkedDecoder } from './aws-chunked.ts'
import type { Behavior } from './behavior.ts'
import { algorithmNamed, CHECKSUM_ALGORITHMS, isChecksumValue, startHash, type ChecksumAlgorithm, type RunningHash } from './checksum.ts'
import { StoreError } from './error.ts'
import type { StoreRequest } from './request.ts'
import type { Signing } from './signature.ts'
import { NO_BYTES, type BytesVault, type StoredBytes } from './stored-bytes.ts'

/** A body that came whole and proved to be what its head said. Held by its reader. */
export interface Payload {
  readonly bytes: StoredBytes
  /** Null where there is no body. */
  readonly md5: Buffer | null
  readonly sha256: string | null
  /** Those announced or asked for, in base64. */
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>
}

export const NO_PAYLOAD: Payload = { bytes: NO_BYTES, md5: null, sha256: null, checksums: new Map() }

export interface PayloadOptions {
  readonly signing: Signing
  readonly behavior: Behavior
  readonly vault: BytesVault
  /** Checksums to compute besides those that the request announces. */
  readonly alsoCompute: readonly ChecksumAlgorithm[]
  readonly bytesMax: number
  /** True for documents, which stay in memory. */
  readonly small: boolean
}

/** What the head says of its body. */
interface Announced {
  readonly sha256: string | null
  readonly md5: Buffer | null
  /** The checksum header, or the trailer that will carry it. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string | null } | null
  readonly chunked: { readonly signed: boolean; readonly trailers: boolean } | null
  readonly length: number
}

/** Reads a body to its end; a body that is short, too long or not what it was announced to be is an error and leaves nothing. */
export async function readPayload(request: StoreRequest, body: AsyncIterable<Uint8Array>, options: PayloadOptions): Promise<Payload> {
  const announced = readAnnouncement(request, options)
  if (announced.length > options.bytesMax) throw new StoreError('EntityTooLarge')
  const hashes = startHashes(announced, options)
  const decoder = announced.chunked && chunkedDecoder(announced.chunked, options)
  const writer = options.vault.writer({ small: options.small })
  let length = 0
  try {
    for await (const received of body) {
      for (const piece of decoder === null ? [received] : decoder.push(received)) {
        length += piece.length
        if (length > announced.length) throw new StoreError('IncompleteBody')
        for (const hash of hashes.values()) hash.update(piece)
        await writer.write(piece)
      }
    }
    if (length !== announced.length) throw new StoreError('IncompleteBody')
    const trailers = decoder?.end() ?? new Map<string, string>()
    const checked = checkPayload(request, announced, { hashes, trailers, behavior: options.behavior, alsoCompute: options.alsoCompute })
    return { ...checked, bytes: await writer.finish() }
  } catch (error) {
    await writer.discard()
    throw error
  }
}

function chunkedDecoder(chunked: NonNullable<Announced['chunked']>, { signing, behavior }: PayloadOptions): ChunkedDecoder {
  return new ChunkedDecoder({ signing: chunked.signed ? signing : null, trailers: chunked.trailers, checkSizes: !behavior.minioQuirks })
}

function readAnnouncement(request: StoreRequest, { signing, behavior }: PayloadOptions): Announced {
  const chunked = chunkedMode(signing.payloadHash, behavior)
  return {
    sha256: /^[0-9a-f]{64}$/.test(signing.payloadHash) ? signing.payloadHash : null,
    md5: announcedMd5(request),
    checksum: announcedChecksum(request, behavior, chunked?.trailers === true),
    chunked,
    length: announcedLength(request, chunked !== null, behavior)
  }
}

function chunkedMode(payloadHash: string, behavior: Behavior): Announced['chunked'] {
  switch (payloadHash) {
    case 'UNSIGNED-PAYLOAD':
      return null
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return supported(behavior.unsignedTrailer, { signed: false, trailers: true })
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return supported(behavior.signedChunks, { signed: true, trailers: false })
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return supported(behavior.signedChunks, { signed: true, trailers: true })
    default:
      if (/^STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD(-TRAILER)?$/.test(payloadHash)) throw new StoreError('NotImplemented')
      if (/^[0-9a-f]{64}$/.test(payloadHash)) return null
      if (behavior.minioQuirks) throw new StoreError('XAmzContentSHA256Mismatch')
      throw new StoreError('InvalidArgument', {
        message: 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-* or a valid sha256 value.'
      })
  }
}

function supported<T>(support: 'supported' | 'refused', mode: T): T {
  if (support === 'refused') throw new StoreError('NotImplemented', { message: 'STREAMING payloads are not implemented' })
  return mode
}

function announcedLength(request: StoreRequest, chunked: boolean, behavior: Behavior): number {
  const text = request.headers.get(chunked ? 'x-amz-decoded-content-length' : 'content-length')
  const needed = request.method === 'PUT' && !behavior.minioQuirks
  if (text === null && !chunked && !request.headers.has('transfer-encoding') && !needed) return 0
  if (text === null || !/^\d{1,15}$/.test(text)) throw new StoreError('MissingContentLength')
  return Number(text)
}

function announcedMd5(request: StoreRequest): Buffer | null {
  const text = request.headers.get('content-md5')
  if (text === null) return null
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== 16 || bytes.toString('base64') !== text) throw new StoreError('InvalidDigest')
  return bytes
}

function announcedChecksum(request: StoreRequest, behavior: Behavior, trailers: boolean): Announced['checksum'] {
  // Of CompleteMultipartUpload it is the object's and says nothing of this body.
  if (request.method === 'POST' && request.query.some(({ name }) => name === 'uploadId')) return null
  const found = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const value = request.headers.get(`x-amz-checksum-${algorithm.toLowerCase()}`)
    return value === null ? [] : [{ algorithm, value }]
  })
  const trailer = trailers ? trailerAlgorithm(request) : null
  const several = found.length + (trailer === null ? 0 : 1) > 1
  if (several) refuseSeveral(behavior)
  const checksum = found[0] ?? (trailer === null ? null : { algorithm: trailer, value: null })
  const named = request.headers.get('x-amz-sdk-checksum-algorithm')
  if (checksum === null && named !== null && request.method !== 'POST' && !behavior.minioQuirks) {
    throw new StoreError('InvalidRequest', {
      message: 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.'
    })
  }
  if (checksum !== null && behavior.checksums === 'refused') throw new StoreError('NotImplemented')
  if (checksum !== null && checksum.value !== null && !isChecksumValue(checksum.algorithm, checksum.value)) {
    throw new StoreError('InvalidRequest', { message: `Value for x-amz-checksum-${checksum.algorithm.toLowerCase()} header is invalid.` })
  }
  return behavior.checksums === 'ignored' ? null : checksum
}

function refuseSeveral(behavior: Behavior): never {
  if (behavior.minioQuirks) throw new StoreError('InvalidArgument')
  throw new StoreError('InvalidRequest', { message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.' })
}

function trailerAlgorithm(request: StoreRequest): ChecksumAlgorithm | null {
  const names = (request.headers.get('x-amz-trailer') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  const [name] = names
  if (name === undefined) return null
  const algorithm = name.startsWith('x-amz-checksum-') ? algorithmNamed(name.slice('x-amz-checksum-'.length)) : null
  if (algorithm === null || names.length > 1) {
    throw new StoreError('InvalidRequest', { message: 'The value specified in the x-amz-trailer header is not supported' })
  }
  return algorithm
}

type Hashes = ReadonlyMap<ChecksumAlgorithm | 'MD5', RunningHash>

function startHashes(announced: Announced, { alsoCompute }: PayloadOptions): Hashes {
  const names = new Set<ChecksumAlgorithm | 'MD5'>(['MD5', ...alsoCompute])
  if (announced.sha256 !== null) names.add('SHA256')
  if (announced.checksum !== null) names.add(announced.checksum.algorithm)
  return new Map([...names].map((name) => [name, startHash(name)]))
}

interface Received {
  readonly hashes: Hashes
  readonly trailers: ReadonlyMap<string, string>
  readonly behavior: Behavior
  readonly alsoCompute: readonly ChecksumAlgorithm[]
}

function checkPayload(request: StoreRequest, announced: Announced, { alsoCompute, ...received }: Received): Omit<Payload, 'bytes'> {
  const shown = new Set<string>([...alsoCompute, announced.checksum?.algorithm ?? ''])
  const digests = new Map([...received.hashes].map(([name, hash]) => [name, hash.digest()]))
  const sha256 = digests.get('SHA256')?.toString('hex') ?? null
  if (announced.sha256 !== null && announced.sha256 !== sha256) throw new StoreError('XAmzContentSHA256Mismatch')
  const md5 = digests.get('MD5')!
  if (announced.md5 !== null && !announced.md5.equals(md5)) throw new StoreError('BadDigest')
  const value = checksumValue(request, announced, received)
  const { checksum } = announced
  if (checksum !== null && value !== null && digests.get(checksum.algorithm)!.toString('base64') !== value) {
    throw new StoreError(received.behavior.minioQuirks ? 'XAmzContentChecksumMismatch' : 'BadDigest', {
      message: `The ${checksum.algorithm} you specified did not match the calculated checksum.`
    })
  }
  const checksums = new Map<ChecksumAlgorithm, string>()
  for (const [name, digest] of digests) if (name !== 'MD5' && shown.has(name)) checksums.set(name, digest.toString('base64'))
  return { md5, sha256, checksums }
}

function checksumValue(request: StoreRequest, announced: Announced, { trailers, behavior }: Omit<Received, 'alsoCompute'>): string | null {
  const promised = announced.chunked?.trailers === true ? trailerName(request) : null
  for (const name of trailers.keys()) if (name !== promised) throw new StoreError('MalformedTrailerError')
  if (promised === null) return announced.checksum?.value ?? null
  const value = trailers.get(promised)
  if (value === undefined && behavior.minioQuirks) throw new StoreError('BadRequest', { message: 'malformed chunked encoding' })
  if (value === undefined) throw new StoreError('MalformedTrailerError')
  if (announced.checksum !== null && !isChecksumValue(announced.checksum.algorithm, value)) {
    throw new StoreError('InvalidRequest', { message: `Value for ${promised} trailing header is invalid.` })
  }
  return value
}

function trailerName(request: StoreRequest): string | null {
  const name = (request.headers.get('x-amz-trailer') ?? '').trim().toLowerCase()
  return name === '' ? null : name
}
