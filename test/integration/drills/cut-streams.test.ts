import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startPostgres } from '../../helpers/postgres.ts'
import type { SessionCredentials } from '../../helpers/sluice.ts'
import { callerWith, type Caller } from '../faults/caller.ts'
import { until } from '../faults/until.ts'
import { install, type Installation, type Serving } from '../placement/installation.ts'
import { sessionAt, type NamedSession } from '../placement/session.ts'
import { startSink, type Sink } from '../streaming/sink.ts'
import { slowContent, slowDownload, type Download, type Pace } from './slow.ts'

const TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const
const MIB = 1024 * 1024
const LENGTH = 64 * MIB
const CUT_MS_MAX = 5_000
const SUBJECT = 'system:serviceaccount:shop:orders'

let sink: Sink
let installed: Installation
let config: string
/** One lets transfers go on, the other cuts them. */
let patient: Serving
let cutting: Serving
t.before(async () => {
  const postgres = await startPostgres()
  installed = await install(postgres)
  sink = await startSink()
  t.teardown(async () => {
    await installed.stop()
    await sink.close()
    await postgres.stop()
  })
  const accounts = installed.settings.accounts.map((account) => ({ ...account, endpoint: sink.endpoint }))
  const settings = { ...installed.settings, accounts }
  config = await installed.write(settings)
  patient = await installed.serve(config)
  cutting = await installed.serve(await installed.write({ ...settings, revocation: { cutStreams: true } }))
  const orders = at(t, patient, await session('shop/orders'))
  const flow = { source: slowContent(LENGTH, { slow: false }), length: LENGTH }
  t.equal((await orders.send({ method: 'PUT', key: 'large', flow })).status, 200)
})

const session = async (serviceAccount: string): Promise<NamedSession> => sessionAt(patient.s3, await installed.token(serviceAccount))

function at(t: Test, { s3 }: Serving, credentials: SessionCredentials): Caller {
  const caller = callerWith({ s3, tenants: TENANTS }, credentials)
  t.teardown(() => caller.stop())
  return caller
}

interface Line {
  readonly msg: string
  readonly status: number
  readonly reason: string | null
  readonly complete: boolean
}

const requestLines = ({ stdout }: Serving): readonly Line[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === 'request')

/**
 * Fails unless the cutting replica's log says, soon after the revocation, that the caller's transfer was cut.
 * The log tells when it was, and not the client, which still reads for seconds what its kernel holds.
 */
async function logged(t: Test, revokedAt: number, reason: RegExp): Promise<void> {
  let line: Line | undefined
  await until('the log has the line', () => {
    line = requestLines(cutting).find((line) => !line.complete && reason.test(line.reason ?? ''))
    return line !== undefined
  })
  const after = performance.now() - revokedAt
  t.comment(`cut ${Math.round(after)} ms after the command had ended`)
  t.ok(after < CUT_MS_MAX)
}

async function command(...args: readonly string[]): Promise<number> {
  const { code, stderr } = await installed.run([...args, '--config', config])
  if (code !== 0) throw new Error(stderr)
  return performance.now()
}

t.test('a slow download of a session that is revoked is cut, where the setting is on', async (t) => {
  const leaked = await session('shop/orders')
  const pace: Pace = { slow: true }
  const paceOfCut: Pace = { slow: true }
  const download = async (replica: Serving, pace: Pace): Promise<Download> =>
    slowDownload(await at(t, replica, leaked).open({ method: 'GET', key: 'large' }), pace)
  const going = download(patient, pace)
  const cut = download(cutting, paceOfCut)
  await sleep(500)
  const revokedAt = await command('revoke', 'session', leaked.session, '--reason', 'leaked')
  await logged(t, revokedAt, new RegExp(`^cut while under way: session ${leaked.session} is revoked: leaked`))
  paceOfCut.slow = false
  const { announced, bytes, whole } = await cut
  t.equal(announced, LENGTH)
  t.ok(bytes < announced, 'it is visibly short')
  t.notOk(whole)
  await until('the upstream of the one that was cut is let go', () => sink.abandoned === 1)
  pace.slow = false
  t.match(await going, { bytes: LENGTH, whole: true }, 'the other replica lets it go on')
  t.equal(sink.abandoned, 1)
  const refused = await at(t, patient, leaked).send({ method: 'GET', key: 'large' })
  t.equal(refused.code, 'AccessDenied', 'what begins later is refused by both')
})

t.test('a slow upload of a subject that is revoked never completes at the upstream', async (t) => {
  const leaked = await session('shop/orders')
  const pace: Pace = { slow: true }
  const { broken } = sink
  const put = (replica: Serving, key: string): Promise<number> => {
    const flow = { source: slowContent(LENGTH, pace), length: LENGTH }
    return at(t, replica, leaked)
      .send({ method: 'PUT', key, flow })
      .then(({ status }) => status)
  }
  const going = put(patient, 'going')
  const cut = put(cutting, 'cut').catch((error: unknown) => (error as { code?: string }).code)
  await sleep(500)
  const revokedAt = await command('revoke', 'subject', SUBJECT, '--reason', 'stolen')
  await logged(t, revokedAt, /^cut while under way: subject system:serviceaccount:shop:orders is revoked: stolen; /)
  t.match(await cut, /ECONNRESET|EPIPE/)
  await until('the upload broke off at the upstream', () => sink.broken === broken + 1)
  pace.slow = false
  t.equal(await going, 200, 'the other replica lets it go on')
  t.same(
    [...sink.objects.keys()].filter((key) => key.endsWith('/cut')),
    []
  )
  await command('revoke', 'subject', SUBJECT, '--lift')
})

t.test('a download with an access key is cut when the key is revoked, and others go on', async (t) => {
  const created = await installed.run([
    ...['key', 'create', '--subject', SUBJECT, '--tenants', '*', '--expires', '1', '--json', '--config', config]
  ])
  const key = JSON.parse(created.stdout) as SessionCredentials
  const pace: Pace = { slow: true }
  const { accessKeyId, secretAccessKey } = key
  const holder = at(t, cutting, { accessKeyId, secretAccessKey } as SessionCredentials)
  await until('the key is known', async () => (await holder.send({ method: 'HEAD', key: 'large' })).status === 200)
  const other = slowDownload(await at(t, cutting, await session('shop/orders')).open({ method: 'GET', key: 'large' }), pace)
  const paceOfCut: Pace = { slow: true }
  const cut = slowDownload(await holder.open({ method: 'GET', key: 'large' }), paceOfCut)
  await sleep(500)
  const revokedAt = await command('key', 'revoke', accessKeyId)
  await logged(t, revokedAt, new RegExp(`^cut while under way: access key ${accessKeyId} is revoked`))
  paceOfCut.slow = false
  const { bytes, whole } = await cut
  t.ok(bytes < LENGTH)
  t.notOk(whole)
  pace.slow = false
  t.match(await other, { whole: true })
})
