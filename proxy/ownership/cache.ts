/** The owner cache. It speeds reads; it never decides a write or a delete, it only chooses to look first. */
import { sameEtag } from './answers.ts'
import type { OwnershipContext } from './context.ts'
import type { CachedOwner, Looked, ObjectRef, Protocol, Seen } from './steps.ts'

/** What the cache holds of the object; null when it holds nothing. */
export function* recall(at: ObjectRef): Protocol<CachedOwner | null> {
  return (yield { step: 'cacheGet', at }) as CachedOwner | null
}

/** What the cache holds, if a read could be released by it. */
export function* recallForRead(context: OwnershipContext, at: ObjectRef): Protocol<CachedOwner | null> {
  // In metadata mode the mark alone decides, and a policy on tags must see them as they are now: nothing to be gained.
  if (context.mode === 'metadata' || context.needsTags) return null
  const cached = yield* recall(at)
  return cached !== null && context.admits({ owner: cached.owner, tags: null }, at) ? cached : null
}

/** True when the answer shows the very object that the cached verdict was about. */
export function showsCached(seen: Seen, cached: CachedOwner): boolean {
  return sameEtag(seen.etag, cached.etag) && seen.mark === cached.mark
}

/** Keeps a verdict of a read. */
export function* remember(context: OwnershipContext, at: ObjectRef, looked: Looked): Protocol<void> {
  if (context.mode === 'metadata') return
  // An object without mark is judged by its tag alone, which can change while the ETag stays: never cached.
  if (looked.mark === null || looked.owner !== looked.mark) return
  yield { step: 'cacheSet', at, value: { owner: looked.owner, etag: looked.etag, mark: looked.mark } }
}

/** Keeps what an own write has stored. */
export function* rememberWrite(context: OwnershipContext, at: ObjectRef, seen: Seen): Protocol<void> {
  const value = seen.etag === undefined ? null : { owner: context.me, etag: seen.etag, mark: context.me }
  yield { step: 'cacheSet', at, value }
}

/** Drops what the cache holds of the object. */
export function* forget(at: ObjectRef): Protocol<void> {
  yield { step: 'cacheSet', at, value: null }
}
