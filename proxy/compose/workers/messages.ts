import type { Readiness } from '../../ops/ops-server.ts'

/** What the primary sends to a worker. */
export type ToWorker = Order | Question | { readonly kind: 'stop' }

/** The first message: what to serve. Files that it names are read by the worker, so that it has what they hold now. */
export interface Order {
  readonly kind: 'start'
  /** From 1 to `count`. */
  readonly number: number
  readonly count: number
  /** Of the start of the primary: all workers serve one configuration, whatever became of its file. */
  readonly yamlText: string
  /** Whether it tells what all would tell alike. */
  readonly tells: boolean
  /** Others serve already: it takes connections only when it can serve too. */
  readonly listenLast: boolean
}

export interface Question {
  readonly kind: 'ask'
  readonly id: number
  readonly page: keyof Pages
}

/** What a worker is asked for. */
export interface Pages {
  readonly readiness: Readiness
  readonly metrics: string
}

/** What a worker sends to the primary. */
export type FromWorker =
  | { readonly kind: 'started'; readonly s3: string; readonly api: string | null }
  /** It cannot serve, for a reason that a person has to mend. It ends after this. */
  | { readonly kind: 'refused'; readonly says: string }
  /** Everything is closed and written: only its exit is left. */
  | { readonly kind: 'done' }
  | { readonly kind: 'answer'; readonly id: number; readonly page: Pages[keyof Pages] }
