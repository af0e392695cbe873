/** GetObject, and HeadObject where it carries a range or a part: the client's own read, held until the verdict. */
import { denied, isAbsent, isDone, lookFailed, missing, refusal, slowDown } from './answers.ts'
import { answered, askAll } from './ask.ts'
import { recallForRead, remember, showsCached } from './cache.ts'
import { cleanly } from './clean-up.ts'
import { admitsLooked, type OwnershipContext } from './context.ts'
import { judgeOwner, look, type Mismatch, type Shown, type Verdict } from './look.ts'
import type { Ask, CachedOwner, Looked, ObjectRef, Outcome, Protocol, Seen } from './steps.ts'

const READ_ROUNDS = 2

/** Judges the client's own conditions on the object as looked at. */
export type Judge = (object: Looked) => 'pass' | 304 | 412
export type RangeOf = (object: Looked) => 'whole' | 'ignored' | 'unsatisfiable' | { readonly first: number; readonly last: number }

export interface ReadRequest {
  readonly at: ObjectRef
  /** null: the client sent no condition. */
  readonly judge: Judge | null
  /** null: the client asked for no range and no part. A part is unsatisfiable when the ETag's `-N` says so. */
  readonly rangeOf: RangeOf | null
  /** Looks before it reads: cheaper where the client's conditions usually let no body through (If-None-Match, If-Modified-Since). */
  readonly lookFirst: boolean
}

export type HeldRead =
  /** Held and admitted: to be released or discarded by who gets this. */
  | { readonly state: 'held'; readonly seen: Seen; readonly looked: Looked }
  /** An answer that shows no mark (304, 412, 416 and other refusals): it is never relayed as it is. */
  | { readonly state: 'unmarked'; readonly seen: Seen }
  | { readonly state: 'ended'; readonly outcome: Outcome }

export interface HeldRequest {
  readonly at: ObjectRef
  readonly conditions: boolean
  readonly pin?: string
}

/**
 * Reads the object and releases the answer once it is known whose it is.
 * HOT: bench/ownership-get.ts
 */
export function* get(context: OwnershipContext, request: ReadRequest): Protocol {
  const { at, judge } = request
  let pin: string | undefined
  for (let round = 0; round < context.retries; round++) {
    if (round > 0 || request.lookFirst) {
      const looked = yield* lookForRead(context, request)
      if ('outcome' in looked) return looked
      pin = looked.etag
    }
    const held = yield* readHeld(context, pin === undefined ? { at, conditions: judge !== null } : { at, conditions: judge !== null, pin })
    if (held.state === 'ended') return held.outcome
    if (held.state === 'held') {
      const judged = judge === null ? 'pass' : judge(held.looked)
      if (judged === 'pass') return { outcome: 'relay', seen: held.seen, proof: held.looked }
      yield { step: 'discard', seen: held.seen }
      return { outcome: 'computed', status: judged, proof: held.looked }
    }
    // Under If-Match of the looked-at ETag, any other refusal speaks of content that is the caller's own.
    if (pin !== undefined && held.seen.status !== 412 && held.seen.status !== 304) return refusal(held.seen, 'read')
  }
  return slowDown('the object changed under every read')
}

/** One look; the status it computes, or the object when the client's conditions and range let the body through. */
function* lookForRead(context: OwnershipContext, request: ReadRequest): Protocol<Outcome | Looked> {
  const found = yield* look(context, request.at)
  if (found.state === 'failed') return found.outcome
  if (found.state === 'absent') return missing(context, request.at, found.seen)
  const { looked } = found
  if (!admitsLooked(context, looked)) return denied(looked)
  yield* remember(context, request.at, looked)
  const judged = request.judge === null ? 'pass' : request.judge(looked)
  if (judged !== 'pass') return { outcome: 'computed', status: judged, proof: looked }
  if (request.rangeOf !== null && request.rangeOf(looked) === 'unsatisfiable') return { outcome: 'computed', status: 416, proof: looked }
  return looked
}

/** The client's read, with the verdict on what it shows. Nothing of it has left yet. */
export function* readHeld(context: OwnershipContext, request: HeldRequest): Protocol<HeldRead> {
  const { at } = request
  let before: Mismatch | null = null
  let cached: CachedOwner | null = yield* recallForRead(context, at)
  for (let round = 0; round < READ_ROUNDS; round++) {
    const read: Ask = { ask: 'read', ...request }
    const answers: readonly Seen[] = yield* askAll(cached !== null || context.mode === 'metadata' ? [read] : [read, { ask: 'tags', at }])
    const seen = answered(answers, 0)
    if (isAbsent(at, seen)) return { state: 'ended', outcome: missing(context, at, seen) }
    if (!isDone(seen)) {
      const isRefusal = seen.status === 304 || (refusal(seen, 'read').code === 'Upstream' && seen.code !== 'NoSuchBucket')
      return isRefusal ? { state: 'unmarked', seen } : { state: 'ended', outcome: lookFailed(seen) }
    }
    if (cached !== null && showsCached(seen, cached)) return { state: 'held', seen, looked: lookedByCache(at, seen, cached) }
    const verdict: Verdict = yield* judgeHeld(context, at, { head: seen, tags: answers[1], before })
    if (verdict.verdict === 'owner') return { state: 'held', seen, looked: verdict.looked }
    if (verdict.verdict === 'failed') return { state: 'ended', outcome: verdict.outcome }
    before = verdict.before
    cached = null
  }
  return { state: 'ended', outcome: slowDown('the object changed under every read') }
}

interface Held {
  readonly seen: Seen
  isKept: boolean
}

/** The verdict on a held answer, in which 'owner' means that policy admits it and that the answer stays held. */
function* judgeHeld(context: OwnershipContext, at: ObjectRef, shown: Shown): Protocol<Verdict> {
  const held = { seen: shown.head, isKept: false }
  // No `function*` in here: making one takes longer than all the rest (bench/ownership-get.ts: 7 µs instead of 1 µs).
  return yield* cleanly(judgeAdmitted(context, { at, held }, shown), () => discardUnlessKept(held))
}

function* judgeAdmitted(context: OwnershipContext, read: { at: ObjectRef; held: Held }, shown: Shown): Protocol<Verdict> {
  const { at, held } = read
  const verdict = yield* judgeOwner(context, at, shown)
  if (verdict.verdict !== 'owner') return verdict
  if (!admitsLooked(context, verdict.looked)) return { verdict: 'failed', outcome: denied(verdict.looked) }
  yield* remember(context, at, verdict.looked)
  held.isKept = true
  return verdict
}

function* discardUnlessKept(held: Held): Protocol<void> {
  if (!held.isKept) yield { step: 'discard', seen: held.seen }
}

/** The object as a warm read shows it: the verdict is the cached one. */
export function lookedByCache(at: ObjectRef, seen: Seen, cached: CachedOwner): Looked {
  const looked = {
    at,
    owner: cached.owner,
    etag: cached.etag,
    size: seen.size ?? 0,
    lastModified: seen.lastModified ?? '',
    mark: cached.mark,
    nonce: seen.nonce ?? null,
    tags: null,
    tagged: null,
    head: seen
  }
  return seen.versionId === undefined ? looked : { ...looked, versionId: seen.versionId }
}
