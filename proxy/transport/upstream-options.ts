/** What any engine towards the upstreams is told. */
export interface UpstreamOptions {
  readonly connectTimeoutMs: number
  /** Without a byte of a body, in either direction, while this side is ready for it. */
  readonly idleBodyTimeoutMs: number
  /** How long a request may wait for a free connection. */
  readonly queueTimeoutMs: number
  /** Connections per origin. */
  readonly connectionsMax: number
  /** How long an idle connection is kept. Shorter than the upstream keeps it, or requests meet its close. */
  readonly keepAliveMs: number
  readonly headerBytesMax: number
  /** Told of errors that belong to no request. */
  readonly onError: (error: Error) => void
}

export const UPSTREAM_DEFAULTS: Omit<UpstreamOptions, 'onError'> = {
  connectTimeoutMs: 5_000,
  idleBodyTimeoutMs: 60_000,
  queueTimeoutMs: 30_000,
  connectionsMax: 256,
  keepAliveMs: 4_000,
  headerBytesMax: 64 * 1024
}
