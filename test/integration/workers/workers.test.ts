import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { YOUNG_GENERATION } from '../../../proxy/cli/young-generation.ts'
import { assign } from '../../../proxy/database/assignments.ts'
import { Gate } from '../../../proxy/dev/store/faults.ts'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { callerWith } from '../faults/caller.ts'
import { largePut } from '../faults/site.ts'
import { until } from '../faults/until.ts'
import { install, type Installation, type Serving } from '../placement/installation.ts'
import { sessionAt } from '../placement/session.ts'
import { connections, linesOf, opened, seriesOf, TENANTS, workersOf, type Connection } from './rig.ts'

const CONNECTIONS = 16
const WITHIN_MS = 1_000
const MIB = 1024 * 1024
const PREFIX = `${TENANTS.shared}/`

let postgres: TestPostgres
let installed: Installation
t.before(async () => {
  postgres = await startPostgres()
  installed = await install(postgres)
  for (const bucket of ['shared-7', 'other']) installed.store.createBucket(bucket)
})
t.teardown(async () => {
  await installed.stop()
  await postgres.stop()
})

async function serve(t: Test, changes: object = {}): Promise<{ readonly serving: Serving; readonly config: string }> {
  const config = await installed.write({ ...installed.settings, workers: 2, ...changes })
  const serving = await installed.serve(config)
  t.teardown(async () => {
    serving.kill('SIGKILL')
    await serving.finished
  })
  return { serving, config }
}

async function loggedIn(t: Test, { s3 }: Serving, name: string): Promise<readonly Connection[]> {
  const open = await connections(s3, await sessionAt(s3, await installed.token(`shop/${name}`)), CONNECTIONS)
  t.teardown(() => open.forEach((connection) => connection.close()))
  return open
}

const page = async (url: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}
const readiness = async ({ ops }: Serving): Promise<{ status: number; workers: Record<string, string> }> => {
  const { status, text } = await page(`${ops}/readyz`)
  return { status, workers: (JSON.parse(text) as { checks: { workers: Record<string, string> } }).checks.workers }
}
const requestLines = ({ stdout }: Serving) => linesOf(stdout.slice(0, stdout.lastIndexOf('\n'))).filter(({ msg }) => msg === 'request')

/** Which worker answered so many requests for a key, once the log has them all. */
async function workersThatServed(serving: Serving, operation: string, count: number): Promise<Record<string, number>> {
  const lines = () => requestLines(serving).filter((line) => line['operation'] === operation)
  await until(`${count} lines are written`, () => lines().length >= count)
  const served: Record<string, number> = {}
  for (const { worker } of lines()) served[String(worker)] = (served[String(worker)] ?? 0) + 1
  return served
}

t.test('two workers share the listeners, the log and one page of metrics, and each knows the sessions of the other', async (t) => {
  const { serving } = await serve(t, {
    listeners: { ...installed.settings.listeners, api: { host: '127.0.0.1', port: await freePort() } }
  })
  t.same(await readiness(serving), { status: 200, workers: { 1: 'ready', 2: 'ready' } })
  t.match(await page(`${serving.ops}/livez`), { status: 200, text: 'alive\n' })
  const open = await loggedIn(t, serving, 'orders')
  t.equal((await open[0]?.send({ method: 'PUT', key: 'k', body: 'bytes' }))?.status, 200)
  for (const reply of await Promise.all(open.map((one) => one.send({ method: 'GET', key: 'k' }))))
    t.match(reply, { status: 200, text: 'bytes' })
  const served = await workersThatServed(serving, 'GetObject', CONNECTIONS)
  t.comment(`connections per worker: ${JSON.stringify(served)}`)
  t.same(Object.keys(served), ['1', '2'], 'one session is accepted by both')
  const { text } = await page(`${serving.ops}/metrics`)
  t.equal(seriesOf(text, 'sluice_requests_total')['sluice_requests_total{operation="GetObject",status="200",error_code=""}'], CONNECTIONS)
  t.equal(
    seriesOf(text, 'sluice_request_duration_seconds_bucket')['sluice_request_duration_seconds_bucket{le="+Inf",operation="GetObject"}'],
    CONNECTIONS
  )
  t.match(seriesOf(text, 'sluice_workers'), { 'sluice_workers{state="ready"}': 2, 'sluice_workers{state="down"}': 0 })
  for (const worker of ['primary', '1', '2'])
    t.ok((seriesOf(text, 'process_resident_memory_bytes')[`process_resident_memory_bytes{worker="${worker}"}`] ?? 0) > MIB)
})

