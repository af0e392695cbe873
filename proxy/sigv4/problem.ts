/** Every way a signed request can be refused, with the S3 error code that tells the client so. */
export const SIGV4_PROBLEMS = {
  malformed: 'AuthorizationHeaderMalformed',
  query: 'AuthorizationQueryParametersError',
  form: 'InvalidArgument',
  'form-not-signed': 'AccessDenied',
  'not-yet': 'AccessDenied',
  elapsed: 'AccessDenied',
  unsupported: 'InvalidArgument',
  v2: 'InvalidRequest',
  sigv4a: 'NotImplemented',
  'access-key-id': 'InvalidAccessKeyId',
  'duplicate-auth': 'InvalidArgument',
  'missing-date': 'AccessDenied',
  skew: 'RequestTimeTooSkewed',
  'scope-date': 'AuthorizationHeaderMalformed',
  region: 'AuthorizationHeaderMalformed',
  'headers-not-signed': 'AccessDenied',
  signature: 'SignatureDoesNotMatch',
  'content-sha256': 'InvalidArgument'
} as const satisfies Record<string, string>

export type SigV4ProblemKind = keyof typeof SIGV4_PROBLEMS
export type SigV4ProblemCode = (typeof SIGV4_PROBLEMS)[SigV4ProblemKind]

/** A request whose signature cannot be accepted. A refusal, not a fault; the message may be shown to the client. */
export class SigV4Problem extends Error {
  readonly kind: SigV4ProblemKind
  readonly code: SigV4ProblemCode
  /** Additional elements of the error document, such as Region and HeadersNotSigned. */
  readonly extra: Readonly<Record<string, string>>

  constructor(kind: SigV4ProblemKind, message: string, extra: Readonly<Record<string, string>> = {}) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0 // A refusal has no bug to trace, and floods of them must stay cheap.
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'SigV4Problem'
    this.kind = kind
    this.code = SIGV4_PROBLEMS[kind]
    this.extra = extra
  }
}
