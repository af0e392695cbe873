/** How much is let through: so much a second in the long run, and so much at once after a pause. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** A token, less what the rounding of many small refills may lack. */
const ONE = 1 - 1e-6

/**
 * A token bucket: begins full, fills by `perSecond` up to `burst`, and admits while it holds a token. What is only known
 * afterwards may be taken below zero; that debt is paid back at the same rate, and nothing is admitted until it is.
 * Times are milliseconds of a clock that never goes back.
 */
export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #filledAtMs: number

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#filledAtMs = nowMs
  }

  admits(nowMs: number): boolean {
    return this.#fill(nowMs) >= ONE
  }

  isFull(nowMs: number): boolean {
    return this.#fill(nowMs) >= this.#rate.burst
  }

  /** Takes so many, there or not; fewer than none are given back. */
  take(tokens: number, nowMs: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#fill(nowMs) - tokens)
  }

  /** Milliseconds until it admits, when nobody takes meanwhile; 0 when it does now. */
  waitMs(nowMs: number): number {
    const missing = 1 - this.#fill(nowMs)
    return missing <= 1 - ONE ? 0 : (missing * 1000) / this.#rate.perSecond
  }

  #fill(nowMs: number): number {
    if (nowMs > this.#filledAtMs) {
      const { perSecond, burst } = this.#rate
      this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAtMs) * perSecond) / 1000)
      this.#filledAtMs = nowMs
    }
    return this.#tokens
  }
}
