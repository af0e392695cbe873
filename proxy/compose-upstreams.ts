import type { AccountConfig, Config } from './config.ts'
import { prepareSecret } from './sigv4/signing-key.ts'
import type { UpstreamAccount } from './upstreams/account.ts'

/** The configured accounts, everything that a request needs of them resolved. */
export function composeAccounts(config: Config): ReadonlyMap<string, UpstreamAccount> {
  return new Map(config.accounts.map((account) => [account.id, accountOf(account)]))
}

function accountOf(account: AccountConfig): UpstreamAccount {
  const url = new URL(account.endpoint)
  const secure = url.protocol === 'https:'
  const { accessKeyId, secretAccessKey, sessionToken } = account.credentials
  const credentials = {
    accessKeyId: accessKeyId.reveal(),
    secretAccessKey: prepareSecret(secretAccessKey.reveal()),
    ...(sessionToken !== null && { sessionToken: sessionToken.reveal() })
  }
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
    credentials: () => credentials
  }
}
