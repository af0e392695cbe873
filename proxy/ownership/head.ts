/** HeadObject without range and part: its answer is a look, or computed from one. */
import { denied, isDone, missing } from './answers.ts'
import { askOne } from './ask.ts'
import { recallForRead, remember, showsCached } from './cache.ts'
import { admitsLooked, type OwnershipContext } from './context.ts'
import { look } from './look.ts'
import { lookedByCache, type Judge } from './read.ts'
import type { ObjectRef, Protocol } from './steps.ts'

export interface HeadRequest {
  readonly at: ObjectRef
  /** null: the client sent no condition. */
  readonly judge: Judge | null
}

/** Shows the head of an object that policy admits. */
export function* head(context: OwnershipContext, request: HeadRequest): Protocol {
  const { at, judge } = request
  const cached = judge === null ? yield* recallForRead(context, at) : null
  if (cached !== null) {
    const seen = yield* askOne({ ask: 'head', at })
    if (isDone(seen) && showsCached(seen, cached)) return { outcome: 'relay', seen, proof: lookedByCache(at, seen, cached) }
  }
  const found = yield* look(context, at)
  if (found.state === 'failed') return found.outcome
  if (found.state === 'absent') return missing(context, at, found.seen)
  const { looked } = found
  if (!admitsLooked(context, looked)) return denied(looked)
  yield* remember(context, at, looked)
  const judged = judge === null ? 'pass' : judge(looked)
  if (judged !== 'pass') return { outcome: 'computed', status: judged, proof: looked }
  return { outcome: 'relay', seen: looked.head, proof: looked }
}
