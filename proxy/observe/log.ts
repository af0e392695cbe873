import { pino } from 'pino'
import type { AccessRecord } from './access-record.ts'
import { LineWriter } from './line-writer.ts'
import { createRequestLines, LEVELS, levelOf } from './request-line.ts'

export interface LogOptions {
  /** A file, or 1 for standard output. */
  readonly destination: string | number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** True: object keys are written as they are. False: their hash, which tells equal keys and no more. */
  readonly keys: boolean
  readonly flushMs: number
  /** Stands on every line, where several processes write one log. */
  readonly worker?: number
}

export interface Log {
  /** Writes the one line of a request. */
  request(record: AccessRecord): void
  /** Writes a fault with its causes. `record` is null outside of a request. */
  fault(error: unknown, record: AccessRecord | null): void
  event(level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void
  /** Writes out what is held back. */
  flush(): void
  /** Lines that were not written, because the destination did not take them. */
  linesDropped(): number
  /** Resolves when everything is written, or the destination has not taken it for seconds. */
  close(): Promise<void>
  /** Writes everything before it returns: at the end of a process that did not come to close its log. */
  writeNow(): void
}

/** A log that several processes write. */
export interface SharedLog extends Log {
  /** Writes whole lines that another process has made. */
  lines(text: string): void
}

/** Lines held for a destination that takes none: some seconds of a busy proxy, and little beside its buffers. */
const HELD_BYTES_MAX = 4 * 1024 * 1024

/** A log of JSON lines, in the order of the calls. Lines are held back to be written together, for `flushMs` at most. */
export function createLog({ destination, level, keys, flushMs, worker }: LogOptions): SharedLog {
  const writer = new LineWriter({ destination, flushMs, heldBytesMax: HELD_BYTES_MAX })
  const logger = pino({ level, base: worker === undefined ? null : { worker }, timestamp: pino.stdTimeFunctions.isoTime }, writer)
  const lineOf = createRequestLines(keys, worker)
  const least = LEVELS[level]
  return {
    request: (record) => {
      if (LEVELS[levelOf(record)] >= least) writer.write(lineOf(record))
    },
    fault: (error, record) => logger.error({ requestId: record?.requestId ?? null, fault: describe(error) }, 'fault'),
    event: (at, message, fields = {}) => logger[at](fields, message),
    lines: (text) => writer.write(text),
    flush: () => writer.flush(),
    linesDropped: () => writer.linesDropped,
    close: () => writer.close(),
    writeNow: () => writer.writeNow()
  }
}

const CAUSES_MAX = 5

function describe(error: unknown): unknown {
  const causes: { name: string; message: string; stack: string | null }[] = []
  let next = error
  while (next instanceof Error && causes.length < CAUSES_MAX) {
    causes.push({ name: next.name, message: next.message, stack: next.stack ?? null })
    next = next.cause
  }
  return causes.length === 0 ? [{ name: typeof error, message: String(error), stack: null }] : causes
}
