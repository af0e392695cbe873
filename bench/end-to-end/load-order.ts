/** What the load generator is to do. */
export interface LoadOrder {
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly port: number
  /** The certificate to trust, in PEM; null for plain HTTP. */
  readonly ca: string | null
  /** Whole request heads, used in turn. */
  readonly heads: readonly string[]
  /** Whether a head that is used a second time is a failure: the key would no longer be new. */
  readonly once: boolean
  readonly bodyFile: string | null
  readonly connections: number
  readonly seconds: number
  /** Ends the load before its time; null for no such end. */
  readonly requestsMax: number | null
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
  /** In the order in which the answers ended; only where a rate was ordered. */
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
