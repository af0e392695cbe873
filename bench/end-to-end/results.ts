import { cpus, release, totalmem } from 'node:os'
import { readFileSync } from 'node:fs'
import type { ColdRead } from './cold.ts'
import type { MemorySample } from './memory.ts'
import type { Plan } from './plan.ts'
import type { Sample } from './sample.ts'

export interface Row {
  readonly workload: string
  readonly subject: string
  /** Of processor time per request, to the reference in the same run. */
  readonly ratio: number
  readonly cpuPerRequestUs: number
  /** Null where bodies are too small to say. */
  readonly secondsPerGiB: number | null
  readonly requestsPerSecond: number
  /** At a low, fixed rate; null where none was taken. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly rssMb: number
  /** What the upstream was asked for each request. */
  readonly upstreamPerRequest: number
  readonly samples: readonly Sample[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  /** Of TCP: it moves the cost of large bodies by half, for every subject. */
  readonly congestionControl: string
  readonly node: string
  readonly nginx: string
  readonly wrk: boolean
  /** Of the rows with TLS; null where there are none. */
  readonly cipher: string | null
}

export interface Results {
  readonly machine: Machine
  readonly date: string
  readonly tookSeconds: number
  readonly plan: Plan
  readonly rows: readonly Row[]
  readonly cold: ColdRead | null
  readonly memory: readonly MemorySample[]
}

export function machineOf({ nginx, wrk, cipher }: Pick<Machine, 'nginx' | 'wrk' | 'cipher'>): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    congestionControl: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim(),
    node: process.version,
    nginx,
    wrk,
    cipher
  }
}

/** Milliseconds by workload and subject. */
export type LowLoad = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>

/**
 * A row for each workload and subject, of medians. Throws where a round of a subject lacks a sample of the reference, or an answer
 * failed: such a row would mean nothing.
 */
export function summarize(samples: readonly Sample[], lowLoad: LowLoad, reference: string): readonly Row[] {
  const rows: Row[] = []
  for (const [workload, ofWorkload] of Map.groupBy(samples, ({ workload }) => workload)) {
    const base = ofWorkload.filter(({ subject }) => subject === reference)
    const rounds = new Set(base.map(({ round }) => round))
    for (const { subject, round, failures } of ofWorkload) {
      if (!rounds.has(round)) throw new Error(`${workload}, ${subject}: round ${round} has no sample of ${reference}, so there is no ratio`)
      if (failures > 0) throw new Error(`${workload}, ${subject}: ${failures} requests of round ${round} failed`)
    }
    for (const [subject, taken] of Map.groupBy(ofWorkload, ({ subject }) => subject)) {
      const requests = taken.reduce((sum, sample) => sum + sample.requests, 0)
      const bytes = taken.reduce((sum, sample) => sum + sample.bytes, 0) / requests
      const waits = [...(lowLoad.get(workload)?.get(subject) ?? [])].sort((a, b) => a - b)
      rows.push({
        workload,
        subject,
        ratio: median(taken.map(perRequest)) / median(base.map(perRequest)),
        cpuPerRequestUs: median(taken.map(perRequest)) * 1e6,
        secondsPerGiB: bytes < 1_000_000 ? null : median(taken.map((sample) => (sample.cpuSeconds / sample.bytes) * 2 ** 30)),
        requestsPerSecond: median(taken.map(({ requests, seconds }) => requests / seconds)),
        p50Ms: quantile(waits, 0.5),
        p99Ms: quantile(waits, 0.99),
        p999Ms: quantile(waits, 0.999),
        rssMb: Math.max(...taken.map(({ residentBytes }) => residentBytes)) / 1e6,
        upstreamPerRequest: taken.reduce((sum, { upstreamRequests }) => sum + upstreamRequests, 0) / requests,
        samples: taken
      })
    }
  }
  return rows
}

/** Results as a file holds them. Throws where a row has no samples, or no row of the reference beside it. */
export function readResults(text: string, reference: string): Results {
  const results = JSON.parse(text) as Results
  for (const { workload, subject, samples } of results.rows) {
    const base = results.rows.find((row) => row.workload === workload && row.subject === reference)
    if (samples.length === 0 || base === undefined || base.samples.length === 0)
      throw new Error(`${workload}, ${subject}: the row is invalid, it has no samples or none of ${reference} beside it`)
  }
  return results
}

const perRequest = ({ cpuSeconds, requests }: Sample): number => cpuSeconds / requests

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2
}

export function quantile(sorted: readonly number[], share: number): number | null {
  return sorted.length === 0 ? null : (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null)
}
