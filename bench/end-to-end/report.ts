import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reachedIn, type Reached } from './goals.ts'
import type { MemorySample } from './memory.ts'
import { latencyPlot, ratioPlot } from './plots.ts'
import type { Machine, Results, Row } from './results.ts'

export const RESULTS = join(import.meta.dirname, '..', 'results')

export interface RunKind {
  readonly quick: boolean
  /** Whether only some workloads were run. */
  readonly partial: boolean
}

/** The files of a run by their contents. Only those of a whole run are kept in the repository: others have names of their own. */
export function filesOf(results: Results, { quick, partial }: RunKind): ReadonlyMap<string, string> {
  const name = quick ? 'quick' : partial ? 'partial' : 'latest'
  const ratios = `${name}-ratios.svg`
  const latencies = `${name}-latency.svg`
  return new Map([
    [`${name}.json`, `${JSON.stringify(results, null, 1)}\n`],
    [`${name}.md`, `${tables(results, quick).join('\n')}\n`],
    [ratios, ratioPlot(results.rows)],
    [latencies, latencyPlot(results.rows, results.plan.latencyRate)]
  ])
}

/** Writes the files of a run and prints its tables. */
export function writeReport(results: Results, kind: RunKind): void {
  mkdirSync(RESULTS, { recursive: true })
  const files = filesOf(results, kind)
  for (const [name, content] of files) writeFileSync(join(RESULTS, name), content)
  process.stdout.write(
    `${tables(results, kind.quick).join('\n')}\n\nwritten: ${[...files.keys()].map((name) => `bench/results/${name}`).join(', ')}\n`
  )
}

/** What was measured, where, and what came of it, as Markdown. */
export function tables(results: Results, quick: boolean): readonly string[] {
  return [
    machineLine(results),
    ...(quick ? ['', 'A quick run: the code is hardly warm and each figure is one short sample, so these are not results.'] : []),
    '',
    ...goalTable(reachedIn(results)),
    '',
    ...rowTable(results.rows),
    ...(results.memory.length === 0 ? [] : ['', ...memoryTable(results.memory)])
  ]
}

export function machineLine({ machine, date, tookSeconds }: Results): string {
  const { cpu, cores, memoryGiB, kernel, congestionControl, node, nginx, cipher }: Machine = machine
  return `Measured ${date.slice(0, 10)} within ${tookSeconds} s on ${cores} cores of ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, TCP ${congestionControl}, Node ${node}, nginx ${nginx}${cipher === null ? '' : `, ${cipher}`}; each subject bound to one core.`
}

export function goalTable(reached: readonly Reached[]): readonly string[] {
  return [
    '| workload | goal | reached | met | next goal |',
    '| --- | --- | --- | --- | --- |',
    ...reached.map(
      ({ what, goal, reached: got, isMet, nextGoal }) => `| ${[what, goal, got, isMet ? 'yes' : 'no', nextGoal].join(' | ')} |`
    )
  ]
}

function rowTable(rows: readonly Row[]): readonly string[] {
  return [
    '| workload | subject | processor time to nginx | µs a request | s/GiB | requests/s | p50 ms | p99 ms | p99.9 ms | resident MB | upstream requests each |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(lineOf)
  ]
}

function memoryTable(memory: readonly MemorySample[]): readonly string[] {
  return [
    '| held open | subject | resident MB at rest | while held | KiB each | after |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...memory.map(memoryLineOf)
  ]
}

function memoryLineOf({ state, subject, connections, restBytes, heldBytes, afterBytes }: MemorySample): string {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)
  const each = ((heldBytes - restBytes) / connections / 1024).toFixed(1)
  return `| ${[state, subject, mb(restBytes), mb(heldBytes), each, mb(afterBytes)].join(' | ')} |`
}

function lineOf(row: Row): string {
  const number = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits))
  // What serves its own files asks nobody.
  const asked = row.upstreamPerRequest < 0.005 ? '–' : row.upstreamPerRequest.toFixed(2)
  const cells = [
    ...[row.workload, row.subject, number(row.ratio, 2), number(row.cpuPerRequestUs, 1), number(row.secondsPerGiB, 2)],
    ...[number(row.requestsPerSecond, row.requestsPerSecond < 100 ? 1 : 0), number(row.p50Ms, 2), number(row.p99Ms, 2)],
    ...[number(row.p999Ms, 2), number(row.rssMb, 0), asked]
  ]
  return `| ${cells.join(' | ')} |`
}
