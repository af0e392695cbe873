import { setTimeout as sleep } from 'node:timers/promises'
import { startWorker, wordsOf, type WorkerAddresses, type WorkerProcess } from './worker-process.ts'
import type { SharedLog } from '../../observe/log.ts'

export interface CrewOptions {
  readonly count: number
  readonly yamlText: string
  readonly log: Pick<SharedLog, 'event' | 'lines'>
  /** Told when a worker has ended, before another takes its place. */
  onEnded(number: number): void
}

/** One of the workers, whatever process it is by now. */
export interface Place {
  readonly number: number
  readonly process: WorkerProcess
  readonly state: 'starting' | 'serving' | 'down'
}

const RESTART_MS = 100
const RESTART_MS_MAX = 30_000
/** A worker that has served for so long had a good start: the next restart is quick again. */
const SETTLED_MS = 60_000
/** How often each is asked whether it answers, and after how many silences in a row it is ended: as kubelet would a process. */
const LOOK_MS = 10_000
const SILENCES_MAX = 3

/** The worker processes: started, restarted when they end, and ended together. */
export class Crew {
  #options: CrewOptions
  #places: CrewPlace[] = []
  #stopping = false
  #stopSleeping = new AbortController()
  /** What a worker refuses after one could serve is its own trouble; before that it is everybody's. */
  #served = false
  #refused = Promise.withResolvers<never>()
  #kept: Promise<void>[] = []
  restarts = 0

  constructor(options: CrewOptions) {
    this.#options = options
    this.#refused.promise.catch(() => undefined)
  }

  get places(): readonly Place[] {
    return this.#places
  }

  /** Rejects when a worker says what forbids to serve, and none ever could. */
  get refused(): Promise<never> {
    return this.#refused.promise
  }

  /**
   * Starts all. One goes first, so that what forbids to serve is said once and by nobody else. Rejects with what the first that
   * cannot serve says; `stop` then ends the others.
   */
  async start(): Promise<WorkerAddresses> {
    const addresses = await this.#open(1).process.started
    for (let number = 2; number <= this.#options.count; number++) this.#open(number)
    await Promise.all(this.#places.map(({ process }) => process.started))
    for (const place of this.#places) place.state = 'serving'
    this.#kept = this.#places.map((place) => this.#keep(place))
    const looking = setInterval(() => void this.#look(LOOK_MS), LOOK_MS).unref()
    this.#stopSleeping.signal.addEventListener('abort', () => clearInterval(looking))
    return addresses
  }

  /** Drains all and resolves when the last has ended. A second call hurries. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#stopSleeping.abort()
    for (const { process } of this.#places) process.stop()
    await Promise.all(this.#kept)
    await Promise.all(this.#places.map(({ process }) => process.ended))
  }

  /** Notes that a worker can serve. */
  noteReady(): void {
    this.#served = true
  }

  #open(number: number): CrewPlace {
    const place = { number, process: this.#fork(number, false), state: 'starting' as const, silences: 0 }
    this.#places.push(place)
    return place
  }

  #fork(number: number, isRestart: boolean): WorkerProcess {
    const { count, yamlText, log } = this.#options
    return startWorker(
      { number, count, yamlText, tells: number === 1 && !isRestart, listenLast: isRestart && this.#served },
      {
        onLines: (lines) => log.lines(lines),
        onRefused: (says) => {
          if (this.#served) log.event('warn', `a worker cannot serve: ${says}`, { worker: number })
          else this.#refused.reject(new Error(says))
        }
      }
    )
  }

  /** Puts another in the place of a worker that ended, later each time. */
  async #keep(place: CrewPlace): Promise<void> {
    let delayMs = RESTART_MS
    for (;;) {
      const startedAt = performance.now()
      const ending = await place.process.ended
      place.state = 'down'
      this.#options.onEnded(place.number)
      if (this.#stopping) return
      if (performance.now() - startedAt > SETTLED_MS) delayMs = RESTART_MS
      this.#options.log.event('warn', `a worker ended ${wordsOf(ending)}: another takes its place`, {
        ...{ worker: place.number, pid: place.process.pid, afterMs: delayMs }
      })
      await sleep(delayMs, undefined, { signal: this.#stopSleeping.signal }).catch(() => undefined)
      if (this.#stopping) return
      delayMs = Math.min(2 * delayMs, RESTART_MS_MAX)
      this.restarts += 1
      this.#replace(place)
    }
  }

  #replace(place: CrewPlace): void {
    const process = this.#fork(place.number, true)
    Object.assign(place, { process, state: 'starting', silences: 0 })
    process.started.then(
      () => {
        if (process.hasEnded || this.#stopping) return
        place.state = 'serving'
        this.#options.log.event('info', 'a worker serves again', { worker: place.number, pid: process.pid })
      },
      // How it ended is told where it is replaced.
      () => undefined
    )
  }

  async #look(deadlineMs: number): Promise<void> {
    await Promise.all(this.#places.filter(({ state }) => state === 'serving').map((place) => this.#lookAt(place, deadlineMs)))
  }

  async #lookAt(place: CrewPlace, deadlineMs: number): Promise<void> {
    const { process } = place
    const readiness = await process.ask('readiness', deadlineMs)
    if (readiness?.ready === true) this.noteReady()
    if (process !== place.process || process.hasEnded || this.#stopping) return
    place.silences = readiness === null ? place.silences + 1 : 0
    if (place.silences < SILENCES_MAX) return
    this.#options.log.event('warn', 'a worker does not answer and is ended', { worker: place.number, pid: process.pid })
    process.kill()
  }
}

interface CrewPlace extends Place {
  process: WorkerProcess
  state: Place['state']
  /** Times in a row that it has not answered. */
  silences: number
}
