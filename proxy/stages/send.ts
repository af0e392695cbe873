import { refusal } from '../ownership/answers.ts'
import type { Ask, Outcome, Protocol, Seen, Step } from '../ownership/steps.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import type { Incoming } from '../transport/transport.ts'
import type { Dependencies } from './dependencies.ts'
import { createHands, type Hands } from './hands.ts'
import type { Plan } from './rewrite-request.ts'

/** Sends what the plan says: one request, or as many rounds as its protocol takes. Nothing has left for the client yet. */
export async function send(
  plan: Plan,
  { incoming, record }: { readonly incoming: Incoming; readonly record: AccessRecord },
  deps: Dependencies
): Promise<Outcome> {
  const hands = createHands({ exchange: plan.exchange, incoming, record, deps })
  try {
    if (plan.kind === 'protocol') return await drive(plan.protocol, hands)
    const seen = await hands.plain(plan.outbound, plan.label)
    return seen.status >= 200 && seen.status < 300 ? { outcome: 'relay', seen, proof: null } : refusal(seen, plan.label)
  } finally {
    plan.done()
  }
}

/**
 * Runs one protocol to its end: sends what it asks for and gives back what was seen.
 * A fault of the driver itself is thrown into the protocol, so that its leases are given back before the fault leaves.
 */
export async function drive(protocol: Protocol, hands: Hands): Promise<Outcome> {
  let turn = protocol.next()
  while (turn.done !== true) {
    let given: unknown
    let fault: unknown
    let failed = false
    try {
      const done = perform(turn.value, hands)
      given = done instanceof Promise ? await done : done
    } catch (error) {
      failed = true
      fault = error
    }
    turn = failed ? protocol.throw(fault) : protocol.next(given)
  }
  return turn.value
}

function perform(step: Step, hands: Hands): unknown {
  switch (step.step) {
    case 'ask':
      return step.asks.length === 1 ? askOne(step.asks[0] as Ask, hands) : askAll(step.asks, hands)
    case 'lease':
      return hands.lease(step.key, step.shared)
    case 'release':
      return hands.release(step.key, step.unknown)
    case 'leaseLeft':
      return hands.leaseLeft(step.key)
    case 'cacheGet':
      return hands.cacheGet(step.at)
    case 'cacheSet':
      return hands.cacheSet(step.at, step.value)
    case 'discard':
      return hands.discard(step.seen)
    default:
      return step satisfies never
  }
}

async function askOne(ask: Ask, hands: Hands): Promise<readonly Seen[]> {
  return [await hands.ask(ask)]
}

/** All at once; if one faults, the held answers of the others are given up before the fault goes on. */
async function askAll(asks: readonly Ask[], hands: Hands): Promise<readonly Seen[]> {
  // One that cannot even be asked must not leave the others to themselves.
  const settled = await Promise.allSettled(asks.map(async (ask) => hands.ask(ask)))
  const fault = settled.find((result) => result.status === 'rejected')
  if (fault === undefined) return settled.map((result) => (result as PromiseFulfilledResult<Seen>).value)
  for (const result of settled) if (result.status === 'fulfilled') hands.discard(result.value)
  throw fault.reason
}
