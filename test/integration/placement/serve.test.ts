import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { callerWith } from '../faults/caller.ts'
import { until } from '../faults/until.ts'
import { install, type Installation } from './installation.ts'
import { startSluiceProcess } from './process.ts'
import { sessionAt } from './session.ts'

let postgres: TestPostgres
let installed: Installation
let config: string
t.before(async () => {
  postgres = await startPostgres()
  installed = await install(postgres)
  config = await installed.write(installed.settings)
})
t.teardown(async () => {
  await installed.stop()
  await postgres.stop()
})

const status = async (url: string): Promise<number> => (await fetch(url)).status

t.test('what a person has to mend ends serve with one sentence and exit code 1', async (t) => {
  const { settings, database } = installed
  const [main] = settings.accounts
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  t.teardown(() => taken.close())
  const admin = database.asAdmin()
  await admin`INSERT INTO sluice.layout (account, spread, template) VALUES ('main', 1, 'shared-{slot}')`
  const refusals: readonly { what: string; settings: object; env?: Record<string, string>; says: RegExp }[] = [
    {
      what: 'a superuser’s login',
      settings,
      env: { DATABASE_URL: database.adminUrl },
      says: /postgres is a superuser: use a login that is granted sluice_runtime only/
    },
    { what: 'the login of the migrations', settings, env: { DATABASE_URL: database.migratorUrl }, says: /owns schema sluice/ },
    {
      what: 'a changed layout',
      settings: { ...settings, accounts: [{ ...main, spread: 2 }] },
      says: /layout of the shared account has changed, which would orphan its data: spread was 1 and is configured as 2/
    },
    {
      what: 'a port that is taken',
      settings: { ...settings, listeners: { ...settings.listeners, s3: { host: '127.0.0.1', port } } },
      says: new RegExp(`EADDRINUSE.*${port}`)
    },
    {
      what: 'a password that is wrong',
      settings,
      env: { DATABASE_URL: database.runtimeUrl.replace(/:[^:@/]+@/, ':wrong@') },
      says: /password authentication failed/
    }
  ]
  await Promise.all(
    refusals.map(async ({ what, settings: changed, env = {}, says }) => {
      const { code, stderr } = await installed.run(['serve', '--config', await installed.write(changed)], env)
      t.equal(code, 1, what)
      t.match(stderr, says, what)
      t.match(stderr, /^sluice serve: [^\n]*\n$/, what)
    })
  )
  await t.test('an assignment to an account that is not configured', async (t) => {
    await admin`INSERT INTO sluice.assignments (tenant, account, bucket, key_prefix) VALUES ('lost', 'gone', 'b', 'lost/')`
    const { code, stderr } = await installed.run(['serve', '--config', config])
    t.equal(code, 1)
    t.match(stderr, /tenant lost is assigned to account gone, which is not configured/)
    await admin`DELETE FROM sluice.assignments`
  })
})

t.test('without Postgres at its start serve listens and serves nothing, until a complete snapshot is there', async (t) => {
  await installed.run(['ensure-buckets', '--config', config])
  await postgres.pause()
  let isPaused = true
  t.teardown(() => (isPaused ? postgres.resume() : undefined))
  installed.store.requests.clear()
  const serving = await installed.serve(config)
  const refused = startSluiceProcess(['serve', '--config', config], {
    env: { UPSTREAM_SECRET: installed.store.credentials.secretAccessKey, DATABASE_URL: installed.database.adminUrl }
  })
  await refused.says(/ops at/)
  t.equal(await status(`${serving.ops}/livez`), 200)
  const ready = await fetch(`${serving.ops}/readyz`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { ready: false, checks: { snapshot: false, issuerKeys: true } })
  const session = await sessionAt(serving.s3, await installed.token('shop/orders'))
  t.ok(session.sessionToken, 'credentials need no placement')
  const caller = callerWith(
    { s3: serving.s3, tenants: { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } },
    session
  )
  t.teardown(() => caller.stop())
  for (const call of [
    { method: 'GET', key: 'k' },
    { method: 'PUT', key: 'k', body: 'bytes' },
    { method: 'GET', bucket: null },
    { method: 'DELETE', key: 'k' }
  ]) {
    const reply = await caller.send(call)
    t.equal(reply.status, 503, call.method)
    t.equal(reply.code, 'ServiceUnavailable')
  }
  t.same(installed.store.requests.all, [], 'the upstream heard nothing')
  await postgres.resume()
  isPaused = false
  await until('it is ready', async () => (await status(`${serving.ops}/readyz`)) === 200)
  t.equal((await caller.send({ method: 'PUT', key: 'k', body: 'bytes' })).status, 200)
  const { code, stderr } = await refused.finished
  t.equal(code, 1, 'the one with a login that may do too much ended as soon as Postgres told')
  t.match(stderr, /postgres is a superuser/)
  serving.kill('SIGTERM')
  t.equal((await serving.finished).code, 0)
})
