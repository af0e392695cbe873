import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEV_AUDIENCE, DEV_TENANTS, startDevProxy, type DevService, type DevSettings } from '../../proxy/cli/dev-proxy.ts'
import { startDevUpstream } from '../../proxy/dev/dev-upstream.ts'
import type { Behavior, ProviderName } from '../../proxy/dev/store/behavior.ts'
import { startStore, type Store } from '../../proxy/dev/store/start-store.ts'
import type { Versioning } from '../../proxy/dev/store/state.ts'
import { startPostgres, type TestDatabase, type TestPostgres } from './postgres.ts'

export interface SluiceOptions {
  /** Where objects are kept: the in-process store (default), or a MinIO by the path of its binary. */
  readonly store?: 'memory' | { readonly minio: string }
  /** Whose answers the in-process store plays, and the row of the provider table that is relied upon. Default `aws`. */
  readonly provider?: ProviderName
  /** Single answers of the in-process store that are not its provider's. */
  readonly behavior?: Partial<Behavior>
  readonly ownership?: 'tag' | 'metadata'
  /** Versioning of every bucket of the in-process store. */
  readonly versioning?: Versioning
  readonly tenantsMode?: 'open' | 'registered'
  /** A server that runs already gets one more database, and goes on when this proxy stops. */
  readonly postgres?: TestPostgres
  /** Any other change of the settings, applied last. */
  readonly adjust?: (settings: DevSettings) => unknown
}

/** A proxy in this process with a Postgres, an upstream and a token issuer of its own. */
export interface TestSluice {
  /** `http://127.0.0.1:<port>` of S3 and STS. */
  readonly s3: string
  readonly s3Port: number
  readonly ops: string
  readonly tenants: typeof DEV_TENANTS
  /** Two services, `shop/orders` and `shop/billing`, with what an SDK needs to find in its environment. */
  readonly services: Readonly<Record<'shop/orders' | 'shop/billing', DevService>>
  readonly upstream: {
    readonly kind: string
    readonly endpoint: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly buckets: readonly string[]
  }
  /** The store itself; throws where the upstream is MinIO. */
  readonly store: Store
  readonly database: TestDatabase
  readonly postgres: TestPostgres
  /** sluice.yaml, tokens and logs are here. */
  readonly folder: string
  /** A token of any service account `<namespace>/<name>`. */
  token(serviceAccount: string, order?: { readonly audience?: string; readonly ttlSeconds?: number }): Promise<string>
  /** Session credentials from STS. */
  session(serviceAccount: string, order?: SessionOrder): Promise<SessionCredentials>
  /** The lines of the request log, all that were finished before this call. */
  requestLog(): Promise<readonly LoggedRequest[]>
  stop(): Promise<void>
}

export interface SessionOrder {
  readonly role?: string
  readonly policy?: string
  readonly durationSeconds?: number
}

export interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

export interface LoggedRequest {
  readonly msg: string
  readonly requestId: string
  readonly method: string
  readonly operation: string | null
  readonly tenant: string | null
  readonly key?: string
  readonly status: number
  readonly errorCode: string | null
  readonly reason: string | null
}

const CREDENTIALS = { accessKeyId: 'SLUICETESTUPSTREAM', secretAccessKey: 'sluice-test-upstream-secret' }
/** Classes C and D are refused at start-up unless races are accepted. */
const CLOSES_WRITES: ReadonlySet<ProviderName> = new Set(['aws', 'minio', 'r2', 'tigris', 'ceph', 'seaweedfs', 'rustfs'])
/** The log is written out every quarter of a second. */
const LOG_DELAY_MS = 300

/** Starts a proxy; the test stops it, and nothing stays behind. What was started is stopped again if a later step fails. */
export async function startSluice(options: SluiceOptions = {}): Promise<TestSluice> {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const undo of stops.splice(0).reverse()) await undo()
  }
  try {
    return Object.assign(await bringUp(options, stops), { stop })
  } catch (error) {
    await stop()
    throw error
  }
}

let databases = 0

