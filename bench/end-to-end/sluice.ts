import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install, type Installation } from '../../test/integration/placement/installation.ts'
import { sessionAt } from '../../test/integration/placement/session.ts'
import { startPostgres, type TestPostgres } from '../../test/helpers/postgres.ts'
import type { Credentials } from '../../test/integration/attacks/signer.ts'
import { watch } from '../../test/integration/placement/process.ts'
import { pinned, type Subject } from './process.ts'

const MAIN = fileURLToPath(new URL('../../proxy/main.ts', import.meta.url))

/** The tenant whose objects are read and written. */
export const TENANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
/** Who reads and writes them, and so their owner at the upstream. */
export const OWNER = 'system:serviceaccount:bench:load'

export interface SluiceSubject extends Subject {
  readonly credentials: Credentials
}

/** A Postgres and what `sluice serve` is run on; each variant is a process of its own. */
export class SluiceSite {
  #postgres: TestPostgres
  #installation: Installation

  private constructor(postgres: TestPostgres, installation: Installation) {
    this.#postgres = postgres
    this.#installation = installation
  }

  static async start(): Promise<SluiceSite> {
    const postgres = await startPostgres()
    return new SluiceSite(postgres, await install(postgres))
  }

  /** Starts one process with everything on, bound to a core, and gets a session from it. */
  async serve(
    name: string,
    { upstreamPort, core, ownership }: { readonly upstreamPort: number; readonly core: number; readonly ownership: 'tag' | 'metadata' }
  ): Promise<SluiceSubject> {
    const { settings } = this.#installation
    const accounts = settings.accounts.map((account) => ({ ...account, endpoint: `http://127.0.0.1:${upstreamPort}`, ownership }))
    const config = await this.#installation.write({ ...settings, accounts, limits: { connectionsMax: 12_000 } })
    const log = openSync(join(this.#installation.folder, `${name.replace(/\W+/g, '-')}.log`), 'w')
    const env = { ...process.env, UPSTREAM_SECRET: 'not-checked-there', DATABASE_URL: this.#installation.database.runtimeUrl }
    const serving = watch(
      spawn(...pinned(core, [process.execPath, MAIN, 'serve', '--config', config]), { stdio: ['ignore', log, 'pipe'], env })
    )
    const [, s3 = ''] = await serving.says(/S3 and STS at (\S+), ops at (\S+)\n/)
    const credentials = await sessionAt(s3, await this.#installation.token('bench/load'))
    return { name, pid: serving.pid, port: Number(new URL(s3).port), credentials, stop: () => serving.kill('SIGKILL') }
  }

  async stop(): Promise<void> {
    await this.#installation.stop()
    await this.#postgres.stop()
  }
}

/** Credentials for subjects that check none: they are sent heads of the same size. */
export const ANY_CREDENTIALS: Credentials = {
  accessKeyId: `SLS1${'A'.repeat(32)}`,
  secretAccessKey: randomBytes(30).toString('base64'),
  sessionToken: 'A'.repeat(220)
}