t.test('the API listener is served by both', async (t) => {
  const port = await freePort()
  const { serving } = await serve(t, { listeners: { ...installed.settings.listeners, api: { host: '127.0.0.1', port } } })
  const token = await installed.token('shop/orders')
  const ask = () => fetch(`http://127.0.0.1:${port}/rest/v0/caller`, { headers: { authorization: `Bearer ${token}`, connection: 'close' } })
  for (const { status } of await Promise.all(Array.from({ length: CONNECTIONS }, ask))) t.equal(status, 200)
  t.same(Object.keys(await workersThatServed(serving, 'GetCaller', CONNECTIONS)), ['1', '2'])
})

t.test('a revocation reaches every worker within a second', async (t) => {
  const { serving, config } = await serve(t)
  const open = await loggedIn(t, serving, 'leaver')
  t.equal((await open[0]?.send({ method: 'PUT', key: 'leaves', body: 'canary' }))?.status, 200)
  for (const one of open) t.equal((await one.send({ method: 'GET', key: 'leaves' })).status, 200)
  t.equal(Object.keys(await workersThatServed(serving, 'GetObject', CONNECTIONS)).length, 2)
  t.equal((await installed.run(['revoke', 'subject', 'system:serviceaccount:shop:leaver', '--config', config])).code, 0)
  const ended = performance.now()
  await Promise.all(
    open.map(async (one) => {
      while ((await one.send({ method: 'GET', key: 'leaves' })).code !== 'AccessDenied')
        if (performance.now() - ended > 10 * WITHIN_MS) throw new Error('it is still served')
      t.ok(performance.now() - ended < WITHIN_MS, `refused after ${Math.round(performance.now() - ended)} ms`)
    })
  )
  const reached = installed.store.requests.all.length
  for (const one of open) {
    t.notMatch((await one.send({ method: 'GET', key: 'leaves' })).text, 'canary')
    t.equal((await one.send({ method: 'PUT', key: 'leaves', body: 'changed' })).code, 'AccessDenied')
  }
  t.equal(installed.store.requests.all.length, reached, 'nothing reached the upstream')
})

t.test('a change of placement reaches every worker within a second', async (t) => {
  const { serving } = await serve(t)
  const open = await loggedIn(t, serving, 'orders')
  await assign(installed.database.asRuntime(), {
    ...{ tenant: TENANTS.dedicated, account: 'main', upstreamBucket: 'other', adopt: false },
    shared: { account: 'main', spread: 1, template: 'shared-{slot}' },
    hasData: () => Promise.resolve(false)
  })
  const changed = performance.now()
  await Promise.all(
    open.map(async (one, index) => {
      const put = { method: 'PUT', bucket: TENANTS.dedicated, key: `k${index}`, body: 'x' }
      while ((await one.send(put)).status !== 200) if (performance.now() - changed > 10 * WITHIN_MS) throw new Error('it is not there')
      t.ok(performance.now() - changed < WITHIN_MS)
    })
  )
  t.same(Object.keys(await workersThatServed(serving, 'PutObject', CONNECTIONS)), ['1', '2'])
  const [first] = open
  t.equal((await first?.send({ method: 'GET', bucket: TENANTS.dedicated, key: 'k1' }))?.text, 'x')
})

t.test('a rotated key ring reaches every worker', async (t) => {
  const { serving } = await serve(t)
  const file = installed.settings.sealing['keysFile'] as string
  const before = await loggedIn(t, serving, 'orders')
  t.equal((await before[0]?.send({ method: 'PUT', key: 'ring', body: 'x' }))?.status, 200)
  const added = /added (\w+)/.exec((await installed.run(['keys', 'rotate', '--add', '--file', file])).stdout)?.[1] ?? ''
  t.equal((await installed.run(['keys', 'rotate', '--activate', added, '--file', file])).code, 0)
  const active = () => linesOf(serving.stdout.slice(0, serving.stdout.lastIndexOf('\n'))).filter(({ kid }) => kid === added)
  await until('both have taken it', () => new Set(active().map(({ worker }) => worker)).size === 2)
  const after = await loggedIn(t, serving, 'orders')
  for (const one of [...before, ...after]) t.equal((await one.send({ method: 'GET', key: 'ring' })).status, 200)
  t.equal(Object.keys(await workersThatServed(serving, 'GetObject', 2 * CONNECTIONS)).length, 2)
})

