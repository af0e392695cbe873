import { labelled, readMetrics, writeMetrics, type Families, type Family } from './metrics-text.ts'

/** What only grows is added up; what a process says of this moment stays its own. */
const SUMMED: ReadonlySet<string> = new Set(['counter', 'histogram'])

/**
 * The metrics of several processes as one page. Counters and histograms are sums; everything else has the label `worker`.
 * A sum never falls, which would be read as the restart of a counter: who did not answer counts with what was last heard, and who
 * has ended goes on to.
 */
export class CombinedMetrics {
  #last = new Map<string, Families>()
  #ended: Families = new Map()

  /** The page, from those that answered. */
  page(answers: ReadonlyMap<string, string>): string {
    for (const [worker, text] of answers) this.#last.set(worker, readMetrics(text))
    const page: Families = new Map()
    for (const [worker, families] of this.#last) {
      for (const [name, family] of families) {
        if (SUMMED.has(family.type)) addTo(page, name, family)
        else addTo(page, name, answers.has(worker) ? ofWorker(family, worker) : { ...family, series: new Map() })
      }
    }
    for (const [name, family] of this.#ended) addTo(page, name, family)
    return writeMetrics(page)
  }

  /** A worker has ended: what it counted stays counted, and the next of its name begins at nothing. */
  ended(worker: string): void {
    for (const [name, family] of this.#last.get(worker) ?? []) if (SUMMED.has(family.type)) addTo(this.#ended, name, family)
    this.#last.delete(worker)
  }
}

function addTo(page: Families, name: string, { help, type, series }: Family): void {
  let sum = page.get(name)
  if (sum === undefined) page.set(name, (sum = { help, type, series: new Map() }))
  for (const [key, value] of series) sum.series.set(key, (sum.series.get(key) ?? 0) + value)
}

function ofWorker(family: Family, worker: string): Family {
  return { ...family, series: new Map([...family.series].map(([key, value]) => [labelled(key, 'worker', worker), value])) }
}
