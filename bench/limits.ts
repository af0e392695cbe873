import { createLoadLimits, type Load, type LoadLimits } from '../proxy/limits/load-limits.ts'
import { measure, calibrate, report } from './measure.ts'

// What the limits cost a request, entering and leaving: known tenants, tenants that are never seen twice, and a refusal.
const TENANTS = 1_000_000
const place = { account: { id: 'main' }, assignment: { upstreamBucket: 'shared-0' } }
const load: Load = { bytesIn: 0, bytesOut: 1024, upstreamRequests: 2 }
const names = Array.from({ length: TENANTS }, (_, index) => `${index.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`)

function limits(perSecond: number, rememberedMax = 100_000): LoadLimits {
  const rate = { perSecond, burst: perSecond }
  const made = createLoadLimits({
    tenant: { requestsMax: 100, requests: rate, bytes: { perSecond: 1e12, burst: 1e12 }, rememberedMax },
    buckets: new Map([['main', { perSecond: 1e9, burst: 1e9 }]]),
    share: 1,
    onRefused: () => undefined
  })
  if (made === null) throw new Error('nothing is limited')
  return made
}

/** One request of each of so many tenants in turn; `admitted` says what must come of it. */
function requests(tenants: number, made: LoadLimits, admitted: boolean): () => number {
  let turn = 0
  return () => {
    const now = performance.now()
    const over = made.enter(load, names[turn++ % tenants] as string, place, null, now)
    if ((over === null) !== admitted) throw new Error(`limit: ${over?.limit}`)
    made.leave(load, now)
    return 1
  }
}

const overloaded = limits(1e-6)
overloaded.enter({ ...load }, names[0] as string, place, null, performance.now())
const calibration = calibrate()
for (const [label, call] of [
  ['limits, one tenant', requests(1, limits(1e9), true)],
  ['limits, 10,000 tenants', requests(10_000, limits(1e9), true)],
  ['limits, 1,000,000 tenants', requests(TENANTS, limits(1e9), true)],
  ['limits, 1,000,000 tenants that owe', requests(TENANTS, limits(1e-3), true)],
  ['limits, refused', requests(1, overloaded, false)]
] as const) {
  report(label, measure(call, 100_000), calibration)
}