t.test('a worker that is killed under load takes only its own connections with it, and comes back', async (t) => {
  const { serving } = await serve(t)
  const open = await loggedIn(t, serving, 'orders')
  t.equal((await open[0]?.send({ method: 'PUT', key: 'load', body: 'x' }))?.status, 200)
  let running = true
  const failures: string[] = []
  const broken = new Set<Connection>()
  const load = Promise.all(
    open.map(async (one) => {
      while (running) {
        const reply = await one.send({ method: 'GET', key: 'load' }).catch(() => null)
        if (reply === null) return void broken.add(one)
        if (reply.status !== 200) failures.push(`${reply.status} ${reply.code}`)
      }
    })
  )
  await sleep(500)
  const before = seriesOf((await page(`${serving.ops}/metrics`)).text, 'sluice_requests_total')
  const [killed = 0] = workersOf(serving.pid)
  process.kill(killed, 'SIGKILL')
  await until('its end is seen', async () => (await readiness(serving)).workers['1'] !== 'ready')
  t.equal((await readiness(serving)).status, 200, 'the other keeps the pod ready')
  const during = await page(`${serving.ops}/metrics`)
  t.equal(during.status, 200)
  t.equal(seriesOf(during.text, 'sluice_workers')['sluice_workers{state="ready"}'], 1)
  for (const [key, value] of Object.entries(seriesOf(during.text, 'sluice_requests_total')))
    t.ok(value >= (before[key] ?? 0), 'no sum falls')
  const fresh = await loggedIn(t, serving, 'orders')
  for (const one of fresh) t.equal((await one.send({ method: 'GET', key: 'load' })).status, 200, 'new connections are served')
  await until('it is back', async () => (await readiness(serving)).workers['1'] === 'ready')
  const [, again = 0] = workersOf(serving.pid)
  t.not(again, killed)
  await sleep(300)
  running = false
  await load
  t.same(failures, [], 'nobody was answered anything but the object')
  t.ok(broken.size > 0 && broken.size < CONNECTIONS, `${broken.size} of ${CONNECTIONS} connections broke`)
  const after = await page(`${serving.ops}/metrics`)
  t.equal(seriesOf(after.text, 'sluice_worker_restarts_total')['sluice_worker_restarts_total'], 1)
  t.match(serving.stdout, /"worker":1,"pid":\d+,"afterMs":100,"msg":"a worker ended by SIGKILL: another takes its place"/)
})

t.test('a worker that hangs keeps no page from being made, and no new connection from being served', async (t) => {
  const { serving } = await serve(t)
  const open = await loggedIn(t, serving, 'orders')
  for (const one of open) t.equal((await one.send({ method: 'GET', key: 'absent' })).status, 404)
  const before = seriesOf((await page(`${serving.ops}/metrics`)).text, 'sluice_requests_total')
  const [, hung = 0] = workersOf(serving.pid)
  process.kill(hung, 'SIGSTOP')
  t.teardown(() => process.kill(hung, 'SIGCONT'))
  t.same(await readiness(serving), { status: 200, workers: { 1: 'ready', 2: 'unresponsive' } })
  const { text } = await page(`${serving.ops}/metrics`)
  t.equal(seriesOf(text, 'sluice_workers')['sluice_workers{state="unresponsive"}'], 1)
  t.same(Object.keys(seriesOf(text, 'sluice_inflight_requests')), ['sluice_inflight_requests{worker="1"}'])
  for (const [key, value] of Object.entries(before)) t.ok((seriesOf(text, 'sluice_requests_total')[key] ?? 0) >= value, 'no sum falls')
})

t.test('on SIGTERM every worker lets what is under way finish; a second signal ends it', async (t) => {
  for (const hurried of [false, true]) {
    const { serving } = await serve(t)
    const session = await sessionAt(serving.s3, await installed.token('shop/orders'))
    const callers = Array.from({ length: 8 }, () => callerWith({ s3: serving.s3, tenants: TENANTS }, session))
    t.teardown(() => callers.forEach((caller) => caller.stop()))
    t.equal((await callers[0]?.send(largePut('big', 4 * MIB)))?.status, 200)
    const gate = new Gate()
    const undo = installed.store.faults.add({ operation: 'GetObject', key: `${PREFIX}big`, action: { kind: 'hold', gate, at: 'answer' } })
    const transfers = callers.map((caller) => caller.send({ method: 'GET', key: 'big' }).catch(() => null))
    const underWay = async () =>
      Object.values(seriesOf((await page(`${serving.ops}/metrics`)).text, 'sluice_inflight_requests')).map((many) => many > 0)
    await until('both have some under way', async () => (await underWay()).filter(Boolean).length === 2)
    // A terminal signals the whole group: the workers must not take it for a second one.
    for (const pid of [serving.pid, ...workersOf(serving.pid)]) process.kill(pid, 'SIGTERM')
    await until('readiness is off', async () => (await readiness(serving)).status === 503)
    if (hurried) {
      await sleep(600)
      serving.kill('SIGTERM')
    } else {
      await until('the listener is closed', () =>
        opened(Number(new URL(serving.s3).port)).then(
          (socket) => (socket.destroy(), false),
          () => true
        )
      )
      undo()
      gate.open()
    }
    const replies = await Promise.all(transfers)
    const { code, stdout } = await serving.finished
    undo()
    gate.open()
    t.equal(code, 0)
    if (hurried)
      t.ok(
        replies.every((reply) => reply?.whole !== true),
        'no cut answer looks whole'
      )
    else {
      for (const reply of replies) t.equal(reply?.body.length, 4 * MIB)
      const served = linesOf(stdout).filter(({ operation, complete }) => operation === 'GetObject' && complete === true)
      t.equal(served.length, callers.length, 'and their lines were written')
      t.equal(new Set(served.map(({ worker }) => worker)).size, 2)
    }
  }
})

