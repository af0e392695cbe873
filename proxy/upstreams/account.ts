import type { UpstreamOrigin } from '../transport/transport.ts'
import type { CredentialSource } from './credentials.ts'
import type { Capabilities } from './provider.ts'
import type { Territory } from './tenant-credentials.ts'

/** One configured S3 endpoint as the stages use it: everything resolved, nothing to parse per request. */
export interface UpstreamAccount {
  readonly id: string
  readonly name: string
  readonly provider: string
  readonly origin: UpstreamOrigin
  /** Host and, where it is not the scheme's own, port, as sent in the `host` header. */
  readonly host: string
  readonly region: string
  readonly pathStyle: boolean
  readonly capabilities: Capabilities
  /** `tag`: tag and mark must both be the owner's. `metadata`: the mark alone decides. */
  readonly ownership: 'tag' | 'metadata'
  readonly encryption: UpstreamEncryption | null
  readonly leases: 'class' | 'always'
  /** Requests that each bucket takes from all its tenants together; null: any number. */
  readonly bucketRate: { readonly perSecond: number; readonly burst: number } | null
  /** The account's own, or one tenant's: see `accountWithin`. */
  readonly credentials: CredentialSource
  /** Makes credentials that reach one tenant's keys alone; null where the account's own sign everything. */
  readonly tenantCredentials: ((territory: Territory) => CredentialSource) | null
}

/** Server-side encryption that is set on every write, whatever the client says. */
export interface UpstreamEncryption {
  readonly algorithm: 'AES256' | 'aws:kms'
  readonly kmsKeyId: string | null
}
