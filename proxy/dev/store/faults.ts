import type { ErrorCode } from './error.ts'
import type { RecordedRequest } from './request-log.ts'

/**
 * A place where requests wait. A test sees who waits and lets them go on one by one, in any order, or all at once: so it
 * reorders requests without timing anything.
 */
export class Gate {
  #waiting: { readonly request: RecordedRequest; readonly go: () => void }[] = []
  #arrivals: { readonly count: number; readonly tell: () => void }[] = []
  #arrived = 0
  #open = false

  /** Requests that wait now, in the order of their arrival. */
  get waiting(): readonly RecordedRequest[] {
    return this.#waiting.map(({ request }) => request)
  }

  /** Resolves once so many requests have come to this gate in all. */
  arrived(count = 1): Promise<void> {
    if (this.#arrived >= count) return Promise.resolve()
    return new Promise((tell) => this.#arrivals.push({ count, tell }))
  }

  /** Lets one go on: the first that came, or the one named by its place in `waiting`. */
  releaseOne(index = 0): void {
    const [released] = this.#waiting.splice(index, 1)
    if (released === undefined) throw new Error(`nothing waits at place ${index} of the gate`)
    released.go()
  }

  /** Lets all go on, and everyone who comes later. */
  open(): void {
    this.#open = true
    for (const { go } of this.#waiting.splice(0)) go()
  }

  /** Where a request waits. */
  pass(request: RecordedRequest): Promise<void> {
    this.#arrived++
    for (const { count, tell } of this.#arrivals) if (this.#arrived >= count) tell()
    if (this.#open) return Promise.resolve()
    return new Promise((go) => this.#waiting.push({ request, go }))
  }
}

export type FaultAction =
  /** Waits at the gate: with its head read, with its body whole but without effect, or with the effect done but not answered. */
  | { readonly kind: 'hold'; readonly gate: Gate; readonly at: 'arrival' | 'effect' | 'answer' }
  /** The connection is reset and nothing takes effect. */
  | { readonly kind: 'drop' }
  /** Takes effect; then the connection is reset. */
  | { readonly kind: 'loseAnswer' }
  /** Never answered; takes effect when the gate lets it, long after the client gave up. */
  | { readonly kind: 'late'; readonly gate: Gate }
  /** The answer's head is whole, but the connection ends after so many bytes of its body. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** An error instead of the effect, or after it. */
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly afterEffect?: boolean }

export interface FaultRule {
  readonly method?: string
  /** AWS's name of the operation. */
  readonly operation?: string
  readonly bucket?: string
  readonly key?: string
  /** What else must be true of the request. */
  readonly where?: (request: RecordedRequest) => boolean
  /** Which of the matching requests, from 1; all when absent. */
  readonly nth?: number
  /** How often it acts before it is spent; without end when absent. */
  readonly times?: number
  readonly action: FaultAction
}

/** The rules in force; the first that fits a request acts. */
export class Faults {
  #rules: { readonly rule: FaultRule; matches: number; acted: number }[] = []

  /** Puts a rule in force until the returned function is called. */
  add(rule: FaultRule): () => void {
    const entry = { rule, matches: 0, acted: 0 }
    this.#rules.push(entry)
    return () => void (this.#rules = this.#rules.filter((one) => one !== entry))
  }

  clear(): void {
    this.#rules = []
  }

  /** The action for a request; counts it against the rules that it matches. */
  take(request: RecordedRequest): FaultAction | null {
    for (const entry of this.#rules) {
      if (!matches(entry.rule, request)) continue
      entry.matches++
      if (entry.rule.nth !== undefined && entry.rule.nth !== entry.matches) continue
      if (entry.rule.times !== undefined && entry.acted >= entry.rule.times) continue
      entry.acted++
      return entry.rule.action
    }
    return null
  }
}

function matches(rule: FaultRule, request: RecordedRequest): boolean {
  if (rule.method !== undefined && rule.method !== request.method) return false
  if (rule.operation !== undefined && rule.operation !== request.operation) return false
  if (rule.bucket !== undefined && rule.bucket !== request.bucket) return false
  if (rule.key !== undefined && rule.key !== request.key) return false
  return rule.where === undefined || rule.where(request)
}
