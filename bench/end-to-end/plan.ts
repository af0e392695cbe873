/** Which core what is measured runs on, and which the upstream and the load. */
export const SUBJECT_CORE = 0
export const LOAD_CORE = 1
/** What every ratio is to. */
export const REFERENCE = 'nginx'

/** When a warm-up ends: after so many requests, or so many seconds. */
export interface WarmUp {
  readonly requestsMax: number | null
  readonly seconds: number
}

/** How much is measured, and for how long. */
export interface Plan {
  readonly rounds: number
  /** Of bodies so large that samples differ little. */
  readonly largeRounds: number
  /** The same of subjects that are neither Sluice nor the reference. */
  readonly peerRounds: number
  readonly largePeerRounds: number
  /** No further round begins that would end after so many seconds if it takes as long as the one before. */
  readonly budgetSeconds: number
  /** Of one sample. */
  readonly seconds: number
  readonly warmUp: {
    /** The first workload of a subject that compiles its code while it runs. */
    readonly first: WarmUp
    /** Each workload after it. */
    readonly next: WarmUp
    /** Subjects that are compiled before, and large bodies; none at all where it is zero. */
    readonly brief: WarmUp
  }
  readonly latencySeconds: number
  /** Requests a second while latencies are taken: low enough that nothing queues. */
  readonly latencyRate: number
  readonly takesMemory: boolean
  /** The workloads that are run; null for all. */
  readonly workloads: readonly string[] | null
}

/** V8 goes on compiling for some 50,000 requests: the same sample costs half as much after four rounds of five seconds as at the first. */
export const FULL: Plan = {
  ...{ rounds: 3, largeRounds: 2, peerRounds: 2, largePeerRounds: 1, budgetSeconds: 450, seconds: 2 },
  warmUp: {
    first: { requestsMax: 50_000, seconds: 12 },
    next: { requestsMax: 15_000, seconds: 3 },
    brief: { requestsMax: null, seconds: 0.7 }
  },
  ...{ latencySeconds: 3, latencyRate: 400, takesMemory: true, workloads: null }
}

export const QUICK: Plan = {
  ...{ rounds: 1, largeRounds: 1, peerRounds: 1, largePeerRounds: 1, budgetSeconds: 360, seconds: 1 },
  warmUp: {
    first: { requestsMax: 5_000, seconds: 2 },
    next: { requestsMax: 2_000, seconds: 0.7 },
    brief: { requestsMax: 0, seconds: 0 }
  },
  ...{ latencySeconds: 1, latencyRate: 200, takesMemory: false },
  workloads: [
    'GET 1 KiB',
    'GET 64 KiB',
    'GET 64 MiB',
    'PUT 1 KiB, new key',
    'PUT 64 MiB, UNSIGNED-PAYLOAD',
    'PUT 64 MiB, signed chunks verified',
    'cold read'
  ]
}
