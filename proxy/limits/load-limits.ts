import { LoadStates, type LoadState } from './load-states.ts'
import type { Rate } from './token-bucket.ts'

export interface LoadOptions {
  readonly tenant: {
    /** Requests under way at once; 0: any number. */
    readonly requestsMax: number
    readonly requests: Rate | null
    /** Bytes of bodies, in both directions together. */
    readonly bytes: Rate | null
    /** Tenants that are remembered at most, besides those with requests under way. */
    readonly rememberedMax: number
  }
  /** Requests to each bucket of an account, by the account's id; the tenants in a bucket share them. */
  readonly buckets: ReadonlyMap<string, Rate>
  /** The part of every limit that is this process's own: 1, or less where several processes serve the same tenants. */
  readonly share: number
  readonly onRefused: (limit: LimitName) => void
}

export type LimitName = 'tenant-concurrency' | 'tenant-requests' | 'tenant-bytes' | 'bucket-requests'

/** A request, and what it has used so far. */
export interface Load {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly upstreamRequests: number
}

/** A bucket of an upstream. */
export interface LoadPlace {
  readonly account: { readonly id: string }
  readonly assignment: { readonly upstreamBucket: string }
}

export interface OverLimit {
  readonly limit: LimitName
  /** Until the request would be admitted; 0 where only the end of another request tells. */
  readonly waitMs: number
}

/** Told of bytes as they flow. */
export interface ByteMeter {
  flowed(bytes: number, nowMs: number): void
}

/** What tenants may use at once and over time. Times are milliseconds of a clock that never goes back. */
export interface LoadLimits {
  /**
   * Begins a request of a tenant, or says which limit it is over; of several the one that holds longest. A request that is
   * refused has used nothing. `target` and `source`: the buckets that it will go to, null for none.
   */
  enter(load: Load, tenant: string, target: LoadPlace | null, source: LoadPlace | null, nowMs: number): OverLimit | null
  /** The meter for a body of a request under way that takes long; null where its bytes need no count before its end. */
  meterOf(load: Load): ByteMeter | null
  /** Ends a request, which pays for what it has used in the end. One that did not begin is nothing to it. */
  leave(load: Load, nowMs: number): void
  readonly requestsUnderWay: number
  readonly tenantsRemembered: number
}

/** More buckets than an account has assignments. */
const BUCKETS_MAX = 100_000
/** Tickets kept for the requests to come. */
const TICKETS_MAX = 4096

/** The limits that are configured; null where there is none. */
export function createLoadLimits(options: LoadOptions): LoadLimits | null {
  const { tenant, buckets, share } = options
  if (!(share > 0 && share <= 1)) throw new Error(`the share of a process must be above 0 and at most 1, but is ${share}`)
  const isLimited = tenant.requestsMax > 0 || tenant.requests !== null || tenant.bytes !== null || buckets.size > 0
  return isLimited ? new Limits(options) : null
}

/** What a request under way holds. */
class Ticket implements ByteMeter {
  tenant: LoadState | null = null
  target: LoadState | null = null
  source: LoadState | null = null
  /** Bytes that were paid for while they flowed. */
  metered = 0
  hasMeter = false

  flowed(bytes: number, nowMs: number): void {
    this.metered += bytes
    this.tenant?.bytes?.take(bytes, nowMs)
  }
}

class Limits implements LoadLimits {
  readonly #requestsMax: number
  readonly #tenants: LoadStates
  readonly #buckets: ReadonlyMap<string, LoadStates>
  readonly #onRefused: LoadOptions['onRefused']
  readonly #tickets = new Map<Load, Ticket>()
  readonly #spare: Ticket[] = []

  constructor({ tenant, buckets, share, onRefused }: LoadOptions) {
    this.#requestsMax = tenant.requestsMax === 0 ? Infinity : Math.max(1, Math.floor(tenant.requestsMax * share))
    this.#tenants = new LoadStates({ requests: part(tenant.requests, share), bytes: part(tenant.bytes, share) }, tenant.rememberedMax)
    const statesOf = (rate: Rate): LoadStates => new LoadStates({ requests: part(rate, share), bytes: null }, BUCKETS_MAX)
    this.#buckets = new Map([...buckets].map(([account, rate]) => [account, statesOf(rate)]))
    this.#onRefused = onRefused
  }

  get requestsUnderWay(): number {
    return this.#tickets.size
  }

