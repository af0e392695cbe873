import type { Party } from './party.ts'
import { prepare, type Prepared } from './requests.ts'
import { latencies, LoadFailed, takeSample, warmUp, type Sample, type Tools } from './sample.ts'
import { TENANT } from './sluice.ts'
import type { LowLoad } from './results.ts'
import { REFERENCE, type Plan } from './plan.ts'
import { isLarge, type Workload } from './workloads.ts'

export interface Bench {
  readonly workloads: readonly Workload[]
  readonly parties: readonly Party[]
  readonly tools: Tools
  readonly plan: Plan
  say(text: string): void
  /** Seconds since the run began. */
  elapsed(): number
}

interface Pair {
  readonly workload: Workload
  readonly party: Party
}

const pairsOf = ({ workloads, parties }: Pick<Bench, 'workloads' | 'parties'>): readonly Pair[] =>
  workloads.flatMap((workload) => parties.filter((party) => party.takes(workload)).map((party) => ({ workload, party })))

/** All samples: everything warm first, then rounds in which the pairs of workload and subject stand in random order. */
export async function takeAll(bench: Bench): Promise<readonly Sample[]> {
  const { plan, say, elapsed } = bench
  const pairs = pairsOf(bench)
  const settled = new Set<Party>()
  const failed = new Set<Party>()
  /** Sluice and the reference must not fail; another subject that does is left out, with all its samples. */
  const unlessFailed = async (pair: Pair, take: () => Promise<void>): Promise<void> => {
    if (failed.has(pair.party)) return
    try {
      await take()
    } catch (error) {
      if (!isPeer(pair.party) || !(error instanceof LoadFailed)) throw error
      failed.add(pair.party)
      say(`${pair.party.name} is left out: ${error.message.slice(0, 300)}`)
    }
  }
  for (const pair of pairs)
    await unlessFailed(pair, async () => say(`warm-up: ${named(pair)}: ${await settle(pair, settled, bench)} requests`))
  const samples: Sample[] = []
  let tookSeconds = 0
  for (let round = 0; round < plan.rounds; round += 1) {
    const began = elapsed()
    if (round > 0 && elapsed() + tookSeconds > plan.budgetSeconds) {
      say(`no time is left for round ${round + 1} of ${plan.rounds}`)
      break
    }
    const now = pairs.filter((pair) => round < roundsOf(pair, plan))
    for (const [index, pair] of shuffled(now).entries()) {
      await unlessFailed(pair, async () => {
        const sample = await sampleOf(pair, round, bench)
        samples.push(sample)
        say(`round ${round + 1} of ${plan.rounds}, ${index + 1} of ${now.length}: ${named(pair)}: ${shown(sample)}`)
      })
    }
    tookSeconds = elapsed() - began
  }
  const order = pairs.map(named)
  const placeOf = ({ workload, subject }: Sample): number => order.indexOf(`${workload}, ${subject}`)
  const left = new Set([...failed].map(({ name }) => name))
  return samples.filter(({ subject }) => !left.has(subject)).sort((a, b) => placeOf(a) - placeOf(b))
}

/** Neither Sluice nor the reference. */
const isPeer = ({ compiles, name }: Party): boolean => !compiles && name !== REFERENCE

function roundsOf({ workload, party }: Pair, plan: Plan): number {
  if (isLarge(workload)) return isPeer(party) ? plan.largePeerRounds : plan.largeRounds
  return isPeer(party) ? plan.peerRounds : plan.rounds
}

/** The first workload of a subject compiles most of its code; each other adds its own way. */
async function settle({ workload, party }: Pair, settled: Set<Party>, { plan, tools }: Bench): Promise<number> {
  const { first, next, brief } = plan.warmUp
  const bound = isLarge(workload) || !party.compiles ? brief : settled.has(party) ? next : first
  if (!isLarge(workload)) settled.add(party)
  if (bound.seconds === 0) return 0
  return warmUp(workload, party, { ...bound, prepared: preparedFor({ workload, party }, 'warm', perSecondMax(workload), tools) }, tools)
}

async function sampleOf({ workload, party }: Pair, round: number, { plan, tools }: Bench): Promise<Sample> {
  const prepared = preparedFor({ workload, party }, `r${round}`, perSecondMax(workload) * plan.seconds, tools)
  // Owners are forgotten between samples, and whether they are known is another workload's question.
  if (workload.keys === 'tenants')
    await warmUp(workload, party, { requestsMax: prepared.heads.length, seconds: plan.warmUp.first.seconds, prepared }, tools)
  return takeSample(workload, party, { round, seconds: plan.seconds, prepared }, tools)
}

/** Requests a second that one process which verifies signatures does not reach: so many new keys are signed for a sample. */
const PER_SECOND_MAX = { small: 8_000, large: 60 }
const perSecondMax = (workload: Workload): number => (isLarge(workload) ? PER_SECOND_MAX.large : PER_SECOND_MAX.small)

function preparedFor({ workload, party }: Pair, round: string, newKeys: number, { folder }: Tools): Prepared {
  return prepare(workload, party, { bucket: TENANT, folder, round, newKeys })
}

/** How long answers take at a low rate, in milliseconds. */
export async function takeLatencies(bench: Bench): Promise<LowLoad> {
  const { plan, tools, say } = bench
  const all = new Map<string, Map<string, readonly number[]>>()
  for (const pair of pairsOf(bench).filter(isForLatencies)) {
    const { workload, party } = pair
    const seconds = plan.latencySeconds
    const prepared = preparedFor(pair, 'low', (seconds + 1) * plan.latencyRate, tools)
    const bySubject = all.get(workload.name) ?? new Map<string, readonly number[]>()
    all.set(workload.name, bySubject)
    bySubject.set(party.name, await latencies(workload, party, { seconds, perSecond: plan.latencyRate, prepared }, tools))
    say(`latencies: ${named(pair)}`)
  }
  return all
}

/** Of small requests by Sluice and the reference alone. */
const isForLatencies = ({ workload, party }: Pair): boolean =>
  !isLarge(workload) && workload.keys !== 'tenants' && [REFERENCE, 'sluice'].includes(party.name)

const named = ({ workload, party }: Pair): string => `${workload.name}, ${party.name}`

function shown({ cpuSeconds, requests, bytes, seconds, foreignCores }: Sample): string {
  const perRequest = `${((cpuSeconds / requests) * 1e6).toFixed(1)} µs`
  const rate = bytes / requests > 1_000_000 ? `${(bytes / seconds / 2 ** 30).toFixed(2)} GiB/s` : `${(requests / seconds).toFixed(0)}/s`
  return `${perRequest} a request, ${rate}, others took ${foreignCores.toFixed(2)} cores`
}

function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
