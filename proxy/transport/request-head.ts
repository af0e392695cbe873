import type { RefusalReason } from './inbound.ts'

/** What the engine itself needs of a request's headers. */
export interface Framing {
  /** Declared body bytes; 0 where the request carries no body, null where only the end of the flow tells. */
  readonly length: number | null
}

export interface Refusal {
  readonly status: 400 | 405 | 501 | 505
  readonly code: string
  readonly message: string
  readonly reason: RefusalReason
}

const DUPLICATE = (name: string): Refusal => ({
  status: 400,
  code: 'InvalidRequest',
  message: `The header ${name} may be given once only.`,
  reason: 'duplicate-header'
})

const NO_HOST: Refusal = { status: 400, code: 'InvalidRequest', message: 'The Host header is missing.', reason: 'no-host' }
const BAD_LENGTH: Refusal = { status: 400, code: 'InvalidRequest', message: 'The Content-Length is not valid.', reason: 'content-length' }
const TRANSFER_ENCODING: Refusal = {
  status: 501,
  code: 'NotImplemented',
  message: 'The only transfer coding that is understood is chunked.',
  reason: 'transfer-encoding'
}
const VERSION: Refusal = {
  status: 505,
  code: 'HttpVersionNotSupported',
  message: 'HTTP/1.1 is required.',
  reason: 'http-version'
}

const TOO_MANY_HEADERS: Refusal = {
  status: 400,
  code: 'RequestHeaderSectionTooLarge',
  message: 'Your request header section exceeds the maximum allowed size.',
  reason: 'too-many-headers'
}

/**
 * Reads the framing from the raw headers, or says why the request is refused.
 *
 * The parser under this accepts a second Host or Authorization and lets the first win. Another reader of the same bytes
 * could let the second win, so a request that has two is not one request, and nothing of it is looked at.
 */
export function readFraming(httpVersion: string, rawHeaders: readonly string[], headersMax: number): Framing | Refusal {
  // HTTP/1.0 has no chunked coding: an answer that breaks off would look complete.
  if (httpVersion !== '1.1') return VERSION
  if (rawHeaders.length > 2 * headersMax) return TOO_MANY_HEADERS
  let host = false
  let authorization = false
  let contentLength: string | null = null
  let transferEncoding: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    // Only names of these lengths are compared: most headers cost one look at their length.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() !== 'host') break
        if (host) return DUPLICATE('Host')
        host = true
        break
      case 13:
        if (name.toLowerCase() !== 'authorization') break
        if (authorization) return DUPLICATE('Authorization')
        authorization = true
        break
      case 14:
        if (name.toLowerCase() !== 'content-length') break
        if (contentLength !== null) return DUPLICATE('Content-Length')
        contentLength = rawHeaders[i + 1] ?? ''
        break
      case 17:
        if (name.toLowerCase() !== 'transfer-encoding') break
        if (transferEncoding !== null) return DUPLICATE('Transfer-Encoding')
        transferEncoding = rawHeaders[i + 1] ?? ''
        break
    }
  }
  if (!host) return NO_HOST
  return framingOf(contentLength, transferEncoding)
}

function framingOf(contentLength: string | null, transferEncoding: string | null): Framing | Refusal {
  if (transferEncoding !== null) {
    if (contentLength !== null) return BAD_LENGTH
    return transferEncoding.trim().toLowerCase() === 'chunked' ? { length: null } : TRANSFER_ENCODING
  }
  if (contentLength === null) return { length: 0 }
  const length = /^[0-9]+$/.test(contentLength) ? Number(contentLength) : NaN
  return Number.isSafeInteger(length) ? { length } : BAD_LENGTH
}

/** True for what `readFraming` says of a request that is refused. */
export function isRefusal(framing: Framing | Refusal): framing is Refusal {
  return 'reason' in framing
}

/** The error document of a refusal. It has no request id: nothing was logged under one. */
export function refusalXml(refusal: Pick<Refusal, 'code' | 'message'>): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${refusal.code}</Code><Message>${refusal.message}</Message></Error>`
}
