// Nothing here runs. It compiles, or a promise the types make has been broken.
import type { OperationRow } from '../proxy/s3/operation-row.ts'
import type { Grant } from '../proxy/stages/authorize.ts'
import type { Outbound, Signed } from '../proxy/stages/outbound.ts'
import type { Leaving } from '../proxy/stages/rewrite-response.ts'
import { rewriteResponse } from '../proxy/stages/rewrite-response.ts'
import type { Dependencies } from '../proxy/stages/dependencies.ts'
import type { Release } from '../proxy/stages/verify-owner.ts'
import { rewriteRequest } from '../proxy/stages/rewrite-request.ts'
import type { Outcome } from '../proxy/ownership/steps.ts'
import { toTenantKey, toUpstreamKey, type Assignment, type TenantKey } from '../proxy/tenants/keys.ts'

declare const assignment: Assignment
declare const tenantKey: TenantKey
declare const outcome: Exclude<Outcome, { outcome: 'refuse' }>
declare const leaving: Leaving
declare const deps: Dependencies
declare const outbound: Outbound
declare const request: Parameters<typeof rewriteRequest>[0]
declare const proof: Parameters<typeof rewriteRequest>[1]
declare const operation: Grant['operation']

// @ts-expect-error A row without a permission must not compile.
const unchecked: OperationRow['permissions'] = []

// @ts-expect-error A key is not mapped twice.
toUpstreamKey(assignment, toUpstreamKey(assignment, tenantKey))

// @ts-expect-error A tenant's key is not an upstream's.
toTenantKey(assignment, tenantKey)

// @ts-expect-error A bare string is not a tenant's key until it has been parsed as one.
toUpstreamKey(assignment, 'photos/cat.jpg')

// @ts-expect-error A release cannot be written down; it is only ever given by verifyOwner().
const released: Release = { outcome }

// @ts-expect-error Nothing leaves without a release.
rewriteResponse({ outcome }, leaving, deps)

// @ts-expect-error Nothing is prepared without a grant.
const prepared = rewriteRequest(request, proof, { operation }, deps)

// @ts-expect-error What is sent has been signed.
const sent: Signed = outbound

export { prepared, released, sent, unchecked }
