import type { Cors } from '../cors/cors.ts'
import type { Sealer } from '../identity/key-ring.ts'
import type { OwnerCache } from '../ownership/owner-cache.ts'
import type { UpstreamClient } from '../transport/transport.ts'
import type { PolicyDependencies } from './authorize.ts'
import type { IdentityDependencies } from './ways-in/way-in.ts'
import type { StsDependencies } from './answer-sts.ts'
import type { LimitDependencies } from './limit.ts'
import type { LiveRequests } from './live-requests.ts'
import type { AcceptLimits } from './accept.ts'
import type { BucketDependencies } from './answer-here.ts'
import type { LeaseTimes } from './ownership-context.ts'
import type { PlacementDependencies } from './resolve.ts'
import type { RecognitionDependencies } from './recognize.ts'
import type { SigningDependencies } from './sign.ts'
import type { LedgerPort, LeasePort, UpstreamObserver } from './ports.ts'

export interface Limits {
  readonly xmlBytesMax: number
  readonly completeXmlBytesMax: number
  /** A body up to this size is held, so that a write can be sent again. */
  readonly smallPutBytesMax: number
  /** What an upstream's document may have. */
  readonly documentBytesMax: number
}

/** Everything the stages need, built once. Each stage takes only its part. */
export interface Dependencies
  extends AcceptLimits, RecognitionDependencies, IdentityDependencies, LimitDependencies, SigningDependencies, StsDependencies {
  readonly now: () => Date
  /** Null where requests under way end by themselves, whatever becomes of their caller. */
  readonly live: LiveRequests | null
  /** What pages of other origins may do. */
  readonly cors: Cors
  readonly limits: Limits
  readonly sealer: Sealer
  readonly placement: PlacementDependencies
  readonly policy: PolicyDependencies
  readonly buckets: BucketDependencies
  readonly upstream: UpstreamClient
  readonly ownerCache: OwnerCache
  readonly leases: LeasePort
  readonly ledger: LedgerPort
  readonly observe: UpstreamObserver
  /** Bytes that small bodies may hold in all. */
  readonly heldBytes: ByteBudget
  readonly leaseTimes: LeaseTimes
  /** A random text that names one upload. */
  readonly newNonce: () => string
}

/** A budget of bytes held in memory. `take` says whether there was room; what was taken is given back. */
export interface ByteBudget {
  take(bytes: number): boolean
  giveBack(bytes: number): void
}
