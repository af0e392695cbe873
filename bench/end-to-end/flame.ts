import { escaped } from './plots.ts'

/** What V8's profiler writes (Chrome DevTools Protocol, Profiler.Profile). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[]
}

interface Frame {
  readonly name: string
  readonly place: string
  selfUs: number
  totalUs: number
  readonly children: Map<string, Frame>
}

const WIDTH = 1200
const ROW = 17
const TOP = 48
/** Pixels below which a frame is left out. */
const THIN = 0.4
const CHAR = 6.6

/** A flame graph as one SVG file: widths are time, a frame stands below its caller, and its title has the figures. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = framesOf(profile)
  const parts: string[] = []
  const depth = draw(root, { x: 0, level: 0, all: root.totalUs, parts })
  const height = TOP + (depth + 1) * ROW + 10
  const hottest = hottestOf(root)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11" fill="#1c2430">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(`Most time by itself: ${hottest}.`)}</desc>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="18" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    `<text x="8" y="36">${(root.totalUs / 1e6).toFixed(1)} s of samples; callers above, callees below; hover for names and shares</text>`,
    ...parts,
    '</svg>\n'
  ].join('\n')
}

/** One tree of the frames by name and file, without the time in which nothing ran. */
function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const selfUs = new Map<number, number>()
  for (const [index, id] of samples.entries()) selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const root: Frame = { name: 'all', place: '', selfUs: 0, totalUs: 0, children: new Map() }
  const add = (id: number, into: Frame): number => {
    const node = byId.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)') return 0
    const name = node.callFrame.functionName === '' ? '(anonymous)' : node.callFrame.functionName
    const place = placeOf(node.callFrame)
    const key = `${name} ${place}`
    const frame = into.children.get(key) ?? { name, place, selfUs: 0, totalUs: 0, children: new Map<string, Frame>() }
    into.children.set(key, frame)
    const self = selfUs.get(id) ?? 0
    const total = (node.children ?? []).reduce((sum, child) => sum + add(child, frame), self)
    frame.selfUs += self
    frame.totalUs += total
    return total
  }
  const top = nodes.find(({ callFrame }) => callFrame.functionName === '(root)')
  for (const child of top?.children ?? []) root.totalUs += add(child, root)
  return root
}

/** The file as it is named within the checkout or the runtime. */
function placeOf({ url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return ''
  const file = /(?:proxy|policy|node_modules)\/.*$/.exec(url)?.[0] ?? url.replace(/^file:\/\/.*\//, '')
  return `${file}:${lineNumber + 1}`
}

interface Canvas {
  readonly x: number
  readonly level: number
  readonly all: number
  readonly parts: string[]
}

/** Draws a frame and those that it calls; the deepest level that was drawn. */
function draw(frame: Frame, { x, level, all, parts }: Canvas): number {
  const width = (frame.totalUs / all) * WIDTH
  if (!(width >= THIN)) return level - 1
  const y = TOP + level * ROW
  const share = `${((frame.totalUs / all) * 100).toFixed(1)} %, by itself ${((frame.selfUs / all) * 100).toFixed(1)} %`
  const fits = Math.floor((width - 4) / CHAR)
  const label = fits < 3 ? '' : frame.name.length <= fits ? frame.name : `${frame.name.slice(0, fits - 1)}…`
  parts.push(
    `<g><title>${escaped(`${frame.name} ${frame.place}: ${share}`)}</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.2, width - 0.5).toFixed(1)}" height="${ROW - 1}" fill="${fillOf(frame.place)}"/>` +
      `${label === '' ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>`}</g>`
  )
  let deepest = level
  let at = x
  for (const child of [...frame.children.values()].sort((a, b) => b.totalUs - a.totalUs)) {
    deepest = Math.max(deepest, draw(child, { x: at, level: level + 1, all, parts }))
    at += (child.totalUs / all) * WIDTH
  }
  return deepest
}

function fillOf(place: string): string {
  if (/^(?:proxy|policy)\//.test(place)) return '#8fbbe8'
  if (place.startsWith('node:')) return '#f0c987'
  return place === '' ? '#d9dde3' : '#b9d8a8'
}

/** The functions that take most time by themselves, in words. */
export function hottestOf(root: Frame, count = 15): string {
  const selfUs = new Map<string, number>()
  const visit = (frame: Frame): void => {
    const key = `${frame.name} ${frame.place}`.trim()
    selfUs.set(key, (selfUs.get(key) ?? 0) + frame.selfUs)
    for (const child of frame.children.values()) visit(child)
  }
  visit(root)
  return [...selfUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, us]) => `${name} ${((us / root.totalUs) * 100).toFixed(1)} %`)
    .join(', ')
}