async function bringUp(options: SluiceOptions, stops: (() => Promise<unknown>)[]): Promise<Omit<TestSluice, 'stop'>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'))
  stops.push(() => rm(folder, { recursive: true, force: true }))
  const postgres = options.postgres ?? (await startPostgres())
  if (options.postgres === undefined) stops.push(() => postgres.stop())
  const database = await postgres.createDatabase(`sluice_${process.pid}_${databases++}`)
  const { store, upstream, stop: stopUpstream } = await startUpstream(options, folder)
  stops.push(stopUpstream)
  const log = join(folder, 'requests.log')
  const proxy = await startDevProxy({
    s3Port: 0,
    opsPort: 0,
    data: folder,
    database: `${database.runtimeUrl}?sslmode=disable`,
    upstream,
    say: () => undefined,
    logDestination: log,
    adjust: (settings) => adjusted(settings, options)
  })
  stops.push(() => proxy.stop())
  const { s3, ops, services, upstream: shown } = proxy.summary
  const token: TestSluice['token'] = (serviceAccount, { audience = DEV_AUDIENCE, ttlSeconds = 3600 } = {}) =>
    proxy.issuer.mint({ serviceAccount, audience, ttlSeconds })
  return {
    s3,
    s3Port: Number(new URL(s3).port),
    ops,
    tenants: DEV_TENANTS,
    services: services as TestSluice['services'],
    upstream: shown,
    get store() {
      if (store === null) throw new Error('MinIO is another process: there is no store to look into')
      return store
    },
    database,
    postgres,
    folder,
    token,
    session: async (serviceAccount, order = {}) => exchange(s3, await token(serviceAccount), order),
    async requestLog() {
      await sleep(LOG_DELAY_MS)
      return readLog(log)
    }
  }
}

async function startUpstream({ store = 'memory', provider = 'aws', behavior, versioning }: SluiceOptions, folder: string) {
  if (store !== 'memory') {
    const minio = await startDevUpstream({ store: 'minio', folder, minio: store.minio })
    return { store: null, upstream: minio, stop: () => minio.stop() }
  }
  const memory = await startStore({
    provider,
    ...(behavior === undefined ? {} : { behavior }),
    credentials: CREDENTIALS,
    region: 'us-east-1',
    host: '127.0.0.1',
    port: 0,
    now: () => new Date(),
    virtualHostDomain: 'localhost'
  })
  if (versioning !== undefined) for (const bucket of BUCKETS) memory.createBucket(bucket, { versioning })
  return {
    store: memory,
    upstream: { kind: 'memory' as const, provider, endpoint: memory.endpoint, ...CREDENTIALS },
    stop: () => memory.close()
  }
}

/** The buckets of dev mode: sixteen shared ones, and the dedicated one. */
const BUCKETS = ['sluice-acme-archive', ...[...'0123456789abcdef'].map((slot) => `sluice-shared-${slot}`)]

function adjusted(settings: DevSettings, { provider = 'aws', ownership, tenantsMode, adjust }: SluiceOptions): unknown {
  const changed = {
    ...settings,
    accounts: settings.accounts.map((account) => ({
      ...account,
      ...(ownership === undefined ? {} : { ownership }),
      ...(CLOSES_WRITES.has(provider) ? {} : { acceptRaces: true })
    })),
    ...(tenantsMode === undefined ? {} : { tenants: { mode: tenantsMode } })
  }
  return adjust === undefined ? changed : adjust(changed)
}

async function exchange(s3: string, token: string, { role = 'app', policy, durationSeconds }: SessionOrder): Promise<SessionCredentials> {
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: `arn:aws:iam::000000000000:role/${role}`,
    RoleSessionName: 'test',
    WebIdentityToken: token,
    ...(policy === undefined ? {} : { Policy: policy }),
    ...(durationSeconds === undefined ? {} : { DurationSeconds: String(durationSeconds) })
  })
  const response = await fetch(s3, { method: 'POST', body: form })
  const xml = await response.text()
  const field = (name: string): string => {
    const found = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1]
    if (found === undefined) throw new Error(`STS answered ${response.status}: ${xml}`)
    return found
  }
  return { accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey'), sessionToken: field('SessionToken') }
}

async function readLog(path: string): Promise<readonly LoggedRequest[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as LoggedRequest).filter(({ msg }) => msg === 'request')
}
