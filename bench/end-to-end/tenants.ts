import { createHash } from 'node:crypto'

const TENANTS = 1_000_000
/** Every hundredth tenant has a place of its own. */
const ASSIGNED_EACH = 100
/** Tenants that requests name, more than whose computed places are kept at once. */
const ASKED = 12_288

/** One of a million tenants: two of three named by a UUID, which is placed by its own digits, the others by a name, which is hashed. */
function tenantAt(index: number): string {
  if (index % 3 === 0) return `customer-${index}`
  const hex = createHash('sha256').update(String(index)).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}

/** The 10,000 that have a place of their own. */
export function assignedTenants(): readonly string[] {
  return Array.from({ length: TENANTS / ASSIGNED_EACH }, (_, index) => tenantAt(index * ASSIGNED_EACH))
}

/** Those that requests name, in turn: spread over the whole million, one in eight with a place of its own. */
export function askedTenants(): readonly string[] {
  const stride = Math.floor(TENANTS / ASKED)
  return Array.from({ length: ASKED }, (_, index) =>
    tenantAt(index % 8 === 0 ? Math.floor((index * stride) / ASSIGNED_EACH) * ASSIGNED_EACH : index * stride + 1)
  )
}
