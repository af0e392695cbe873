import { errors } from 'undici'
import { UpstreamFault } from './transport.ts'

/** Where a request stood when its connection failed. */
export interface FaultContext {
  /** True once its head was handed to a connection. */
  readonly sent: boolean
  /** True once its whole body was handed over too. */
  readonly complete: boolean
}

/** Names what went wrong on the hop. */
export function faultOf(error: Error, { sent, complete }: FaultContext): UpstreamFault {
  if (error instanceof UpstreamFault) return error
  // An incomplete body is never stored, so a request whose body did not go out was not executed.
  const maybeExecuted = sent && complete
  return new UpstreamFault(kindOf(error, sent), error.message, { maybeExecuted, cause: error })
}

function kindOf(error: Error, sent: boolean): UpstreamFault['kind'] {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return 'timeout'
  if (
    error instanceof errors.HTTPParserError ||
    error instanceof errors.HeadersOverflowError ||
    error instanceof errors.ResponseContentLengthMismatchError ||
    error instanceof errors.InvalidArgumentError ||
    error instanceof errors.NotSupportedError
  ) {
    return 'malformed'
  }
  if (error instanceof errors.RequestContentLengthMismatchError) return 'body'
  if (error instanceof errors.ClientDestroyedError || error instanceof errors.ClientClosedError) return 'cancelled'
  return sent ? 'reset' : 'connect'
}

/**
 * True when a connection that had carried an earlier answer ended before it gave this one: it was closed from idle, and the
 * request met the close on its way. `known` holds the errors of such connections.
 */
export function diedFromIdle(error: unknown, known: WeakSet<object>): boolean {
  if (!(error instanceof Error)) return false
  if (known.has(error)) return true
  return error instanceof errors.SocketError && (error.socket?.bytesRead ?? 0) > 0
}