t.test('no worker outlives its primary', async (t) => {
  const { serving } = await serve(t)
  const workers = workersOf(serving.pid)
  serving.kill('SIGKILL')
  await serving.finished
  const isThere = (pid: number): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  await until('all have ended', () => !workers.some(isThere))
  t.equal(workers.length, 2)
})

t.test('what a person has to mend is said once', async (t) => {
  const { settings, database } = installed
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  t.teardown(() => taken.close())
  const cases: readonly { what: string; changes: object; env?: Record<string, string>; says: RegExp }[] = [
    {
      what: 'a setting',
      changes: { workers: 'many' },
      says: /\n {2}workers: must be auto, or a whole number from 1 to 256, but is "many"\n/
    },
    { what: 'a login', changes: {}, env: { DATABASE_URL: database.adminUrl }, says: /^sluice serve: [^\n]*is a superuser[^\n]*\n$/ },
    {
      what: 'a layout',
      changes: { accounts: settings.accounts.map((account) => ({ ...account, spread: 2 })) },
      says: /^sluice serve: the layout of the shared account has changed[^\n]*\n$/
    },
    {
      what: 'a port',
      changes: { listeners: { ...settings.listeners, s3: { host: '127.0.0.1', port } } },
      says: new RegExp(`^sluice serve: [^\\n]*EADDRINUSE[^\\n]*${port}\\n$`)
    },
    {
      what: 'the port of the pages',
      changes: { listeners: { ...settings.listeners, ops: { host: '127.0.0.1', port } } },
      says: new RegExp(`^sluice serve: [^\\n]*EADDRINUSE[^\\n]*${port}\\n$`)
    }
  ]
  await Promise.all(
    cases.map(async ({ what, changes, env = {}, says }) => {
      const { code, stderr } = await installed.run(
        ['serve', '--config', await installed.write({ ...settings, workers: 2, ...changes })],
        env
      )
      t.equal(code, 1, what)
      t.match(stderr, says, what)
    })
  )
})

t.test('without Postgres at its start all wait, and what it then forbids ends them with one sentence', async (t) => {
  await postgres.pause()
  let isPaused = true
  t.teardown(() => (isPaused ? postgres.resume() : undefined))
  const { serving, config } = await serve(t)
  const refused = installed.serve(config, { DATABASE_URL: installed.database.adminUrl })
  t.match(await readiness(serving), { status: 503, workers: { 1: 'unready', 2: 'unready' } })
  const forbidden = await refused
  await postgres.resume()
  isPaused = false
  await until('it is ready', async () => (await readiness(serving)).status === 200)
  const { code, stderr } = await forbidden.finished
  t.equal(code, 1)
  t.equal(stderr.match(/is a superuser/g)?.length, 1)
})

t.test('connections beyond the limit are closed, and the processes do not spin', async (t) => {
  const { serving } = await serve(t, { limits: { connectionsMax: 4 } })
  const sockets = await Promise.all(Array.from({ length: 32 }, () => opened(Number(new URL(serving.s3).port))))
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  let closed = 0
  for (const socket of sockets) socket.on('error', () => undefined).once('close', () => (closed += 1))
  await until('the rest is closed', () => closed >= 28)
  const cpu = async () =>
    seriesOf((await page(`${serving.ops}/metrics`)).text, 'process_cpu_seconds_total')['process_cpu_seconds_total'] ?? 0
  const before = await cpu()
  await sleep(1_000)
  t.ok((await cpu()) - before < 0.5, 'idle processes use no processor')
  t.equal(closed, 28)
})

t.test('every way to start Sluice gives the options of the young generation', async (t) => {
  const options = YOUNG_GENERATION.join(' ')
  t.ok((await readFile('proxy/main.ts', 'utf8')).startsWith(`#!/usr/bin/env -S node ${options}\n`))
  t.match(await readFile('package.json', 'utf8'), `"start": "node ${options} `)
  t.match(await readFile('Dockerfile', 'utf8'), `ENTRYPOINT ["node", ${YOUNG_GENERATION.map((option) => `"${option}"`).join(', ')}, `)
  const { serving } = await serve(t)
  for (const pid of workersOf(serving.pid)) t.match((await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' '), ` ${options} `)
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
