/** CopyObject: which way a copy goes, and the ways that one request of the upstream makes. */
import { denied, isDone, lostRace, missing, refusal, refuse, sameEtag, slowDown, wire } from './answers.ts'
import { together } from './ask.ts'
import { rememberWrite } from './cache.ts'
import { admitsLooked, type OwnershipContext } from './context.ts'
import { copyByReading } from './copy-by-reading.ts'
import { look, type Found } from './look.ts'
import type { Judge } from './read.ts'
import { withUserTags } from './source-tags.ts'
import type { Looked, ObjectRef, Outcome, Protocol, WireCondition } from './steps.ts'
import { effect, leasedWhenOver, needsLease, type Hold } from './under-lease.ts'
import { judgeWrite } from './write.ts'

export interface CopyRequest {
  /** The destination. */
  readonly at: ObjectRef
  /** The source, with what its account and policy say. */
  readonly source: { readonly context: OwnershipContext; readonly at: ObjectRef }
  /** The client's own condition on the destination. */
  readonly client: WireCondition
  /** The client's x-amz-copy-source-if-* conditions; null: none. */
  readonly judgeSource: Judge | null
  /** The client wants the tags of the source (x-amz-tagging-directive: COPY). */
  readonly copiesTags: boolean
  readonly sameAccount: boolean
  /** Source and destination are one key, and no version of the source is named. */
  readonly ontoItself: boolean
  /** Up to this size the proxy holds the source in memory and can send it again. */
  readonly smallBytesMax: number
}

/** Copies an object that policy admits over an absent key or what policy admits. */
export function* copy(context: OwnershipContext, request: CopyRequest): Protocol {
  // A name would be resolved by the other account, or without the pin where the upstream ignores it.
  const byName = request.sameAccount && context.sourceConditions
  // Where not even a put is conditional, reading and putting would gain nothing over CopyObject.
  if (byName && (context.closed.copy || !context.closed.put)) return yield* copyByName(context, request)
  const outcome = yield* copyByReading(context, request, byName)
  return outcome === 'by name' ? yield* copyByName(context, request) : outcome
}

function* copyByName(context: OwnershipContext, request: CopyRequest): Protocol {
  return yield* leasedWhenOver(request.at, (hold) => copyRounds(context, request, hold))
}

function* copyRounds(context: OwnershipContext, request: CopyRequest, hold: Hold | null): Protocol<Outcome | 'lease'> {
  const { at, source } = request
  for (let round = 0; round < context.retries; round++) {
    // Both at once, and both again after 412, which does not say which of the two conditions failed.
    const [from, to] = yield* together([look(source.context, source.at), look(context, at)])
    if (from === undefined || to === undefined) throw new Error('both looks have ended')
    const admitted = judgeSource(from, request)
    if ('outcome' in admitted) return admitted
    const verdict = judgeWrite(context, to, request)
    if (verdict.verdict === 'stop') return verdict.outcome
    if (request.ontoItself && !sameEtag(admitted.etag, verdict.over?.etag)) continue
    if (verdict.over !== null && hold === null && needsLease(context, verdict.over.owner)) return 'lease'
    const looked = yield* withUserTags(source.context, admitted, request.copiesTags)
    if ('outcome' in looked) return looked
    const condition = wire(context.closed.copy, verdict.condition)
    const seen = yield* effect(context, hold, { ask: 'copy', at, source: looked, directives: 'REPLACE', condition })
    if (isDone(seen)) {
      yield* rememberWrite(context, at, seen)
      return { outcome: 'relay', seen, proof: verdict.over, source: looked }
    }
    if (!lostRace(seen)) return refusal(seen, 'copy')
  }
  return slowDown('source or destination changed in every round')
}

/** The source if it may be copied, else how the run ends. */
export function judgeSource(found: Found, request: Pick<CopyRequest, 'source' | 'judgeSource'>): Looked | Outcome {
  const { context, at } = request.source
  if (found.state === 'failed') return found.outcome
  if (found.state === 'absent') return missing(context, at, found.seen)
  if (!admitsLooked(context, found.looked)) return denied(found.looked)
  const passes = request.judgeSource === null || request.judgeSource(found.looked) === 'pass'
  return passes ? found.looked : refuse('PreconditionFailed', 'a condition of the client on the source does not hold')
}
