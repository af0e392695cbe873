/** Every way a request body can be refused, with the S3 error code that tells the client so. */
export const PAYLOAD_PROBLEMS = {
  'decoded-length': 'MissingContentLength',
  incomplete: 'IncompleteBody',
  framing: 'IncompleteBody',
  'chunk-size': 'InvalidChunkSizeError',
  'chunk-signature': 'SignatureDoesNotMatch',
  trailer: 'MalformedTrailerError',
  'trailer-signature': 'SignatureDoesNotMatch',
  'trailer-value': 'InvalidRequest',
  'checksum-header': 'InvalidRequest',
  'md5-header': 'InvalidDigest',
  'bad-digest': 'BadDigest',
  'content-sha256': 'XAmzContentSHA256Mismatch',
  'too-large': 'EntityTooLarge'
} as const satisfies Record<string, string>

export type PayloadProblemKind = keyof typeof PAYLOAD_PROBLEMS
export type PayloadProblemCode = (typeof PAYLOAD_PROBLEMS)[PayloadProblemKind]

/** A body that is not what the request says it is. A refusal, not a fault; the message may be shown to the client. */
export class PayloadProblem extends Error {
  readonly kind: PayloadProblemKind
  readonly code: PayloadProblemCode

  constructor(kind: PayloadProblemKind, message: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0 // A refusal has no bug to trace, and floods of them must stay cheap.
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'PayloadProblem'
    this.kind = kind
    this.code = PAYLOAD_PROBLEMS[kind]
  }
}
