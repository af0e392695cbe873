import { spawn } from 'node:child_process'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../../proxy/database/connect.ts'
import { startPostgres } from '../../helpers/postgres.ts'
import { until } from '../faults/until.ts'
import { install, type Installation, type Serving } from '../placement/installation.ts'
import { watch, type Running } from '../placement/process.ts'
import { startLoad, type Load } from './load.ts'

const TENANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const CLIENTS = 50
/** A machine that does much else is slow. */
const PATIENCE_MS = 90_000
const OLD = { accessKeyId: 'SLUICETESTUPSTREAM', secretAccessKey: 'sluice-test-upstream-secret' }
const NEW = { accessKeyId: 'SLUICENEWUPSTREAM', secretAccessKey: 'sluice-test-new-upstream-secret' }
const NEW_PASSWORD = 'rotated-in-a-drill'

let installed: Installation
let config: string
let replicas: readonly Serving[]
let issuer: string
let upstreamFolder: string
let urlFile: string
let load: Load
const unready: string[] = []

/** Files as kubelet mounts a secret: exchanged by one rename of the symlink `..data`. */
async function mount(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const version = `..${Date.now()}`
  await mkdir(join(folder, version), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, version, name), text)
  await symlink(version, join(folder, '..data_new'))
  await rename(join(folder, '..data_new'), join(folder, '..data'))
}

const asFiles = ({ accessKeyId, secretAccessKey }: typeof OLD) => ({ id: accessKeyId, secret: secretAccessKey })

async function startIssuer(): Promise<Running> {
  const running = watch(spawn(process.execPath, [join(import.meta.dirname, 'issuer-process.ts')], { stdio: ['ignore', 'pipe', 'pipe'] }))
  const [, url = ''] = await running.says(/issuer at (\S+)\n/)
  issuer = url
  return running
}

async function settings(): Promise<object> {
  upstreamFolder = join(installed.folder, 'upstream')
  await mount(upstreamFolder, asFiles(OLD))
  for (const name of ['id', 'secret']) await symlink(join('..data', name), join(upstreamFolder, name))
  urlFile = join(installed.folder, 'database-url')
  await writeFile(urlFile, installed.database.runtimeUrl)
  const credentials = { accessKeyId: { file: join(upstreamFolder, 'id') }, secretAccessKey: { file: join(upstreamFolder, 'secret') } }
  return {
    ...installed.settings,
    accounts: installed.settings.accounts.map((account) => ({ ...account, credentials })),
    issuers: installed.settings.issuers.map((one) => ({ ...one, issuer, jwks: { url: `${issuer}/jwks` } })),
    database: { url: { file: urlFile } }
  }
}

t.before(async () => {
  const postgres = await startPostgres()
  // Class B: every delete takes a lease in Postgres.
  installed = await install(postgres, 'minio')
  installed.store.createBucket('shared-7')
  const issuing = await startIssuer()
  t.teardown(async () => {
    await load.stop()
    await installed.stop()
    issuing.kill('SIGKILL')
    await issuing.finished
    await postgres.stop()
  })
  config = await installed.write(await settings())
  replicas = await Promise.all([installed.serve(config), installed.serve(config)])
  load = startLoad({
    clients: CLIENTS,
    urls: replicas.map(({ s3 }) => s3),
    tenant: TENANT,
    token: async (service) => (await fetch(`${issuer}/token?service=${service}`, { method: 'POST' })).text()
  })
  await until('every client has worked', () => load.tally.requests > CLIENTS * 2 || load.tally.failures.length > 0, PATIENCE_MS)
  t.same(load.tally.failures, [])
  void watchReadiness()
})

let watching = true
async function watchReadiness(): Promise<void> {
  while (watching) {
    for (const { ops } of replicas) {
      const reply = await fetch(`${ops}/readyz`)
      if (reply.status !== 200) unready.push(await reply.text())
    }
    await sleep(100)
  }
}

/** Lets the load go on for some rounds, and fails if anything has failed by then. */
async function unharmed(t: Test, since: number): Promise<void> {
  const enough = load.tally.requests + CLIENTS * 5
  await until('every client has worked on', () => load.tally.requests > enough || load.tally.failures.length > 0, PATIENCE_MS)
  t.same(load.tally.failures, [])
  t.same(unready, [], 'every replica was ready all the time')
  t.comment(`${load.tally.requests - since} requests meanwhile; ${load.tally.retries} retries of SDKs in all`)
}

