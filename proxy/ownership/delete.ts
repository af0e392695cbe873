/** DeleteObject: of a key, of one version, of a delete marker. */
import { denied, isDone, isMarkerById, isMissing, lookFailed, lostRace, missing, refusal, refuse, slowDown } from './answers.ts'
import { askOne } from './ask.ts'
import { forget } from './cache.ts'
import { admitsLooked, takesLeases, type OwnershipContext } from './context.ts'
import { look, pinnedTo } from './look.ts'
import type { Judge } from './read.ts'
import type { Looked, ObjectRef, Outcome, Protocol, Seen, WireCondition } from './steps.ts'
import { effect, underLease, type Hold } from './under-lease.ts'

export interface DeleteRequest {
  readonly at: ObjectRef
  /** The client's own If-Match; null: none. */
  readonly judge: Judge | null
}

export type DeleteVerdict =
  | { readonly verdict: 'go'; readonly over: Looked | null; readonly etag: string | null }
  | { readonly verdict: 'absent'; readonly seen: Seen }
  | { readonly verdict: 'stop'; readonly outcome: Extract<Outcome, { outcome: 'refuse' }> }

/** Deletes what policy admits; what is absent is answered as deleted, and nothing is sent. */
export function* deleteObject(context: OwnershipContext, request: DeleteRequest): Protocol {
  if (!takesLeases(context)) return yield* deleteRounds(context, request, null)
  const wanted = { key: request.at.key, shared: false, lingering: () => onlyLook(context, request) }
  return yield* underLease(wanted, (hold) => deleteRounds(context, request, hold))
}

function* deleteRounds(context: OwnershipContext, request: DeleteRequest, hold: Hold | null): Protocol {
  const { at } = request
  for (let round = 0; round < context.retries; round++) {
    const verdict = yield* judgeDelete(context, request)
    if (verdict.verdict === 'stop') return verdict.outcome
    if (verdict.verdict === 'absent') return absentOutcome(context, request, verdict.seen)
    const { etag } = verdict
    const condition: WireCondition = context.closed.delete && etag !== null ? { kind: 'match', etag } : { kind: 'none' }
    const seen = yield* effect(context, hold, { ask: 'delete', at, condition })
    yield* forget(at)
    if (isDone(seen)) return { outcome: 'relay', seen, proof: verdict.over }
    if (isMissing(seen)) return { outcome: 'computed', status: 204, proof: verdict.over }
    if (!lostRace(seen)) return refusal(seen, 'delete')
  }
  return slowDown('the object changed before every delete')
}

/** While a request of unknown outcome has the lease, a delete may only say what is already so. */
function* onlyLook(context: OwnershipContext, request: DeleteRequest): Protocol {
  const verdict = yield* judgeDelete(context, request)
  if (verdict.verdict === 'stop') return verdict.outcome
  if (verdict.verdict === 'absent') return absentOutcome(context, request, verdict.seen)
  return slowDown('a request of unknown outcome still has the lease of the key')
}

function absentOutcome(context: OwnershipContext, request: DeleteRequest, seen: Seen): Outcome {
  return request.judge === null ? { outcome: 'computed', status: 204, proof: null } : missing(context, request.at, seen)
}

/** Whether the client may delete what is there, and the ETag by which the delete is bound to it. */
export function* judgeDelete(context: OwnershipContext, request: DeleteRequest): Protocol<DeleteVerdict> {
  const { at, judge } = request
  const found = yield* look(context, at)
  if (found.state === 'failed') return { verdict: 'stop', outcome: found.outcome }
  if (found.state === 'absent')
    return isMarkerById(at, found.seen) ? yield* judgeMarker(context, at) : { verdict: 'absent', seen: found.seen }
  const { looked } = found
  if (!admitsLooked(context, looked)) return { verdict: 'stop', outcome: denied(looked) }
  if (judge !== null && judge(looked) !== 'pass')
    return { verdict: 'stop', outcome: refuse('PreconditionFailed', 'the condition of the client does not hold') }
  // A version's id binds the delete by itself.
  return { verdict: 'go', over: looked, etag: at.versionId === undefined ? looked.etag : null }
}

/** Removing a marker uncovers the entry directly under it: if that is a version, it must be one that policy admits. */
function* judgeMarker(context: OwnershipContext, at: ObjectRef): Protocol<DeleteVerdict> {
  const seen = yield* askOne({ ask: 'below', at: { place: at.place, key: at.key }, versionId: at.versionId ?? 'null' })
  if (!isDone(seen) || seen.below === undefined) return { verdict: 'stop', outcome: lookFailed(seen) }
  if (!seen.below.found) return { verdict: 'absent', seen }
  if (seen.below.versionId === undefined) return { verdict: 'go', over: null, etag: null }
  const found = yield* look(context, pinnedTo(at, seen.below.versionId))
  if (found.state === 'failed') return { verdict: 'stop', outcome: found.outcome }
  if (found.state === 'absent') return { verdict: 'go', over: null, etag: null }
  if (!admitsLooked(context, found.looked)) return { verdict: 'stop', outcome: denied(found.looked) }
  return { verdict: 'go', over: found.looked, etag: null }
}
