/** What the load generator is to do. */
export interface LoadOrder {
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly port: number
  /** Whole request heads, used in turn. */
  readonly heads: readonly string[]
  readonly bodyFile: string | null
  readonly connections: number
  readonly seconds: number
  /** Requests a second; null for as many as the connections bring. */
  readonly perSecond: number | null
}

export interface LoadResult {
  readonly requests: number
  /** Of bodies. */
  readonly bytes: number
  readonly seconds: number
  /** Answers that are not 2xx, and connections that broke. */
  readonly failures: number
  readonly firstFailure: string | null
  /** In the order in which the answers ended. */
  readonly latenciesMs: readonly number[]
}

/** Connections that are held open. */
export interface HoldOrder {
  readonly port: number
  readonly head: string
  readonly connections: number
  /** Whether each reads its answer 64 KiB at a time, ten times a second. */
  readonly slow: boolean
}
