/** Something that has to be done by a certain tick. */
export interface Deadlined {
  /** The tick after which `onDeadline` is called; `NEVER` where there is none. */
  deadline: number
  onDeadline(): void
}

export const NEVER = Number.MAX_SAFE_INTEGER

/**
 * One timer for all deadlines. Setting one is writing a number, so a request costs no timer. A deadline is met late by up
 * to two ticks, never early. Ticks are counted, not read from a clock: while the event loop stands still no deadline passes.
 */
export class Deadlines {
  #tickMs: number
  #tick = 0
  #watched = new Set<Deadlined>()
  #timer: NodeJS.Timeout | null = null

  constructor(tickMs: number) {
    this.#tickMs = tickMs
  }

  /** The tick now. */
  get now(): number {
    return this.#tick
  }

  /** How many are watched. */
  get size(): number {
    return this.#watched.size
  }

  /** The tick that is at least `ms` milliseconds away. */
  after(ms: number): number {
    return this.#tick + Math.ceil(ms / this.#tickMs) + 1
  }

  watch(item: Deadlined): void {
    this.#watched.add(item)
    // The sockets keep the process alive, not the timer.
    this.#timer ??= setInterval(() => this.#onTick(), this.#tickMs).unref()
  }

  unwatch(item: Deadlined): void {
    this.#watched.delete(item)
    if (this.#watched.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  #onTick(): void {
    this.#tick += 1
    for (const item of this.#watched) {
      if (item.deadline >= this.#tick) continue
      item.deadline = NEVER
      item.onDeadline()
    }
  }
}
