/** What every write of a body shares: the condition that fits a look, and the rounds of a write that loses races. */
import { denied, isDone, lostRace, missing, refusal, refuse, sameEtag, slowDown, wire } from './answers.ts'
import { forget, recall, rememberWrite } from './cache.ts'
import { admitsLooked, type OwnershipContext } from './context.ts'
import { look, type Found } from './look.ts'
import type { Ask, Looked, ObjectRef, Outcome, Protocol, WireCondition } from './steps.ts'
import { effect, leasedWhenOver, needsLease, type Hold } from './under-lease.ts'

export interface WriteRequest {
  readonly at: ObjectRef
  /** The client's own condition: If-None-Match: *, If-Match, or none. It is combined with ours, never dropped. */
  readonly client: WireCondition
  /** The body can be sent again: the write goes out at once and looks only when it loses. */
  readonly replayable: boolean
  readonly ask: (condition: WireCondition) => Ask
  /** For copies: the source as looked at. */
  readonly source?: Looked
}

export type WriteVerdict =
  | { readonly verdict: 'go'; readonly condition: WireCondition; readonly over: Looked | null }
  | { readonly verdict: 'stop'; readonly outcome: Outcome }

/** Whether the client may write over what was found, and under which condition. */
export function judgeWrite(context: OwnershipContext, found: Found, request: { at: ObjectRef; client: WireCondition }): WriteVerdict {
  const { at, client } = request
  if (found.state === 'failed') return { verdict: 'stop', outcome: found.outcome }
  if (found.state === 'absent') {
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: If-Match on a missing key is 404. It comes with the
    // permission to read, which policy gives on objects only: a key that holds none is told of as to a reader.
    if (client.kind === 'match') return { verdict: 'stop', outcome: missing(context, at, found.seen) }
    if (!context.admits(null, at))
      return { verdict: 'stop', outcome: refuse('AccessDenied', 'policy does not admit the caller to a new key') }
    return { verdict: 'go', condition: { kind: 'absent' }, over: null }
  }
  const { looked } = found
  if (!admitsLooked(context, looked)) return { verdict: 'stop', outcome: denied(looked) }
  const isRefused = client.kind === 'absent' || (client.kind === 'match' && client.etag !== '*' && !sameEtag(client.etag, looked.etag))
  if (isRefused) return { verdict: 'stop', outcome: refuse('PreconditionFailed', 'the condition of the client does not hold') }
  return { verdict: 'go', condition: { kind: 'match', etag: looked.etag }, over: looked }
}

/** Writes over an absent key or an object that policy admits, and over nothing else. */
export function* write(context: OwnershipContext, request: WriteRequest): Protocol {
  return yield* leasedWhenOver(request.at, (hold) => writeRounds(context, request, hold))
}

function* writeRounds(context: OwnershipContext, request: WriteRequest, hold: Hold | null): Protocol<Outcome | 'lease'> {
  const { at, client, source } = request
  let condition: WireCondition | null = hold === null ? yield* firstCondition(context, request) : null
  let over: Looked | null = null
  for (let round = 0; round < context.retries; round++) {
    if (condition !== null) {
      const seen = yield* effect(context, hold, request.ask(wire(context.closed.put, condition)))
      if (isDone(seen)) {
        yield* rememberWrite(context, at, seen)
        return source === undefined ? { outcome: 'relay', seen, proof: over } : { outcome: 'relay', seen, proof: over, source }
      }
      if (!lostRace(seen)) return refusal(seen, 'write')
      if (!request.replayable) return slowDown('another writer was faster, and the body cannot be sent again')
    }
    const found: Found = yield* look(context, at)
    const verdict = judgeWrite(context, found, request)
    if (verdict.verdict === 'stop') {
      yield* forget(at)
      return verdict.outcome
    }
    // Somebody was there when the client's If-None-Match: * was judged, and is gone: the client has to ask again.
    if (condition !== null && client.kind === 'absent') return slowDown('the key was taken and is free again')
    over = verdict.over
    if (over !== null && hold === null && needsLease(context, over.owner)) return 'lease'
    condition = verdict.condition
  }
  return slowDown('other writers were faster in every round')
}

/** The condition of a write that goes out before any look; null where it has to look first. */
function* firstCondition(context: OwnershipContext, request: WriteRequest): Protocol<WireCondition | null> {
  const { at, client } = request
  // The client's If-Match says what the object is, not whose.
  if (!request.replayable || !context.closed.put || client.kind === 'match') return null
  if (!context.admits(null, at)) return null
  const cached = client.kind === 'absent' ? null : yield* recall(at)
  if (cached === null) return { kind: 'absent' }
  const isOwn = cached.owner === context.me && !context.needsTags && context.admits({ owner: cached.owner, tags: null }, at)
  // An ETag is the content: the cached one may since be that of another's object, unless no two writes share an ETag.
  return isOwn && context.uniqueEtags ? { kind: 'match', etag: cached.etag } : null
}
