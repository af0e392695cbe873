import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reachedIn } from './goals.ts'
import { REFERENCE } from './plan.ts'
import { goalTable, machineLine, RESULTS, tables } from './report.ts'
import { readResults, type Results } from './results.ts'

const NONE = 'No whole run is in the repository yet; `npm run bench` writes one to bench/results.'

/** The results of the last whole run, null where there are none. */
export function latestResults(): Results | null {
  const file = join(RESULTS, 'latest.json')
  return existsSync(file) ? readResults(readFileSync(file, 'utf8'), REFERENCE) : null
}

/** The part of README that shows them. */
export function readmePart(results: Results | null): string {
  if (results === null) return NONE
  return [
    '![Processor time of a request for each workload and subject, nginx passing bytes on being 1](bench/results/latest-ratios.svg)',
    '',
    machineLine(results),
    '',
    ...goalTable(reachedIn(results)),
    '',
    'Every figure and sample: [the table](bench/results/latest.md), [latencies](bench/results/latest-latency.svg), [JSON](bench/results/latest.json).'
  ].join('\n')
}

/** The part of docs/performance.md that has them all. */
export function performancePart(results: Results | null): string {
  if (results === null) return NONE
  return [
    ...tables(results, false),
    '',
    '![Processor time of a request for each workload and subject, nginx passing bytes on being 1](../bench/results/latest-ratios.svg)',
    '',
    '![Time to answer at a low rate: p50, p99 and p99.9](../bench/results/latest-latency.svg)',
    ...flamePart()
  ].join('\n')
}

/** Where the time goes, once `npm run bench:profile` has written it. */
function flamePart(): readonly string[] {
  if (!existsSync(join(RESULTS, 'flame-get-1k.svg'))) return []
  return ['', '![Flame graph of a warm GET of 1 KiB](../bench/results/flame-get-1k.svg)']
}
