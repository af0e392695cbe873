/** One metric of a page in Prometheus' text format. */
export interface Family {
  readonly help: string
  readonly type: string
  /** Name and labels, as written, to the value. */
  readonly series: Map<string, number>
}

/** The metrics of a page by name, in the order of the page. */
export type Families = Map<string, Family>

/** Reads a page as prom-client writes it: HELP and TYPE before the series of each metric, and no times. */
export function readMetrics(text: string): Families {
  const families: Families = new Map()
  let help = ''
  let family: Family | null = null
  for (const line of text.split('\n')) {
    if (line.startsWith('# HELP ')) help = line.slice(line.indexOf(' ', 7) + 1)
    else if (line.startsWith('# TYPE ')) {
      const [name = '', type = ''] = line.slice(7).split(' ')
      family = { help, type, series: new Map() }
      families.set(name, family)
    } else if (line !== '' && !line.startsWith('#')) {
      // A label may hold spaces; a value does not.
      const end = line.lastIndexOf(' ')
      family?.series.set(line.slice(0, end), numberOf(line.slice(end + 1)))
    }
  }
  return families
}

export function writeMetrics(families: Families): string {
  let text = ''
  for (const [name, { help, type, series }] of families) {
    if (series.size === 0) continue
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    for (const [key, value] of series) text += `${key} ${textOf(value)}\n`
  }
  return text
}

/** A series with one more label, before those that it has. */
export function labelled(key: string, name: string, value: string): string {
  const open = key.indexOf('{')
  return open < 0 ? `${key}{${name}="${value}"}` : `${key.slice(0, open)}{${name}="${value}",${key.slice(open + 1)}`
}

function numberOf(text: string): number {
  return /^[+-]?Inf$/.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
}

function textOf(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}
