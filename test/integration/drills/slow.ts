import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { contentOf } from '../streaming/sink.ts'

/** How a transfer is held to a snail's pace, and let go. */
export interface Pace {
  slow: boolean
}

const STEP_MS = 100

/** The first `length` bytes of the endless content, a page at a time while the pace is slow. */
export function slowContent(length: number, pace: Pace): Readable {
  return Readable.from(
    (async function* () {
      for await (const piece of contentOf(length)) {
        if (pace.slow) await sleep(STEP_MS)
        yield piece as Buffer
      }
    })(),
    { objectMode: false }
  )
}

/** How a download ended. */
export interface Download {
  readonly announced: number
  readonly bytes: number
  /** False where the connection ended before the announced bytes had come. */
  readonly whole: boolean
}

/** Reads a download slowly, to its end or until it is cut. */
export async function slowDownload(response: IncomingMessage, pace: Pace): Promise<Download> {
  let bytes = 0
  try {
    for await (const piece of response) {
      bytes += (piece as Buffer).length
      if (pace.slow) await sleep(STEP_MS)
    }
  } catch {
    // Seen in `whole`: a cut shows as a reset.
  }
  return { announced: Number(response.headers['content-length']), bytes, whole: response.complete }
}
