import type { BatchItem } from '../ownership/steps.ts'
import { writeDeleteResult, type DeletedItem, type DeleteFailure } from '../s3/delete-objects.ts'
import { isS3ErrorCode, S3_ERRORS, type S3ErrorCode } from '../s3/error.ts'
import type { Answer } from '../transport/transport.ts'
import { placedKeyProblem } from './placed-key.ts'
import { deletable } from './plan-protocol.ts'
import { xmlAnswer, type Leaving } from './rewrite-response.ts'
import { clientCode } from './verify-owner.ts'

/** One result per key of the request, in its order: what policy denied, what the protocol refused, what was deleted. */
export function answerDeletes(items: readonly BatchItem[], { grant, plan }: Leaving): Answer {
  const { deletes } = grant.operation
  if (deletes === null) throw new Error('a batch without its request')
  const results = new Map<number, BatchItem>()
  for (const [position, { index }] of deletable(plan.exchange).entries()) {
    const item = items[position]
    if (item !== undefined) results.set(index, item)
  }
  const deleted: DeletedItem[] = []
  const errors: DeleteFailure[] = []
  for (const [index, { key, versionId }] of deletes.items.entries()) {
    const result = results.get(index)
    if (result?.code === 'Deleted') deleted.push(deletedItem(key, versionId, result))
    else
      errors.push(
        failure(
          key,
          versionId,
          result === undefined ? (placedKeyProblem(plan.exchange.place, key)?.code ?? 'AccessDenied') : codeOf(result)
        )
      )
  }
  return xmlAnswer(writeDeleteResult({ deleted, errors }, deletes.quiet))
}

/** A delete without version makes a marker, whose id is told; a delete of a version tells whether that was one. */
function deletedItem(key: string, versionId: string | undefined, result: BatchItem): DeletedItem {
  const isMarker = result.deleteMarker === true
  return { key, versionId, deleteMarker: isMarker, deleteMarkerVersionId: isMarker ? result.versionId : undefined }
}

function codeOf({ code, seen }: BatchItem): S3ErrorCode {
  if (code === 'Upstream') return clientCode(seen)
  return isS3ErrorCode(code) ? code : 'InternalError'
}

function failure(key: string, versionId: string | undefined, code: S3ErrorCode): DeleteFailure {
  return { key, versionId, code, message: S3_ERRORS[code].message }
}
