import { createHash } from 'node:crypto'
import type { Assignment } from './keys.ts'

/** How many buckets the shared account is spread over: 1, 16 or 256. */
export type Spread = 0 | 1 | 2

/** Where every tenant without an assignment lives. It is recorded, because changing it would orphan data. */
export interface SharedLayout {
  /** Id of the account that is marked `shared`. */
  readonly account: string
  readonly spread: Spread
  /** Bucket name with `{slot}` in it, or without when the spread is 0. */
  readonly template: string
}

// Names that are safe in a bucket position, in a DNS label list and in a key without any escaping. Buckets of S3 follow the same
// rules: bucketnamingrules.html. A dot beside a dot or a hyphen would break virtual-hosted names.
const TENANT_ID = /^[a-z0-9](?:[a-z0-9-]|\.(?![.-])){1,61}[a-z0-9]$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/

/** True for a name that can be a tenant: like a bucket name, a UUID in lower case included. */
export function isTenantId(text: string): boolean {
  return TENANT_ID.test(text) && !text.includes('-.') && !IPV4.test(text)
}

// RFC 9562: the version is the first digit of the third group, the variant the first of the fourth.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * The two hex characters that choose the tenant's bucket: its own first two where those are spread evenly, else of its SHA-256.
 * UUIDs of version 1, 6 and 7 and ULIDs are made in the order of time: their own first characters would put all into one bucket.
 */
export function slotOf(tenant: string): string {
  const version = UUID.exec(tenant)?.[1]
  if (version !== undefined && version !== '1' && version !== '6' && version !== '7') return tenant.slice(0, 2)
  return createHash('sha256').update(tenant).digest('hex').slice(0, 2)
}

/** The bucket of a slot: `{slot}` stands for as many of its characters as the spread says. */
export function bucketOfSlot(layout: SharedLayout, slot: string): string {
  return layout.template.replace('{slot}', slot.slice(0, layout.spread))
}

/** Every bucket of the shared layout, in order: 1, 16 or 256. */
export function sharedBuckets(layout: SharedLayout): readonly string[] {
  const count = 16 ** layout.spread
  return Array.from({ length: count }, (_, index) => layout.template.replace('{slot}', slotText(index, layout.spread)))
}

function slotText(index: number, spread: Spread): string {
  return spread === 0 ? '' : index.toString(16).padStart(spread, '0')
}

/** Where a tenant without a recorded assignment lives. */
export function sharedAssignment(layout: SharedLayout, tenant: string): Assignment {
  return {
    tenant,
    account: layout.account,
    upstreamBucket: bucketOfSlot(layout, slotOf(tenant)),
    keyPrefix: `${tenant}/`,
    dedicated: false
  }
}
