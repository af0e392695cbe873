/** GetObjectAttributes: its answer carries no mark, so it is released only with the ETag of a look. */
import { denied, isAbsent, isDone, missing, refusal, sameEtag, slowDown } from './answers.ts'
import { askOne, together } from './ask.ts'
import { cleanly } from './clean-up.ts'
import { admitsLooked, type OwnershipContext } from './context.ts'
import { look, type Found } from './look.ts'
import type { ObjectRef, Outcome, Protocol, Seen } from './steps.ts'

const ATTRIBUTE_ROUNDS = 2

/** The attributes of an object that policy admits. The driver always asks for the ETag and filters it out. */
export function* attributes(context: OwnershipContext, request: { readonly at: ObjectRef }): Protocol {
  const { at } = request
  for (let round = 0; round < ATTRIBUTE_ROUNDS; round++) {
    const outcome = yield* attempt(context, at)
    if (outcome !== 'again') return outcome
  }
  return slowDown('the object changed under every read of its attributes')
}

/** What one attempt has got so far; `held` is null again once it is released. */
interface Got {
  found: Found | null
  held: Seen | null
}

function* attempt(context: OwnershipContext, at: ObjectRef): Protocol<Outcome | 'again'> {
  const got: Got = { found: null, held: null }
  return yield* cleanly(lookBeside(context, at, got), function* () {
    if (got.held !== null && isDone(got.held)) yield { step: 'discard', seen: got.held }
  })
}

function* lookBeside(context: OwnershipContext, at: ObjectRef, got: Got): Protocol<Outcome | 'again'> {
  yield* together<void>([
    (function* () {
      got.found = yield* look(context, at)
    })(),
    (function* () {
      got.held = yield* askOne({ ask: 'read', at, conditions: false })
    })()
  ])
  const outcome = judged(context, at, got)
  if (outcome !== 'again' && outcome.outcome === 'relay') got.held = null
  return outcome
}

function judged(context: OwnershipContext, at: ObjectRef, got: Got): Outcome | 'again' {
  const { found, held } = got
  if (found === null || held === null) throw new Error('both runs have ended')
  if (found.state === 'failed') return found.outcome
  if (found.state === 'absent') return missing(context, at, found.seen)
  if (!admitsLooked(context, found.looked)) return denied(found.looked)
  if (isAbsent(at, held)) return missing(context, at, held)
  if (!isDone(held)) return refusal(held, 'attributes')
  return sameEtag(held.etag, found.looked.etag) ? { outcome: 'relay', seen: held, proof: found.looked } : 'again'
}
