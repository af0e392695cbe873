import { upstreamRequests } from './nginx.ts'
import type { Stage } from './parties.ts'
import type { Party } from './party.ts'
import { SUBJECT_CORE, type Plan } from './plan.ts'
import { startRelay } from './relay.ts'
import { prepare } from './requests.ts'
import { median } from './results.ts'
import { latencies, warmUp, type Tools } from './sample.ts'
import { TENANT } from './sluice.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

/** What not knowing the owner costs a read, at an upstream so far away that a round trip shows. */
export interface ColdRead {
  readonly roundTripMs: number
  readonly warmP50Ms: number
  readonly coldP50Ms: number
  /** Round trips that a cold read takes longer than a warm one. */
  readonly extraRoundTrips: number
  /** What the upstream is asked more than once for each read. */
  readonly extraUpstreamRequests: number
}

const ONE_WAY_MS = 15
const PER_SECOND = 100

/** Reads of one key again and again beside reads of keys that nobody has read before, by a Sluice whose upstream is far away. */
export async function takeColdRead({ site, upstream }: Stage, plan: Plan, tools: Tools, stops: (() => unknown)[]): Promise<ColdRead> {
  const relay = await startRelay(upstream.port, ONE_WAY_MS)
  stops.push(() => relay.close())
  const subject = await site.serve('far', { core: SUBJECT_CORE, endpoint: `http://127.0.0.1:${relay.port}` })
  stops.push(() => subject.stop())
  const party: Party = {
    ...{ name: 'sluice, upstream far away', subject, credentials: await site.session(), region: 'local' },
    ...{ verifies: true, compiles: true, takes: () => true }
  }
  const [warm, cold] = [workloadNamed('GET 1 KiB'), workloadNamed('cold read')]
  const seconds = plan.latencySeconds
  const preparedFor = (workload: Workload, round: string) =>
    prepare(workload, party, { bucket: TENANT, folder: tools.folder, round, newKeys: (seconds + 1) * PER_SECOND })
  for (const workload of [warm, cold])
    await warmUp(workload, party, { ...plan.warmUp.next, prepared: preparedFor(workload, 'warm-far') }, tools)
  const taken = async (workload: Workload): Promise<readonly number[]> =>
    latencies(workload, party, { seconds, perSecond: PER_SECOND, prepared: preparedFor(workload, 'far') }, tools)
  const warmP50Ms = median(await taken(warm))
  const before = await upstreamRequests(upstream.port)
  const reads = await taken(cold)
  const asked = (await upstreamRequests(upstream.port)) - before
  const coldP50Ms = median(reads)
  const roundTripMs = 2 * ONE_WAY_MS
  return {
    ...{ roundTripMs, warmP50Ms, coldP50Ms },
    extraRoundTrips: (coldP50Ms - warmP50Ms) / roundTripMs,
    extraUpstreamRequests: asked / reads.length - 1
  }
}

function workloadNamed(name: string): Workload {
  const workload = WORKLOADS.find((one) => one.name === name)
  if (workload === undefined) throw new Error(`there is no workload ${name}`)
  return workload
}
