/**
 * Every error code of the STS answers, with its status and whose fault it is.
 * Codes and texts are AWS's (STS API reference, "Common Errors" and AssumeRoleWithWebIdentity), because SDKs act on them.
 */
export const STS_ERRORS = {
  AccessDenied: { status: 403, type: 'Sender', message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity' },
  ExpiredToken: { status: 403, type: 'Sender', message: 'The security token included in the request is expired' },
  ExpiredTokenException: { status: 400, type: 'Sender', message: 'Token expired' },
  // AWS answers 400 here; 503 is what every client tries again, and an outage of the issuer is no mistake of the client.
  IDPCommunicationError: { status: 503, type: 'Receiver', message: 'The identity provider could not be reached. Try again.' },
  IncompleteSignature: { status: 400, type: 'Sender', message: 'The request signature is not one that is accepted here' },
  InvalidAction: { status: 400, type: 'Sender', message: 'The action or version is not one that is served here' },
  InvalidClientTokenId: { status: 403, type: 'Sender', message: 'The security token included in the request is invalid.' },
  InvalidIdentityToken: { status: 400, type: 'Sender', message: 'The web identity token could not be validated' },
  MalformedPolicyDocument: { status: 400, type: 'Sender', message: 'The session policy is not a valid policy' },
  MissingAction: { status: 400, type: 'Sender', message: 'The request has no Action' },
  MissingAuthenticationToken: { status: 403, type: 'Sender', message: 'Request is missing Authentication Token' },
  PackedPolicyTooLarge: { status: 400, type: 'Sender', message: 'The session policy is too large when packed' },
  ServiceUnavailable: {
    status: 503,
    type: 'Receiver',
    message: 'The request has failed due to a temporary failure of the server. Try again.'
  },
  SignatureDoesNotMatch: {
    status: 403,
    type: 'Sender',
    message: 'The request signature we calculated does not match the signature you provided.'
  },
  ValidationError: { status: 400, type: 'Sender', message: 'The request is not valid' }
} as const satisfies Record<string, { status: number; type: 'Sender' | 'Receiver'; message: string }>

export type StsErrorCode = keyof typeof STS_ERRORS

/** A refusal in STS's words. The detail is for the client and says only what the client sent wrongly; the reason is for the log. */
export class StsError extends Error {
  readonly code: StsErrorCode
  readonly detail: string
  readonly reason: string

  constructor(code: StsErrorCode, reason: string, detail: string = STS_ERRORS[code].message) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0 // A refusal has no bug to trace, and floods of them must stay cheap.
    super(`${code}: ${reason}`)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'StsError'
    this.code = code
    this.detail = detail
    this.reason = reason
  }
}
