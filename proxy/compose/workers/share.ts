import type { Config } from '../../config/config.ts'

/**
 * What one of several workers may hold, so that all together hold what is configured. Connections are handed out in turn, so equal
 * shares fill alike; rounded up, because a share of nothing would serve nobody.
 */
export function shareOf(config: Config, workers: number): Config {
  const share = (whole: number): number => Math.ceil(whole / workers)
  const { limits, database } = config
  return {
    ...config,
    database: { ...database, poolMax: share(database.poolMax) },
    limits: {
      ...limits,
      connectionsMax: share(limits.connectionsMax),
      requestsMax: share(limits.requestsMax),
      // The largest body that is held must fit.
      bufferedBytesMax: Math.max(share(limits.bufferedBytesMax), limits.smallPutBytesMax),
      // A read holds one connection while its tags are asked for over another.
      upstreamConnectionsMax: Math.max(share(limits.upstreamConnectionsMax), 2),
      ownerCacheEntriesMax: share(limits.ownerCacheEntriesMax),
      ledgerWaitingMax: share(limits.ledgerWaitingMax)
    }
  }
}
