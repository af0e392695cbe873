/** The closed list of reasons why a token proves nothing, for the log and the metrics. */
export type TokenProblemKind =
  | 'malformed'
  | 'unknown-issuer'
  | 'algorithm-not-allowed'
  | 'unknown-key'
  | 'bad-signature'
  | 'wrong-audience'
  | 'missing-claim'
  | 'bad-claim'
  | 'bad-subject'
  | 'no-pod-binding'
  | 'expired'
  | 'not-yet-valid'
  | 'lives-too-long'
  | 'revoked'
  /** The token is good, and no rule of its issuer gives its subject a role. */
  | 'no-role'
  /** No refusal: whether the token is good could not be found out. */
  | 'keys-unavailable'

/** A token that is refused, or could not be judged. The reason is for the log; it never holds the token. */
export class TokenProblem extends Error {
  readonly kind: TokenProblemKind
  readonly reason: string

  constructor(kind: TokenProblemKind, reason: string) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0 // A refusal has no bug to trace, and floods of them must stay cheap.
    super(`${kind}: ${reason}`)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'TokenProblem'
    this.kind = kind
    this.reason = reason
  }
}
