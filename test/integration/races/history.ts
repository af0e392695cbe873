/** What one service knows of one key from the answers it got, and what it must therefore find. */
export interface KeyHistory {
  /** ETag of the last write that was acknowledged; null: deleted, or never written. */
  etag: string | null
  /** True after own changes that overlapped: they may have landed in either order. */
  isOpen: boolean
  /** Own changes under way. */
  underWay: number
  /** Counts own changes that began. */
  epoch: number
  /** Until then an own change of unknown outcome may still take effect. */
  doubtUntil: number
}

export type Outcome = { readonly etag: string | null } | 'nothing' | 'unknown'

export interface Expectation {
  readonly etag: string | null
  readonly epoch: number
}

/** Of every service and key. */
export class Histories {
  #byName = new Map<string, KeyHistory>()
  #now: () => number
  #doubtMs: number

  constructor({ now, doubtMs }: { readonly now: () => number; readonly doubtMs: number }) {
    this.#now = now
    this.#doubtMs = doubtMs
  }

  of(service: string, key: string): KeyHistory {
    const name = JSON.stringify([service, key])
    const known = this.#byName.get(name) ?? { etag: null, isOpen: false, underWay: 0, epoch: 0, doubtUntil: 0 }
    this.#byName.set(name, known)
    return known
  }

  /** Gives the epoch of the change, to be told to `end`. */
  begin(service: string, key: string): number {
    const history = this.of(service, key)
    // A change that begins while another is under way leaves the other's order open too.
    if (history.underWay > 0) history.isOpen = true
    history.underWay += 1
    history.epoch += 1
    return history.epoch
  }

  /** `etag`: written; null: deleted; `nothing`: refused, without effect; `unknown`: nobody can say. */
  end(change: { readonly service: string; readonly key: string; readonly began: number }, outcome: Outcome): void {
    const { began } = change
    const history = this.of(change.service, change.key)
    history.underWay -= 1
    if (outcome === 'nothing') return
    if (outcome === 'unknown') {
      history.doubtUntil = this.#now() + this.#doubtMs
      history.isOpen = true
      return
    }
    history.isOpen = history.epoch !== began || history.underWay > 0 || this.#now() < history.doubtUntil
    history.etag = outcome.etag
  }

  /** What the service must find now; null while its own changes leave that open. */
  expect(service: string, key: string): Expectation | null {
    const history = this.of(service, key)
    if (history.isOpen || history.underWay > 0) return null
    return { etag: history.etag, epoch: history.epoch }
  }

  /** True when nothing of the service's own has changed the key since. */
  stands(service: string, key: string, expectation: Expectation): boolean {
    const history = this.of(service, key)
    return history.epoch === expectation.epoch && !history.isOpen
  }
}
