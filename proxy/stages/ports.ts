import type { UpstreamKey } from '../tenants/keys.ts'

/** Leases on upstream keys, as a request sees them. */
export interface LeasePort {
  /** A fresh holder for one request. What it holds lives for `lifeMs` after its last sign of life, and is lengthened while it is held. */
  open(place: { readonly account: string; readonly bucket: string; readonly lifeMs: number }): LeaseHolder
}

export interface LeaseHolder {
  take(key: UpstreamKey, shared: boolean): Promise<'held' | 'lingers' | 'unavailable'>
  release(key: UpstreamKey, unknown: boolean): Promise<void>
  /** Milliseconds; 0 for a key that is not held. */
  left(key: UpstreamKey): number
}

export interface LedgerUpload {
  readonly account: string
  readonly upstreamBucket: string
  readonly uploadId: string
  readonly tenant: string
  readonly key: string
  readonly owner: string
  readonly nonce: string
  readonly createdAt: Date
}

export interface LedgerPage {
  readonly uploads: readonly LedgerUpload[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  readonly nextKeyMarker: string | null
  readonly nextUploadIdMarker: string | null
}

export interface LedgerListing {
  readonly tenant: string
  readonly owner: string
  readonly prefix: string
  readonly delimiter: string
  readonly keyMarker: string
  readonly uploadIdMarker: string | null
  readonly max: number
}

/** The ledger of open uploads. Requests never wait for a change of it. */
export interface LedgerPort {
  insert(upload: LedgerUpload): void
  remove(upload: Pick<LedgerUpload, 'account' | 'upstreamBucket' | 'uploadId'>): void
  list(listing: LedgerListing): Promise<LedgerPage>
  hasUploads(tenant: string): Promise<boolean>
}

/** What is counted of the hop to the upstream. */
export interface UpstreamObserver {
  upstreamDone(request: { readonly account: string; readonly ask: string; readonly status: number | null; readonly seconds: number }): void
  /** An upstream named a key outside the tenant's prefix. */
  prefixViolated(tenant: string): void
  elapsedMs(): number
}
