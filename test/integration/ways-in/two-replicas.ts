import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { parse } from 'yaml'
import { runCli } from '../../../proxy/cli/cli.ts'
import { startDevProxy } from '../../../proxy/cli/dev-proxy.ts'
import { compose } from '../../../proxy/compose/compose.ts'
import { readConfig } from '../../../proxy/config/config.ts'
import { startStore, type Store } from '../../../proxy/dev/store/start-store.ts'
import { withoutTap } from '../../helpers/node-process.ts'
import { startPostgres, type TestDatabase } from '../../helpers/postgres.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface CommandResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Two proxies on one database and one upstream, and the command line beside them. */
export interface Replicas {
  readonly urls: readonly [string, string]
  readonly store: Store
  readonly database: TestDatabase
  readonly ringFile: string
  token(serviceAccount: string): Promise<string>
  session(serviceAccount: string): Promise<Credentials & { readonly session: string }>
  /** Runs a command with the configuration of the replicas: as a process of its own. */
  sluice(...args: readonly string[]): Promise<CommandResult>
  /** The same in this process, which is faster. */
  command(...args: readonly string[]): Promise<CommandResult>
  /** Puts and gets at one replica; the code of the refusal, or 'OK'. */
  use(url: string, credentials: Credentials, tenant?: string): Promise<string>
  stop(): Promise<void>
}

const UPSTREAM = { accessKeyId: 'SLUICETESTUPSTREAM', secretAccessKey: 'sluice-test-upstream-secret' }
const MAIN = new URL('../../../proxy/main.ts', import.meta.url).pathname
export const TENANT = 'tenant-one'

/** Starts both; their test stops them. */
export async function startReplicas(): Promise<Replicas> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-replicas-'))
  const postgres = await startPostgres()
  const database = await postgres.createDatabase('replicas')
  const store = await startStore({
    provider: 'aws',
    region: 'us-east-1',
    host: '127.0.0.1',
    port: 0,
    now: () => new Date(),
    credentials: UPSTREAM
  })
  const first = await startDevProxy({
    ...{ s3Port: 0, opsPort: 0, data: folder, say: () => undefined, logDestination: '/dev/null' },
    database: `${database.runtimeUrl}?sslmode=disable`,
    upstream: { kind: 'memory', provider: 'aws', endpoint: store.endpoint, ...UPSTREAM } as never
  })
  const yamlText = await readFile(join(folder, 'sluice.yaml'), 'utf8')
  const config = readConfig({ yamlText, env: {}, readFile: (path) => readFileSync(path, 'utf8'), dev: true })
  const second = compose(config, { logDestination: '/dev/null' })
  const { s3 } = await second.start()
  await writeStrictConfig(folder, yamlText)
  const token = (serviceAccount: string): Promise<string> => first.issuer.mint({ serviceAccount, audience: 'sluice', ttlSeconds: 3600 })
  return {
    ...{ urls: [first.summary.s3, s3], store, database, ringFile: join(folder, 'sealing-keys.json'), token, use },
    session: async (serviceAccount) => exchange(first.summary.s3, await token(serviceAccount)),
    sluice: (...args) => run([...args, '--config', join(folder, 'strict.yaml')]),
    command: (...args) => runHere([...args, '--config', join(folder, 'strict.yaml')]),
    async stop() {
      await second.stop()
      await first.stop()
      await store.close()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Commands read the configuration as `serve` does: without the conveniences of dev mode. */
async function writeStrictConfig(folder: string, yamlText: string): Promise<void> {
  const settings = parse(yamlText) as { accounts: { credentials: unknown }[]; database: { url: unknown } }
  const secret = join(folder, 'upstream-secret')
  await writeFile(secret, UPSTREAM.secretAccessKey)
  for (const account of settings.accounts) account.credentials = { accessKeyId: { file: secret }, secretAccessKey: { file: secret } }
  const url = join(folder, 'database-url')
  await writeFile(url, String(settings.database.url))
  await writeFile(join(folder, 'strict.yaml'), JSON.stringify({ ...settings, database: { url: { file: url } } }))
}

async function runHere(args: readonly string[]): Promise<CommandResult> {
  const streams = [process.stdout, process.stderr] as const
  const texts = ['', '']
  const restore = streams.map((stream, index) => {
    const { write } = stream
    stream.write = (text: string | Uint8Array): boolean => {
      texts[index] += String(text)
      return true
    }
    return () => void (stream.write = write)
  })
  try {
    const code = await runCli(args)
    return { code, out: texts[0] ?? '', err: texts[1] ?? '' }
  } finally {
    for (const undo of restore) undo()
  }
}

function run(args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(...withoutTap(process.execPath, [MAIN, ...args]), (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    )
  })
}

async function exchange(s3: string, token: string): Promise<Credentials & { readonly session: string }> {
  const form = new URLSearchParams({
    ...{ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: 'arn:aws:iam::000000000000:role/app' },
    ...{ RoleSessionName: 'test', WebIdentityToken: token }
  })
  const xml = await (await fetch(s3, { method: 'POST', body: form })).text()
  const element = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? ''
  if (element('AccessKeyId') === '') throw new Error(element('Code') || xml)
  return {
    ...{ accessKeyId: element('AccessKeyId'), secretAccessKey: element('SecretAccessKey'), sessionToken: element('SessionToken') },
    session: element('AssumedRoleId').split(':')[0] ?? ''
  }
}

async function use(url: string, credentials: Credentials, tenant = TENANT): Promise<string> {
  const client = new S3Client({ endpoint: url, region: 'local', forcePathStyle: true, maxAttempts: 1, credentials })
  try {
    const key = `used/${credentials.accessKeyId}`
    await client.send(new PutObjectCommand({ Bucket: tenant, Key: key, Body: 'x' }))
    await (await client.send(new GetObjectCommand({ Bucket: tenant, Key: key }))).Body?.transformToString()
    return 'OK'
  } catch (error) {
    return (error as Error).name
  } finally {
    client.destroy()
  }
}

/** Asks again until the answer is the one expected, and returns how many milliseconds that took; gives up after twenty seconds. */
export async function until(expected: string, ask: () => Promise<string>): Promise<number> {
  const started = performance.now()
  let answer = await ask()
  while (answer !== expected) {
    if (performance.now() - started > 20_000) throw new Error(`still ${answer} instead of ${expected}`)
    await sleep(20)
    answer = await ask()
  }
  return performance.now() - started
}
