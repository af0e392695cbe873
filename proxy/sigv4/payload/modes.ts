import { SigV4Problem } from '../problem.ts'
import { PayloadProblem } from './problem.ts'

/** How the body of a request is protected, and so how it must be read. */
export type PayloadMode =
  /** The body's SHA-256, part of what was signed. */
  | { readonly mode: 'hash'; readonly hex: string }
  | { readonly mode: 'unsigned' }
  /** aws-chunked, a checksum behind the data. */
  | { readonly mode: 'unsigned-trailer' }
  /** aws-chunked, each chunk signed. */
  | { readonly mode: 'signed-chunks' }
  /** aws-chunked, each chunk and the trailer signed. */
  | { readonly mode: 'signed-chunks-trailer' }

/** The modes in which the body is aws-chunked. */
export type ChunkedMode = Exclude<PayloadMode['mode'], 'hash' | 'unsigned'>

const HEX = /^[0-9a-f]{64}$/
const DIGITS = /^(?:0|[1-9][0-9]{0,14})$/

/**
 * The mode that x-amz-content-sha256 names; absent means that the payload is unsigned. Content-Encoding has no say: minio-go
 * sends signed chunks without one. Throws `SigV4Problem` for anything else, so that no body is read unverified by accident.
 */
export function payloadMode(contentSha256: string | undefined): PayloadMode {
  switch (contentSha256) {
    case undefined:
    case 'UNSIGNED-PAYLOAD':
      return { mode: 'unsigned' }
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { mode: 'unsigned-trailer' }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { mode: 'signed-chunks' }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { mode: 'signed-chunks-trailer' }
    case 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD':
    case 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER':
      throw new SigV4Problem('sigv4a', 'Signature Version 4A is not supported by this endpoint.')
    default:
      if (HEX.test(contentSha256)) return { mode: 'hash', hex: contentSha256 }
      throw new SigV4Problem(
        'content-sha256',
        'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, ' +
          'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.'
      )
  }
}

/** The last line of the canonical request for a request with this x-amz-content-sha256. */
export function payloadHashOf(contentSha256: string | undefined): string {
  return contentSha256 ?? 'UNSIGNED-PAYLOAD'
}

/** The number in x-amz-decoded-content-length; throws `PayloadProblem` when it is absent or no plain number. */
export function parseDecodedLength(decodedContentLength: string | undefined): number {
  if (decodedContentLength !== undefined && DIGITS.test(decodedContentLength)) return Number(decodedContentLength)
  throw new PayloadProblem('decoded-length', 'You must provide the Content-Length HTTP header.')
}
