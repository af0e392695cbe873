import type { Seen } from '../ownership/steps.ts'
import type { ByteSource, UpstreamResponse } from '../transport/transport.ts'

/** An upstream's answer as the driver keeps it behind a `Seen`: the protocol never looks inside. */
export interface Reply {
  readonly response: UpstreamResponse
  /** The body of an answer that was read whole; null while it is held unread. */
  readonly document: Uint8Array | null
  /** What `putRead` has collected of a held body, so that it can be sent again. */
  collected: Promise<Uint8Array> | null
  /** True once the held body was started, released or given up. */
  taken: boolean
}

/** The answer behind what was seen; null when none came. */
export function replyOf(seen: Seen): Reply | null {
  return seen.reply as Reply | null
}

/** The headers of the answer behind what was seen. */
export function replyHeaders(seen: Seen): readonly string[] {
  return replyOf(seen)?.response.rawHeaders ?? []
}

/** The held body, once: whoever takes it starts it or gives it up. */
export function takeBody(seen: Seen): ByteSource {
  const reply = replyOf(seen)
  if (reply === null || reply.document !== null || reply.taken) throw new Error('the body of an answer is not there to be taken')
  reply.taken = true
  return reply.response.body
}

/** Gives a held answer up; does nothing where its body was taken or read. */
export function discardReply(seen: Seen, reason: string): void {
  const reply = replyOf(seen)
  if (reply === null || reply.document !== null || reply.taken) return
  reply.taken = true
  reply.response.body.cancel(new Error(reason))
}
