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

/** An own change that is under way. */
export interface Change {
  readonly service: string
  readonly key: string
  readonly began: number
  readonly isAlone: boolean
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

  begin(service: string, key: string): Change {
    const history = this.of(service, key)
    const isAlone = history.underWay === 0
    history.underWay += 1
    history.epoch += 1
    return { service, key, began: history.epoch, isAlone }
  }

  /** `etag`: written; null: deleted; `nothing`: refused, without effect; `unknown`: nobody can say. */
  end({ service, key, began, isAlone }: Change, outcome: Outcome): void {
    const history = this.of(service, key)
    history.underWay -= 1
    if (outcome === 'nothing') return
    if (outcome === 'unknown') {
      history.doubtUntil = this.#now() + this.#doubtMs
      history.isOpen = true
      return
    }
    // Of two own changes that overlapped nobody can say which took effect last.
    const wasAlone = isAlone && history.epoch === began
    history.isOpen = !wasAlone || this.#now() < history.doubtUntil
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
