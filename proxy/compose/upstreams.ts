import { composeCredentials, composeTenantCredentials, type CredentialTools } from './credentials.ts'
import type { AccountConfig, Config } from '../config/config.ts'
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
export function composeUpstreams(config: Config, tools: CredentialTools): Upstreams {
  const accounts = new Map(config.accounts.map((account) => [account.id, accountOf(account, tools)]))
  const sources = [...accounts.values()].map(({ credentials }) => credentials)
  return {
    accounts,
    start: () => sources.forEach((source) => source.start()),
    close: () => sources.forEach((source) => source.close())
  }
}

function accountOf(account: AccountConfig, tools: CredentialTools): UpstreamAccount {
  const credentials = composeCredentials(account, tools)
  const url = new URL(account.endpoint)
  const secure = url.protocol === 'https:'
  return {
    id: account.id,
    name: account.name,
    provider: account.provider,
    origin: {
      secure,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      ca: account.caFile?.text ?? null
    },
    host: url.host,
    region: account.region,
    pathStyle: account.pathStyle,
    capabilities: account.capabilities,
    ownership: account.ownership,
    encryption: account.encryption,
    leases: account.leases,
    credentials,
    tenantCredentials: account.scope === 'tenant' ? composeTenantCredentials(account, credentials, tools) : null
  }
}
