import type { Session } from './session.ts'

/** Opened sessions by the text of their token. Only what was opened is put in, so clients cannot fill it with inventions. */
export interface SessionCache {
  get(token: string): Session | undefined
  set(token: string, session: Session): void
  readonly size: number
}

/** A least-recently-used cache. Entries hold their own expiry and sealing key; `openSession` checks both at each use. */
export function createSessionCache(entriesMax: number): SessionCache {
  const entries = new Map<string, Session>()
  return {
    get(token) {
      const session = entries.get(token)
      if (session === undefined) return undefined
      entries.delete(token) // A Map keeps the order of insertion: the first entry is the one used longest ago.
      entries.set(token, session)
      return session
    },
    set(token, session) {
      entries.delete(token)
      entries.set(token, session)
      if (entries.size <= entriesMax) return
      const oldest = entries.keys().next()
      if (oldest.done !== true) entries.delete(oldest.value)
    },
    get size() {
      return entries.size
    }
  }
}
