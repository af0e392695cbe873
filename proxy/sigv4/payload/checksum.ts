import { base64Length, CHECKSUM_ALGORITHMS, parseDigest, type ChecksumAlgorithm, type DigestAlgorithm } from './digest.ts'
import { PayloadProblem } from './problem.ts'
import type { BodyCheck } from './verify-body.ts'

/** What a request says about the checksum of its body. */
export interface ChecksumClaims {
  /** The one x-amz-checksum-* of the request; null when there is none. */
  readonly checksum: ChecksumClaim | null
  /** The value of Content-MD5; null when absent. */
  readonly contentMd5: string | null
}

export interface ChecksumClaim {
  readonly algorithm: ChecksumAlgorithm
  /** `x-amz-checksum-crc32` and so on. */
  readonly name: string
  /** The base64 value; null when it comes in the trailer. */
  readonly value: string | null
}

const PREFIX = 'x-amz-checksum-'
// They carry the prefix and no checksum.
const NOT_CHECKSUMS = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type'])

/**
 * The checksums that a request claims for its body, well-formed and at most one of a kind. Throws `PayloadProblem` otherwise.
 * Not for CompleteMultipartUpload and the copies, whose x-amz-checksum-* describe the object and not the body.
 */
export function findChecksumClaims(rawHeaders: readonly string[], trailerNames: readonly string[]): ChecksumClaims {
  const claims: ChecksumClaim[] = []
  let contentMd5: string | null = null
  let sdkAlgorithm = false
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const value = rawHeaders[i + 1] as string
    if (name === 'content-md5') contentMd5 = checkMd5(contentMd5, value)
    else if (name === 'x-amz-sdk-checksum-algorithm') sdkAlgorithm = true
    else if (name.startsWith(PREFIX) && !NOT_CHECKSUMS.has(name)) claims.push(headerClaim(name, value))
  }
  for (const name of trailerNames) {
    // A trailer that is no checksum would be taken and never looked at.
    if (!name.startsWith(PREFIX))
      throw new PayloadProblem('checksum-header', 'The value specified in the x-amz-trailer header is not supported')
    claims.push({ algorithm: algorithmOf(name), name, value: null })
  }
  if (claims.length > 1) {
    throw new PayloadProblem('checksum-header', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  }
  if (sdkAlgorithm && claims.length === 0) {
    throw new PayloadProblem(
      'checksum-header',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.'
    )
  }
  return { checksum: claims[0] ?? null, contentMd5 }
}

/** The checks of a body against its claims; `trailers` is read when the body has come whole. */
export function checksumChecks(claims: ChecksumClaims, trailers: () => ReadonlyMap<string, string>): readonly BodyCheck[] {
  const checks: BodyCheck[] = []
  const { checksum, contentMd5 } = claims
  if (contentMd5 !== null) checks.push(md5Check(contentMd5))
  if (checksum !== null) checks.push(checksumCheck(checksum, trailers))
  return checks
}

/** The x-amz-checksum-* name of an algorithm. */
export function checksumName(algorithm: ChecksumAlgorithm): string {
  return `${PREFIX}${algorithm}`
}

/** The algorithm behind an x-amz-checksum-* name; throws `PayloadProblem` for one that is not known here. */
export function algorithmOf(name: string): ChecksumAlgorithm {
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => checksumName(known) === name)
  if (algorithm === undefined) throw new PayloadProblem('checksum-header', `The checksum ${name} is not supported.`)
  return algorithm
}

/** Throws `PayloadProblem` unless a trailer's value can be a checksum of the algorithm. */
export function parseTrailerChecksum(algorithm: ChecksumAlgorithm, value: string | undefined): Uint8Array {
  const bytes = value?.length === base64Length(algorithm) ? parseDigest(algorithm, value) : null
  if (bytes === null) throw new PayloadProblem('trailer-value', `Value for ${checksumName(algorithm)} trailing header is invalid.`)
  return bytes
}

function headerClaim(name: string, value: string): ChecksumClaim {
  const algorithm = algorithmOf(name)
  if (parseDigest(algorithm, value) === null) throw new PayloadProblem('checksum-header', `Value for ${name} header is invalid.`)
  return { algorithm, name, value }
}

function checkMd5(previous: string | null, value: string): string {
  if (previous !== null || parseDigest('md5', value) === null) {
    throw new PayloadProblem('md5-header', 'The Content-MD5 you specified was invalid.')
  }
  return value
}

function md5Check(contentMd5: string): BodyCheck {
  return {
    algorithm: 'md5',
    expected: () => fixedDigest('md5', contentMd5),
    mismatch: () => new PayloadProblem('bad-digest', 'The Content-MD5 you specified did not match what we received.')
  }
}

function checksumCheck({ algorithm, name, value }: ChecksumClaim, trailers: () => ReadonlyMap<string, string>): BodyCheck {
  return {
    algorithm,
    expected: () => (value === null ? parseTrailerChecksum(algorithm, trailers().get(name)) : fixedDigest(algorithm, value)),
    mismatch: () => new PayloadProblem('bad-digest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`)
  }
}

function fixedDigest(algorithm: DigestAlgorithm, value: string): Uint8Array {
  const bytes = parseDigest(algorithm, value)
  if (bytes === null) throw new Error(`${algorithm} claim was not checked`)
  return bytes
}
