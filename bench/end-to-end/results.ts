import { cpus, release, totalmem } from 'node:os'
import type { MemorySample } from './memory.ts'
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
  readonly samples: readonly Sample[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly nginx: string
  readonly wrk: boolean
}

export interface Results {
  readonly machine: Machine
  readonly date: string
  readonly plan: Readonly<Record<string, number>>
  readonly rows: readonly Row[]
  readonly memory: readonly MemorySample[]
}

export function machineOf({ nginx, wrk }: { readonly nginx: string; readonly wrk: boolean }): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    nginx,
    wrk
  }
}

type Latencies = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>

/** A row for each workload and subject, of medians. Throws where the reference has no sample: such a row would mean nothing. */
export function summarize(samples: readonly Sample[], lowLoad: Latencies, reference: string): readonly Row[] {
  const rows: Row[] = []
  for (const [workload, ofWorkload] of Map.groupBy(samples, ({ workload }) => workload)) {
    const base = ofWorkload.filter(({ subject }) => subject === reference)
    if (base.length === 0) throw new Error(`${workload}: no sample of ${reference} in this run, so there is no ratio`)
    for (const [subject, taken] of Map.groupBy(ofWorkload, ({ subject }) => subject)) {
      const bytes = taken.reduce((sum, sample) => sum + sample.bytes, 0) / taken.reduce((sum, { requests }) => sum + requests, 0)
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
        samples: taken
      })
    }
  }
  return rows
}

const perRequest = ({ cpuSeconds, requests }: Sample): number => cpuSeconds / requests

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2
}

function quantile(sorted: readonly number[], share: number): number | null {
  return sorted.length === 0 ? null : (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null)
}
