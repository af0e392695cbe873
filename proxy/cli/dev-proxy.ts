import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { openAdministration } from './administration.ts'
import type { Addresses } from '../compose/servers.ts'
import { CONTAINER_CREDENTIALS_PATH } from '../api/container-credentials.ts'
import { compose } from '../compose/compose.ts'
import { layoutOf } from '../compose/database.ts'
import { readConfig, type Config } from '../config/config.ts'
import { assign } from '../database/assignments.ts'
import type { DevUpstream } from '../dev/dev-upstream.ts'
import { openDevIssuer, type DevIssuer } from '../dev/issuer.ts'
import { newKeyRingText } from '../identity/key-ring.ts'

export interface DevProxyOptions {
  readonly s3Port: number
  readonly opsPort: number
  /** A free one unless told. */
  readonly apiPort?: number
  /** Keys, tokens and the configuration are written here. */
  readonly data: string
  /** Of a migrated database, as the login the proxy uses. */
  readonly database: string
  readonly upstream: Omit<DevUpstream, 'stop' | 'provider'> & { readonly provider: string }
  readonly say: (line: string) => void
  readonly logDestination: string | number
  /** Changes the settings before they are read; nothing by default. */
  readonly adjust?: (settings: DevSettings) => unknown
}

/** The settings of dev mode, as they stand in its sluice.yaml. */
export type DevSettings = ReturnType<typeof devSettings>

export interface DevService {
  readonly tokenFile: string
  readonly env: Readonly<Record<string, string>>
  /** The same for a client that gets its credentials from the API; null where there is none. */
  readonly containerEnv: Readonly<Record<string, string>> | null
}

export interface DevProxySummary {
  readonly s3: string
  /** Null where the settings were changed to have none. */
  readonly api: string | null
  readonly ops: string
  readonly upstream: {
    readonly kind: string
    readonly endpoint: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly buckets: readonly string[]
  }
  readonly tenants: readonly string[]
  readonly services: Readonly<Record<string, DevService>>
}

export interface DevProxy {
  readonly summary: DevProxySummary
  readonly issuer: DevIssuer
  stop(): Promise<void>
}

export const DEV_TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const
export const DEV_SERVICES = ['shop/orders', 'shop/billing'] as const
export const DEV_AUDIENCE = 'sluice'
export const DEV_ISSUER = 'https://issuer.sluice.dev'
const DEDICATED_BUCKET = 'sluice-acme-archive'
const TOKEN_SECONDS = 3600
const REMINT_MS = (TOKEN_SECONDS * 1000) / 2

