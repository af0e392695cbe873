import { Counter, Histogram, type LabelValues, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

interface MeterOptions<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly registry: Registry
}

/** A number of a histogram as prom-client has it: labels that all of its series share stand apart. */
interface HistogramValue {
  readonly metricName: string
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly sharedLabels: Readonly<Record<string, string>>
}

interface HistogramValues {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly aggregator: string
  readonly values: readonly HistogramValue[]
}

type Labels<L extends string> = Readonly<Record<L, string>>

const CELLS_AT_FIRST = 64

/**
 * The series of one metric, each with the place of its numbers in one array. A page has those that were counted, in the order in
 * which they first were.
 */
class Cells<L extends string> {
  numbers: Float64Array
  readonly #labels: Labels<L>[] = []
  readonly #counted: number[] = []
  readonly #numbersEach: number

  constructor(numbersEach: number) {
    this.#numbersEach = numbersEach
    this.numbers = new Float64Array(numbersEach * CELLS_AT_FIRST)
  }

  /** The place of a new series. */
  add(labels: Labels<L>): number {
    const at = this.#labels.push(labels) * this.#numbersEach - this.#numbersEach
    if (at === this.numbers.length) {
      const larger = new Float64Array(this.numbers.length * 2)
      larger.set(this.numbers)
      this.numbers = larger
    }
    return at
  }

  /** Called when a series is counted for the first time. */
  begin(at: number): void {
    this.#counted.push(at)
  }

  counted(): readonly { readonly at: number; readonly labels: Labels<L> }[] {
    return this.#counted.map((at) => ({ at, labels: this.#labels[at / this.#numbersEach] ?? ({} as Labels<L>) }))
  }
}

/** A counter whose series are numbers in an array. prom-client, which hashes labels at each count, only reads it when a page is asked for. */
export class CellCounter<L extends string> extends Counter<L> {
  readonly #cells = new Cells<L>(1)
  readonly #labelled: boolean

  constructor({ registry, labelNames, ...options }: MeterOptions<L>) {
    super({ ...options, labelNames: [...labelNames], registers: [registry] })
    this.#labelled = labelNames.length > 0
    // As prom-client does: what has no labels is there before it is counted.
    if (!this.#labelled) this.#cells.begin(this.series({} as Labels<L>))
  }

  /** The handle of a series that has none yet; the caller remembers it. */
  series(labels: Labels<L>): number {
    return this.#cells.add(labels)
  }

  /**
   * Adds an amount above zero.
   *
   * HOT: bench/count-request.ts
   */
  add(series: number, amount: number): void {
    const { numbers } = this.#cells
    const before = numbers[series] ?? 0
    if (before === 0 && this.#labelled) this.#cells.begin(series)
    numbers[series] = before + amount
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<L>>> {
    const { numbers } = this.#cells
    const values = this.#cells.counted().map(({ at, labels }) => ({ value: numbers[at] ?? 0, labels: labels as LabelValues<L> }))
    return { ...(await super.get()), values }
  }
}

/** A histogram whose series are counts in an array: one for each bound, one for what is above all; then the sum, and how many. */
export class CellHistogram<L extends string> extends Histogram<L> {
  declare readonly name: string
  declare readonly help: string
  declare readonly type: string
  declare readonly aggregator: string
  readonly #bounds: readonly number[]
  readonly #cells: Cells<L>

  constructor({ registry, labelNames, bounds, ...options }: MeterOptions<L> & { readonly bounds: readonly number[] }) {
    super({ ...options, labelNames: [...labelNames], buckets: [...bounds], registers: [registry] })
    this.#bounds = bounds
    this.#cells = new Cells<L>(bounds.length + 3)
  }

  /** The handle of a series that has none yet; the caller remembers it. */
  series(labels: Labels<L>): number {
    return this.#cells.add(labels)
  }

  /** HOT: bench/count-request.ts */
  record(series: number, value: number): void {
    const bounds = this.#bounds
    const { numbers } = this.#cells
    let bucket = 0
    // From below: most requests fall into the first few.
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1
    const at = series + bucket
    const sum = series + bounds.length + 1
    const before = numbers[sum + 1] ?? 0
    if (before === 0) this.#cells.begin(series)
    numbers[at] = (numbers[at] ?? 0) + 1
    numbers[sum] = (numbers[sum] ?? 0) + value
    numbers[sum + 1] = before + 1
  }

  /** What prom-client makes both a page and an object of. */
  getForPromString(): Promise<HistogramValues> {
    const { name, help, type, aggregator } = this
    const values = this.#cells.counted().flatMap(({ at, labels }) => this.#valuesOf(labels, at))
    return Promise.resolve({ name, help, type, aggregator, values })
  }

  #valuesOf(sharedLabels: Labels<L>, at: number): HistogramValue[] {
    const size = this.#bounds.length
    const numbers = this.#cells.numbers.subarray(at, at + size + 3)
    const value = (part: string, value: number, labels: HistogramValue['labels'] = {}): HistogramValue => {
      return { metricName: `${this.name}_${part}`, value, labels, sharedLabels }
    }
    let count = 0
    const bucket = (le: number | string, i: number): HistogramValue => value('bucket', (count += numbers[i] ?? 0), { le })
    const buckets = [...this.#bounds.map(bucket), value('bucket', numbers[size + 2] ?? 0, { le: '+Inf' })]
    return [...buckets, value('sum', numbers[size + 1] ?? 0), value('count', numbers[size + 2] ?? 0)]
  }
}