  get tenantsRemembered(): number {
    return this.#tenants.size
  }

  // HOT: bench/limits.ts
  enter(load: Load, tenant: string, target: LoadPlace | null, source: LoadPlace | null, nowMs: number): OverLimit | null {
    const ticket = this.#spare.pop() ?? new Ticket()
    ticket.tenant = this.#tenants.get(tenant, nowMs)
    ticket.target = this.#bucketOf(target, nowMs)
    ticket.source = this.#bucketOf(source, nowMs)
    if (ticket.source === ticket.target) ticket.source = null
    if (!this.#admits(ticket, nowMs)) return this.#refuse(ticket, nowMs)
    hold(ticket, nowMs)
    this.#tickets.set(load, ticket)
    return null
  }

  meterOf(load: Load): ByteMeter | null {
    const ticket = this.#tickets.get(load)
    if (ticket?.tenant?.bytes === null || ticket === undefined) return null
    ticket.hasMeter = true
    return ticket
  }

  // HOT: bench/limits.ts
  leave(load: Load, nowMs: number): void {
    const ticket = this.#tickets.get(load)
    if (ticket === undefined) return
    this.#tickets.delete(load)
    const { tenant, target, source } = ticket
    if (tenant !== null) {
      tenant.bytes?.take(load.bytesIn + load.bytesOut - ticket.metered, nowMs)
      tenant.release()
    }
    settle(target, load.upstreamRequests === 0 ? -1 : load.upstreamRequests - (source === null ? 1 : 2), nowMs)
    settle(source, load.upstreamRequests === 0 ? -1 : 0, nowMs)
    this.#giveBack(ticket)
  }

  #bucketOf(place: LoadPlace | null, nowMs: number): LoadState | null {
    if (place === null) return null
    return this.#buckets.get(place.account.id)?.get(place.assignment.upstreamBucket, nowMs) ?? null
  }

  #admits({ tenant, target, source }: Ticket, nowMs: number): boolean {
    return (
      tenant !== null &&
      tenant.underWay < this.#requestsMax &&
      (tenant.requests?.admits(nowMs) ?? true) &&
      (tenant.bytes?.admits(nowMs) ?? true) &&
      (target?.requests?.admits(nowMs) ?? true) &&
      (source?.requests?.admits(nowMs) ?? true)
    )
  }

  #refuse(ticket: Ticket, nowMs: number): OverLimit {
    const { tenant, target, source } = ticket
    const waits: readonly OverLimit[] = [
      { limit: 'tenant-requests', waitMs: tenant?.requests?.waitMs(nowMs) ?? 0 },
      { limit: 'tenant-bytes', waitMs: tenant?.bytes?.waitMs(nowMs) ?? 0 },
      { limit: 'bucket-requests', waitMs: Math.max(target?.requests?.waitMs(nowMs) ?? 0, source?.requests?.waitMs(nowMs) ?? 0) }
    ]
    let over: OverLimit = { limit: 'tenant-concurrency', waitMs: 0 }
    for (const wait of waits) if (wait.waitMs > over.waitMs) over = wait
    this.#giveBack(ticket)
    this.#onRefused(over.limit)
    return over
  }

  #giveBack(ticket: Ticket): void {
    // A flow that is being given up may still tell the meter of its last bytes.
    if (ticket.hasMeter || this.#spare.length >= TICKETS_MAX) return
    ticket.tenant = null
    ticket.target = null
    ticket.source = null
    this.#spare.push(ticket)
  }
}

function hold({ tenant, target, source }: Ticket, nowMs: number): void {
  tenant?.hold()
  tenant?.requests?.take(1, nowMs)
  target?.hold()
  target?.requests?.take(1, nowMs)
  source?.hold()
  source?.requests?.take(1, nowMs)
}

/** Ends a request to a bucket, of which one was paid for as it began: `more` is what is still owed, or -1 where none was sent. */
function settle(bucket: LoadState | null, more: number, nowMs: number): void {
  if (bucket === null) return
  bucket.requests?.take(Math.max(-1, more), nowMs)
  bucket.release()
}

/** A process's own part of a rate. With less than a whole token at its fullest a bucket would admit nothing, ever. */
function part(rate: Rate | null, share: number): Rate | null {
  return rate === null ? null : { perSecond: rate.perSecond * share, burst: Math.max(1, rate.burst * share) }
}
