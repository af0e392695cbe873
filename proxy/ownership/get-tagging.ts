/** GetObjectTagging: tags are released only if the tag answer itself holds the owner's service tag, in either mode. */
import { denied, isAbsent, isDone, isMissing, lookFailed, missing, refuse, refusal, slowDown, tagsIn, versionRead } from './answers.ts'
import { answered, askAll } from './ask.ts'
import { admitsLooked, SERVICE_TAG, type OwnershipContext } from './context.ts'
import { judgeOwner, look } from './look.ts'
import type { Looked, ObjectRef, Outcome, Protocol, Seen } from './steps.ts'

const TAGGING_ROUNDS = 2

/** The tags of an object that policy admits. */
export function* getTagging(context: OwnershipContext, request: { readonly at: ObjectRef }): Protocol {
  const { at } = request
  if (context.mode === 'metadata') return yield* getTaggingByMark(context, at)
  const found = yield* look(context, at)
  if (found.state === 'failed') return found.outcome
  if (found.state === 'absent') return missing(context, at, found.seen)
  const { looked } = found
  if (!admitsLooked(context, looked) || looked.tagged === null) return denied(looked)
  return release(looked, looked.tagged) ?? denied(looked)
}

function* getTaggingByMark(context: OwnershipContext, at: ObjectRef): Protocol {
  let outcome: Outcome = slowDown('the object changed under every look at its tags')
  for (let round = 0; round < TAGGING_ROUNDS; round++) {
    const seen: readonly Seen[] = yield* askAll([
      { ask: 'head', at },
      { ask: 'tags', at }
    ])
    const head = versionRead(at, answered(seen, 0))
    const tagged = answered(seen, 1)
    if (isAbsent(at, head)) return missing(context, at, head)
    if (!isDone(head)) return lookFailed(head)
    const verdict = yield* judgeOwner(context, at, { head, tags: tagged, before: null })
    if (verdict.verdict === 'failed') return verdict.outcome
    if (verdict.verdict === 'again') continue
    if (!admitsLooked(context, verdict.looked)) return denied(verdict.looked)
    // Where policy read the tags, they are the ones that it admitted.
    const judged = verdict.looked.tagged ?? tagged
    if (tagsIn(judged) === null) return isMissing(judged) ? missing(context, at, judged) : refusal(judged, 'tags')
    const released = release(verdict.looked, judged)
    if (released !== null) return released
    outcome = refuse('AccessDenied', 'the tags do not hold the service tag of the object')
  }
  return outcome
}

function release(looked: Looked, tagged: Seen): Outcome | null {
  const tags = tagsIn(tagged)
  return tags !== null && (tags.get(SERVICE_TAG) ?? null) === looked.owner ? { outcome: 'relay', seen: tagged, proof: looked } : null
}
