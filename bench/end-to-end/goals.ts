import type { Results, Row } from './results.ts'

/** What a workload may cost, as a ratio to nginx: now, and where the project goes next. */
export interface RatioGoal {
  readonly now: number
  readonly next: number
}

export const RATIO_GOALS: Readonly<Record<string, RatioGoal>> = {
  'GET 1 KiB': { now: 4, next: 2 },
  HEAD: { now: 4, next: 2 },
  'GET 64 KiB': { now: 3, next: 1.7 },
  'GET 64 MiB': { now: 1.15, next: 1.05 },
  'PUT 1 KiB, new key': { now: 5, next: 2.5 },
  'PUT 64 MiB, UNSIGNED-PAYLOAD': { now: 3, next: 1.15 },
  'PUT 64 MiB, hex digest': { now: 3, next: 1.15 },
  'PUT 64 MiB, signed chunks verified': { now: 5, next: 3 }
}

/** Resident megabytes, or KiB for each connection. */
const MEMORY_GOALS: Readonly<Record<string, RatioGoal & { readonly each: boolean }>> = {
  '64 concurrent 64 MiB transfers with slow readers': { now: 250, next: 150, each: false },
  '10,000 idle keep-alive connections': { now: 16, next: 10, each: true }
}

/** Noise of one run, within which a cost counts as the same. */
const SAME = 1.1
/** Of a round trip: what the way through the proxy itself may take longer. */
const ROUND_TRIP_NOISE = 0.2

/** One goal beside what was reached. */
export interface Reached {
  readonly what: string
  readonly goal: string
  readonly nextGoal: string
  readonly reached: string
  readonly isMet: boolean
}

/** Every goal that this run measured, for Sluice as it is set up by default. */
export function reachedIn({ rows, cold, memory }: Pick<Results, 'rows' | 'cold' | 'memory'>): readonly Reached[] {
  const ours = rows.filter(({ subject }) => subject === 'sluice')
  const reached: Reached[] = []
  for (const { workload, ratio } of ours) {
    const goal = RATIO_GOALS[workload]
    if (goal === undefined) continue
    reached.push({ what: workload, goal: `≤ ${goal.now}`, nextGoal: `≤ ${goal.next}`, reached: ratio.toFixed(2), isMet: ratio <= goal.now })
  }
  if (cold !== null) {
    const asks = cold.extraUpstreamRequests
    const trips = cold.extraRoundTrips
    const goal = '1 more upstream request, 0 more round trips'
    reached.push({
      ...{ what: 'cold read', goal, nextGoal: goal, reached: `${asks.toFixed(2)} and ${trips.toFixed(2)}` },
      isMet: Math.abs(asks - 1) < 0.01 && trips < ROUND_TRIP_NOISE
    })
  }
  for (const { state, subject, connections, restBytes, heldBytes } of memory) {
    const goal = MEMORY_GOALS[state]
    if (goal === undefined || subject !== 'sluice') continue
    const value = goal.each ? (heldBytes - restBytes) / connections / 1024 : heldBytes / 1e6
    const unit = goal.each ? 'KiB each' : 'MB resident'
    const shown = `${value.toFixed(goal.each ? 1 : 0)} ${unit}`
    reached.push({
      what: state,
      goal: `≤ ${goal.now} ${unit}`,
      nextGoal: `≤ ${goal.next} ${unit}`,
      reached: shown,
      isMet: value <= goal.now
    })
  }
  return [...reached, ...manyTenants(ours)]
}

/** A read by one of many tenants beside a read by one alone, in the same run. */
function manyTenants(ours: readonly Row[]): readonly Reached[] {
  const many = ours.find(({ workload }) => workload === '1,000,000 tenants, 10,000 assignments')
  const one = ours.find(({ workload }) => workload === 'GET 1 KiB')
  if (many === undefined || one === undefined) return []
  const factor = many.cpuPerRequestUs / one.cpuPerRequestUs
  const goal = 'as one tenant: 1.0 times GET 1 KiB'
  return [{ what: many.workload, goal, nextGoal: goal, reached: `${factor.toFixed(2)} times`, isMet: factor <= SAME }]
}
