import type { AccountConfig, Config, Secret } from './config.ts'
import type { UpstreamAccount } from './upstreams/account.ts'
import { fixedCredentials, type CredentialSource, type CredentialsEvent } from './upstreams/credentials.ts'
import { mountedCredentials, type MountedPart } from './upstreams/mounted-credentials.ts'

/** The accounts, and their credentials as things that live. */
export interface Upstreams {
  /** The configured accounts, everything that a request needs of them resolved. */
  readonly accounts: ReadonlyMap<string, UpstreamAccount>
  /** Begins to follow credentials that change. */
  start(): void
  close(): void
}

/** Kubelet and Vault write within seconds; the poll is for what no watch tells. */
const MOUNTED_TIMES = { pollMs: 15_000, debounceMs: 250 }

/** Builds the configured accounts; nothing is started. */
export function composeUpstreams(config: Config, onEvent: (event: CredentialsEvent) => void): Upstreams {
  const accounts = new Map(config.accounts.map((account) => [account.id, accountOf(account, credentialsOf(account, onEvent))]))
  const sources = [...accounts.values()].map(({ credentials }) => credentials)
  return {
    accounts,
    start: () => sources.forEach((source) => source.start()),
    close: () => sources.forEach((source) => source.close())
  }
}

function accountOf(account: AccountConfig, credentials: CredentialSource): UpstreamAccount {
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
    credentials
  }
}

function credentialsOf({ id, credentials }: AccountConfig, onEvent: (event: CredentialsEvent) => void): CredentialSource {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  if ([accessKeyId, secretAccessKey, sessionToken].some((secret) => secret !== null && secret.file !== null)) {
    return mountedCredentials({
      account: id,
      accessKeyId: partOf(accessKeyId),
      secretAccessKey: partOf(secretAccessKey),
      sessionToken: sessionToken === null ? null : partOf(sessionToken),
      times: MOUNTED_TIMES,
      onEvent
    })
  }
  return fixedCredentials({
    accessKeyId: accessKeyId.reveal(),
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken !== null && { sessionToken: sessionToken.reveal() })
  })
}

function partOf(secret: Secret): MountedPart {
  return { value: secret.reveal(), file: secret.file }
}
