import { availableParallelism } from 'node:os'
import { Crew, type Place } from './crew.ts'
import { prepareWorkers } from './worker-process.ts'
import type { Sluice } from '../life.ts'
import { composeLog } from '../observe.ts'
import { urlOf } from '../servers.ts'
import type { Config } from '../../config/config.ts'
import { createProcessMetrics } from '../../observe/process-metrics.ts'
import { createCrewPages, type CrewMember } from '../../ops/crew-pages.ts'
import { createPageServer } from '../../ops/ops-server.ts'

export interface PrimaryOptions {
  readonly count: number
  /** What the configuration was read from. */
  readonly yamlText: string
  /** The module that a worker runs. */
  readonly entry: string
  readonly nodeOptions: readonly string[]
  readonly logDestination: string | number
}

/** Kubelet waits a second for a probe. */
const READINESS_MS = 500
/** Prometheus waits ten for a scrape. */
const METRICS_MS = 2_000

/** How many processes serve. */
export function workersOf({ workers }: Pick<Config, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers
}

/** A proxy whose requests are served by worker processes. This one has the ops listener, hands out connections and writes the log. */
export function composePrimary(config: Config, options: PrimaryOptions): Sluice {
  const { count, yamlText, entry, nodeOptions, logDestination } = options
  const log = composeLog(config, { destination: logDestination, keys: false })
  prepareWorkers(entry, nodeOptions)
  let accepting = true
  let stopping: Promise<void> | null = null
  const crew = new Crew({ count, yamlText, log, onEnded: (number) => pages.ended(number) })
  const pages = createCrewPages({
    count,
    members: () => crew.places.map(memberOf),
    accepting: () => accepting,
    restarts: () => crew.restarts,
    ownMetrics: createProcessMetrics().page,
    onReady: () => crew.noteReady(),
    onError: (error) => log.fault(error, null)
  })
  const ops = createPageServer(pages)
  const stopAll = async (): Promise<void> => {
    accepting = false
    await crew.stop()
    await ops.close()
    await log.close()
  }
  const stop = (): Promise<void> => {
    if (stopping === null) stopping = stopAll()
    else void crew.stop()
    return stopping
  }
  return {
    refused: crew.refused,
    stop,
    async start() {
      try {
        const address = await ops.listen(config.listeners.ops)
        const addresses = await crew.start()
        // Whoever asks first may ask when one is gone already.
        await pages.readiness()
        return { ...addresses, ops: urlOf(address, null) }
      } catch (error) {
        void stop()
        await stop()
        throw error
      }
    }
  }
}

function memberOf({ number, state, process }: Place): CrewMember {
  return {
    number,
    state,
    readiness: () => process.ask('readiness', READINESS_MS),
    metrics: () => process.ask('metrics', METRICS_MS)
  }
}
