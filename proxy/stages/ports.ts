import type { UpstreamKey } from '../tenants/keys.ts'
import type { OpenUpload, UploadListing, UploadPage, UploadRef } from '../tenants/open-upload.ts'

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

/** The ledger of open uploads. Requests never wait for a change of it. */
export interface LedgerPort {
  insert(upload: OpenUpload): void
  remove(upload: UploadRef): void
  list(listing: UploadListing): Promise<UploadPage>
  hasUploads(tenant: string): Promise<boolean>
}

/** What is counted of the hop to the upstream. */
export interface UpstreamObserver {
  upstreamDone(request: { readonly account: string; readonly ask: string; readonly status: number | null; readonly seconds: number }): void
  /** An upstream named a key outside the tenant's prefix. */
  prefixViolated(tenant: string): void
  elapsedMs(): number
}
