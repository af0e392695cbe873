import { messageOf } from './message-of.ts'
import { MOUNT_POLL_MS, watchFile } from './watched-file.ts'
import type { Secret } from '../config/config.ts'
import type { Login } from '../database/connect.ts'
import type { Log } from '../observe/log.ts'

/** A URL of Postgres as its file has it now. */
export interface FollowedUrl extends Login {
  close(): void
}

/** Follows the file that a URL comes from; one that comes from elsewhere cannot change. */
export function followUrl(secret: Secret, log: Pick<Log, 'event'>): FollowedUrl {
  let url = secret.reveal()
  if (secret.file === null) return { current: () => url, refresh: () => Promise.resolve(), close: () => undefined }
  const watched = watchFile({
    path: secret.file,
    text: `${url}\n`,
    take(text) {
      const found = text.replace(/\r?\n$/, '')
      if (found === url) return
      // The text is not quoted: it holds a password.
      if (!isPostgresUrl(found)) throw new Error(`${secret.source} holds no URL of Postgres, with user and password percent-encoded`)
      url = found
      log.event('info', 'another URL of Postgres was read: the next connection that is refused goes by it', { source: secret.source })
    },
    onFault: (error) => log.event('warn', `the URL of Postgres stays as it was: ${messageOf(error)}`),
    pollMs: MOUNT_POLL_MS
  })
  return { current: () => url, refresh: () => watched.check(), close: () => watched.close() }
}

/** The password of a URL, as it is asked for by each new connection of a listener. */
export function passwordOf(url: string): string {
  return decodeURIComponent(new URL(url).password)
}

function isPostgresUrl(text: string): boolean {
  try {
    // A password with a `%` that is not escaped cannot be read.
    passwordOf(text)
    return /^postgres(?:ql)?:\/\//.test(text)
  } catch {
    return false
  }
}
