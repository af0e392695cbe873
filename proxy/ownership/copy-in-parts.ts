/** Large copies: an internal multipart upload with a nonce, its parts pinned to the looked-at source, any failure aborts it. */
import { isDone, lostRace, refusal, refuse, sameEtag, slowDown } from './answers.ts'
import { answered, askAll, askOne } from './ask.ts'
import { cleanly } from './clean-up.ts'
import { complete } from './complete.ts'
import type { OwnershipContext } from './context.ts'
import type { CopyRequest } from './copy.ts'
import { pinnedTo } from './look.ts'
import type { Ask, Looked, ObjectRef, Outcome, PartDone, Protocol, Seen } from './steps.ts'

/** Large enough that few requests are needed, small enough that each ends well within the request timeout. */
const PART_BYTES = 256 * 1024 ** 2
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const PARTS_MAX = 10_000
const PARTS_AT_ONCE = 4

export interface PartPlan {
  readonly partNumber: number
  readonly first: number
  readonly last: number
}

interface Upload {
  readonly at: ObjectRef
  readonly uploadId: string
  readonly source: Looked
}

/** Cuts an object of `size` bytes into parts. */
export function planParts(size: number): PartPlan[] {
  const bytes = Math.max(PART_BYTES, Math.ceil(size / PARTS_MAX))
  const count = Math.max(1, Math.ceil(size / bytes))
  return Array.from({ length: count }, (_, index) => ({
    partNumber: index + 1,
    first: index * bytes,
    last: Math.min(size, (index + 1) * bytes) - 1
  }))
}

/** Copies a large source: by UploadPartCopy, or read through the proxy range by range. */
export function* copyInParts(context: OwnershipContext, request: CopyRequest, from: { source: Looked; byName: boolean }): Protocol {
  const { at, client } = request
  const { source } = from
  const nonce = context.newNonce()
  const created = yield* askOne({ ask: 'createUpload', at, nonce, source })
  if (!isDone(created)) return refusal(created, 'create upload')
  const { uploadId } = created
  if (uploadId === undefined) return refuse('ServiceUnavailable', 'the upstream shows no upload id')
  const state = { isOpen: true }
  const run = function* (): Protocol {
    const upload = { at, uploadId, source }
    const parts = from.byName ? yield* copyParts(upload) : yield* putParts(upload)
    if ('outcome' in parts) return parts
    const outcome = yield* complete(context, { at, uploadId, nonce, client, parts, ...(request.ontoItself && { only: source.etag }) })
    state.isOpen = outcome.outcome === 'refuse'
    return outcome.outcome === 'relay' || outcome.outcome === 'computed' ? { ...outcome, source } : outcome
  }
  const outcome = yield* cleanly(run(), function* () {
    if (state.isOpen) yield* askOne({ ask: 'abort', at, uploadId })
  })
  // The client knows of no upload: somebody who cleans up has ended ours.
  const isGone = outcome.outcome === 'refuse' && (outcome.code === 'NoSuchUpload' || outcome.seen?.code === 'NoSuchUpload')
  return isGone ? slowDown('the internal upload of the copy was ended') : outcome
}

function* copyParts(upload: Upload): Protocol<PartDone[] | Outcome> {
  const plan = planParts(upload.source.size)
  const parts: PartDone[] = []
  for (let from = 0; from < plan.length; from += PARTS_AT_ONCE) {
    const now = plan.slice(from, from + PARTS_AT_ONCE)
    const seen = yield* askAll(now.map((part): Ask => ({ ask: 'partCopy', ...upload, ...part })))
    for (const [index, { partNumber }] of now.entries()) {
      const part = partDone(answered(seen, index), partNumber)
      if ('outcome' in part) return part
      parts.push(part)
    }
  }
  return parts
}

/** One part at a time, so that a copy holds one connection to the source and one to the target. */
function* putParts(upload: Upload): Protocol<PartDone[] | Outcome> {
  const parts: PartDone[] = []
  for (const part of planParts(upload.source.size)) {
    const done = yield* putRange(upload, part)
    if ('outcome' in done) return done
    const kept = partDone(done, part.partNumber)
    if ('outcome' in kept) return kept
    parts.push(kept)
  }
  return parts
}

/** Reads one range of the source and sends it as a part: the range carries mark and ETag, which must be those looked at. */
export function* putRange(upload: Upload, part: PartPlan): Protocol<Seen | Outcome> {
  const { source } = upload
  const from = yield* askOne({
    ask: 'readRange',
    at: pinnedTo(source.at, source.at.versionId ?? source.versionId),
    first: part.first,
    last: part.last
  })
  if (lostRace(from)) return slowDown('the source changed while it was copied')
  if (!isDone(from)) return refusal(from, 'read of the source')
  return yield* cleanly(sendRange(upload, part, from), function* () {
    yield { step: 'discard', seen: from }
  })
}

function* sendRange(upload: Upload, part: PartPlan, from: Seen): Protocol<Seen | Outcome> {
  const { source, at, uploadId } = upload
  const { partNumber, first, last } = part
  const isSame = sameEtag(from.etag, source.etag) && (from.mark ?? null) === source.mark
  const isWhole = first === 0 && last === source.size - 1
  if (!isSame || (from.status === 200 && !isWhole)) return slowDown('the source changed while it was copied')
  return yield* askOne({ ask: 'partPut', at, uploadId, partNumber, from, length: last - first + 1 })
}

function partDone(seen: Seen, partNumber: number): PartDone | Outcome {
  if (lostRace(seen)) return slowDown('the source changed while it was copied')
  if (!isDone(seen)) return refusal(seen, 'part')
  return seen.etag === undefined ? refuse('ServiceUnavailable', 'the upstream shows no ETag of a part') : { partNumber, etag: seen.etag }
}
