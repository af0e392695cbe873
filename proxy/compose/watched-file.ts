import { watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface WatchedFileOptions {
  readonly path: string
  /** What was read before the watch began. */
  readonly text: string
  /** Takes a new text into use, or throws: then what was in use stays. */
  take(text: string): void
  /** Told once of each text that could not be taken, and of each reason why there is none. */
  onFault(error: unknown): void
  readonly pollMs: number
}

export interface WatchedFile {
  /** Reads now; resolves when what was read is in use. */
  check(): Promise<void>
  close(): void
}

/** How often a mounted file is looked at besides: several times within what kubelet takes to exchange it. */
export const MOUNT_POLL_MS = 15_000

/** Changes come in bursts: a mounted secret is exchanged by several renames. */
const DEBOUNCE_MS = 250

/** The same for files that belong together. */
export const MOUNT_TIMES = { pollMs: MOUNT_POLL_MS, debounceMs: DEBOUNCE_MS }

/**
 * Keeps what a file says in use. The directory is watched, since a mounted secret is exchanged by a symlink beside the file and a
 * watch on the file itself dies with the first exchange; and it is read by the clock, since some mounts tell nothing.
 */
export function watchFile(options: WatchedFileOptions): WatchedFile {
  const check = reader(options)
  let soon: NodeJS.Timeout | null = null
  const watcher = watcherOf(options, () => {
    soon ??= setTimeout(() => {
      soon = null
      void check()
    }, DEBOUNCE_MS).unref()
  })
  const poll = setInterval(() => void check(), options.pollMs).unref()
  return {
    check,
    close() {
      watcher?.close()
      clearInterval(poll)
      if (soon !== null) clearTimeout(soon)
    }
  }
}

function reader({ path, text, take, onFault }: WatchedFileOptions): () => Promise<void> {
  let seen = text
  let fault: string | null = null
  let reading: Promise<void> | null = null

  const read = async (): Promise<void> => {
    try {
      const found = await readFile(path, 'utf8')
      if (found === seen) return
      // Remembered though it may be refused, so that a bad file is told of once and not at every look.
      seen = found
      take(found)
      fault = null
    } catch (error) {
      const told = String(error)
      if (told !== fault) onFault(error)
      fault = told
    }
  }
  return () => {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }
}

function watcherOf({ path, onFault }: WatchedFileOptions, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(dirname(path), { persistent: false }, onChange)
    watcher.on('error', onFault)
    return watcher
  } catch (error) {
    onFault(error)
    return null
  }
}
