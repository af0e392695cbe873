import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Run } from '../database/connect.ts'
import { createLeases, type Leases, type TakenLeases } from '../database/leases.ts'
import type { LeaseTimes } from '../stages/ownership-context.ts'
import type { LeaseHolder, LeasePort } from '../stages/ports.ts'
import type { UpstreamKey } from '../tenants/keys.ts'

/** Time between two attempts at a lease that another holds. */
const RETRY_MS = 50

/** The leases of one process, and the port by which requests take them. */
export function composeLeases(
  config: Config,
  run: Run,
  onFault: (what: string, error: unknown) => void
): { readonly port: LeasePort; sweep(): Promise<number> } {
  const leases = createLeases({
    run,
    waitMs: config.timeouts.leaseWait,
    retryMs: RETRY_MS,
    elapsedMs: () => performance.now(),
    newId: randomUUID,
    random: Math.random,
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    onFault
  })
  return { port: leasePort(leases), sweep: () => leases.sweep() }
}

/** What a lease must still have when an effect is sent under it: the longest wait for an answer, and a margin. */
export function leaseTimes({ timeouts }: Pick<Config, 'timeouts'>): LeaseTimes {
  return { marginMs: timeouts.upstreamHead + timeouts.leaseMargin, slowMarginMs: timeouts.upstreamSlowHead + timeouts.leaseMargin }
}

function leasePort(leases: Leases): LeasePort {
  return {
    open({ account, bucket, lifeMs }): LeaseHolder {
      const held = new Map<UpstreamKey, { readonly taken: TakenLeases; readonly timer: NodeJS.Timeout }>()
      return {
        async take(key, shared) {
          const taken = await leases.take({ account, bucket, keys: [key], shared, lifeMs })
          if (taken === null) return 'unavailable'
          const state = taken.stateOf(key)
          // A body may flow for longer than any lease lives: while the request is at work, its lease is.
          if (state === 'held') held.set(key, { taken, timer: setInterval(() => void taken.extend(lifeMs), lifeMs / 4).unref() })
          return state
        },
        async release(key, unknown) {
          const entry = held.get(key)
          held.delete(key)
          if (entry === undefined) return
          clearInterval(entry.timer)
          await (unknown ? entry.taken.leave([key]) : entry.taken.release([key]))
        },
        left: (key) => held.get(key)?.taken.left() ?? 0
      }
    }
  }
}
