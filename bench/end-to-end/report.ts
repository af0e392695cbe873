import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MemorySample } from './memory.ts'
import type { Results, Row } from './results.ts'

const RESULTS = join(import.meta.dirname, '..', 'results')

/** Writes the samples and the table, and, of a whole run, the plot that the README shows. Prints the table. */
export function writeReport(results: Results, { quick, partial }: { readonly quick: boolean; readonly partial: boolean }): void {
  mkdirSync(RESULTS, { recursive: true })
  const name = quick ? 'quick' : partial ? 'partial' : results.date.slice(0, 10)
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`)
  const table = tableOf(results)
  writeFileSync(join(RESULTS, `${name}.md`), table)
  if (!quick && !partial) writeFileSync(join(RESULTS, 'ratios.svg'), plotOf(results.rows))
  process.stdout.write(table)
}

function tableOf({ machine, date, rows, memory }: Results): string {
  const head = [
    `Measured ${date.slice(0, 10)} on ${machine.cores} cores of ${machine.cpu}, Node ${machine.node}, nginx ${machine.nginx}; each subject bound to one core.`,
    '',
    '| workload | subject | processor time to nginx | µs a request | s/GiB | requests/s | p50 ms | p99 ms | p99.9 ms | resident MB |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
  ]
  const held = [
    '',
    '| held open | subject | connections | resident MB at rest | while held | KiB each | after |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...memory.map(memoryLineOf)
  ]
  return `${[...head, ...rows.map(lineOf), ...(memory.length === 0 ? [] : held)].join('\n')}\n`
}

function memoryLineOf({ state, subject, connections, restBytes, heldBytes, afterBytes }: MemorySample): string {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)
  const each = ((heldBytes - restBytes) / connections / 1024).toFixed(1)
  return `| ${[state, subject, connections, mb(restBytes), mb(heldBytes), each, mb(afterBytes)].join(' | ')} |`
}

function lineOf(row: Row): string {
  const number = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits))
  const cells = [
    ...[row.workload, row.subject, number(row.ratio, 2), number(row.cpuPerRequestUs, 1), number(row.secondsPerGiB, 2)],
    ...[number(row.requestsPerSecond, 0), number(row.p50Ms, 2), number(row.p99Ms, 2), number(row.p999Ms, 2), number(row.rssMb, 0)]
  ]
  return `| ${cells.join(' | ')} |`
}

const BAR = { height: 16, gap: 4, left: 300, width: 420, group: 14 }

/** Bars of the ratio for each workload and subject, nginx being 1. */
function plotOf(rows: readonly Row[]): string {
  const widest = Math.max(...rows.map(({ ratio }) => ratio))
  const parts: string[] = []
  let y = 30
  for (const [workload, ofWorkload] of Map.groupBy(rows, ({ workload }) => workload)) {
    for (const [index, { subject, ratio }] of ofWorkload.entries()) {
      const width = (ratio / widest) * BAR.width
      const fill = subject === 'nginx' ? '#999' : index === 1 ? '#2563a8' : '#74a9d8'
      const label = index === 0 ? `<tspan font-weight="bold">${escaped(workload)}</tspan> ${escaped(subject)}` : escaped(subject)
      parts.push(
        `<text x="${BAR.left - 8}" y="${y + 12}" text-anchor="end">${label}</text>`,
        `<rect x="${BAR.left}" y="${y}" width="${width.toFixed(1)}" height="${BAR.height}" fill="${fill}"/>`,
        `<text x="${BAR.left + width + 6}" y="${y + 12}">${ratio.toFixed(2)}</text>`
      )
      y += BAR.height + BAR.gap
    }
    y += BAR.group
  }
  const title = '<text x="10" y="16" font-weight="bold">Processor time of a request, nginx passing bytes on = 1 (less is better)</text>'
  const size = `width="${BAR.left + BAR.width + 60}" height="${y}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${title}${parts.join('')}</svg>\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
