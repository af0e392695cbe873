import type { Caller } from '../identity/caller.ts'
import { S3Error } from '../s3/error.ts'
import type { Assignment } from '../tenants/keys.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Operation } from './recognize.ts'

/** A tenant's place, with the account it lies in. */
export interface Place {
  readonly assignment: Assignment
  readonly account: UpstreamAccount
}

export interface Places {
  /** Null where the request addresses the service itself. */
  readonly target: Place | null
  readonly source: Place | null
}

export interface PlacementDependencies {
  /** False until one complete snapshot is loaded: before that an unknown assignment could be taken for a shared one. */
  readonly ready: boolean
  /** Where the tenant lives; null when there is no such tenant. */
  find(tenant: string): Assignment | null
  /** The account of the place, as its tenant's requests use it; null where it is not configured. */
  account(assignment: Assignment): UpstreamAccount | null
  /** True when the caller's role, as configured now, names the tenant, and its credential does not leave it out. */
  mayTouch(caller: Pick<Caller, 'role' | 'tenants'>, tenant: string): boolean
}

/**
 * Where the tenant of the request and that of its copy source live.
 * The role's tenants are asked before any look-up, so that a caller learns nothing of tenants that are not its own.
 */
export function resolvePlaces(request: AcceptedRequest, operation: Operation, caller: Caller, placement: PlacementDependencies): Places {
  if (!placement.ready) throw new S3Error('ServiceUnavailable', 'no complete snapshot of the assignments has been loaded yet')
  const source = operation.copySource === null ? null : placeOf(operation.copySource.bucket, caller, placement)
  if (request.tenant === null) return { target: null, source }
  if (operation.name === 'CreateBucket') return { target: placeOfNew(request.tenant, caller, placement), source }
  return { target: placeOf(request.tenant, caller, placement), source }
}

function placeOf(tenant: string, caller: Caller, placement: PlacementDependencies): Place {
  refuseForeign(tenant, caller, placement)
  const assignment = placement.find(tenant)
  if (assignment === null) throw new S3Error('NoSuchBucket', `there is no tenant ${tenant}`)
  return withAccount(assignment, placement)
}

/** CreateBucket names a tenant that need not exist yet; its policy question needs only the name. */
function placeOfNew(tenant: string, caller: Caller, placement: PlacementDependencies): Place | null {
  refuseForeign(tenant, caller, placement)
  const assignment = placement.find(tenant)
  return assignment === null ? null : withAccount(assignment, placement)
}

function refuseForeign(tenant: string, caller: Caller, placement: PlacementDependencies): void {
  if (placement.mayTouch(caller, tenant)) return
  throw new S3Error('AccessDenied', `role ${caller.role}, or the access key, does not name tenant ${tenant}`)
}

function withAccount(assignment: Assignment, placement: PlacementDependencies): Place {
  const account = placement.account(assignment)
  if (account === null)
    throw new Error(`the assignment of tenant ${assignment.tenant} names account ${assignment.account}, which is not configured`)
  return { assignment, account }
}
