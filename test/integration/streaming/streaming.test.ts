import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { crc32 } from 'node:zlib'
import { startPostgres } from '../../helpers/postgres.ts'
import { callerWith, type Caller } from '../faults/caller.ts'
import { until } from '../faults/until.ts'
import { install, type Serving } from '../placement/installation.ts'
import { sessionAt } from '../placement/session.ts'
import { contentOf, crcOf, startSink, type Sink } from './sink.ts'

const TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const
const MIB = 1024 * 1024
/** 5 GiB, the largest object of one PutObject, takes its time: `SLUICE_TEST_LARGE=1`. */
const LARGE = process.env['SLUICE_TEST_LARGE'] === '1' ? 5 * 1024 * MIB : 256 * MIB
const RESIDENT_MAX = 200_000_000
/** Many transfers at once: each has a chunk or two under way on either side. */
const RESIDENT_MANY_MAX = 280_000_000
const TRANSFERS = 64

let sink: Sink
let serving: Serving
let orders: Caller
t.before(async () => {
  const postgres = await startPostgres()
  const installed = await install(postgres)
  sink = await startSink()
  t.teardown(async () => {
    orders.stop()
    await installed.stop()
    await sink.close()
    await postgres.stop()
  })
  const accounts = installed.settings.accounts.map((account) => ({
    ...account,
    endpoint: sink.endpoint,
    capabilities: { payload: { hash: false } }
  }))
  serving = await installed.serve(await installed.write({ ...installed.settings, accounts }))
  orders = callerWith({ s3: serving.s3, tenants: TENANTS }, await sessionAt(serving.s3, await installed.token('shop/orders')))
})

const pathOf = (key: string): string => `/shared-7/${TENANTS.shared}/${key}`

/** Resident memory of the proxy process, now and at its highest, in bytes. */
async function resident(): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await readFile(`/proc/${serving.pid}/status`, 'utf8')
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  return { now: kib('VmRSS'), peak: kib('VmHWM') }
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`
const mb = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`

async function put(key: string, length: number, sha256?: string): Promise<number> {
  const flow = { source: contentOf(length), length, ...(sha256 === undefined ? {} : { sha256 }) }
  return (await orders.send({ method: 'PUT', key, flow })).status
}

async function drain(response: IncomingMessage): Promise<{ readonly length: number; readonly crc: number }> {
  let crc = 0
  let length = 0
  for await (const bytes of response) {
    crc = crc32(bytes as Buffer, crc)
    length += (bytes as Buffer).length
  }
  return { length, crc }
}

const onLinux = existsSync('/proc/self/status') ? {} : { skip: 'resident memory is read from /proc' }

t.test(`${mib(LARGE)} stream through in both directions in less than 200 MB of memory`, onLinux, async (t) => {
  const content = { length: LARGE, crc: crcOf(LARGE) }
  const said = async (what: string, started: number): Promise<void> => {
    const { now, peak } = await resident()
    const seconds = (performance.now() - started) / 1000
    t.comment(
      `${what}: ${seconds.toFixed(1)} s, ${Math.round(LARGE / MIB / seconds)} MiB/s, resident ${mb(now)}, at its highest ${mb(peak)}`
    )
    t.ok(peak < RESIDENT_MAX, `${mb(peak)} at its highest`)
  }
  t.comment(`resident at rest: ${mb((await resident()).now)}`)
  await t.test('put, its payload unsigned', async (t) => {
    const started = performance.now()
    t.equal(await put('large', LARGE), 200)
    t.same(sink.objects.get(pathOf('large')), content)
    await said('put', started)
  })
  await t.test('get', async (t) => {
    const started = performance.now()
    t.same(await drain(await orders.open({ method: 'GET', key: 'large' })), content)
    await said('get', started)
  })
  await t.test('put with its SHA-256, which the proxy verifies on the way', async (t) => {
    const length = 256 * MIB
    const hash = createHash('sha256')
    for await (const piece of contentOf(length)) hash.update(piece as Buffer)
    t.equal(await put('hashed', length, hash.digest('hex')), 200)
    t.same(sink.objects.get(pathOf('hashed')), { length, crc: crcOf(length) })
    const { peak } = await resident()
    t.ok(peak < RESIDENT_MAX, `${mb(peak)} at its highest`)
  })
  await t.test('and with a wrong one the upstream never gets the last bytes', async (t) => {
    const { broken } = sink
    const length = 16 * MIB
    const flow = { source: contentOf(length), length, sha256: '0'.repeat(64) }
    const reply = await orders.send({ method: 'PUT', key: 'wrong', flow })
    t.equal(reply.code, 'XAmzContentSHA256Mismatch')
    await until('the upload broke off', () => sink.broken === broken + 1)
    t.notOk(sink.objects.has(pathOf('wrong')))
  })
})

