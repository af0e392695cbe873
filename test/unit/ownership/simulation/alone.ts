/** One operation alone on a world: what it asks, in how many rounds, and how it ends when one step goes wrong. */
import type { Ask, Outcome, Protocol, Seen, Step } from '../../../../proxy/ownership/steps.ts'
import type { Traced } from './balance.ts'
import { serve } from './upstream.ts'
import type { Env, Op, World } from './world.ts'

/** What happens at one place of a run: an answer instead of the upstream's, or the driver gives up. */
export type Fault =
  | { readonly kind: 'answer'; readonly seen: Seen }
  | { readonly kind: 'throw' }
  | { readonly kind: 'return' }
  | { readonly kind: 'given'; readonly value: unknown }

/** Counts asks in the order in which they are sent, then every other step. */
export interface Place {
  readonly step: number
  readonly ask: number
}

export interface Alone {
  readonly outcome: Outcome | null
  readonly thrown: unknown
  readonly trace: readonly Traced[]
  readonly world: World
}

export class DriverFault extends Error {}

/** Drives the run to its end. */
export function runAlone(run: Protocol, on: { world: World; env: Env; op: Op }, fault?: { at: Place; fault: Fault }): Alone {
  const trace: { step: Step; given: unknown }[] = []
  const world = { ...on.world }
  let thrown: unknown = null
  let got: IteratorResult<Step, Outcome | undefined> = { done: true, value: undefined }
  try {
    got = run.next()
    while (!got.done) {
      const step: Step = got.value
      const here = fault?.at.step === trace.length ? fault : undefined
      if (here?.fault.kind === 'throw' || here?.fault.kind === 'return') {
        trace.push({ step, given: undefined })
        got = here.fault.kind === 'throw' ? run.throw(new DriverFault('the driver gives up')) : run.return(undefined as never)
        continue
      }
      const given = here?.fault.kind === 'given' ? here.fault.value : answer(step, world, on, here)
      trace.push({ step, given })
      got = run.next(given)
    }
  } catch (error) {
    thrown = error
  }
  return { outcome: got.done ? (got.value ?? null) : null, thrown, trace, world }
}

function answer(step: Step, world: World, on: { env: Env; op: Op }, here: { at: Place; fault: Fault } | undefined): unknown {
  switch (step.step) {
    case 'ask':
      return step.asks.map((ask, n) => (here?.fault.kind === 'answer' && here.at.ask === n ? here.fault.seen : serveWhole(ask, world, on)))
    case 'cacheGet':
      return world.caches[0]?.[step.at.key] ?? null
    case 'lease':
      return 'held'
    case 'leaseLeft':
      return 1e6
    case 'cacheSet':
    case 'release':
    case 'discard':
      return undefined
    default:
      return step satisfies never
  }
}

function serveWhole(ask: Ask, world: World, on: { env: Env; op: Op }): Seen {
  const who = { me: 'A', gen: '0.0.0', op: on.op }
  const one = (part: number): Seen => {
    const first = serve(world, { ask, part, snap: null }, on.env, who, [])
    if ('status' in first) return first
    const second = serve(world, { ask, part, snap: first }, on.env, who, [])
    if (!('status' in second)) throw new Error('a source is read once')
    return second
  }
  if (ask.ask !== 'deleteBatch') return one(0)
  return { status: 200, items: ask.items.map((_, part) => one(part)), reply: null }
}

/** What the run sent, as the table of request counts writes it: requests, rounds in sequence, leases. */
export function costOf(alone: Alone): string {
  const rounds = alone.trace.flatMap(({ step }) => (step.step === 'ask' ? [step.asks.length] : []))
  const leases = alone.trace.filter(({ step }) => step.step === 'lease').length
  return `${rounds.reduce((sum, asks) => sum + asks, 0)}/${rounds.length}${leases > 0 ? '+lease' : ''}`
}
