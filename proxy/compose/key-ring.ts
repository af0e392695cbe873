import { messageOf } from './message-of.ts'
import { randomBytes } from 'node:crypto'
import { MOUNT_POLL_MS, watchFile, type WatchedFile } from './watched-file.ts'
import type { Config } from '../config/config.ts'
import type { Run } from '../database/connect.ts'
import { recordSealing } from '../database/sealing-keys.ts'
import { newKeyRingText, readKeyRing, type KeyRing } from '../identity/key-ring.ts'
import type { Log } from '../observe/log.ts'

/** The sealing keys of this process, kept as their file has them. */
export interface RotatingKeyRing {
  readonly ring: () => KeyRing
  /** Begins to follow the file, and to tell the database which key seals. */
  start(): void
  close(): void
}

export interface KeyRingOptions {
  readonly config: Config
  readonly run: Run
  readonly log: Pick<Log, 'event'>
  readonly now: () => Date
  readonly pollMs?: number
}

export const RECORD_MS = 60_000

/** Reads the ring, or throws with every problem of its file. Without a file, which only dev mode allows, one is made up. */
export function composeKeyRing(options: KeyRingOptions): RotatingKeyRing {
  const { config, log, now } = options
  const { keysFile } = config.sealing
  let ring = readKeyRing(keysFile === null ? newKeyRingText(randomBytes) : keysFile.reveal())
  const recorder = sealingRecorder(options)
  let watched: WatchedFile | null = null
  let timer: NodeJS.Timeout | null = null

  const take = (text: string): void => {
    const next = readKeyRing(text)
    recorder.note(ring.active.kid, now())
    if (next.active.kid !== ring.active.kid) log.event('info', 'another sealing key is active', { kid: next.active.kid })
    ring = next
    recorder.note(ring.active.kid, now())
    void recorder.write()
  }
  const record = (): void => {
    recorder.note(ring.active.kid, now())
    void recorder.write()
  }
  return {
    ring: () => ring,
    start() {
      const path = keysFile?.file ?? null
      if (keysFile === null || path === null) return
      const onFault = (error: unknown): void => log.event('warn', `the key ring stays as it was: ${messageOf(error)}`)
      watched = watchFile({ path, text: keysFile.reveal(), take, onFault, pollMs: options.pollMs ?? MOUNT_POLL_MS })
      timer = setInterval(record, RECORD_MS).unref()
      record()
      // It may have changed since the configuration was read.
      void watched.check()
    },
    close() {
      watched?.close()
      if (timer !== null) clearInterval(timer)
    }
  }
}

/** Tells the database when which key sealed; what it did not take is told again, so that an outage shortens no key's life. */
function sealingRecorder({ run, log }: KeyRingOptions): { note(kid: string, at: Date): void; write(): Promise<void> } {
  const waiting = new Map<string, Date>()
  return {
    note: (kid, at) => void waiting.set(kid, at),
    async write() {
      for (const [kid, at] of [...waiting]) {
        try {
          await recordSealing(run, kid, at)
          if (waiting.get(kid) === at) waiting.delete(kid)
        } catch (error) {
          log.event('warn', `the use of sealing key ${kid} could not be recorded: ${messageOf(error)}`)
        }
      }
    }
  }
}
