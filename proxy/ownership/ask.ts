/** How generators of the protocol ask, alone and together. */
import { abandon, cleanly } from './clean-up.ts'
import type { Ask, Protocol, Seen, Step } from './steps.ts'

/** Sends all asks at once; their answers in the same order. */
export function* askAll(asks: readonly Ask[]): Protocol<readonly Seen[]> {
  return (yield { step: 'ask', asks }) as readonly Seen[]
}

/** Sends one ask. */
export function* askOne(ask: Ask): Protocol<Seen> {
  return answered(yield* askAll([ask]), 0)
}

/** The answer to one of the asks of a step; a driver that gives back fewer is broken. */
export function answered(seen: readonly Seen[], index: number): Seen {
  const one = seen[index]
  if (one === undefined) throw new Error('the driver gave back fewer answers than it was asked for')
  return one
}

/**
 * Runs several generators side by side, at most `atOnce` of them: what they ask goes out in one step. Their results in
 * the given order.
 */
export function* together<Result>(runs: readonly Protocol<Result>[], atOnce = runs.length): Protocol<Result[]> {
  const active = new Map<Protocol<Result>, Active>()
  return yield* cleanly(advance(runs, active, atOnce), function* () {
    for (const run of active.keys()) yield* abandon(run)
  })
}

interface Active {
  readonly index: number
  readonly step: Step
}

function* advance<Result>(runs: readonly Protocol<Result>[], active: Map<Protocol<Result>, Active>, atOnce: number): Protocol<Result[]> {
  const results: Result[] = []
  const waiting = runs.entries()
  const note = (run: Protocol<Result>, index: number, got: IteratorResult<Step, Result>) => {
    active.delete(run)
    if (got.done) results[index] = got.value
    else active.set(run, { index, step: got.value })
  }
  for (;;) {
    while (active.size < atOnce) {
      const next = waiting.next()
      if (next.done) break
      const [index, run] = next.value
      note(run, index, run.next())
    }
    if (active.size === 0) return results
    const now = [...active]
    const asks = now.flatMap(([, { step }]) => (step.step === 'ask' ? step.asks : []))
    const seen = asks.length > 0 ? yield* askAll(asks) : []
    let from = 0
    for (const [run, { index, step }] of now) {
      const given = step.step === 'ask' ? seen.slice(from, (from += step.asks.length)) : yield step
      note(run, index, run.next(given))
    }
  }
}
