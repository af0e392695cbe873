import type { StoredBytes } from './stored-bytes.ts'

/** What goes back: bytes of an object are held by the reply until they left. */
export interface Reply {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer | StoredBytes | null
  /** Sent as Content-Length of an answer without body (HEAD). */
  readonly contentLength?: number
}

/** An XML answer. */
export function xmlReply(body: Buffer, headers: Reply['headers'] = []): Reply {
  return { status: 200, headers: [['content-type', 'application/xml'], ...headers], body }
}

/** An answer without body. */
export function emptyReply(status: number, headers: Reply['headers'] = []): Reply {
  return { status, headers, body: null }
}
