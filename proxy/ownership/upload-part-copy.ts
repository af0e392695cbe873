/** UploadPartCopy: the sealed upload id decides about the destination, a look about the source. */
import { isDone, lostRace, refusal, refuse, slowDown } from './answers.ts'
import { askOne } from './ask.ts'
import type { OwnershipContext } from './context.ts'
import { putRange } from './copy-in-parts.ts'
import { judgeSource, type CopyRequest } from './copy.ts'
import { look } from './look.ts'
import type { RangeOf } from './read.ts'
import type { ObjectRef, Protocol } from './steps.ts'

export interface UploadPartCopyRequest extends Pick<CopyRequest, 'source' | 'judgeSource' | 'sameAccount'> {
  /** The destination of the upload. */
  readonly at: ObjectRef
  /** The upstream's id of the upload. */
  readonly uploadId: string
  readonly partNumber: number
  /** null: the whole source. */
  readonly rangeOf: RangeOf | null
}

/** Copies a range of an object that policy admits into a part. */
export function* uploadPartCopy(context: OwnershipContext, request: UploadPartCopyRequest): Protocol {
  const { at, uploadId, partNumber } = request
  const byName = request.sameAccount && context.sourceConditions
  for (let round = 0; round < context.retries; round++) {
    const source = judgeSource(yield* look(request.source.context, request.source.at), request)
    if ('outcome' in source) return source
    const range = request.rangeOf === null ? 'whole' : request.rangeOf(source)
    if (range === 'unsatisfiable') return refuse('InvalidRange', 'the range lies outside the source')
    const { first, last } = typeof range === 'object' ? range : { first: 0, last: source.size - 1 }
    const seen = byName
      ? yield* askOne({ ask: 'partCopy', at, uploadId, source, partNumber, first, last })
      : yield* putRange({ at, uploadId, source }, { partNumber, first, last })
    if ('outcome' in seen) return seen
    if (isDone(seen)) return { outcome: 'relay', seen, proof: source, source }
    if (!lostRace(seen)) return refusal(seen, 'part')
  }
  return slowDown('the source changed in every round')
}