async function command(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await installed.run([...args, '--config', config])
  if (code !== 0) throw new Error(stderr)
  return stdout
}

t.test('the sealing key rotates under load', async (t) => {
  const since = load.tally.requests
  const [, added = ''] = /^added ([0-9a-f]{8})/.exec(await command('keys', 'rotate', '--add')) ?? []
  // Every replica must open what another seals: they look a quarter of a second after the change.
  await sleep(2_000)
  await command('keys', 'rotate', '--activate', added)
  await until('new sessions are sealed by it', () => load.tally.kids.has(added))
  await unharmed(t, since)
})

t.test('the key of the issuer rotates under load', async (t) => {
  const since = load.tally.requests
  const kid = await (await fetch(`${issuer}/rotate`, { method: 'POST' })).text()
  await unharmed(t, since)
  const jwks = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { kid: string }[] }
  t.equal(jwks.keys.at(-1)?.kid, kid)
})

const signedBy = (accessKeyId: string, from: number): number =>
  installed.store.requests.all.slice(from).filter(({ rawHeaders }) => rawHeaders.join(' ').includes(`Credential=${accessKeyId}/`)).length

t.test('the upstream credential rotates under load, and the old one is disabled', async (t) => {
  const since = load.tally.requests
  installed.store.requests.clear()
  installed.store.accept([OLD, NEW])
  await mount(upstreamFolder, asFiles(NEW))
  await until('the old one signs nothing any more', async () => {
    const from = installed.store.requests.all.length
    await sleep(500)
    return signedBy(NEW.accessKeyId, from) > 0 && signedBy(OLD.accessKeyId, from) === 0
  })
  installed.store.accept([NEW])
  const from = installed.store.requests.all.length
  await unharmed(t, since)
  t.ok(signedBy(NEW.accessKeyId, from) > 0)
  t.equal(signedBy(OLD.accessKeyId, from), 0)
})

t.test('the upstream credential is exchanged at a stroke under load, and a refused request is sent once more', async (t) => {
  const since = load.tally.requests
  installed.store.requests.clear()
  installed.store.accept([OLD])
  await mount(upstreamFolder, asFiles(OLD))
  await unharmed(t, since)
  const refused = installed.store.requests.all.filter(({ errorCode }) => errorCode === 'InvalidAccessKeyId').length
  t.comment(`the upstream refused ${refused} requests that came with the old credential`)
})

for (const { first, order } of [
  { first: 'the file', order: ['publish', 'alter'] },
  { first: 'the role', order: ['alter', 'publish'] }
] as const) {
  t.test(`the password of the database rotates under load, ${first} first, and every connection is ended`, async (t) => {
    const since = load.tally.requests
    const admin = installed.database.asAdmin()
    const password = `${NEW_PASSWORD}-${order[0]}`
    const url = new URL(installed.database.runtimeUrl)
    const before = new URL(url)
    url.password = password
    for (const step of order) {
      if (step === 'alter') await admin.unsafe(`ALTER ROLE ${url.username} PASSWORD '${password}'`)
      else await writeFile(urlFile, url.href)
    }
    await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ${url.username}`
    await unharmed(t, since)
    const old = connect({ url: before.href, ca: null, connectionsMax: 1, applicationName: 'old', statementTimeoutMs: 5_000 })
    await t.rejects(old`SELECT 1`, { code: '28P01' }, 'the old password is refused')
    await old.end()
    const [row] = await admin`SELECT count(*)::int AS open FROM pg_stat_activity WHERE usename = ${url.username}`
    t.ok(Number(row?.['open']) >= replicas.length, 'the replicas are connected again')
  })
}

t.test('the load ends without a failure', async (t) => {
  watching = false
  await load.stop()
  const { requests, retries, failures } = load.tally
  t.comment(`${CLIENTS} clients: ${requests} requests, ${retries} retries of SDKs, ${failures.length} failures`)
  t.same(failures, [])
  const faults = replicas.flatMap(({ stdout }) => stdout.split('\n').filter((line) => line.includes('"msg":"fault"')))
  t.same(faults, [])
})