/** Starts a token issuer and the proxy on a database and an upstream that are there already. */
export async function startDevProxy(options: DevProxyOptions): Promise<DevProxy> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const undo of stops.splice(0).reverse()) await undo()
  }
  try {
    return { ...(await bringUp(options, stops)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function bringUp(options: DevProxyOptions, stops: (() => Promise<void>)[]): Promise<Omit<DevProxy, 'stop'>> {
  const { say, data, upstream } = options
  await mkdir(data, { recursive: true })
  const issuer = await openDevIssuer({ folder: join(data, 'issuer'), iss: DEV_ISSUER, now: () => new Date(), newId: randomUUID })
  const jwks = await issuer.serve(0)
  stops.push(() => jwks.close())
  const config = await writeDevConfig(options, `${jwks.url}/openid/v1/jwks`)
  const buckets = await prepareUpstream(config)
  say(`token issuer at ${jwks.url}; ${buckets.length} buckets; tenants ${Object.values(DEV_TENANTS).join(', ')}`)
  const sluice = compose(config, { logDestination: options.logDestination })
  const addresses = await sluice.start()
  stops.push(() => sluice.stop())
  const services = await writeTokens(issuer, data, addresses)
  const timer = setInterval(() => void writeTokens(issuer, data, addresses), REMINT_MS)
  timer.unref()
  stops.push(() => Promise.resolve(clearInterval(timer)))
  say(`Sluice is ready: S3 and STS at ${addresses.s3}, the API at ${addresses.api ?? 'no address'}, ops at ${addresses.ops}`)
  const { kind, endpoint, accessKeyId, secretAccessKey } = upstream
  return {
    issuer,
    summary: {
      ...addresses,
      upstream: { kind, endpoint, accessKeyId, secretAccessKey, buckets },
      tenants: Object.values(DEV_TENANTS),
      services
    }
  }
}

async function writeDevConfig(options: DevProxyOptions, jwksUrl: string): Promise<Config> {
  const ringFile = join(options.data, 'sealing-keys.json')
  if (!existsSync(ringFile)) await writeFile(ringFile, newKeyRingText(randomBytes), { mode: 0o600 })
  const settings = devSettings(options, jwksUrl, ringFile)
  const yamlText = stringify(options.adjust === undefined ? settings : options.adjust(settings))
  await writeFile(join(options.data, 'sluice.yaml'), yamlText, { mode: 0o600 })
  return readConfig({ yamlText, env: {}, readFile: (path) => readFileSync(path, 'utf8'), dev: true })
}

function devSettings({ s3Port, opsPort, apiPort = 0, upstream, database }: DevProxyOptions, jwksUrl: string, ringFile: string) {
  const trust = [{ issuers: ['dev'], namespaces: ['*'], serviceAccounts: ['*'] }]
  const role = (name: string, policy: string) => ({ name, tenants: ['*'], policies: [policy], trust })
  return {
    listeners: {
      s3: { host: '127.0.0.1', port: s3Port, domains: ['s3.localhost'] },
      api: { host: '127.0.0.1', port: apiPort },
      ops: { host: '127.0.0.1', port: opsPort }
    },
    accounts: [
      {
        id: 'main',
        name: `dev ${upstream.kind}`,
        provider: upstream.provider,
        endpoint: upstream.endpoint,
        region: 'us-east-1',
        pathStyle: true,
        credentials: { accessKeyId: upstream.accessKeyId, secretAccessKey: upstream.secretAccessKey },
        shared: true,
        bucketTemplate: 'sluice-shared-{slot}',
        spread: 1
      }
    ],
    issuers: [
      {
        id: 'dev',
        issuer: DEV_ISSUER,
        jwks: { url: jwksUrl },
        audiences: [DEV_AUDIENCE],
        default: true,
        roles: [{ role: 'app', namespaces: ['*'], serviceAccounts: ['*'] }]
      }
    ],
    roles: [role('app', 'editor'), role('viewer', 'viewer'), role('admin', 'admin')],
    sealing: { keysFile: ringFile },
    database: { url: database }
  }
}

/** The shared buckets, and a tenant with a bucket of its own. */
async function prepareUpstream(config: Config): Promise<readonly string[]> {
  const administration = openAdministration(config)
  try {
    const buckets = await administration.ensureBuckets(() => undefined)
    await administration.ensureBucket('main', DEDICATED_BUCKET)
    await assign(administration.run, {
      tenant: DEV_TENANTS.dedicated,
      account: 'main',
      upstreamBucket: DEDICATED_BUCKET,
      adopt: false,
      shared: layoutOf(config),
      hasData: (place) => administration.hasData(place)
    })
    return [...buckets.map(({ bucket }) => bucket), DEDICATED_BUCKET]
  } finally {
    await administration.close()
  }
}

async function writeTokens(issuer: DevIssuer, data: string, { s3, api }: Addresses): Promise<Readonly<Record<string, DevService>>> {
  const services: Record<string, DevService> = {}
  for (const serviceAccount of DEV_SERVICES) {
    const tokenFile = join(data, 'tokens', serviceAccount.replace('/', '.'))
    await mkdir(join(data, 'tokens'), { recursive: true })
    await issuer.writeToken(tokenFile, { serviceAccount, audience: DEV_AUDIENCE, ttlSeconds: TOKEN_SECONDS })
    // boto3 reads the second name of the region alone, and presigns with SigV2 where it finds none.
    const endpoint = { AWS_ENDPOINT_URL_S3: s3, AWS_REGION: 'local', AWS_DEFAULT_REGION: 'local' }
    services[serviceAccount] = {
      tokenFile,
      env: {
        ...endpoint,
        AWS_ENDPOINT_URL_STS: s3,
        AWS_ROLE_ARN: 'arn:aws:iam::000000000000:role/app',
        AWS_ROLE_SESSION_NAME: serviceAccount.replace('/', '-'),
        AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile
      },
      containerEnv: api === null ? null : { ...endpoint, ...containerVariables(api, tokenFile) }
    }
  }
  return services
}

function containerVariables(api: string, tokenFile: string): Readonly<Record<string, string>> {
  return { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${api}${CONTAINER_CREDENTIALS_PATH}`, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile }
}
