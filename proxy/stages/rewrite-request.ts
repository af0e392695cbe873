import { openUploadId, type UploadPlace } from '../identity/upload-id.ts'
import type { KeyRing } from '../identity/key-ring.ts'
import type { Protocol } from '../ownership/steps.ts'
import { exactly } from '../post-form/file-source.ts'
import { S3Error } from '../s3/error.ts'
import { queryValue } from '../s3/query.ts'
import { Buffer } from 'node:buffer'
import type { Assignment, TenantKey } from '../tenants/keys.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Authenticated } from './ways-in/way-in.ts'
import type { Grant } from './authorize.ts'
import { collectVerified, openBody, preparedBytes, preparedFlow, type PreparedBody } from './body.ts'
import type { ByteBudget, Limits } from './dependencies.ts'
import { requiredPlace, type Exchange } from './exchange.ts'
import { planListing, type Listing } from './list-request.ts'
import { clientTags } from './marks.ts'
import { bucketRequest, type Outbound } from './outbound.ts'
import type { ContextDependencies } from './ownership-context.ts'
import { placedKeyProblem } from './placed-key.ts'
import { planProtocol, planUpload } from './plan-protocol.ts'
import type { Place } from './resolve.ts'
import { checkedEncryption } from './write-headers.ts'

/** How the grant is carried out. */
export type Plan = (
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  /** One request that no protocol governs. */
  | { readonly kind: 'plain'; readonly outbound: Outbound; readonly label: string }
) & {
  readonly exchange: Exchange
  readonly upload: UploadPlace | null
  readonly listing: Listing | null
  /** Called once the answer is decided: gives back what was held for it. */
  readonly done: () => void
}

export interface RewriteDependencies extends ContextDependencies {
  readonly ring: () => KeyRing
  readonly limits: Limits
  readonly heldBytes: ByteBudget
  readonly placement: { account(assignment: Assignment): UpstreamAccount | null }
}

/**
 * What goes to the upstream, built from the row and the grant. Everything that can be refused without asking it is refused here.
 * A promise only where a body has to be collected first.
 */
export function rewriteRequest(
  request: AcceptedRequest,
  proof: Authenticated,
  grant: Grant,
  deps: RewriteDependencies
): Plan | Promise<Plan> {
  const { operation } = grant
  const upload = operation.row.protocol === 'upload' || operation.row.protocol === 'complete' ? openUpload(request, grant, deps) : null
  const place = upload === null ? requiredPlace(grant) : placeOfUpload(upload, grant, deps)
  refuseImpossibleKey(place, grant.key)
  if (grant.source !== null) refuseImpossibleKey(grant.source.place, grant.source.key)
  if (operation.row.headers.includes('encryption')) checkedEncryption(request.headers, place.account)
  const tags = operation.tags === null ? null : clientTags(operation.tags, grant.caller.owner)
  const hasBody = operation.row.requestBody === 'stream' || operation.row.requestBody === 'form'
  if (!hasBody) return planOf({ request, grant, place, body: null, tags }, { upload, done: NOTHING_HELD }, deps)
  return prepareBody(request, proof, { account: place.account, deps }).then(({ body, done }) =>
    planOf({ request, grant, place, body, tags }, { upload, done }, deps)
  )
}

const NOTHING_HELD = (): void => undefined

function planOf(exchange: Exchange, { upload, done }: Pick<Plan, 'upload' | 'done'>, deps: RewriteDependencies): Plan {
  try {
    return { ...planned(exchange, upload, deps), exchange, upload, done }
  } catch (error) {
    done()
    throw error
  }
}

type Planned = Pick<Plan, 'listing'> &
  (
    | { readonly kind: 'protocol'; readonly protocol: Protocol }
    | { readonly kind: 'plain'; readonly outbound: Outbound; readonly label: string }
  )

function planned(exchange: Exchange, upload: UploadPlace | null, deps: RewriteDependencies): Planned {
  const { operation } = exchange.grant
  if (operation.row.protocol === 'list') {
    const { listing, outbound } = planListing(exchange, deps.ring())
    return { kind: 'plain', outbound, label: 'list', listing }
  }
  if (operation.name === 'GetBucketVersioning') {
    const outbound = bucketRequest(exchange.place, [['versioning', null]])
    return { kind: 'plain', outbound, label: 'versioning', listing: null }
  }
  if (upload !== null && operation.row.protocol === 'upload' && operation.name !== 'UploadPartCopy') {
    return { kind: 'plain', ...planUpload(exchange, upload), listing: null }
  }
  return { kind: 'protocol', protocol: planProtocol(exchange, upload, deps), listing: null }
}

/** The upload that the sealed id names; an id that is not this caller's own, for this key, names none. */
function openUpload(request: AcceptedRequest, grant: Grant, deps: RewriteDependencies): UploadPlace {
  const text = queryValue(request.query, 'uploadId') ?? ''
  if (request.tenant === null || grant.key === null) throw new Error('an upload operation without tenant or key')
  const upload = openUploadId(deps.ring(), text, { tenant: request.tenant, key: grant.key, owner: grant.caller.owner })
  if (upload === null) throw new S3Error('NoSuchUpload', 'the upload id is not sealed for this tenant, key and owner')
  return upload
}

/** An upload goes on where it was begun, wherever the tenant lives now. */
function placeOfUpload(upload: UploadPlace, grant: Grant, deps: RewriteDependencies): Place {
  const place = requiredPlace(grant)
  const assignment = { ...place.assignment, account: upload.account, upstreamBucket: upload.upstreamBucket }
  const account = deps.placement.account(assignment)
  if (account === null) throw new S3Error('NoSuchUpload', `account ${upload.account} of the upload is no longer configured`)
  return { account, assignment }
}

/** Refuses a key, of the target or of a copy's source, that cannot be where its tenant lives. Those of a batch are answered one by one. */
function refuseImpossibleKey(place: Place, key: TenantKey | null): void {
  const problem = key === null ? null : placedKeyProblem(place, key)
  if (problem !== null) throw new S3Error(problem.code, problem.reason)
}

async function prepareBody(
  request: AcceptedRequest,
  proof: Authenticated,
  { account, deps }: { account: UpstreamAccount; deps: RewriteDependencies }
): Promise<{ body: PreparedBody; done: () => void }> {
  const open = openBody(request, proof)
  const { length } = open
  // A body of no bytes has nothing that could be held back while it is verified, so it is always collected.
  const isSmall = length <= deps.limits.smallPutBytesMax && (length === 0 || deps.heldBytes.take(length))
  if (!isSmall) {
    // How long a form's file is, only its end tells; by then the upstream has been told.
    const flow = proof.signedBy === 'form' ? { ...open, source: exactly(open.source, length) } : open
    return { body: preparedFlow(flow, account.capabilities), done: NOTHING_HELD }
  }
  try {
    const bytes = await collectVerified(open, length)
    return { body: preparedBytes(Buffer.from(bytes), open, account.capabilities), done: () => deps.heldBytes.giveBack(length) }
  } catch (error) {
    deps.heldBytes.giveBack(length)
    throw error
  }
}
