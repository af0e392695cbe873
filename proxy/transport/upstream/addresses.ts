import { isIP } from 'node:net'
import { systemResolve } from '../guarded-lookup.ts'
import { NEVER, type Deadlined, type Deadlines } from './deadlines.ts'

/** One address of an upstream, and how it has behaved. */
export interface Address {
  readonly address: string
  /** Connections open or being opened. */
  open: number
  /** Those of them that have answered nothing yet. */
  unproven: number
  /** How often it failed since it last answered. */
  failures: number
  /** Connections that came about and were lost without an answer, since it last answered. */
  unanswered: number
  /** The tick until which others are tried first. */
  avoidedUntil: number
}

/** Every address of a name, or an error. */
export type Lookup = (hostname: string, callback: (error: Error | null, addresses: readonly string[]) => void) => void

/** How long the answer of the name service is used. */
const FRESH_MS = 5_000
const BACK_OFF_MS = 250
const BACK_OFF_MAX_MS = 30_000
/** One request may be at fault itself: so many in a row are the address's. */
const UNANSWERED_MAX = 3

/**
 * The addresses of one host, looked up when a connection is made. All of them are used, evenly. One that fails, to connect or to
 * answer, is avoided for a while, twice as long each time, and then tried with one connection until that is answered. Where all
 * failed the one whose time is over first is tried: a single address is never given up.
 */
export class Addresses implements Deadlined {
  /** The last tick at which something is still fresh or avoided. */
  deadline = NEVER
  #hostname: string
  #deadlines: Deadlines
  #lookup: Lookup
  #known: readonly Address[] = []
  #freshUntil = -1
  #closed = false
  #waiting: ((error: Error | null) => void)[] = []

  constructor(hostname: string, { deadlines, lookup }: { readonly deadlines: Deadlines; readonly lookup: Lookup }) {
    this.#hostname = hostname
    this.#deadlines = deadlines
    this.#lookup = lookup
    if (isIP(hostname) !== 0) {
      this.#known = [fresh(hostname)]
      this.#freshUntil = Infinity
    }
  }

  /** Calls back, perhaps at once, when the addresses are known. What was known before stays where the name service fails. */
  whenKnown(callback: (error: Error | null) => void): void {
    if (this.#freshUntil > this.#deadlines.now) {
      callback(null)
      return
    }
    this.#waiting.push(callback)
    if (this.#waiting.length > 1) return
    this.#lookup(this.#hostname, (error, addresses) => this.#learn(error, addresses))
  }

  /** How many there are. */
  get size(): number {
    return this.#known.length
  }

  /** The best address that is not among those already tried; null when there is none. */
  pick(tried: ReadonlySet<Address>): Address | null {
    let best: Address | null = null
    for (const address of this.#known) if (!tried.has(address) && (best === null || this.#isBetter(address, best))) best = address
    return best
  }

  answered(address: Address): void {
    address.failures = address.unanswered = address.avoidedUntil = 0
  }

  /** A connection was lost that took a request and answered none. */
  unanswered(address: Address): void {
    address.unanswered += 1
    if (address.unanswered >= UNANSWERED_MAX) this.failed(address)
  }

  /** No connection came about. */
  failed(address: Address): void {
    address.failures += 1
    const ms = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** Math.min(address.failures - 1, 10))
    address.avoidedUntil = this.#deadlines.after(ms)
    this.#keepTime(address.avoidedUntil)
  }

  onDeadline(): void {
    this.#deadlines.unwatch(this)
  }

  close(): void {
    this.#closed = true
    this.#deadlines.unwatch(this)
  }

  /** Ticks are counted only while somebody waits for one. */
  #keepTime(until: number): void {
    if (this.#closed) return
    this.deadline = this.deadline === NEVER ? until : Math.max(this.deadline, until)
    this.#deadlines.watch(this)
  }

  #isBetter(one: Address, other: Address): boolean {
    const oneAvoided = this.#avoided(one)
    const otherAvoided = this.#avoided(other)
    return oneAvoided === otherAvoided ? one.open < other.open : oneAvoided < otherAvoided
  }

  /** For how many ticks others are tried first. */
  #avoided({ avoidedUntil, failures, unproven }: Address): number {
    const onTrial = failures > 0 && unproven > 0
    return Math.max(onTrial ? 1 : 0, avoidedUntil - this.#deadlines.now)
  }

  #learn(error: Error | null, addresses: readonly string[]): void {
    const before = new Map(this.#known.map((known) => [known.address, known]))
    if (error === null) this.#known = [...new Set(addresses)].map((address) => before.get(address) ?? fresh(address))
    const usable = this.#known.length > 0
    if (usable) {
      this.#freshUntil = this.#deadlines.after(FRESH_MS)
      this.#keepTime(this.#freshUntil)
    }
    const problem = usable ? null : (error ?? new Error(`${this.#hostname} has no address`))
    for (const callback of this.#waiting.splice(0)) callback(problem)
  }
}

/** The system's own name service, without what no upstream's name may stand for. */
export const systemLookup: Lookup = (hostname, callback) => {
  systemResolve(hostname, (error, addresses) =>
    callback(
      error,
      addresses.map(({ address }) => address)
    )
  )
}

function fresh(address: string): Address {
  return { address, open: 0, unproven: 0, failures: 0, unanswered: 0, avoidedUntil: 0 }
}
