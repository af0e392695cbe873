import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './dev-postgres.ts'
import { startStore } from './store/start-store.ts'

export interface DevUpstream {
  readonly kind: 'minio' | 'memory'
  readonly provider: 'minio' | 'aws'
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  stop(): Promise<void>
}

export interface DevUpstreamOptions {
  readonly store: 'minio' | 'memory'
  readonly folder: string
  readonly minio: string | null
}

const CREDENTIALS = { accessKeyId: 'SLUICEDEVUPSTREAM', secretAccessKey: 'sluice-dev-upstream-secret' }
const READY_TRIES = 100

/** The path of a `minio` on PATH, or null. */
export function findMinio(path: string): string | null {
  for (const folder of path.split(delimiter)) {
    try {
      accessSync(join(folder, 'minio'), constants.X_OK)
      return join(folder, 'minio')
    } catch {
      continue
    }
  }
  return null
}

/** Starts the upstream of dev mode on loopback. */
export async function startDevUpstream({ store, folder, minio }: DevUpstreamOptions): Promise<DevUpstream> {
  if (store === 'minio') {
    if (minio === null) throw new Error('--store minio needs a `minio` on PATH; without it use --store memory')
    return startMinio(minio, join(folder, 'minio'))
  }
  const memory = await startStore({
    provider: 'aws',
    credentials: CREDENTIALS,
    region: 'us-east-1',
    host: '127.0.0.1',
    port: 0,
    now: () => new Date(),
    virtualHostDomain: null
  })
  return { kind: 'memory', provider: 'aws', endpoint: memory.endpoint, ...CREDENTIALS, stop: () => memory.close() }
}

async function startMinio(binary: string, folder: string): Promise<DevUpstream> {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const consolePort = await freePort()
  const child = spawn(
    binary,
    ['server', folder, '--quiet', '--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${consolePort}`],
    {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        MINIO_ROOT_USER: CREDENTIALS.accessKeyId,
        MINIO_ROOT_PASSWORD: CREDENTIALS.secretAccessKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off'
      }
    }
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  // However this process ends, MinIO ends with it.
  const endWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithUs)
  void ended.then(() => process.off('exit', endWithUs))
  const endpoint = `http://127.0.0.1:${port}`
  await untilReady(endpoint, () => child.exitCode !== null)
  return {
    kind: 'minio',
    provider: 'minio',
    endpoint,
    ...CREDENTIALS,
    async stop() {
      child.kill('SIGTERM')
      await ended
    }
  }
}

async function untilReady(endpoint: string, hasEnded: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < READY_TRIES && !hasEnded(); attempt++) {
    try {
      const { ok } = await fetch(`${endpoint}/minio/health/live`)
      if (ok) return
    } catch {
      // Not listening yet.
    }
    await sleep(100)
  }
  throw new Error('MinIO did not become ready within ten seconds')
}
