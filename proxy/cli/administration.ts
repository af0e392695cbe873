import { connection, layoutOf } from '../compose/database.ts'
import { composeUpstreams } from '../compose/upstreams.ts'
import type { Config } from '../config/config.ts'
import { openPool, type Run } from '../database/connect.ts'
import { createUploadLedger } from '../database/uploads.ts'
import { SigningKeyCache } from '../sigv4/signing-key.ts'
import { ensureBucket, type EnsuredBucket } from '../stages/ensure-buckets.ts'
import { hasObjects } from '../stages/has-data.ts'
import type { SendDependencies } from '../stages/send-signed.ts'
import type { Assignment } from '../tenants/keys.ts'
import { sharedBuckets } from '../tenants/placement.ts'
import { UPSTREAM_DEFAULTS } from '../transport/upstream-options.ts'
import { createUndiciUpstream } from '../transport/upstream-undici.ts'

/** What commands do to the database and the upstreams, outside of any request. */
export interface Administration {
  readonly run: Run
  /** Creates the buckets of the shared layout that are not there; only creates. */
  ensureBuckets(onDone: (done: EnsuredBucket, index: number, count: number) => void): Promise<readonly EnsuredBucket[]>
  ensureBucket(account: string, bucket: string): Promise<EnsuredBucket>
  hasData(place: Assignment): Promise<boolean>
  close(): Promise<void>
}

/** Opens database and upstreams for a command. */
export function openAdministration(config: Config): Administration {
  const pool = openPool(connection(config, { connectionsMax: 2, direct: true }))
  const { run } = pool
  const { accounts } = composeUpstreams(config, { now: () => new Date(), random: Math.random, onEvent: () => undefined })
  const upstream = createUndiciUpstream({ ...UPSTREAM_DEFAULTS, onError: () => undefined })
  const ledger = createUploadLedger({ run, waitingMax: 1, retryMs: 1_000, onFault: () => undefined })
  const deps: SendDependencies = {
    upstream,
    now: () => new Date(),
    signingKeys: new SigningKeyCache(16),
    timeouts: { headMs: config.timeouts.upstreamHead, slowHeadMs: config.timeouts.upstreamSlowHead }
  }
  const accountOf = (id: string) => {
    const account = accounts.get(id)
    if (account === undefined) throw new Error(`account ${id} is not configured; there are ${[...accounts.keys()].join(', ')}`)
    return account
  }
  return {
    run,
    async ensureBuckets(onDone) {
      const layout = layoutOf(config)
      if (layout === null) return []
      const buckets = sharedBuckets(layout)
      const done: EnsuredBucket[] = []
      for (const [index, bucket] of buckets.entries()) {
        const ensured = await ensureBucket(accountOf(layout.account), bucket, deps)
        done.push(ensured)
        onDone(ensured, index, buckets.length)
      }
      return done
    },
    ensureBucket: (account, bucket) => ensureBucket(accountOf(account), bucket, deps),
    hasData: async (place) =>
      (await ledger.hasUploads(place.tenant)) || hasObjects({ assignment: place, account: accountOf(place.account) }, deps),
    async close() {
      await ledger.close()
      await pool.close()
      await upstream.close()
    }
  }
}
