/** Work that is refused unasked while what it depends on is down. */
export interface Breaker {
  /** Runs the work, or throws a BreakerOpen. */
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failuresMax: number
  /** How long it stays open; then one piece of work at a time is tried. */
  readonly openMs: number
  readonly now: () => Date
}

export class BreakerOpen extends Error {
  constructor() {
    super('it failed several times in a row and is not asked for a moment')
    this.name = 'BreakerOpen'
  }
}

/** Keeps callers from waiting, each for its own timeout, on what has just failed several times in a row. */
export function createBreaker({ failuresMax, openMs, now }: BreakerOptions): Breaker {
  let failures = 0
  let openUntil = 0
  let isTrying = false
  return {
    async run(work) {
      const isTrial = failures >= failuresMax
      if (isTrial && (isTrying || now().getTime() < openUntil)) throw new BreakerOpen()
      if (isTrial) isTrying = true
      try {
        const result = await work()
        failures = 0
        return result
      } catch (error) {
        failures += 1
        openUntil = now().getTime() + openMs
        throw error
      } finally {
        if (isTrial) isTrying = false
      }
    }
  }
}
