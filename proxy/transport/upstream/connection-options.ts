import type { BufferPool } from './buffers.ts'
import type { UpstreamConnection } from './connection.ts'
import type { Deadlines } from './deadlines.ts'
import type { OpenSocket } from './open-socket.ts'

export interface ConnectionLimits {
  readonly connectTimeoutMs: number
  readonly tlsTimeoutMs: number
  readonly idleBodyTimeoutMs: number
  readonly keepAliveMs: number
  readonly headerBytesMax: number
}

/**
 * Where a connection stood when it was lost. `opening`: it never came about. `unanswered`: it took a request, and never gave
 * the head of an answer to any. `over`: anything else.
 */
export type LostWhen = 'opening' | 'unanswered' | 'over'

/** Who has the connection while no exchange has it. */
export interface ConnectionOwner {
  onReady(connection: UpstreamConnection): void
  /** The head of its first answer came. */
  onProven(connection: UpstreamConnection): void
  /** Another request may be sent on it. */
  onReleased(connection: UpstreamConnection): void
  /** It is gone. */
  onLost(connection: UpstreamConnection, error: Error, when: LostWhen): void
}

export interface ConnectionOptions {
  readonly open: OpenSocket
  readonly secure: boolean
  readonly limits: ConnectionLimits
  readonly buffers: BufferPool
  readonly deadlines: Deadlines
  readonly owner: ConnectionOwner
}
