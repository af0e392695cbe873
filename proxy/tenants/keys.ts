declare const brand: unique symbol
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A key as the tenant names it, percent-decoded. */
export type TenantKey = Brand<string, 'TenantKey'>
/** A key as the upstream stores it, percent-decoded. */
export type UpstreamKey = Brand<string, 'UpstreamKey'>

/** Where one tenant's data lives. */
export interface Assignment {
  /** The virtual bucket that clients address. */
  readonly tenant: string
  /** Id of the configured account. */
  readonly account: string
  readonly upstreamBucket: string
  /** What stands before every key of the tenant in the upstream bucket: `<tenant>/`, or '' for an adopted bucket. */
  readonly keyPrefix: string
  /** True for a row of the assignments table, false for a computed slot of the shared account. */
  readonly dedicated: boolean
}

/** The only way from a tenant's key to an upstream key. */
export function toUpstreamKey(assignment: Assignment, key: TenantKey): UpstreamKey {
  return (assignment.keyPrefix + key) as UpstreamKey
}

/** The only way back. A key outside the assignment is another tenant's: never shown, always a fault. */
export function toTenantKey(assignment: Assignment, key: UpstreamKey): TenantKey {
  if (!key.startsWith(assignment.keyPrefix)) {
    throw new Error(`an upstream answer for tenant ${assignment.tenant} names a key outside the tenant's prefix`)
  }
  return key.slice(assignment.keyPrefix.length) as TenantKey
}

/** A key as an upstream's answer names it. Whose it is, `toTenantKey` says. */
export function keyInAnswer(text: string): UpstreamKey {
  return text as UpstreamKey
}
