import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { openAdministration, readMigrationFiles } from './cli-administration.ts'
import { compose } from './compose.ts'
import { readConfig, type Config } from './config.ts'
import { assign } from './database/assignments.ts'
import { connect } from './database/connect.ts'
import { createRoles, migrate } from './database/migrate.ts'
import { DEV_PASSWORD, startDevPostgres, type DevPostgres } from './dev/dev-postgres.ts'
import { startDevUpstream, type DevUpstream } from './dev/dev-upstream.ts'
import { openDevIssuer, type DevIssuer } from './dev/issuer.ts'
import { newKeyRingText } from './identity/key-ring.ts'
import { layoutOf } from './compose-database.ts'

export interface DevOptions {
  readonly s3Port: number
  readonly opsPort: number
  /** 0 takes a free port. */
  readonly databasePort: number
  readonly data: string
  readonly store: 'minio' | 'memory'
  readonly minio: string | null
  /** Told of every step. */
  readonly say: (line: string) => void
  /** Where the request log goes. */
  readonly logDestination: string | number
}

export interface DevService {
  readonly tokenFile: string
  readonly env: Readonly<Record<string, string>>
}

/** What a script needs to drive dev mode: printed by `--json`. */
export interface DevSummary {
  readonly s3: string
  readonly api: null
  readonly ops: string
  readonly database: string
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

export interface Dev {
  readonly summary: DevSummary
  stop(): Promise<void>
}

export const DEV_TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const
export const DEV_SERVICES = ['shop/orders', 'shop/billing'] as const
export const DEV_AUDIENCE = 'sluice'
const DEDICATED_BUCKET = 'sluice-acme-archive'
const TOKEN_SECONDS = 3600
const REMINT_MS = (TOKEN_SECONDS * 1000) / 2

/** Where dev mode keeps its data: outside any checkout, and in a folder that another user may pass. */
export function devFolder(): string {
  return join(tmpdir(), `sluice-dev-${process.getuid?.() ?? 0}`)
}

/** Brings up Postgres, an upstream, a token issuer and the proxy on loopback. What was started is stopped again if a later step fails. */
export async function startDev(options: DevOptions): Promise<Dev> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const undo of stops.splice(0).reverse()) await undo()
  }
  try {
    return { summary: await bringUp(options, stops), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function bringUp(options: DevOptions, stops: (() => Promise<void>)[]): Promise<DevSummary> {
  const { say, data } = options
  await mkdir(data, { recursive: true })
  say(`data folder ${data}`)
  const postgres = await startDevPostgres({ folder: data, port: options.databasePort })
  stops.push(() => postgres.stop())
  const database = await prepareDatabase(postgres)
  say(`Postgres on port ${postgres.port}`)
  const upstream = await startDevUpstream({ store: options.store, folder: data, minio: options.minio })
  stops.push(() => upstream.stop())
  say(
    `upstream: ${upstream.kind === 'minio' ? 'MinIO' : 'the in-process store (for trying and testing only, gone with this process)'} at ${upstream.endpoint}`
  )
  const issuer = await openDevIssuer({
    folder: join(data, 'issuer'),
    iss: 'https://issuer.sluice.dev',
    now: () => new Date(),
    newId: randomUUID
  })
  const jwks = await issuer.serve(0)
  stops.push(() => jwks.close())
  const config = await writeDevConfig(options, { database, upstream, jwksUrl: `${jwks.url}/openid/v1/jwks`, iss: issuer.iss })
  const buckets = await prepareUpstream(config)
  say(`token issuer at ${jwks.url}; ${buckets.length} buckets; tenants ${Object.values(DEV_TENANTS).join(', ')}`)
  const sluice = compose(config, { logDestination: options.logDestination })
  const addresses = await sluice.start()
  stops.push(() => sluice.stop())
  const services = await writeTokens(issuer, data, addresses.s3)
  const timer = setInterval(() => void writeTokens(issuer, data, addresses.s3), REMINT_MS)
  timer.unref()
  stops.push(() => Promise.resolve(clearInterval(timer)))
  say(`Sluice is ready: S3 and STS at ${addresses.s3}, ops at ${addresses.ops}`)
  return {
    ...addresses,
    api: null,
    database,
    upstream: {
      kind: upstream.kind,
      endpoint: upstream.endpoint,
      accessKeyId: upstream.accessKeyId,
      secretAccessKey: upstream.secretAccessKey,
      buckets
    },
    tenants: Object.values(DEV_TENANTS),
    services
  }
}

/** Roles, logins and schema; the proxy logs in as one that may change rows alone. */
async function prepareDatabase(postgres: DevPostgres): Promise<string> {
  const admin = connect({
    url: postgres.url('postgres', 'postgres'),
    ca: null,
    connectionsMax: 2,
    applicationName: 'sluice dev',
    statementTimeoutMs: 30_000
  })
  try {
    await createRoles(admin, (await readMigrationFiles()).roles)
    const [login] = await admin`SELECT 1 FROM pg_roles WHERE rolname = 'sluice_dev'`
    if (login === undefined) await admin.unsafe(`CREATE ROLE sluice_dev LOGIN PASSWORD '${DEV_PASSWORD}' IN ROLE sluice_runtime`)
    await migrate(admin, { migrations: (await readMigrationFiles()).migrations })
  } finally {
    await admin.end({ timeout: 5 })
  }
  return postgres.url('sluice_dev', 'postgres')
}

interface DevParts {
  readonly database: string
  readonly upstream: DevUpstream
  readonly jwksUrl: string
  readonly iss: string
}

async function writeDevConfig(options: DevOptions, { database, upstream, jwksUrl, iss }: DevParts): Promise<Config> {
  const ringFile = join(options.data, 'sealing-keys.json')
  if (!existsSync(ringFile)) await writeFile(ringFile, newKeyRingText(randomBytes), { mode: 0o600 })
  const trust = [{ issuers: ['dev'], namespaces: ['*'], serviceAccounts: ['*'] }]
  const role = (name: string, policy: string) => ({ name, tenants: ['*'], policies: [policy], trust })
  const yamlText = stringify({
    listeners: {
      s3: { host: '127.0.0.1', port: options.s3Port, domains: ['s3.localhost'] },
      ops: { host: '127.0.0.1', port: options.opsPort }
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
        issuer: iss,
        jwks: { url: jwksUrl },
        audiences: [DEV_AUDIENCE],
        default: true,
        roles: [{ role: 'app', namespaces: ['*'], serviceAccounts: ['*'] }]
      }
    ],
    roles: [role('app', 'editor'), role('viewer', 'viewer'), role('admin', 'admin')],
    sealing: { keysFile: ringFile },
    database: { url: database }
  })
  await writeFile(join(options.data, 'sluice.yaml'), yamlText, { mode: 0o600 })
  return readConfig({ yamlText, env: {}, readFile: (path) => readFileSync(path, 'utf8'), dev: true })
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

async function writeTokens(issuer: DevIssuer, data: string, s3: string): Promise<Readonly<Record<string, DevService>>> {
  const services: Record<string, DevService> = {}
  for (const serviceAccount of DEV_SERVICES) {
    const tokenFile = join(data, 'tokens', serviceAccount.replace('/', '.'))
    await mkdir(join(data, 'tokens'), { recursive: true })
    await issuer.writeToken(tokenFile, { serviceAccount, audience: DEV_AUDIENCE, ttlSeconds: TOKEN_SECONDS })
    services[serviceAccount] = {
      tokenFile,
      env: {
        AWS_ENDPOINT_URL_S3: s3,
        AWS_ENDPOINT_URL_STS: s3,
        AWS_REGION: 'local',
        AWS_ROLE_ARN: 'arn:aws:iam::000000000000:role/app',
        AWS_ROLE_SESSION_NAME: serviceAccount.replace('/', '-'),
        AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile
      }
    }
  }
  return services
}
