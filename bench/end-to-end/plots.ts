import { RATIO_GOALS } from './goals.ts'
import type { Row } from './results.ts'

/** Measures of a plot, in pixels. */
const BOX = { left: 430, width: 430, right: 130, bar: 15, step: 19, group: 16, top: 52 }
const INK = '#1c2430'
const GOAL = '#b3261e'

/** Bars of the ratio for each workload and subject, nginx being 1, with the goal of each workload. */
export function ratioPlot(rows: readonly Row[]): string {
  // What costs many times more must not flatten the rest: its bar is cut, and its figure stands beside it.
  const ours = rows.filter(({ subject }) => subject === 'sluice').map(({ ratio }) => ratio)
  const most = 1.15 * Math.max(1, ...ours, ...rows.map(({ workload }) => RATIO_GOALS[workload]?.now ?? 0))
  const x = (ratio: number): number => BOX.left + (Math.min(ratio, most) / most) * BOX.width
  const parts: string[] = []
  const end = forEachRow(rows, (row, y, label) => {
    const isCut = row.ratio > most
    parts.push(
      label,
      `<rect x="${BOX.left}" y="${y}" width="${(x(row.ratio) - BOX.left).toFixed(1)}" height="${BOX.bar}" fill="${fillOf(row.subject)}"/>`,
      textAt(x(row.ratio) + 6, y + 12, `${isCut ? '… ' : ''}${row.ratio.toFixed(2)}`)
    )
  })
  const goals = groupsOf(rows).flatMap(({ workload, from, to }) => {
    const goal = RATIO_GOALS[workload]
    return goal === undefined ? [] : [goalLine(x(goal.now), { from, to, label: `goal ${goal.now}` })]
  })
  const described = rows.map(({ workload, subject, ratio }) => `${workload}, ${subject}: ${ratio.toFixed(2)}`).join('; ')
  return svg({
    title: 'Processor time of a request: nginx passing bytes on = 1, less is better',
    description: `Bars for each workload and subject. ${described}.`,
    height: end,
    body: [...goals, ...parts]
  })
}

/** p50, p99 and p99.9 of each workload and subject at a low, fixed rate, on a logarithmic axis. */
export function latencyPlot(rows: readonly Row[], perSecond: number): string {
  const measured = rows.filter((row) => row.p50Ms !== null)
  const all = measured.flatMap(({ p50Ms, p999Ms }) => [p50Ms ?? 1, p999Ms ?? 1])
  const least = 10 ** Math.floor(Math.log10(Math.min(1, ...all)))
  const most = 10 ** Math.ceil(Math.log10(Math.max(1, ...all)))
  const x = (ms: number): number => BOX.left + (Math.log(ms / least) / Math.log(most / least)) * BOX.width
  const parts: string[] = []
  const end = forEachRow(measured, (row, y, label) => {
    const [p50, p99, p999] = [row.p50Ms ?? least, row.p99Ms ?? least, row.p999Ms ?? least]
    const middle = y + BOX.bar / 2
    parts.push(
      label,
      `<line x1="${x(p50).toFixed(1)}" x2="${x(p999).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="${fillOf(row.subject)}" stroke-width="2"/>`,
      ...[p50, p99, p999].map(
        (ms, index) => `<circle cx="${x(ms).toFixed(1)}" cy="${middle}" r="${[5, 4, 3][index] ?? 3}" fill="${fillOf(row.subject)}"/>`
      ),
      textAt(BOX.left + BOX.width + 8, y + 12, `${p50.toFixed(2)} / ${p99.toFixed(1)}`)
    )
  })
  const ticks: string[] = []
  for (let ms = least; ms <= most * 1.001; ms *= 10) {
    const at = x(ms).toFixed(1)
    ticks.push(
      `<line x1="${at}" x2="${at}" y1="${BOX.top - 6}" y2="${end - BOX.group}" stroke="#d5d9e0"/>`,
      `<text x="${at}" y="${BOX.top - 10}" text-anchor="middle">${Number(ms.toPrecision(1))} ms</text>`
    )
  }
  const figures = measured.map(
    ({ workload, subject, p50Ms, p99Ms, p999Ms }) =>
      `${workload}, ${subject}: ${[p50Ms, p99Ms, p999Ms].map((ms) => (ms ?? 0).toFixed(2)).join(', ')} ms`
  )
  return svg({
    title: `Time to answer at ${perSecond} requests a second: p50, p99 and p99.9, beside it p50 / p99 in ms`,
    description: `Three points for each workload and subject. ${figures.join('; ')}.`,
    height: end,
    body: [...ticks, ...parts]
  })
}

interface Group {
  readonly workload: string
  readonly rows: readonly Row[]
  readonly from: number
  readonly to: number
}

function groupsOf(rows: readonly Row[]): readonly Group[] {
  let y = BOX.top
  return [...Map.groupBy(rows, ({ workload }) => workload)].map(([workload, ofWorkload]) => {
    const from = y
    const to = from + ofWorkload.length * BOX.step
    y = to + BOX.group
    return { workload, rows: ofWorkload, from, to }
  })
}

/** Lays the rows out by workload; the first of each carries its name. Returns where they end. */
function forEachRow(rows: readonly Row[], draw: (row: Row, y: number, label: string) => void): number {
  let end = BOX.top
  for (const { workload, rows: ofWorkload, from, to } of groupsOf(rows)) {
    for (const [index, row] of ofWorkload.entries()) {
      const y = from + index * BOX.step
      const name = index === 0 ? `<tspan font-weight="bold">${escaped(workload)}:</tspan> ${escaped(row.subject)}` : escaped(row.subject)
      draw(row, y, `<text x="${BOX.left - 8}" y="${y + 12}" text-anchor="end">${name}</text>`)
    }
    end = to + BOX.group
  }
  return end
}

function goalLine(at: number, { from, to, label }: { readonly from: number; readonly to: number; readonly label: string }): string {
  const x = at.toFixed(1)
  return `<line x1="${x}" x2="${x}" y1="${from - 4}" y2="${to}" stroke="${GOAL}" stroke-width="2" stroke-dasharray="4 2"/><text x="${x}" y="${to + 9}" text-anchor="middle" fill="${GOAL}" font-size="10">${label}</text>`
}

const textAt = (x: number, y: number, text: string): string =>
  `<text x="${x.toFixed(1)}" y="${y}" paint-order="stroke" stroke="#fff" stroke-width="3">${escaped(text)}</text>`

function fillOf(subject: string): string {
  if (subject === 'nginx') return '#8a93a0'
  if (subject === 'sluice') return '#1f5fa8'
  return subject.startsWith('sluice') ? '#7fb0e0' : '#c9a35a'
}

interface Plot {
  readonly title: string
  /** What the picture shows, for those who do not see it. */
  readonly description: string
  readonly height: number
  readonly body: readonly string[]
}

function svg({ title, description, height, body }: Plot): string {
  const width = BOX.left + BOX.width + BOX.right
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="10" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...body,
    '</svg>\n'
  ].join('\n')
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
