import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { COMPILE_CACHE, withoutTap } from '../../helpers/node-process.ts'
import { callerWith } from '../faults/caller.ts'
import { until } from '../faults/until.ts'
import { watch, type Running } from '../placement/process.ts'
import { sessionAt } from '../placement/session.ts'

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url))
const BIN = join(CHECKOUT, 'node_modules', '.bin')
const PORTS = ['--s3-port', '0', '--api-port', '0', '--ops-port', '0', '--store', 'memory']

/** PATH without this checkout's own binaries, as on a machine where only an older node is installed. */
const PATH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

interface Line {
  readonly s3: string
  readonly api: string
  readonly ops: string
  readonly database: string
  readonly upstream: Readonly<Record<string, unknown>>
  readonly tenants: readonly string[]
  readonly services: Readonly<Record<string, { readonly tokenFile: string; readonly env: Readonly<Record<string, string>> }>>
}

/** Starts a command as a shell does that can be interrupted: in a process group of its own. */
function start(command: string, args: readonly string[]): Running {
  const env = { PATH, HOME: process.env['HOME'], NODE_COMPILE_CACHE: COMPILE_CACHE }
  return watch(spawn(...withoutTap(command, args), { cwd: CHECKOUT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true }))
}

async function newData(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-dev-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Command lines of living processes that name the data folder. */
async function leftOver(data: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')
      return text.includes(data) ? text.replaceAll('\0', ' ') : null
    })
  )
  return lines.filter((line) => line !== null)
}

async function lineOf(running: Running): Promise<Line> {
  const [text] = await running.says(/^\{"s3".*\}$/m)
  return JSON.parse(text) as Line
}

const onLinux = existsSync('/proc/self/cmdline') ? {} : { skip: 'processes are looked for in /proc' }

t.test('npm start brings everything up, says so in one line, and Ctrl-C leaves no process', onLinux, async (t) => {
  const data = await newData(t)
  const started = performance.now()
  const running = start('npm', ['start', '--', '--json', ...PORTS, '--data', data])
  t.teardown(() => stopGroup(running, 'SIGKILL'))
  const line = await lineOf(running)
  // The bound is for a machine that does nothing else; here it only tells a start from a hang.
  t.ok(performance.now() - started < 60_000)
  t.comment(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)

  await t.test('the line has what scripts need', async (t) => {
    t.same(Object.keys(line).toSorted(), ['api', 'database', 'ops', 's3', 'services', 'tenants', 'upstream'])
    for (const url of [line.s3, line.api, line.ops]) t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    t.match(line.database, /^postgres:\/\/\S+@127\.0\.0\.1:\d+\//)
    t.match(line.upstream, { kind: 'memory', endpoint: /^http:\/\/127\.0\.0\.1:/, accessKeyId: String, secretAccessKey: String })
    t.ok(Array.isArray(line.upstream['buckets']))
    t.ok(line.tenants.length >= 2)
    t.ok(Object.keys(line.services).length >= 2)
    for (const [name, { tokenFile, env }] of Object.entries(line.services)) {
      t.match(name, /^[a-z]+\/[a-z]+$/)
      t.equal(env['AWS_WEB_IDENTITY_TOKEN_FILE'], tokenFile)
      t.equal(env['AWS_REGION'], 'local')
      t.equal(env['AWS_ENDPOINT_URL_S3'], line.s3)
      t.equal(env['AWS_ENDPOINT_URL_STS'], line.s3)
      t.match(env['AWS_ROLE_ARN'], /^arn:aws:iam::\d{12}:role\//)
    }
  })
  await t.test('it is ready at once, and serves', async (t) => {
    t.equal((await fetch(`${line.ops}/readyz`)).status, 200)
    const [service] = Object.values(line.services)
    const caller = await callerAt(line, await readFile(service?.tokenFile ?? '', 'utf8'))
    for (const bucket of line.tenants) {
      t.equal((await caller.send({ method: 'PUT', bucket, key: 'k', body: 'bytes' })).status, 200)
      t.equal((await caller.send({ method: 'GET', bucket, key: 'k' })).text, 'bytes')
    }
    caller.stop()
  })
  await t.test('npx sluice runs from the checkout under its own node, and its tokens are taken', async (t) => {
    const { code, stdout, stderr } = await start('npx', ['sluice', 'token', '--service', 'other/service', '--data', data]).finished
    t.equal(code, 0, stderr)
    t.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const caller = await callerAt(line, stdout.trim())
    const [bucket] = line.tenants
    t.equal(
      (await caller.send({ method: 'GET', bucket: bucket ?? '', key: 'k' })).code,
      'AccessDenied',
      'as the other service that it names'
    )
    caller.stop()
  })
  await t.test('a second one on the same folder or port says what is wrong, in a sentence', async (t) => {
    const other = await newData(t)
    const port = String(new URL(line.s3).port)
    const [sameFolder, samePort] = await Promise.all([
      start(join(BIN, 'node'), ['proxy/main.ts', 'dev', '--json', ...PORTS, '--data', data]).finished,
      start(join(BIN, 'node'), [
        'proxy/main.ts',
        'dev',
        '--json',
        '--s3-port',
        port,
        '--api-port',
        '0',
        '--ops-port',
        '0',
        '--store',
        'memory',
        '--data',
        other
      ]).finished
    ])
    for (const { code, stdout } of [sameFolder, samePort]) {
      t.equal(code, 1)
      t.equal(stdout, '')
    }
    t.match(sameFolder.stderr, new RegExp(`sluice dev: another dev mode uses ${data}: `))
    t.match(samePort.stderr, `sluice dev: port ${port} is taken: give --s3-port another one\n`)
    for (const { stderr } of [sameFolder, samePort]) t.notMatch(stderr, /\n {4}at /)
    t.same(await leftOver(other), [], 'and leaves nothing behind')
    t.equal((await fetch(`${line.ops}/readyz`)).status, 200, 'the first one goes on')
  })
  await t.test('Ctrl-C ends all of it', async (t) => {
    t.ok((await leftOver(data)).length > 0)
    // A terminal interrupts the whole group: npm, its shell, the proxy and what it started.
    stopGroup(running, 'SIGINT')
    await running.finished
    await until('no process is left', async () => (await leftOver(data)).length === 0)
    await t.rejects(fetch(`${line.ops}/livez`))
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    await t.test(`started again on its data, ${signal} to the process alone ends all of it too, and well`, async (t) => {
      const again = start(join(BIN, 'node'), ['proxy/main.ts', 'dev', '--json', ...PORTS, '--data', data])
      t.teardown(() => stopGroup(again, 'SIGKILL'))
      t.same((await lineOf(again)).tenants, line.tenants)
      again.kill(signal)
      t.equal((await again.finished).code, 0)
      await until('no process is left', async () => (await leftOver(data)).length === 0)
    })
  }
})

async function callerAt({ s3, tenants }: Line, token: string) {
  const [shared = '', dedicated = ''] = tenants
  return callerWith({ s3, tenants: { shared, dedicated } as never }, await sessionAt(s3, token))
}

/** Signals the group that the test itself started. */
function stopGroup({ pid }: Running, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}
