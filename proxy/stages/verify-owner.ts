import { sameEtag } from '../ownership/answers.ts'
import type { Looked, Outcome, Seen } from '../ownership/steps.ts'
import { isS3ErrorCode, S3Error, type S3ErrorCode } from '../s3/error.ts'
import type { OwnershipProtocol } from '../s3/operation-row.ts'
import type { Grant } from './authorize.ts'
import { discardReply } from './reply.ts'

declare const released: unique symbol

export type Released = Exclude<Outcome, { outcome: 'refuse' }>

/** Proof that the grant's condition held for what is about to leave. Only `verifyOwner` makes one, and nothing leaves without it. */
export interface Release {
  readonly [released]: true
  readonly outcome: Released
}

/** Runs whose answer speaks of the object that was looked at: its bytes, its head, its tags. */
const SPEAKS_OF_OBJECT: ReadonlySet<OwnershipProtocol> = new Set<OwnershipProtocol>(['read', 'head', 'attributes', 'getTagging'])

/**
 * The release of what a run of the protocol ended with, or the refusal. What the protocol has proven is asked for once
 * more here, of the very answer that leaves, so that a mistake in a run is a fault and never a leak.
 */
export function verifyOwner(outcome: Outcome, grant: Grant): Release {
  if (outcome.outcome === 'refuse') throw refusalOf(outcome)
  if (SPEAKS_OF_OBJECT.has(grant.operation.row.protocol)) verifyProof(outcome, grant)
  return { outcome } as unknown as Release
}

function verifyProof(outcome: Released, grant: Grant): void {
  if (outcome.outcome === 'batch') throw new Error('a read ended as a batch')
  const { proof } = outcome
  const holds =
    proof !== null &&
    grant.admits({ owner: proof.owner ?? '', tags: proof.tags }) &&
    (outcome.outcome === 'computed' || shows(outcome.seen, proof, grant.operation.row.protocol))
  if (holds) return
  if (outcome.outcome === 'relay') discardReply(outcome.seen, 'the answer is not what was proven')
  throw new Error('the ownership protocol released an answer without proof that it may leave')
}

/** True when the answer shows the mark and the content of the object that was looked at. */
function shows(seen: Seen, proof: Looked, protocol: OwnershipProtocol): boolean {
  if (protocol === 'getTagging') return true
  const isSameContent = sameEtag(seen.etag, proof.etag)
  return protocol === 'attributes' ? isSameContent : isSameContent && (seen.mark ?? null) === proof.mark
}

/** A refusal with headers of its own. */
export class S3Refusal extends S3Error {
  readonly rawHeaders: readonly string[]

  constructor(code: S3ErrorCode, reason: string, rawHeaders: readonly string[]) {
    super(code, reason)
    this.rawHeaders = rawHeaders
  }
}

function refusalOf({ code, reason, seen }: Extract<Outcome, { outcome: 'refuse' }>): S3Error {
  if (code !== 'Upstream') return new S3Refusal(code, reason, markerHeaders(seen))
  return new S3Error(clientCode(seen), reason)
}

/** S3 tells of a delete marker in headers: to a missing key that has one, and to a version that is one. */
function markerHeaders(seen: Seen | undefined): readonly string[] {
  if (seen?.deleteMarker !== true) return []
  return seen.versionId === undefined
    ? ['x-amz-delete-marker', 'true']
    : ['x-amz-delete-marker', 'true', 'x-amz-version-id', seen.versionId]
}

/** Codes by which an upstream speaks of the proxy's own account or bucket: for the client that is an outage. */
const OUTAGES: ReadonlySet<string> = new Set([
  'AccessDenied',
  'NoSuchBucket',
  'AllAccessDisabled',
  'AccountProblem',
  'InvalidBucketName',
  'MethodNotAllowed'
])

/** The code that the client gets for an upstream's refusal. Codes that no S3 has name the product, so they become the plain one of their class. */
export function clientCode(seen: Seen | undefined): S3ErrorCode {
  const code = seen?.code ?? ''
  if (OUTAGES.has(code)) return 'ServiceUnavailable'
  if (code === 'XAmzContentChecksumMismatch') return 'BadDigest'
  if (isS3ErrorCode(code)) return code
  const status = seen?.status ?? 0
  if (status === 501) return 'NotImplemented'
  return status >= 400 && status < 500 ? 'InvalidRequest' : 'ServiceUnavailable'
}
