/**
 * Leases. Where no condition guards an effect, look and effect run under the key's lease. It is given back exactly once,
 * however the run ends, and left to expire exactly when the outcome of an effect is unknown.
 */
import { isUnknown, refuse, slowDown } from './answers.ts'
import { askOne } from './ask.ts'
import { cleanly } from './clean-up.ts'
import { takesLeases, type OwnershipContext } from './context.ts'
import type { Ask, LeaseState, ObjectRef, Outcome, Protocol, Seen } from './steps.ts'

/** A held lease. */
export interface Hold {
  readonly key: ObjectRef['key']
  /** True from before an effect is sent until its outcome is known. */
  unknown: boolean
}

export interface LeaseWanted {
  readonly key: ObjectRef['key']
  readonly shared: boolean
  /** What may be done while a request of unknown outcome still has the lease. */
  readonly lingering: () => Protocol
}

/** Runs `body` under the key's lease. */
export function* underLease<Result>(wanted: LeaseWanted, body: (hold: Hold) => Protocol<Result>): Protocol<Result | Outcome> {
  const state = (yield { step: 'lease', key: wanted.key, shared: wanted.shared }) as LeaseState
  if (state === 'lingers') return yield* wanted.lingering()
  if (state === 'unavailable') return refuse('ServiceUnavailable', 'the lease of the key cannot be had')
  const hold: Hold = { key: wanted.key, unknown: false }
  return yield* cleanly(body(hold), function* () {
    yield { step: 'release', key: hold.key, unknown: hold.unknown }
  })
}

/**
 * Runs `rounds` without a lease. When it finds that it would write over another's object, which a condition cannot guard
 * where deletes carry none, it runs again from the start under the lease.
 */
export function* leasedWhenOver<Result>(
  at: ObjectRef,
  rounds: (hold: Hold | null) => Protocol<Result | 'lease'>
): Protocol<Result | Outcome> {
  const free = yield* rounds(null)
  if (free !== 'lease') return free
  return yield* underLease({ key: at.key, shared: false, lingering: lingeringWrite }, function* (hold) {
    const leased = yield* rounds(hold)
    if (leased === 'lease') throw new Error('the lease is held')
    return leased
  })
}

function* lingeringWrite(): Protocol {
  return slowDown('a request of unknown outcome still has the lease of the key')
}

/** True when a write over an object of `owner` has to hold the lease. */
export function needsLease(context: OwnershipContext, owner: string | null): boolean {
  return owner !== context.me && takesLeases(context)
}

/** Sends an effect; under a lease only while the lease outlives the longest request. */
export function* effect(context: OwnershipContext, hold: Hold | null, ask: Ask): Protocol<Seen> {
  if (hold === null) return yield* askOne(ask)
  if (!(yield* outlives(context, hold))) return NOT_SENT
  hold.unknown = true
  const seen = yield* askOne(ask)
  hold.unknown = isUnknown(seen)
  return seen
}

/** The answer to an effect that was not sent because its lease is nearly over. */
const NOT_SENT: Seen = { status: 503, code: 'SlowDown', reply: null }

/** True while the lease has longer to live than any request that is sent now. */
export function* outlives(context: OwnershipContext, hold: Hold): Protocol<boolean> {
  const left = (yield { step: 'leaseLeft', key: hold.key }) as number
  return left >= context.leaseMarginMs
}
