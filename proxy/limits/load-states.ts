import { TokenBucket, type Rate } from './token-bucket.ts'

/** What a name may use; null: without limit. */
export interface LoadRates {
  readonly requests: Rate | null
  readonly bytes: Rate | null
}

/** How much one tenant, or one bucket of an upstream, is using. */
export class LoadState {
  readonly name: string
  readonly requests: TokenBucket | null
  readonly bytes: TokenBucket | null
  /** The ring of states with nothing under way, from the one used longest ago to the one used last. `ends` lies between those two. */
  older: LoadState = this
  newer: LoadState = this
  readonly #ends: LoadState
  #underWay = 0

  constructor(name: string, { requests, bytes }: LoadRates, { ends, nowMs }: { readonly ends: LoadState | null; readonly nowMs: number }) {
    this.name = name
    this.requests = requests === null ? null : new TokenBucket(requests, nowMs)
    this.bytes = bytes === null ? null : new TokenBucket(bytes, nowMs)
    this.#ends = ends ?? this
  }

  /** Requests under way. */
  get underWay(): number {
    return this.#underWay
  }

  /** True when a new one would say the same. */
  isLikeNew(nowMs: number): boolean {
    return this.#underWay === 0 && (this.requests?.isFull(nowMs) ?? true) && (this.bytes?.isFull(nowMs) ?? true)
  }

  /** Begins a request; until its release the state is not forgotten. */
  hold(): void {
    if (this.#underWay === 0) this.leaveRing()
    this.#underWay += 1
  }

  release(): void {
    this.#underWay -= 1
    if (this.#underWay === 0) this.joinRing()
  }

  /** Becomes the one that was used last. */
  joinRing(): void {
    const ends = this.#ends
    this.newer = ends
    this.older = ends.older
    ends.older.newer = this
    ends.older = this
  }

  leaveRing(): void {
    this.older.newer = this.newer
    this.newer.older = this.older
  }
}

/** How many that are not like new are passed over before one is forgotten all the same. */
const PASSED_OVER_MAX = 8

/**
 * States by name, so many at most and those with requests under way besides. What is like new is forgotten first, of that what
 * was used longest ago. Finding, holding and releasing cost the same however many there are, and allocate nothing for a name
 * that is known.
 */
export class LoadStates {
  readonly #rates: LoadRates
  readonly #statesMax: number
  readonly #states = new Map<string, LoadState>()
  readonly #ends = new LoadState('', { requests: null, bytes: null }, { ends: null, nowMs: 0 })

  constructor(rates: LoadRates, statesMax: number) {
    this.#rates = rates
    this.#statesMax = statesMax
  }

  get size(): number {
    return this.#states.size
  }

  get(name: string, nowMs: number): LoadState {
    const known = this.#states.get(name)
    if (known !== undefined) return known
    if (this.#states.size >= this.#statesMax) this.#forgetOne(nowMs)
    const state = new LoadState(name, this.#rates, { ends: this.#ends, nowMs })
    this.#states.set(name, state)
    state.joinRing()
    return state
  }

  #forgetOne(nowMs: number): void {
    for (let passed = 0; passed < PASSED_OVER_MAX; passed++) {
      const oldest = this.#ends.newer
      if (oldest.isLikeNew(nowMs)) break
      oldest.leaveRing()
      oldest.joinRing()
    }
    const oldest = this.#ends.newer
    if (oldest === this.#ends) return
    oldest.leaveRing()
    this.#states.delete(oldest.name)
  }
}
