import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from './database.ts'
import type { Identity } from './identity.ts'
import type { RotatingKeyRing } from './key-ring.ts'
import type { Addresses, Servers } from './servers.ts'
import type { Upstreams } from './upstreams.ts'
import { isConnectionFault } from '../database/connect.ts'
import type { Log } from '../observe/log.ts'
import type { UpstreamClient } from '../transport/transport.ts'

/** A composed proxy. */
export interface Sluice {
  /**
   * Checks the database, listens, and loads the first snapshot. While Postgres does not answer it resolves too, once it
   * listens: readiness and S3 requests then answer 503 until a complete snapshot is loaded. Rejects, with nothing left
   * running, for what a person has to mend. With `listenLast` it listens only once a snapshot is loaded, however long that takes.
   */
  start(options?: { readonly listenLast: boolean }): Promise<Addresses>
  /** Rejects when Postgres answers at last and what it says forbids to serve. */
  readonly refused: Promise<never>
  /** Drains and closes. A second call hurries. */
  stop(): Promise<void>
}

interface Parts {
  readonly identity: Identity
  readonly database: Database
  readonly keyRing: Pick<RotatingKeyRing, 'start' | 'close'>
  readonly upstream: UpstreamClient
  readonly upstreams: Upstreams
  readonly log: Log
}

const KEY_REFRESH_MS = 30_000
const DATABASE_RETRY_MS = 1_000
const SNAPSHOT_LOOK_MS = 100

/** Starts and stops the parts of a proxy in their order. */
export function lifeOf(parts: Parts, servers: Servers): Sluice {
  const { identity, database, keyRing, upstreams, log } = parts
  const { promise: refused, reject: refuse } = Promise.withResolvers<never>()
  // Told to whoever listens; nobody has to.
  refused.catch(() => undefined)
  const refreshKeys = (): Promise<unknown> => Promise.all(identity.issuers.all.map(({ keys }) => keys.refresh()))
  const refresh = setInterval(() => void refreshKeys(), KEY_REFRESH_MS).unref()
  let stopping: Promise<void> | null = null

  const stop = (): Promise<void> => {
    if (stopping === null) {
      clearInterval(refresh)
      stopping = stopParts(parts, servers)
    } else {
      void servers.stop()
    }
    return stopping
  }
  const loadFirst = async (): Promise<void> => {
    database.feed.start()
    // What fails here is told and tried again by the feed itself.
    await database.feed.refresh().catch(() => undefined)
  }
  const waitForDatabase = async (): Promise<void> => {
    do await sleep(DATABASE_RETRY_MS, undefined, { ref: false })
    while (stopping === null && !(await answers(database, log)))
    if (stopping === null) await loadFirst()
  }

  const load = (isThere: boolean): Promise<unknown> => Promise.all([isThere ? loadFirst() : waitForDatabase(), refreshKeys()])
  const untilLoaded = async (isThere: boolean): Promise<void> => {
    await load(isThere)
    while (stopping === null && !database.directory.ready) await sleep(SNAPSHOT_LOOK_MS, undefined, { ref: false })
  }

  return {
    refused,
    stop,
    async start({ listenLast } = { listenLast: false }) {
      try {
        const isThere = await answers(database, log)
        upstreams.start()
        if (listenLast) await untilLoaded(isThere)
        const addresses = await servers.listen()
        keyRing.start()
        if (listenLast) return addresses
        if (isThere) await load(isThere)
        else void load(isThere).catch(refuse)
        return addresses
      } catch (error) {
        void stop()
        await stop()
        throw error
      }
    }
  }
}

/** True when Postgres answered and nothing speaks against serving; false while it does not answer. */
async function answers(database: Database, log: Log): Promise<boolean> {
  try {
    await database.check()
    return true
  } catch (error) {
    if (!isConnectionFault(error)) throw error
    log.event('warn', `Postgres does not answer, so nothing is served yet: ${(error as Error).message}`)
    return false
  }
}

async function stopParts({ database, keyRing, upstream, upstreams, log }: Parts, servers: Servers): Promise<void> {
  await servers.stop()
  keyRing.close()
  upstreams.close()
  await database.close()
  await upstream.close()
  await log.close()
}
