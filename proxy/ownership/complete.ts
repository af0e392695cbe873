/** CompleteMultipartUpload, the client's or that of an internal upload. */
import { isDone, lostRace, refusal, refuse, sameEtag, slowDown, wire } from './answers.ts'
import { forget, rememberWrite } from './cache.ts'
import type { OwnershipContext } from './context.ts'
import { look, type Found } from './look.ts'
import type { Ask, Looked, ObjectRef, Outcome, PartDone, Protocol, Seen, WireCondition } from './steps.ts'
import { effect, leasedWhenOver, needsLease, type Hold } from './under-lease.ts'
import { judgeWrite } from './write.ts'

export interface CompleteRequest {
  readonly at: ObjectRef
  /** The upstream's id of the upload. */
  readonly uploadId: string
  /** The nonce that the upload was created with. */
  readonly nonce: string
  readonly client: WireCondition
  /** For an internal upload: what it is made of. */
  readonly parts?: readonly PartDone[]
  /** For a copy onto itself: the only content that may be replaced. */
  readonly only?: string
}

/** Completes an upload over an absent key or what policy admits; says so again if it was already completed. */
export function* complete(context: OwnershipContext, request: CompleteRequest): Protocol {
  return yield* leasedWhenOver(request.at, (hold) => completeRounds(context, request, hold))
}

function* completeRounds(context: OwnershipContext, request: CompleteRequest, hold: Hold | null): Protocol<Outcome | 'lease'> {
  const { at, uploadId, parts } = request
  // Some upstreams end an upload whose Complete fails its condition, so it never goes out on a guess: it looks first.
  let condition: WireCondition | null = null
  let over: Looked | null = null
  for (let round = 0; round < context.retries; round++) {
    let gone: Seen | null = null
    if (condition !== null) {
      const ask: Ask = { ask: 'complete', at, uploadId, condition: wire(context.closed.complete, condition) }
      const seen: Seen = yield* effect(context, hold, parts === undefined ? ask : { ...ask, parts })
      if (isDone(seen)) {
        yield* rememberWrite(context, at, seen)
        return { outcome: 'relay', seen, proof: over }
      }
      if (seen.code === 'NoSuchUpload') gone = seen
      else if (!lostRace(seen)) return refusal(seen, 'complete')
    }
    const found: Found = yield* look(context, at)
    if (found.state === 'present' && isDoneBefore(context, found.looked, request))
      return { outcome: 'computed', status: 200, proof: found.looked }
    if (gone !== null && found.state !== 'failed') return refuse('NoSuchUpload', 'the upload has ended', gone)
    const verdict = judgeWrite(context, found, request)
    if (verdict.verdict === 'stop') {
      yield* forget(at)
      return verdict.outcome
    }
    over = verdict.over
    if (request.only !== undefined && !sameEtag(over?.etag, request.only))
      return slowDown('the object changed while it was copied onto itself')
    if (over !== null && hold === null && needsLease(context, over.owner)) return 'lease'
    condition = verdict.condition
  }
  return slowDown('other writers were faster in every round')
}

/** Only the nonce proves it: an equal ETag can be that of an older object made of the same parts. */
function isDoneBefore(context: OwnershipContext, looked: Looked, request: CompleteRequest): boolean {
  return looked.owner === context.me && looked.nonce === request.nonce
}
