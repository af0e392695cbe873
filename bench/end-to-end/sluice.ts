import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { YOUNG_GENERATION } from '../../proxy/cli/young-generation.ts'
import { install, type Installation } from '../../test/integration/placement/installation.ts'
import { sessionAt } from '../../test/integration/placement/session.ts'
import { startPostgres, type TestPostgres } from '../../test/helpers/postgres.ts'
import type { Credentials } from '../../test/integration/attacks/signer.ts'
import { watch } from '../../test/integration/placement/process.ts'
import type { Pair } from './nginx.ts'
import { pinned, type Subject } from './process.ts'

const MAIN = fileURLToPath(new URL('../../proxy/main.ts', import.meta.url))

/** The tenant whose objects are read and written. */
export const TENANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
/** Who reads and writes them, and so their owner at the upstream. */
export const OWNER = 'system:serviceaccount:bench:load'

export interface SluiceSubject extends Subject {
  /** Where its metrics are. */
  readonly opsPort: number
  /** Of the debugger, where it was asked for. */
  readonly inspectUrl: string | null
}

export interface ServeOptions {
  readonly core: number | readonly number[]
  /** An address as the account names it. */
  readonly endpoint: string
  /** The certificate of the upstream, as a file. */
  readonly upstreamCaFile?: string
  readonly ownership?: 'tag' | 'metadata'
  readonly front?: Pair
  /** Settings that stand over those of the installation. */
  readonly more?: Readonly<Record<string, unknown>>
  readonly inspect?: boolean
}

const LIMITS = { connectionsMax: 12_000 }

/** An installation that `sluice serve` is run on, with a Postgres of its own; each variant is a process. */
export class SluiceSite {
  #postgres: TestPostgres
  #installation: Installation
  #session: Promise<Credentials> | null = null

  private constructor(postgres: TestPostgres, installation: Installation) {
    this.#postgres = postgres
    this.#installation = installation
  }

  static async start(): Promise<SluiceSite> {
    const postgres = await startPostgres()
    return new SluiceSite(postgres, await install(postgres))
  }

  /** Gives tenants places of their own, as `sluice assign` does one by one. */
  async assign(tenants: readonly string[]): Promise<void> {
    await this.#installation.database.asAdmin()`
      INSERT INTO sluice.assignments (tenant, account, bucket, key_prefix)
      SELECT tenant, 'main', 'dedicated-' || place, tenant || '/' FROM unnest(string_to_array(${tenants.join(',')}, ',')) WITH ORDINALITY AS given (tenant, place)`
  }

  /** Whether this version knows the settings. */
  async accepts(more: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { code } = await this.#installation.run([
      'check-config',
      '--config',
      await this.#configWith({ core: 0, endpoint: 'http://127.0.0.1:1', more })
    ])
    return code === 0
  }

  /** Starts one process with everything on, bound to its core. */
  async serve(name: string, options: ServeOptions): Promise<SluiceSubject> {
    const config = await this.#configWith(options)
    const log = openSync(join(this.#installation.folder, `${name.replace(/\W+/g, '-')}.log`), 'w')
    const env = {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), 'sluice-compile-cache'),
      UPSTREAM_SECRET: 'not-checked-there',
      DATABASE_URL: this.#installation.database.runtimeUrl
    }
    const inspect = options.inspect === true ? ['--inspect=127.0.0.1:0'] : []
    const serving = watch(
      spawn(...pinned(options.core, [process.execPath, ...YOUNG_GENERATION, ...inspect, MAIN, 'serve', '--config', config]), {
        stdio: ['ignore', log, 'pipe'],
        env
      })
    )
    const [, s3 = '', ops = ''] = await serving.says(/S3 and STS at (\S+), ops at (\S+)\n/)
    // Whoever listens without TLS gives the session that all of them are asked with.
    if (options.front === undefined) this.#session ??= this.#sessionAt(s3)
    const inspectUrl = options.inspect === true ? ((await serving.says(/(ws:\/\/\S+)/))[1] ?? null) : null
    return {
      ...{ name, pid: serving.pid, port: portOf(s3), opsPort: portOf(ops), inspectUrl },
      ca: options.front === undefined ? null : readFileSync(options.front.certFile, 'utf8'),
      async stop() {
        serving.kill('SIGTERM')
        await serving.finished
      }
    }
  }

  /** A session, good at every process of this installation. */
  async session(): Promise<Credentials> {
    if (this.#session !== null) return this.#session
    const door = await this.serve('door', { core: 0, endpoint: 'http://127.0.0.1:1' })
    const credentials = await this.#sessionAt(`http://127.0.0.1:${door.port}`)
    await door.stop()
    return credentials
  }

  async #sessionAt(s3: string): Promise<Credentials> {
    return sessionAt(s3, await this.#installation.token('bench/load'))
  }

  async stop(): Promise<void> {
    await this.#installation.stop()
    await this.#postgres.stop()
  }

  #configWith({ endpoint, upstreamCaFile, ownership = 'tag', front, more = {} }: ServeOptions): Promise<string> {
    const { settings } = this.#installation
    const accounts = settings.accounts.map((account) => ({
      ...{ ...account, endpoint, ownership },
      ...(upstreamCaFile === undefined ? {} : { caFile: upstreamCaFile })
    }))
    const s3 = { ...settings.listeners.s3, ...(front === undefined ? {} : { tls: front }) }
    return this.#installation.write({ ...settings, listeners: { ...settings.listeners, s3 }, accounts, limits: LIMITS, ...more })
  }
}

const portOf = (url: string): number => Number(new URL(url).port)

/** Credentials for subjects that check none: they are sent heads of the same size. */
export const ANY_CREDENTIALS: Credentials = {
  accessKeyId: `SLS1${'A'.repeat(32)}`,
  secretAccessKey: randomBytes(30).toString('base64'),
  sessionToken: 'A'.repeat(220)
}
