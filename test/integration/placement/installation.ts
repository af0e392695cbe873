import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { ProviderName } from '../../../proxy/dev/store/behavior.ts'
import { openDevIssuer, type DevIssuer } from '../../../proxy/dev/issuer.ts'
import { startStore, type Store } from '../../../proxy/dev/store/start-store.ts'
import { newKeyRingText } from '../../../proxy/identity/key-ring.ts'
import type { TestDatabase, TestPostgres } from '../../helpers/postgres.ts'
import { runInHere, runSluice, startSluiceProcess, type Finished, type Running } from './process.ts'

/** What a sluice.yaml says, as a tree that a test changes. */
export type Settings = ReturnType<typeof settingsOf>

/** An own Postgres database, an own account and an own configuration: what `npx sluice serve` is run on. */
export interface Installation {
  readonly folder: string
  readonly database: TestDatabase
  readonly store: Store
  readonly issuer: DevIssuer
  readonly settings: Settings
  /** Writes a sluice.yaml; its path. */
  write(settings: unknown): Promise<string>
  /** In a process of its own. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>
  /** In this process: one at a time. */
  runInHere(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>
  /** Starts a replica; resolves when it listens. */
  serve(config: string, env?: Readonly<Record<string, string>>): Promise<Serving>
  /** A token as kubelet would project it. */
  token(serviceAccount: string): Promise<string>
  stop(): Promise<void>
}

export interface Serving extends Running {
  readonly s3: string
  readonly ops: string
}

const CREDENTIALS = { accessKeyId: 'SLUICETESTUPSTREAM', secretAccessKey: 'sluice-test-upstream-secret' }
const AUDIENCE = 'sluice'
const ISSUER = 'https://issuer.example'

let installations = 0

/** An installation whose shared buckets are there; processes that were started in it end with `stop`. */
export async function install(postgres: TestPostgres, provider: ProviderName = 'aws'): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-installation-'))
  const database = await postgres.createDatabase(`installed_${process.pid}_${installations++}`)
  const store = await startStore({
    provider,
    credentials: CREDENTIALS,
    region: 'us-east-1',
    host: '127.0.0.1',
    port: 0,
    now: () => new Date()
  })
  const issuer = await openDevIssuer({ folder: join(folder, 'issuer'), iss: ISSUER, now: () => new Date(), newId: randomUUID })
  const keysFile = join(folder, 'sealing-keys.json')
  await writeFile(keysFile, newKeyRingText(randomBytes), { mode: 0o600 })
  const settings = settingsOf({ provider, store, issuer, keysFile })
  const env = { UPSTREAM_SECRET: CREDENTIALS.secretAccessKey, DATABASE_URL: database.runtimeUrl }
  const running: Running[] = []
  let written = 0
  return {
    folder,
    database,
    store,
    issuer,
    settings,
    async write(changed) {
      const path = join(folder, `sluice-${written++}.yaml`)
      await writeFile(path, stringify(changed))
      return path
    },
    run: (args, more = {}) => runSluice(args, { env: { ...env, ...more } }),
    runInHere: (args, more = {}) => runInHere(args, { ...env, ...more }),
    async serve(config, more = {}) {
      const process = startSluiceProcess(['serve', '--config', config], { env: { ...env, ...more } })
      running.push(process)
      const [, s3 = '', ops = ''] = await process.says(/S3 and STS at (\S+), ops at (\S+)\n/)
      return Object.assign(process, { s3, ops })
    },
    token: (serviceAccount) => issuer.mint({ serviceAccount, audience: AUDIENCE, ttlSeconds: 3600 }),
    async stop() {
      for (const process of running) process.kill('SIGKILL')
      await Promise.all(running.map(({ finished }) => finished))
      await store.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

interface Made {
  readonly provider: ProviderName
  readonly store: Store
  readonly issuer: DevIssuer
  readonly keysFile: string
}

function settingsOf({ provider, store, issuer, keysFile }: Made) {
  return {
    listeners: { s3: { host: '127.0.0.1', port: 0 }, ops: { host: '127.0.0.1', port: 0 } },
    accounts: [
      {
        id: 'main',
        provider,
        endpoint: store.endpoint,
        region: 'us-east-1',
        pathStyle: true,
        credentials: { accessKeyId: CREDENTIALS.accessKeyId, secretAccessKey: { env: 'UPSTREAM_SECRET' } },
        shared: true,
        bucketTemplate: 'shared-{slot}',
        spread: 1
      }
    ],
    issuers: [
      {
        id: 'cluster',
        issuer: ISSUER,
        jwks: { inline: JSON.stringify(issuer.jwks) },
        audiences: [AUDIENCE],
        default: true,
        roles: [{ role: 'app', namespaces: ['*'], serviceAccounts: ['*'] }]
      }
    ],
    roles: [
      { name: 'app', tenants: ['*'], policies: ['editor'], trust: [{ issuers: ['cluster'], namespaces: ['*'], serviceAccounts: ['*'] }] }
    ],
    sealing: { keysFile } as Record<string, unknown>,
    database: { url: { env: 'DATABASE_URL' } } as Record<string, unknown>,
    timeouts: {} as Record<string, string>,
    limits: {} as Record<string, unknown>
  }
}
