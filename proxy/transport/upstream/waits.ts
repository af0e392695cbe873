import { UpstreamFault } from '../transport.ts'

/** What a connection waits for. `room` is room for more of the request, `bytes` more of the answer. */
export type Wait = 'connect' | 'tls' | 'idle' | 'head' | 'room' | 'bytes'

/** What it is when the wait was too long. `sentWhole`: the upstream had the whole request. */
export function overdue(wait: Wait, sentWhole: boolean): Error {
  const timeout = (message: string, maybeExecuted: boolean): Error => new UpstreamFault('timeout', message, { maybeExecuted })
  switch (wait) {
    case 'connect':
      return new Error('no connection within the time allowed')
    case 'tls':
      return new Error('no TLS handshake within the time allowed')
    case 'idle':
      return new Error('the connection was idle')
    case 'head':
      return timeout('no answer within the time allowed', sentWhole)
    case 'room':
      return timeout('the upstream took no byte within the time allowed', sentWhole)
    case 'bytes':
      return timeout('no byte of the answer within the time allowed', true)
    default:
      return wait satisfies never
  }
}
