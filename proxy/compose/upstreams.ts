import { rateOf } from './load.ts'
import { composeCredentials, composeTenantCredentials, type CredentialTools } from './credentials.ts'
import type { AccountConfig, Config, ServingConfig } from '../config/config.ts'
import type { Log } from '../observe/log.ts'
import type { UpstreamClient } from '../transport/transport.ts'
import { createUpstream, UPSTREAM_LIMITS } from '../transport/upstream/engine.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'

/** The accounts, and their credentials as things that live. */
export interface Upstreams {
  /** The configured accounts, everything that a request needs of them resolved. */
  readonly accounts: ReadonlyMap<string, UpstreamAccount>
  /** Begins to follow credentials that change. */
  start(): void
  close(): void
}

/** Builds the configured accounts; nothing is started. */
export function composeUpstreams(config: Pick<Config, 'accounts'>, tools: CredentialTools): Upstreams {
  const accounts = new Map(config.accounts.map((account) => [account.id, accountOf(account, tools)]))
  const sources = [...accounts.values()].map(({ credentials }) => credentials)
  return {
    accounts,
    start: () => sources.forEach((source) => source.start()),
    close: () => sources.forEach((source) => source.close())
  }
}

/** The hop to the upstreams. */
export function composeUpstreamClient({ timeouts, limits }: Pick<ServingConfig, 'limits' | 'timeouts'>, log: Log): UpstreamClient {
  return createUpstream({
    ...UPSTREAM_LIMITS,
    connectTimeoutMs: timeouts.upstreamConnect,
    tlsTimeoutMs: timeouts.upstreamConnect,
    idleBodyTimeoutMs: timeouts.idle,
    connectionsMax: limits.upstreamConnectionsMax,
    onError: (error) => log.event('warn', `upstream: ${error.message}`)
  })
}

/** Where requests to an endpoint go, and the host that they name. */
export function originOf(endpoint: string, ca: string | null): Pick<UpstreamAccount, 'origin' | 'host'> {
  const url = new URL(endpoint)
  const secure = url.protocol === 'https:'
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  return { origin: { secure, hostname, port, ca }, host: url.host }
}

function accountOf(account: AccountConfig, tools: CredentialTools): UpstreamAccount {
  const credentials = composeCredentials(account, tools)
  return {
    id: account.id,
    name: account.name,
    provider: account.provider,
    ...originOf(account.endpoint, account.caFile?.text ?? null),
    region: account.region,
    pathStyle: account.pathStyle,
    capabilities: account.capabilities,
    ownership: account.ownership,
    encryption: account.encryption,
    leases: account.leases,
    bucketRate: rateOf(account.bucketLimits.requestsPerSecond, account.bucketLimits.requestsBurst),
    credentials,
    tenantCredentials: account.scope === 'tenant' ? composeTenantCredentials(account, credentials, tools) : null
  }
}
