/** PutObjectTagging, and DeleteObjectTagging, which is PutObjectTagging with our tag alone. */
import { denied, isAbsent, isDone, isMissing, missing, refusal, lookFailed, slowDown } from './answers.ts'
import { askOne } from './ask.ts'
import { admitsLooked, SERVICE_TAG, takesLeases, type OwnershipContext } from './context.ts'
import { look, pinnedTo } from './look.ts'
import type { Looked, ObjectRef, Protocol, Seen } from './steps.ts'
import { effect, underLease, type Hold } from './under-lease.ts'

const REPAIR_ROUNDS = 2

export interface PutTaggingRequest {
  readonly at: ObjectRef
  /** The client's tags, ours not among them. */
  readonly tags: ReadonlyMap<string, string>
}

/** Replaces the client's tags of an object that policy admits; the owner stays who it is. */
export function* putTagging(context: OwnershipContext, request: PutTaggingRequest): Protocol {
  const { at } = request
  // A version's id binds the change by itself; without it nothing does, and the lease keeps deletes away.
  if (!takesLeases(context) || at.versionId !== undefined) return yield* retag(context, request, null)
  return yield* underLease({ key: at.key, shared: true, lingering }, (hold) => retag(context, request, hold))
}

function* lingering(): Protocol {
  return slowDown('a request of unknown outcome still has the lease of the key')
}

function* retag(context: OwnershipContext, request: PutTaggingRequest, hold: Hold | null): Protocol {
  const { at } = request
  const found = yield* look(context, at)
  if (found.state === 'failed') return found.outcome
  if (found.state === 'absent') return missing(context, at, found.seen)
  const { looked } = found
  if (!admitsLooked(context, looked)) return denied(looked)
  const pinned = at.versionId ?? looked.versionId
  const tags = withService(request.tags, looked.owner ?? looked.tags?.get(SERVICE_TAG))
  const seen = yield* effect(context, hold, { ask: 'putTags', at: pinnedTo(at, pinned), tags })
  if (isAbsent(at, seen)) return missing(context, at, seen)
  if (!isDone(seen)) return refusal(seen, 'put tags')
  if (pinned !== undefined) return { outcome: 'relay', seen, proof: looked }
  return yield* repair(context, hold, { at, seen, looked })
}

/** Looks whether the tags landed on the object that was looked at, and gives a successor its own service tag back. */
function* repair(context: OwnershipContext, hold: Hold | null, done: { at: ObjectRef; seen: Seen; looked: Looked }): Protocol {
  const { at, seen, looked } = done
  for (let round = 0; round < REPAIR_ROUNDS; round++) {
    const head = yield* askOne({ ask: 'head', at })
    const isGone = isAbsent(at, head)
    if (!isGone && !isDone(head)) return lookFailed(head)
    if (isGone || head.mark === undefined || head.mark === looked.mark) return { outcome: 'relay', seen, proof: looked }
    const mended = yield* effect(context, hold, { ask: 'putTags', at, tags: withService(new Map(), head.mark) })
    if (!isDone(mended) && !isMissing(mended)) return refusal(mended, 'put tags')
  }
  return slowDown('the object was replaced by another while its tags were changed')
}

function withService(tags: ReadonlyMap<string, string>, owner: string | undefined): ReadonlyMap<string, string> {
  return owner === undefined ? tags : new Map([...tags, [SERVICE_TAG, owner]])
}
