import { errorXml } from '../s3/error-xml.ts'
import { S3_ERRORS, S3Error, type S3ErrorCode } from '../s3/error.ts'
import { XmlProblem } from '../s3/xml.ts'
import { UpstreamFault, type Answer } from '../transport/transport.ts'
import { OverLimitError } from './limit.ts'
import { S3Refusal } from './verify-owner.ts'

export interface ErrorContext {
  readonly method: string
  /** The target as the client wrote it; shown back to it without its query, which may hold a token. */
  readonly rawTarget: string
  readonly requestId: string
}

export interface AnsweredError {
  readonly answer: Answer
  readonly code: S3ErrorCode
  /** For the log. */
  readonly reason: string
  /** True for a bug or an outage, which is logged with its cause. */
  readonly isFault: boolean
}

/** The one place where a refusal or a fault becomes an answer in S3's words. A fault tells the client nothing of itself. */
export function answerError(error: unknown, context: ErrorContext): AnsweredError {
  const refusal = error instanceof S3Error ? error : null
  const code: S3ErrorCode = refusal?.code ?? codeOfFault(error)
  const { status } = S3_ERRORS[code]
  const message = refusal?.message ?? S3_ERRORS[code].message
  const rawHeaders = ['content-type', 'application/xml', ...(refusal instanceof S3Refusal ? refusal.rawHeaders : [])]
  if (status === 502 || status === 503)
    rawHeaders.push('retry-after', String(error instanceof OverLimitError ? error.retryAfterSeconds : 1))
  const bodiless = context.method === 'HEAD' || status === 304
  const xml = errorXml({ code, message, resource: pathOf(context.rawTarget), requestId: context.requestId, extra: refusal?.extra ?? {} })
  return {
    answer: { status, rawHeaders: bodiless ? rawHeaders.slice(2) : rawHeaders, body: bodiless ? null : Buffer.from(xml, 'utf8') },
    code,
    reason: refusal?.reason ?? (error instanceof Error ? error.message : String(error)),
    isFault: refusal === null
  }
}

function codeOfFault(error: unknown): S3ErrorCode {
  // A client's XML is refused where it is read: this is an upstream's.
  if (error instanceof XmlProblem) return 'BadGateway'
  if (!(error instanceof UpstreamFault)) return 'InternalError'
  return error.kind === 'malformed' ? 'BadGateway' : 'ServiceUnavailable'
}

function pathOf(rawTarget: string): string {
  const mark = rawTarget.indexOf('?')
  return mark === -1 ? rawTarget : rawTarget.slice(0, mark)
}
