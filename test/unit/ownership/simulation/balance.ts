/** What a run took, it must give back: held reads and leases. */
import { isDone } from '../../../../proxy/ownership/answers.ts'
import type { Outcome, Seen, Step } from '../../../../proxy/ownership/steps.ts'

export interface Traced {
  readonly step: Step
  readonly given: unknown
}

/** Names a held read that was not released or discarded exactly once, or a lease that was not given back exactly once. */
export function balanceProblem(trace: readonly Traced[], outcome: Outcome | null): string | null {
  const held = new Map<Seen, number>()
  const leases = new Map<string, number>()
  for (const { step, given } of trace) {
    if (step.step === 'ask') for (const seen of heldOf(step, given)) held.set(seen, (held.get(seen) ?? 0) + 1)
    if (step.step === 'discard') held.set(step.seen, (held.get(step.seen) ?? 0) - 1)
    if (step.step === 'lease' && given === 'held') leases.set(step.key, (leases.get(step.key) ?? 0) + 1)
    if (step.step === 'release') leases.set(step.key, (leases.get(step.key) ?? 0) - 1)
  }
  if (outcome?.outcome === 'relay' && held.has(outcome.seen)) held.set(outcome.seen, (held.get(outcome.seen) ?? 0) - 1)
  for (const count of held.values())
    if (count !== 0) return `a held read was ${count > 0 ? 'neither released nor discarded' : 'given up twice'}`
  for (const [key, count] of leases) if (count !== 0) return `the lease of ${key} was ${count > 0 ? 'not given back' : 'given back twice'}`
  return null
}

function heldOf(step: Extract<Step, { step: 'ask' }>, given: unknown): Seen[] {
  const answers = (given ?? []) as readonly Seen[]
  return step.asks.flatMap((ask, place) => {
    const seen = answers[place]
    return seen !== undefined && isDone(seen) && (ask.ask === 'read' || ask.ask === 'readRange') ? [seen] : []
  })
}
