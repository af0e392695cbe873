import type { Config } from '../config/config.ts'
import { createLoadLimits, type LoadLimits } from '../limits/load-limits.ts'
import type { Rate } from '../limits/token-bucket.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'

export interface LoadParts {
  readonly config: Pick<Config, 'limits'>
  readonly accounts: ReadonlyMap<string, Pick<UpstreamAccount, 'bucketRate'>>
  readonly metrics: Pick<Metrics, 'limited'>
  /** The part of every limit that is this process's own: each of several that serve the same tenants sees its requests alone. */
  readonly share: number
}

/** The limits of load as configured; null where there is none. */
export function composeLoad({ config, accounts, metrics, share }: LoadParts): LoadLimits | null {
  const { requestsMax, requestsPerSecond, requestsBurst, bytesPerSecond, bytesBurst, rememberedMax } = config.limits.tenant
  return createLoadLimits({
    tenant: {
      requestsMax,
      rememberedMax,
      requests: rateOf(requestsPerSecond, requestsBurst),
      bytes: rateOf(bytesPerSecond, bytesBurst)
    },
    buckets: new Map([...accounts].flatMap(([id, { bucketRate }]) => (bucketRate === null ? [] : [[id, bucketRate] as const]))),
    share,
    onRefused: (limit) => metrics.limited(limit)
  })
}

/** The rate of two settings; null for no limit. */
export function rateOf(perSecond: number, burst: number | null): Rate | null {
  return perSecond === 0 ? null : { perSecond, burst: burst ?? perSecond }
}
