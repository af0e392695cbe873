import { STS_ERRORS, StsError, type StsErrorCode } from '../sts/error.ts'
import type { Answer } from '../transport/transport.ts'

/** The codes of the API beside those of STS, in AWS's words where AWS has one. */
export const API_ERRORS = {
  InternalFailure: { status: 500, message: 'We encountered an internal error. Please try again.' },
  InvalidRequest: { status: 400, message: 'The request is not valid' },
  MethodNotAllowed: { status: 405, message: 'The method is not allowed here' },
  // RFC 9110 §15.5.20: the request was sent to a server that does not answer for this host.
  MisdirectedRequest: { status: 421, message: 'This host name is not served here' },
  NotFound: { status: 404, message: 'There is nothing under this path' },
  ServiceUnavailable: { status: 503, message: 'The service cannot handle the request now. Try again.' },
  SlowDown: { status: 503, message: 'Please reduce your request rate.' }
} as const satisfies Record<string, { status: number; message: string }>

const GUARDS: readonly string[] = ['content-type', 'application/json', 'cache-control', 'no-store', 'x-content-type-options', 'nosniff']

export type ApiErrorCode = keyof typeof API_ERRORS

/** Every code that the API can answer with: a closed list for metrics. */
export const API_ERROR_CODES: readonly string[] = [...Object.keys(API_ERRORS), ...Object.keys(STS_ERRORS)]

/** A refusal of the API. The detail is for the client and says only what it sent wrongly; the reason is for the log. */
export class ApiError extends Error {
  readonly code: ApiErrorCode
  readonly reason: string
  readonly detail: string
  readonly rawHeaders: readonly string[]

  constructor(code: ApiErrorCode, reason: string, { detail, rawHeaders = [] }: { detail?: string; rawHeaders?: readonly string[] } = {}) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0 // A refusal has no bug to trace, and floods of them must stay cheap.
    super(`${code}: ${reason}`)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'ApiError'
    this.code = code
    this.reason = reason
    this.detail = detail ?? API_ERRORS[code].message
    this.rawHeaders = rawHeaders
  }
}

export interface AnsweredApiError {
  readonly answer: Answer
  readonly code: ApiErrorCode | StsErrorCode
  /** For the log. */
  readonly reason: string
}

/** What is thrown becomes `{Code, Message}`, as SDKs read refusals of a credentials endpoint. A fault tells the client nothing of itself. */
export function answerApiError(error: unknown): AnsweredApiError {
  const refusal = error instanceof StsError || error instanceof ApiError ? error : null
  const code = refusal?.code ?? 'InternalFailure'
  const { status } = refusal instanceof StsError ? STS_ERRORS[refusal.code] : API_ERRORS[refusal?.code ?? 'InternalFailure']
  const message = refusal?.detail ?? API_ERRORS.InternalFailure.message
  const rawHeaders = refusal instanceof ApiError ? [...refusal.rawHeaders] : []
  if (status === 503) rawHeaders.push('retry-after', '1')
  const reason = refusal?.reason ?? (error instanceof Error ? error.message : String(error))
  return { answer: jsonAnswer(status, { Code: code, Message: message }, rawHeaders), code, reason }
}

/** The same document for a request that the engine refuses before it is read. */
export function apiRefusal({ code, message }: { readonly code: string; readonly message: string }): {
  readonly rawHeaders: readonly string[]
  readonly body: string
} {
  return { rawHeaders: GUARDS, body: JSON.stringify({ Code: code, Message: message }) }
}

/** An answer that nobody keeps and no browser takes for a page: it may hold credentials. */
export function jsonAnswer(status: number, value: object, rawHeaders: readonly string[] = []): Answer {
  return { status, rawHeaders: [...GUARDS, ...rawHeaders], body: Buffer.from(JSON.stringify(value), 'utf8') }
}
