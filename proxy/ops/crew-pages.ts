import { CombinedMetrics } from './combined-metrics.ts'
import type { MetricsPage, OpsPages, Readiness } from './ops-server.ts'

/** A worker, as far as the pages of all tell of it. */
export interface CrewMember {
  readonly number: number
  readonly state: 'starting' | 'serving' | 'down'
  /** Null when no answer came in time. */
  readiness(): Promise<Readiness | null>
  metrics(): Promise<string | null>
}

export interface CrewPagesOptions {
  readonly members: () => readonly CrewMember[]
  /** How many are meant to be there. */
  readonly count: number
  readonly accepting: () => boolean
  readonly restarts: () => number
  /** The metrics of the process that answers for all. */
  readonly ownMetrics: () => Promise<string>
  readonly onReady: () => void
  readonly onError: (error: unknown) => void
}

export interface CrewPages extends OpsPages {
  /** A worker has ended; another may take its number. */
  ended(number: number): void
}

type State = 'ready' | 'unready' | 'unresponsive' | 'starting' | 'down'
const STATES: readonly State[] = ['ready', 'unready', 'unresponsive', 'starting', 'down']

/** The pages of all workers, made by the process that has started them. A worker that does not answer keeps no page from being made. */
export function createCrewPages(options: CrewPagesOptions): CrewPages {
  const { members, count, accepting, restarts, ownMetrics, onReady, onError } = options
  const combined = new CombinedMetrics()
  let allWereReady = false

  const states = async (): Promise<readonly (readonly [number: number, state: State])[]> => {
    const found = await Promise.all(
      members().map(async (member) => [member.number, stateOf(member.state, await member.readiness())] as const)
    )
    const ready = readyAmong(found)
    if (ready > 0) onReady()
    allWereReady ||= ready === count
    return found
  }

  const readiness = async (): Promise<Readiness> => {
    const found = await states()
    const workers = Object.fromEntries(found)
    // At the start all must be there; later one is enough, since connections are handed to those that take them.
    return { ready: accepting() && readyAmong(found) >= (allWereReady ? 1 : count), checks: { accepting: accepting(), workers } }
  }

  const metricsPage = async (): Promise<MetricsPage> => {
    const asked = members()
    const [found, own, ...pages] = await Promise.all([states(), ownMetrics(), ...asked.map((member) => member.metrics())])
    const answers = new Map([['primary', own]])
    for (const [index, text] of pages.entries()) if (text !== null) answers.set(String(asked[index]?.number), text)
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: combined.page(answers) + crewMetrics(found, count, restarts()) }
  }

  return { readiness, metricsPage, onError, ended: (number) => combined.ended(String(number)) }
}

const readyAmong = (found: readonly (readonly [number: number, state: State])[]): number =>
  found.filter(([, state]) => state === 'ready').length

function stateOf(state: CrewMember['state'], readiness: Readiness | null): State {
  if (state !== 'serving') return state
  return readiness === null ? 'unresponsive' : readiness.ready ? 'ready' : 'unready'
}

function crewMetrics(found: readonly (readonly [number: number, state: State])[], count: number, restarts: number): string {
  const counted = STATES.map((state) => {
    const many = found.filter(([, one]) => one === state).length
    // Those that were not yet started.
    return `sluice_workers{state="${state}"} ${state === 'starting' ? many + count - found.length : many}\n`
  })
  return (
    `# HELP sluice_workers Worker processes, by state.\n# TYPE sluice_workers gauge\n${counted.join('')}\n` +
    `# HELP sluice_worker_restarts_total Workers that took the place of one that ended.\n# TYPE sluice_worker_restarts_total counter\nsluice_worker_restarts_total ${restarts}\n`
  )
}
