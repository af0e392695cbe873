/** Whose an object is: `look`, and the verdict that looks and held reads share. */
import { isAbsent, isDone, isMissing, lookFailed, refuse, sameHead, slowDown, tagsIn, versionRead, type Refusal } from './answers.ts'
import { answered, askAll, askOne } from './ask.ts'
import { SERVICE_TAG, type OwnershipContext } from './context.ts'
import type { Looked, ObjectRef, Protocol, Seen } from './steps.ts'

const LOOK_ROUNDS = 3

export type Found =
  | { readonly state: 'present'; readonly looked: Looked }
  /** No such key or version, or a delete marker: `seen` tells. */
  | { readonly state: 'absent'; readonly seen: Seen }
  | { readonly state: 'failed'; readonly outcome: Refusal }

/** A tag that did not agree with the mark, and the head beside which it was read. */
export interface Mismatch {
  readonly head: Seen
  readonly tag: string | undefined
}

export interface Shown {
  /** The answer that shows mark, ETag and Last-Modified: of a HEAD or of a held read. */
  readonly head: Seen
  /** The answer of GetObjectTagging that was asked beside it. */
  readonly tags: Seen | undefined
  readonly before: Mismatch | null
}

export type Verdict =
  | { readonly verdict: 'owner'; readonly looked: Looked }
  | { readonly verdict: 'again'; readonly before: Mismatch | null }
  | { readonly verdict: 'failed'; readonly outcome: Refusal }

/** Looks whose the object is now, without any of the client's conditions. */
export function* look(context: OwnershipContext, at: ObjectRef): Protocol<Found> {
  let before: Mismatch | null = null
  for (let round = 0; round < LOOK_ROUNDS; round++) {
    const seen: readonly Seen[] = yield* askAll(
      context.mode === 'tag'
        ? [
            { ask: 'head', at },
            { ask: 'tags', at }
          ]
        : [{ ask: 'head', at }]
    )
    const head = versionRead(at, answered(seen, 0))
    // A HEAD has no document: only the answer beside it tells a key that is not there from a bucket that is not.
    const beside = seen[1]
    if (beside?.code === 'NoSuchBucket') return { state: 'failed', outcome: lookFailed(beside) }
    if (isAbsent(at, head)) return { state: 'absent', seen: head }
    if (!isDone(head)) return { state: 'failed', outcome: lookFailed(head) }
    const verdict: Verdict = yield* judgeOwner(context, at, { head, tags: seen[1], before })
    if (verdict.verdict === 'owner') return { state: 'present', looked: verdict.looked }
    if (verdict.verdict === 'failed') return { state: 'failed', outcome: verdict.outcome }
    before = verdict.before
  }
  return { state: 'failed', outcome: slowDown('the object changed under every look') }
}

/** Whose the object is that `shown.head` shows; asks for its tags where they decide and were not read. */
export function* judgeOwner(context: OwnershipContext, at: ObjectRef, shown: Shown): Protocol<Verdict> {
  const { head, before } = shown
  const { mark } = head
  // Another's mark is enough to refuse. Where policy may admit it all the same, tag and mark must agree as for one's own.
  if (mark !== undefined && mark !== context.me && !mightAdmit(context, mark, at)) return owned(at, head, { owner: mark, tagged: null })
  if (context.mode === 'metadata') return yield* judgeByMark(context, at, head)
  const pinned = at.versionId ?? head.versionId
  const early = shown.tags
  // Without a version the two answers can be of different objects; with one, the tags are read of the head's own version.
  const isRead = early !== undefined && (at.versionId !== undefined || head.versionId === undefined || early.versionId === head.versionId)
  const tagged = isRead ? early : yield* askOne({ ask: 'tags', at: pinnedTo(at, pinned) })
  const tags = tagsIn(tagged)
  if (tags === null) return isMissing(tagged) ? { verdict: 'again', before } : { verdict: 'failed', outcome: lookFailed(tagged) }
  const tag = tags.get(SERVICE_TAG)
  if (mark === undefined)
    return pinned === undefined ? yield* bracketed(context, at, shown) : owned(at, head, { owner: tag ?? null, tagged })
  if (tag !== mark) {
    // A mismatch is nobody's only when it stands still: anything else is a change that was seen half way.
    const isSettled = before !== null && before.tag === tag && sameHead(before.head, head)
    return isSettled ? owned(at, head, { owner: null, tagged }) : { verdict: 'again', before: { head, tag } }
  }
  if (context.needsTags && pinned === undefined) return yield* bracketed(context, at, shown)
  return owned(at, head, { owner: mark, tagged })
}

function mightAdmit(context: OwnershipContext, owner: string, at: ObjectRef): boolean {
  return context.needsTags || context.admits({ owner, tags: null }, at)
}

function* judgeByMark(context: OwnershipContext, at: ObjectRef, head: Seen): Protocol<Verdict> {
  const owner = head.mark ?? null
  if (!context.needsTags || !context.hasTags) return owned(at, head, { owner, tagged: null })
  const pinned = at.versionId ?? head.versionId
  if (pinned === undefined) return yield* bracketed(context, at, { head, tags: undefined, before: null })
  const tagged = yield* askOne({ ask: 'tags', at: pinnedTo(at, pinned) })
  if (tagsIn(tagged) === null)
    return isMissing(tagged) ? { verdict: 'again', before: null } : { verdict: 'failed', outcome: lookFailed(tagged) }
  return owned(at, head, { owner, tagged })
}

/** Tags between two equal heads are those of the object that both heads show. */
function* bracketed(context: OwnershipContext, at: ObjectRef, shown: Shown): Protocol<Verdict> {
  const { head, before } = shown
  const tagged = yield* askOne({ ask: 'tags', at })
  const tags = tagsIn(tagged)
  if (tags === null && !isMissing(tagged)) return { verdict: 'failed', outcome: lookFailed(tagged) }
  const after = yield* askOne({ ask: 'head', at })
  if (!isDone(after) && !isAbsent(at, after)) return { verdict: 'failed', outcome: lookFailed(after) }
  if (tags === null || !sameHead(head, after)) return { verdict: 'again', before }
  const tag = tags.get(SERVICE_TAG) ?? null
  if (context.mode === 'metadata') return owned(at, head, { owner: head.mark ?? null, tagged })
  if (head.mark !== undefined && head.mark !== tag) return { verdict: 'again', before }
  return owned(at, head, { owner: tag, tagged })
}

function owned(at: ObjectRef, head: Seen, judged: { owner: string | null; tagged: Seen | null }): Verdict {
  // Without an ETag no condition could say what was looked at.
  if (head.etag === undefined) return { verdict: 'failed', outcome: refuse('ServiceUnavailable', 'the upstream shows no ETag') }
  const looked = {
    at,
    owner: judged.owner,
    etag: head.etag,
    size: head.size ?? 0,
    lastModified: head.lastModified ?? '',
    mark: head.mark ?? null,
    nonce: head.nonce ?? null,
    tags: judged.tagged === null ? null : tagsIn(judged.tagged),
    tagged: judged.tagged,
    head
  }
  return { verdict: 'owner', looked: head.versionId === undefined ? looked : { ...looked, versionId: head.versionId } }
}

/** The same object, by the version that was seen. */
export function pinnedTo(at: ObjectRef, versionId: string | undefined): ObjectRef {
  // A list of versions names the one without an id so; it pins nothing.
  if (versionId === 'null') return { place: at.place, key: at.key, nullVersion: true }
  return versionId === undefined ? at : { place: at.place, key: at.key, versionId }
}
