import type { RecordedTenant, Snapshot } from '../tenants/directory.ts'
import type { Assignment } from '../tenants/keys.ts'
import { isTenantId, sharedAssignment, sharedBuckets, type SharedLayout } from '../tenants/placement.ts'
import type { Run } from './connect.ts'

const NO_VERSION = 'table sluice.snapshot is empty: its one row was removed'

interface AssignmentRow {
  readonly tenant: string
  readonly account: string
  readonly bucket: string
  readonly key_prefix: string
}

const toAssignment = (row: AssignmentRow): Assignment => ({
  tenant: row.tenant,
  account: row.account,
  upstreamBucket: row.bucket,
  keyPrefix: row.key_prefix,
  dedicated: true
})

/** Everything the data path knows of placement, as of one moment: one statement sees one state of the database. */
export async function loadSnapshot(run: Run): Promise<Snapshot> {
  const rows = await run<readonly (AssignmentRow & { created_at: Date; version: string | null })[]>`
    SELECT version::text AS version, '' AS tenant, NULL AS account, NULL AS bucket, NULL AS key_prefix, now() AS created_at FROM sluice.snapshot
    UNION ALL SELECT NULL, tenant, account, bucket, key_prefix, created_at FROM sluice.assignments
    UNION ALL SELECT NULL, tenant, NULL, NULL, NULL, created_at FROM sluice.tenants`
  const version = rows.find((row) => row.version !== null)?.version ?? null
  if (version === null) throw new Error(NO_VERSION)
  const places = rows.filter((row) => row.version === null)
  return {
    version,
    // A tenant that was only recorded has no place in its row.
    assignments: places.filter((row) => (row.account as string | null) !== null).map(toAssignment),
    tenants: [
      ...new Map(places.map(({ tenant, created_at: createdAt }): [string, RecordedTenant] => [tenant, { tenant, createdAt }])).values()
    ]
  }
}

/** Version of placement as it stands now: cheap enough to ask by the clock. */
export async function readVersion(run: Run): Promise<string> {
  const [row] = await run<{ version: string }[]>`SELECT version::text AS version FROM sluice.snapshot`
  if (row === undefined) throw new Error(NO_VERSION)
  return row.version
}

/** The place cannot be given: 409 of the API, exit 1 of the command. */
export class AssignConflict extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AssignConflict'
  }
}

export interface AssignRequest {
  readonly tenant: string
  readonly account: string
  readonly upstreamBucket: string
  /** True: the whole bucket is the tenant's, keys without prefix. */
  readonly adopt: boolean
  /** The layout of the shared account; null when there is none. */
  readonly shared: SharedLayout | null
  /** True when the tenant has objects or open uploads at that place. */
  hasData(place: Assignment): Promise<boolean>
}

/**
 * Gives a tenant a place of its own. Refuses when it has data elsewhere, since that would become unreachable, and when one
 * tenant could then see another's keys. `unchanged` when it already lives there.
 */
export async function assign(run: Run, request: AssignRequest): Promise<'assigned' | 'unchanged'> {
  const { tenant, shared } = request
  if (!isTenantId(tenant))
    throw new AssignConflict(`${tenant} cannot be a tenant: 3 to 63 of a-z, 0-9, '.' and '-', beginning and ending with a letter or digit`)
  if (request.adopt && shared !== null && shared.account === request.account && sharedBuckets(shared).includes(request.upstreamBucket)) {
    throw new AssignConflict(`bucket ${request.upstreamBucket} holds shared tenants and cannot be adopted whole`)
  }
  const wanted: Assignment = {
    tenant,
    account: request.account,
    upstreamBucket: request.upstreamBucket,
    keyPrefix: request.adopt ? '' : `${tenant}/`,
    dedicated: true
  }
  const before = await findRow(run, tenant)
  if (before !== null && samePlace(before, wanted)) return 'unchanged'
  const place = before ?? (shared === null ? null : sharedAssignment(shared, tenant))
  // The shared slot of the tenant may be named as its own place: then nothing moves.
  if (place !== null && !samePlace(place, wanted) && (await request.hasData(place))) {
    throw new AssignConflict(`tenant ${tenant} has objects or open uploads in account ${place.account}: move them, then assign`)
  }
  return givePlace(run, wanted, before)
}

/** One step in the database: only if the tenant's place is still `before`, and no tenant could then see another's keys. */
async function givePlace(run: Run, wanted: Assignment, before: Assignment | null): Promise<'assigned' | 'unchanged'> {
  const [given] = await run<readonly { outcome: string; other: string | null }[]>`SELECT outcome, other FROM sluice.give_place(
    ${wanted.tenant}, ${wanted.account}, ${wanted.upstreamBucket}, ${wanted.keyPrefix},
    ${before?.account ?? null}, ${before?.upstreamBucket ?? null}, ${before?.keyPrefix ?? null})`
  const { outcome, other } = given ?? { outcome: 'nothing', other: null }
  switch (outcome) {
    case 'assigned':
    case 'unchanged':
      return outcome
    case 'moved':
      throw new AssignConflict(`tenant ${wanted.tenant} was given another place meanwhile: try again`)
    case 'adopted':
      throw new AssignConflict(`bucket ${wanted.upstreamBucket} is adopted whole by tenant ${other}`)
    case 'holds':
      throw new AssignConflict(`bucket ${wanted.upstreamBucket} holds tenant ${other} and cannot be adopted whole`)
    default:
      throw new Error(`sluice.give_place answered ${outcome}`)
  }
}

async function findRow(run: Run, tenant: string): Promise<Assignment | null> {
  const [row] = await run<AssignmentRow[]>`SELECT tenant, account, bucket, key_prefix FROM sluice.assignments WHERE tenant = ${tenant}`
  return row === undefined ? null : toAssignment(row)
}

function samePlace(a: Assignment, b: Assignment): boolean {
  return a.account === b.account && a.upstreamBucket === b.upstreamBucket && a.keyPrefix === b.keyPrefix
}

/** The recorded assignments by tenant, as `sluice tenants` prints them. */
export async function listAssignments(run: Run): Promise<readonly Assignment[]> {
  const rows = await run<AssignmentRow[]>`SELECT tenant, account, bucket, key_prefix FROM sluice.assignments ORDER BY tenant`
  return rows.map(toAssignment)
}

/** Records a tenant made by CreateBucket. False when it was recorded before. */
export async function registerTenant(run: Run, tenant: string, createdBy: string): Promise<boolean> {
  const rows =
    await run`INSERT INTO sluice.tenants (tenant, created_by) VALUES (${tenant}, ${createdBy}) ON CONFLICT DO NOTHING RETURNING tenant`
  return rows.length > 0
}

/** Forgets a tenant that DeleteBucket found empty. False when there was none. */
export async function unregisterTenant(run: Run, tenant: string): Promise<boolean> {
  const rows = await run`DELETE FROM sluice.tenants WHERE tenant = ${tenant} RETURNING tenant`
  return rows.length > 0
}
