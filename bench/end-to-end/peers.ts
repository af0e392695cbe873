import { spawn, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findMinio } from '../../proxy/dev/dev-upstream.ts'
import { freePort } from '../../proxy/dev/dev-postgres.ts'
import { minioBinary } from '../../test/integration/minio/minio-binary.ts'
import { sha256, signHeaders, type Credentials } from '../../test/integration/attacks/signer.ts'
import type { Party } from './party.ts'
import { pinned, waitForPort, type Subject } from './process.ts'
import { ANY_CREDENTIALS, TENANT } from './sluice.ts'
import { contentOf, OBJECTS, type Workload } from './workloads.ts'

export interface PeerOptions {
  readonly folder: string
  readonly core: number
  readonly upstreamPort: number
}

/** Another program that is measured where its executable is found. */
export interface Peer {
  readonly name: string
  /** Null where it is not installed. */
  find(): string | null
  start(binary: string, options: PeerOptions): Promise<Omit<Party, 'name' | 'takes'>>
}

const CREDENTIALS: Credentials = { accessKeyId: 'SLUICEBENCHPEER', secretAccessKey: 'sluice-bench-peer-secret', sessionToken: null }
const REGION = 'us-east-1'

const TAKEN: ReadonlySet<string> = new Set([
  ...['GET 1 KiB', 'GET 64 KiB', 'GET 64 MiB', 'PUT 1 KiB, new key', 'PUT 64 MiB, UNSIGNED-PAYLOAD']
])

/** What every peer is measured with. */
export const takenByPeers = ({ name }: Workload): boolean => TAKEN.has(name)

const onPath = (name: string, versionFlag: string): string | null =>
  spawnSync(name, [versionFlag], { stdio: 'ignore' }).error === undefined ? name : null

/** How each peer is started; another one is another row. */
export const PEERS: readonly Peer[] = [
  {
    name: 'haproxy, passing through',
    find: () => onPath('haproxy', '-v'),
    async start(binary, { folder, core, upstreamPort }) {
      const port = await freePort()
      const file = join(folder, 'haproxy.cfg')
      await writeFile(file, haproxyConfig(port, upstreamPort))
      const subject = await startPeer('haproxy', { command: [binary, '-db', '-f', file], core, port, env: {} })
      return { subject, credentials: ANY_CREDENTIALS, region: 'local', verifies: false, compiles: false }
    }
  },
  {
    // Not a proxy: it serves its own files and verifies signatures itself. What it costs is what a store costs without any proxy.
    name: 'MinIO itself, no proxy',
    find: () => minioBinary() ?? findMinio(process.env['PATH'] ?? ''),
    async start(binary, { folder, core }) {
      const [port, console] = [await freePort(), await freePort()]
      const data = join(folder, 'minio')
      await mkdir(data)
      const subject = await startPeer('minio', {
        ...{ core, port },
        command: [binary, 'server', data, '--quiet', '--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${console}`],
        env: {
          ...{ HOME: data, MINIO_BROWSER: 'off', MINIO_UPDATE: 'off', GOMAXPROCS: '1' },
          ...{ MINIO_ROOT_USER: CREDENTIALS.accessKeyId, MINIO_ROOT_PASSWORD: CREDENTIALS.secretAccessKey }
        }
      })
      await fill(port)
      return { subject, credentials: CREDENTIALS, region: REGION, verifies: true, compiles: false }
    }
  },
  {
    name: 'versitygw, S3 proxy',
    find: () => onPath('versitygw', '--version'),
    async start(binary, { folder, core, upstreamPort }) {
      const port = await freePort()
      const { accessKeyId, secretAccessKey } = CREDENTIALS
      const subject = await startPeer('versitygw', {
        ...{ core, port },
        command: [
          ...[binary, '--access', accessKeyId, '--secret', secretAccessKey, '--region', REGION, '--port', `127.0.0.1:${port}`, '--quiet'],
          ...['s3', '--access', accessKeyId, '--secret', secretAccessKey, '--region', REGION],
          ...['--endpoint', `http://127.0.0.1:${upstreamPort}`]
        ],
        // The canned upstream sends no checksums, and each one missed would be a line of the log.
        env: { HOME: folder, GOMAXPROCS: '1', AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required' }
      })
      return { subject, credentials: CREDENTIALS, region: REGION, verifies: true, compiles: false }
    }
  }
]

interface Started {
  readonly command: readonly string[]
  readonly core: number
  readonly port: number
  readonly env: Readonly<Record<string, string>>
}

async function startPeer(name: string, { command, core, port, env }: Started): Promise<Subject> {
  const child = spawn(...pinned(core, command), { stdio: 'ignore', env: { PATH: process.env['PATH'], ...env } })
  await waitForPort(port, child)
  return { name, port, pid: child.pid ?? 0, ca: null, stop: () => void child.kill('SIGTERM') }
}

const haproxyConfig = (port: number, upstreamPort: number): string => `
global
  nbthread 1
  maxconn 8000
  tune.bufsize 65536
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  http-reuse always
frontend clients
  bind 127.0.0.1:${port}
  default_backend canned
backend canned
  server s3 127.0.0.1:${upstreamPort} pool-max-conn 512
`

const TRIES = 50

/** Makes the bucket and its objects in a store that has just been started. */
async function fill(port: number): Promise<void> {
  const put = async (target: string, body: Buffer): Promise<void> => {
    const headers = [['Host', `127.0.0.1:${port}`]] as const
    const signed = signHeaders({ method: 'PUT', target, headers }, CREDENTIALS, { now: new Date(), region: REGION, payload: sha256(body) })
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
      ...{ method: 'PUT', body: new Uint8Array(body) },
      headers: signed.headers.filter(([name]) => name !== 'Host').map(([name, value]): [string, string] => [name, value])
    })
    if (answer.status !== 200) throw new Error(`PUT ${target} was answered with ${answer.status}: ${await answer.text()}`)
  }
  for (let tries = 1; ; tries += 1) {
    try {
      await put(`/${TENANT}`, Buffer.alloc(0))
      break
    } catch (error) {
      // It listens before it is ready.
      if (tries === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  for (const object of Object.keys(OBJECTS)) await put(`/${TENANT}/${object}`, contentOf(object))
}
