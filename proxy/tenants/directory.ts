import type { Assignment } from './keys.ts'
import { isTenantId, sharedAssignment, sharedBuckets, type SharedLayout } from './placement.ts'

/** A tenant that was made by CreateBucket or the API, or that has a place of its own. */
export interface RecordedTenant {
  readonly tenant: string
  readonly createdAt: Date
}

/** Everything the data path needs to know of placement, as it stood at one moment in Postgres. */
export interface Snapshot {
  /** Changes with every change of an assignment or a tenant. Compared for equality only. */
  readonly version: string
  readonly assignments: readonly Assignment[]
  readonly tenants: readonly RecordedTenant[]
}

export interface DirectoryOptions {
  /** `open`: any valid id is a tenant. `registered`: only recorded ones are. */
  readonly mode: 'open' | 'registered'
  /** Null when every tenant has an assignment of its own. */
  readonly shared: SharedLayout | null
  /** Computed places that are kept. */
  readonly cacheEntriesMax?: number
}

/** Where tenants live, answered from memory. */
export interface Directory {
  /** False until one complete snapshot is loaded. */
  readonly ready: boolean
  /** Version of the snapshot in use; null before the first. */
  readonly version: string | null
  /** Where the tenant lives; null when there is no such tenant. Throws before the first snapshot: an unknown assignment must never be taken for a shared one. */
  find(tenant: string): Assignment | null
  /** Puts a complete snapshot in the place of the one in use, at once. */
  replaceAll(snapshot: Snapshot): void
  /** The recorded tenants, sorted by name. */
  recorded(): readonly RecordedTenant[]
  /** The dedicated assignments, sorted by tenant. */
  dedicated(): readonly Assignment[]
}

interface State {
  readonly version: string
  readonly dedicated: ReadonlyMap<string, Assignment>
  readonly recorded: ReadonlyMap<string, RecordedTenant>
}

const byTenant = (a: { readonly tenant: string }, b: { readonly tenant: string }): number =>
  a.tenant < b.tenant ? -1 : a.tenant > b.tenant ? 1 : 0

/** A directory that holds nothing yet. */
export function createDirectory({ mode, shared, cacheEntriesMax = 10_000 }: DirectoryOptions): Directory {
  let state: State | null = null
  // Computing a place costs a hash for ids that are not random UUIDs; the map is emptied when full, which is rare and cheap.
  const computed = new Map<string, Assignment>()

  const computedPlace = (tenant: string, layout: SharedLayout): Assignment => {
    const known = computed.get(tenant)
    if (known !== undefined) return known
    const assignment = sharedAssignment(layout, tenant)
    if (computed.size >= cacheEntriesMax) computed.clear()
    computed.set(tenant, assignment)
    return assignment
  }

  return {
    get ready() {
      return state !== null
    },
    get version() {
      return state?.version ?? null
    },
    find(tenant) {
      if (state === null) throw new Error('placement was asked before a complete snapshot of the assignments was loaded')
      const own = state.dedicated.get(tenant)
      if (own !== undefined) return own
      if (shared === null || !isTenantId(tenant)) return null
      if (mode === 'registered' && !state.recorded.has(tenant)) return null
      return computedPlace(tenant, shared)
    },
    replaceAll(snapshot) {
      state = {
        version: snapshot.version,
        dedicated: new Map(snapshot.assignments.toSorted(byTenant).map((assignment) => [assignment.tenant, assignment])),
        recorded: new Map(snapshot.tenants.toSorted(byTenant).map((recorded) => [recorded.tenant, recorded]))
      }
    },
    recorded: () => (state === null ? [] : [...state.recorded.values()]),
    dedicated: () => (state === null ? [] : [...state.dedicated.values()])
  }
}

/**
 * What is wrong with a set of assignments, one sentence each: an account that is not configured, or two tenants that could see
 * each other's keys. A server that finds any refuses to start.
 */
export function assignmentProblems(
  assignments: readonly Assignment[],
  accounts: ReadonlySet<string>,
  shared: SharedLayout | null
): readonly string[] {
  const problems: string[] = []
  const buckets = new Map<string, Map<string, Assignment[]>>()
  for (const assignment of assignments) {
    if (!accounts.has(assignment.account)) {
      problems.push(`tenant ${assignment.tenant} is assigned to account ${assignment.account}, which is not configured`)
    }
    const ofAccount = buckets.get(assignment.account) ?? new Map<string, Assignment[]>()
    buckets.set(assignment.account, ofAccount)
    ofAccount.set(assignment.upstreamBucket, [...(ofAccount.get(assignment.upstreamBucket) ?? []), assignment])
  }
  for (const [account, ofAccount] of buckets) {
    for (const [bucket, inside] of ofAccount) problems.push(...adoptionProblems({ account, bucket, inside, shared }))
  }
  return problems
}

/** A bucket that is adopted with an empty prefix must be its tenant's alone: the empty prefix reaches every key in it. */
function adoptionProblems(at: {
  account: string
  bucket: string
  inside: readonly Assignment[]
  shared: SharedLayout | null
}): readonly string[] {
  const adopter = at.inside.find(({ keyPrefix }) => keyPrefix === '')
  if (adopter === undefined) return []
  const problems: string[] = []
  const other = at.inside.find((assignment) => assignment !== adopter)
  if (other !== undefined) {
    problems.push(
      `bucket ${at.bucket} of account ${at.account} is adopted whole by tenant ${adopter.tenant} and cannot also hold tenant ${other.tenant}`
    )
  }
  if (at.shared !== null && at.shared.account === at.account && sharedBuckets(at.shared).includes(at.bucket)) {
    problems.push(
      `bucket ${at.bucket} of account ${at.account} holds shared tenants and cannot be adopted whole by tenant ${adopter.tenant}`
    )
  }
  return problems
}
