/** What the clients of a soak are to do. */
export interface SoakOrder {
  readonly port: number
  readonly clients: number
  readonly seconds: number
  /** Signed reads by the size of their object; the size is what the answer must have. */
  readonly reads: readonly { readonly size: number; readonly head: string }[]
  /** Signed writes, each of a key of its own, without their Content-Length. */
  readonly writes: readonly string[]
}

export interface SoakOutcome {
  readonly reads: number
  readonly writes: number
  /** Of the reads, those that took 64 KiB ten times a second. */
  readonly slowReads: number
  /** Ended by the client on purpose. */
  readonly aborted: number
  /** Answers other than 2xx, short bodies, connections that broke, and answers that never came. */
  readonly failures: number
  readonly firstFailure: string | null
  readonly bytes: number
}
