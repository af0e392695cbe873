import { watch, type FSWatcher } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Several files that belong together, followed as they are replaced. */
export interface FileSet {
  /** Texts of all files, in their order, all of one moment; rejects while one cannot be read. */
  read(): Promise<readonly string[]>
  /** Tells whether any file was replaced or written since the last `read`. */
  changed(): Promise<boolean>
  /** Calls back when there may be something new: soon after a change, and every poll. */
  follow(onChange: () => void): void
  close(): void
}

export interface FileSetTimes {
  readonly pollMs: number
  /** Quiet after a change before it is looked at: a set of files is seldom written at once. */
  readonly debounceMs: number
}

const READS_MAX = 5
const FILE_BYTES_MAX = 64 * 1024

/**
 * The directories are watched, not the files: kubelet swaps the symlink `..data` beside them and Vault renames a new file over
 * the old one, and both end a watch on the file itself. The poll finds what no event tells, such as a mount over the directory.
 */
export function createFileSet(paths: readonly string[], { pollMs, debounceMs }: FileSetTimes): FileSet {
  const watchers = new Map<string, FSWatcher>()
  let seen: string | null = null
  let poll: NodeJS.Timeout | null = null
  let debounce: NodeJS.Timeout | null = null

  const forget = (directory: string): void => {
    watchers.get(directory)?.close()
    watchers.delete(directory)
  }
  const openWatchers = (onEvent: () => void): void => {
    for (const directory of new Set(paths.map((path) => dirname(path)))) {
      if (watchers.has(directory)) continue
      try {
        const watcher = watch(directory, { persistent: false }, onEvent)
        watcher.on('error', () => forget(directory))
        watchers.set(directory, watcher)
      } catch {
        // Not there, or the system has no watch left: the poll sees the files, and tries again.
      }
    }
  }
  return {
    async read() {
      for (let attempt = 0; attempt < READS_MAX; attempt++) {
        const before = await fingerprintOf(paths)
        const texts = await allInOrder(paths.map((path) => readFile(path, 'utf8')))
        const after = await fingerprintOf(paths)
        // Swapped in between: a key id of before would come with a secret of after.
        if (before !== after) continue
        seen = after
        return texts
      }
      throw new Error(`${paths.join(', ')} change while they are read`)
    },
    changed: async () => (await fingerprintOf(paths)) !== seen,
    follow(onChange) {
      const onEvent = (): void => {
        if (debounce !== null) clearTimeout(debounce)
        debounce = setTimeout(onChange, debounceMs).unref()
      }
      openWatchers(onEvent)
      poll = setInterval(() => {
        openWatchers(onEvent)
        onChange()
      }, pollMs).unref()
    },
    close() {
      if (poll !== null) clearInterval(poll)
      if (debounce !== null) clearTimeout(debounce)
      for (const directory of [...watchers.keys()]) forget(directory)
    }
  }
}

/** Changes whenever a path leads to another file, or its file is written. */
async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const stats = await allInOrder(paths.map((path) => stat(path, { bigint: true })))
  for (const [index, { size }] of stats.entries()) {
    if (size > FILE_BYTES_MAX) throw new Error(`${paths[index]} has ${size} bytes, which is no credential`)
  }
  return JSON.stringify(stats.map(({ dev, ino, mtimeNs, ctimeNs, size }) => [dev, ino, mtimeNs, ctimeNs, size].map(String)))
}

/** Where several fail the first of them is told, not the quickest: a failure that lasts is then told in the same words. */
async function allInOrder<Value>(promises: readonly Promise<Value>[]): Promise<readonly Value[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
