/** Copies made of what is conditional: a small source is read and put, a large one is copied in parts. */
import { isDone, lookFailed, lostRace, refusal, refuse, slowDown, wire } from './answers.ts'
import { rememberWrite } from './cache.ts'
import { cleanly } from './clean-up.ts'
import type { OwnershipContext } from './context.ts'
import { copyInParts } from './copy-in-parts.ts'
import type { CopyRequest } from './copy.ts'
import { readHeld } from './read.ts'
import { withUserTags } from './source-tags.ts'
import type { Looked, Outcome, Protocol, Seen } from './steps.ts'
import { effect, leasedWhenOver, needsLease, type Hold } from './under-lease.ts'
import { judgeWrite, write } from './write.ts'

/** PutObject takes no more: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PUT_BYTES_MAX = 5 * 1024 ** 3

/** A held read of the source, admitted. */
interface Source {
  readonly from: Seen
  readonly source: Looked
}

/** A source that is too large to be put in one request. */
interface Large {
  readonly large: Looked
}

/** Reads the source as a client would and writes what was read; 'by name' where only CopyObject is left. */
export function* copyByReading(context: OwnershipContext, request: CopyRequest, byName: boolean): Protocol<Outcome | 'by name'> {
  const got = request.ontoItself
    ? yield* leasedWhenOver(request.at, (hold) => putOntoRounds(context, request, hold))
    : yield* withSource(request, (source) => putRead(context, request, { ...source, byName }))
  if ('outcome' in got) return got
  if (byName && !context.closed.complete) return 'by name'
  return yield* copyInParts(context, request, { source: got.large, byName })
}

/** Holds a read of the source while `body` runs. */
function* withSource<Result>(request: CopyRequest, body: (source: Source) => Protocol<Result>): Protocol<Result | Outcome> {
  const { context, at } = request.source
  const held = yield* readHeld(context, { at, conditions: false })
  if (held.state === 'ended') return held.outcome
  if (held.state === 'unmarked') return lookFailed(held.seen)
  const run = function* (): Protocol<Result | Outcome> {
    if (request.judgeSource !== null && request.judgeSource(held.looked) !== 'pass') {
      return refuse('PreconditionFailed', 'a condition of the client on the source does not hold')
    }
    const source = yield* withUserTags(context, held.looked, request.copiesTags)
    return 'outcome' in source ? source : yield* body({ from: held.seen, source })
  }
  return yield* cleanly(run(), function* () {
    yield { step: 'discard', seen: held.seen }
  })
}

function* putRead(context: OwnershipContext, request: CopyRequest, got: Source & { byName: boolean }): Protocol<Outcome | Large> {
  const { at, client } = request
  const { from, source, byName } = got
  const replayable = source.size <= request.smallBytesMax
  // A body that can be sent only once is put whole only where the upstream cannot copy it: its ETag stays then.
  if (!replayable && (byName || source.size > PUT_BYTES_MAX)) return { large: source }
  return yield* write(context, { at, client, replayable, source, ask: (condition) => ({ ask: 'putRead', at, from, source, condition }) })
}

/** A copy onto itself replaces exactly what it read: If-Match with the ETag of the read, and after 412 it reads again. */
function* putOntoRounds(context: OwnershipContext, request: CopyRequest, hold: Hold | null): Protocol<Outcome | Large | 'lease'> {
  for (let round = 0; round < context.retries; round++) {
    const got = yield* withSource(request, (source) => putOnto(context, request, { ...source, hold }))
    if (got !== 'again') return got
  }
  return slowDown('the object changed in every round')
}

function* putOnto(
  context: OwnershipContext,
  request: CopyRequest,
  got: Source & { hold: Hold | null }
): Protocol<Outcome | Large | 'lease' | 'again'> {
  const { at } = request
  const { from, source, hold } = got
  if (source.size > request.smallBytesMax) return { large: source }
  const verdict = judgeWrite(context, { state: 'present', looked: { ...source, at } }, request)
  if (verdict.verdict === 'stop') return verdict.outcome
  if (hold === null && needsLease(context, source.owner)) return 'lease'
  const seen = yield* effect(context, hold, { ask: 'putRead', at, from, source, condition: wire(context.closed.put, verdict.condition) })
  if (isDone(seen)) {
    yield* rememberWrite(context, at, seen)
    return { outcome: 'relay', seen, proof: verdict.over, source }
  }
  return lostRace(seen) ? 'again' : refusal(seen, 'copy')
}