t.test(`${TRANSFERS} transfers at a time go through whole`, onLinux, async (t) => {
  const length = 4 * MIB
  const content = { length, crc: crcOf(length) }
  const keys = Array.from({ length: TRANSFERS }, (_, index) => `many-${index}`)
  const statuses = await Promise.all(keys.map((key) => put(key, length)))
  t.same(new Set(statuses), new Set([200]))
  for (const key of keys) t.same(sink.objects.get(pathOf(key)), content)
  const read = await Promise.all(keys.map(async (key) => drain(await orders.open({ method: 'GET', key }))))
  for (const one of read) t.same(one, content)
  const { now, peak } = await resident()
  t.comment(`${TRANSFERS} puts and gets of ${mib(length)}: resident ${mb(now)}, at its highest ${mb(peak)}`)
  t.ok(peak < RESIDENT_MANY_MAX, `${mb(peak)} at its highest`)
})

t.test('who takes nothing is not read for: what is held for it is bounded', onLinux, async (t) => {
  const readers = 8
  const length = 32 * MIB
  await put('slow', length)
  await t.test('slow readers', async (t) => {
    const before = sink.bytesGiven
    // The head is there, the body is not read.
    const responses = await Promise.all(Array.from({ length: readers }, () => orders.open({ method: 'GET', key: 'slow' })))
    let given = -1
    await until('nothing more is taken from the upstream', async () => {
      const same = given === sink.bytesGiven
      given = sink.bytesGiven
      await new Promise((resolve) => setTimeout(resolve, 200))
      return same && given === sink.bytesGiven
    })
    const { now, peak } = await resident()
    t.comment(
      `${readers} readers that read nothing: ${mib(given - before)} taken for them, kernel buffers of four sockets each; resident ${mb(now)}`
    )
    // Linux lets the buffers of a connection grow to 6 MB where it receives and 4 MB where it sends.
    t.ok(given - before < readers * 24 * MIB, mib(given - before))
    t.ok(peak < RESIDENT_MANY_MAX, `${mb(peak)} at its highest`)
    const content = { length, crc: crcOf(length) }
    for (const one of await Promise.all(responses.map(drain))) t.same(one, content, 'and when they read, they get all of it')
  })
  await t.test('a slow upstream', async (t) => {
    sink.stalled = true
    const before = sink.bytesTaken
    const puts = Array.from({ length: readers }, (_, index) => put(`stalled-${index}`, length))
    let sent = -1
    await until('nothing more is taken from the clients', async () => {
      const { now } = await resident()
      const same = Math.abs(now - sent) < MIB
      sent = now
      await new Promise((resolve) => setTimeout(resolve, 300))
      return same
    })
    const { peak } = await resident()
    t.ok(sink.bytesTaken - before < MIB * readers)
    t.ok(peak < RESIDENT_MANY_MAX, `${mb(peak)} at its highest`)
    sink.stalled = false
    t.same(new Set(await Promise.all(puts)), new Set([200]))
    const content = { length, crc: crcOf(length) }
    for (let index = 0; index < readers; index++) t.same(sink.objects.get(pathOf(`stalled-${index}`)), content)
  })
})
