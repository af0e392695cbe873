import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { readMigrationFiles } from '../database/migration-files.ts'
import { startDevProxy, type DevProxySummary } from './dev-proxy.ts'
import { connect } from '../database/connect.ts'
import { createRoles, migrate } from '../database/migrate.ts'
import { DEV_PASSWORD, isTaken, startDevPostgres, type DevPostgres } from '../dev/dev-postgres.ts'
import { startDevUpstream } from '../dev/dev-upstream.ts'

export interface DevOptions {
  readonly s3Port: number
  readonly apiPort: number
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

/** What a script needs to drive dev mode: printed by `--json`. */
export interface DevSummary extends DevProxySummary {
  readonly database: string
}

export interface Dev {
  readonly summary: DevSummary
  stop(): Promise<void>
}

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
  const { say, data, s3Port, apiPort, opsPort, logDestination } = options
  // Told before anything is started, because starting takes its time.
  for (const [option, port] of Object.entries({
    '--s3-port': s3Port,
    '--api-port': apiPort,
    '--ops-port': opsPort,
    '--database-port': options.databasePort
  })) {
    if (port !== 0 && (await isTaken(port))) throw new Error(`port ${port} is taken: give ${option} another one`)
  }
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
  const proxy = await startDevProxy({ s3Port, apiPort, opsPort, data, database, upstream, say, logDestination })
  stops.push(() => proxy.stop())
  return { ...proxy.summary, database }
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
