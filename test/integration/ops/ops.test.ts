import t, { type Test } from 'tap'
import { Gate } from '../../../proxy/dev/store/faults.ts'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import type { SessionCredentials } from '../../helpers/sluice.ts'
import { callerWith, type Caller } from '../faults/caller.ts'
import { beginUpload, completeXml, deleteXml, largePut, putPart, tagXml } from '../faults/site.ts'
import { until } from '../faults/until.ts'
import { install, type Installation, type Serving } from '../placement/installation.ts'
import { sessionAt } from '../placement/session.ts'

const TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const
const BUCKET = 'shared-7'
const PREFIX = `${TENANTS.shared}/`
const MIB = 1024 * 1024
const CANARY = 'canary-7f3a9c'

let postgres: TestPostgres
let installed: Installation
let config: string
t.before(async () => {
  postgres = await startPostgres()
  installed = await install(postgres)
  installed.store.createBucket(BUCKET)
  config = await installed.write(installed.settings)
})
t.teardown(async () => {
  await installed.stop()
  await postgres.stop()
})

interface Served {
  readonly serving: Serving
  readonly token: string
  readonly session: SessionCredentials
  readonly orders: Caller
  readonly billing: Caller
}

async function serve(t: Test): Promise<Served> {
  const serving = await installed.serve(config)
  const token = await installed.token('shop/orders')
  const session = await sessionAt(serving.s3, token)
  const orders = callerWith({ s3: serving.s3, tenants: TENANTS }, session)
  const billing = callerWith({ s3: serving.s3, tenants: TENANTS }, await sessionAt(serving.s3, await installed.token('shop/billing')))
  t.teardown(async () => {
    orders.stop()
    billing.stop()
    serving.kill('SIGKILL')
    await serving.finished
  })
  return { serving, token, session, orders, billing }
}

const page = async (url: string): Promise<{ status: number; type: string | null; text: string }> => {
  const response = await fetch(url)
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

type Line = Readonly<Record<string, unknown>>
const linesOf = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

/** Every field that a request's line may have. */
const FIELDS = new Set(
  (
    'level time msg requestId startedAt method operation tenant keyHash wayIn subject issuer role session statement account status errorCode reason ' +
    'bytesIn bytesOut durationMs timeToFirstByteMs upstreamRequests upstreamRequestId userAgent remoteAddress droppedHeaders complete'
  ).split(' ')
)

t.test('a replica tells the platform how it is, and of every request one line, without any secret', async (t) => {
  const { serving, token, session, orders, billing } = await serve(t)
  const bodies: string[] = []
  const send: Caller['send'] = async (call) => {
    const reply = await orders.send(call)
    if (reply.status >= 300) bodies.push(reply.text)
    return reply
  }

  await t.test('the ops listener has three pages and no other', async (t) => {
    t.match(await page(`${serving.ops}/livez`), { status: 200, text: 'alive\n' })
    const ready = await page(`${serving.ops}/readyz`)
    t.equal(ready.status, 200)
    t.same(JSON.parse(ready.text), {
      ready: true,
      checks: { accepting: true, snapshot: true, issuerKeys: true, upstreamCredentials: true }
    })
    t.match(await page(`${serving.ops}/metrics`), { status: 200, type: /^text\/plain; version=0\.0\.4/ })
    for (const path of ['/', '/healthz', '/debug', `/${TENANTS.shared}`]) t.equal((await page(`${serving.ops}${path}`)).status, 404, path)
    t.equal((await page(`${serving.s3}/metrics`)).status, 403, 'and on the S3 port /metrics is a tenant, which nobody unsigned may see')
  })

  const secretKey = `${CANARY}-key`
  // Two exchanges of tokens, and the request for /metrics on the S3 port.
  let sent = 3
  await t.test('requests of all kinds', async (t) => {
    const headers = { 'x-amz-meta-note': `${CANARY}-metadata`, 'x-amz-tagging': `note=${CANARY}-tag` }
    const uploadId = await beginUpload(orders, 'joined')
    const etag = await putPart(orders, { key: 'joined', uploadId, number: 1, body: `${CANARY}-part` })
    sent += 2
    const calls = [
      { method: 'PUT', key: secretKey, body: `${CANARY}-bytes`, headers },
      { method: 'GET', key: secretKey },
      { method: 'HEAD', key: secretKey },
      { method: 'GET', key: secretKey, query: { tagging: '' } },
      { method: 'PUT', key: secretKey, query: { tagging: '' }, body: tagXml('note', `${CANARY}-tag`) },
      { method: 'GET', query: { 'list-type': '2', prefix: CANARY } },
      { method: 'POST', key: 'joined', query: { uploadId }, body: completeXml([etag]) },
      { method: 'GET', key: 'nothing-here' },
      { method: 'PUT', key: secretKey, body: 'no', headers: { 'if-none-match': '*' } },
      { method: 'PUT', key: secretKey, body: `${CANARY}-bytes`, headers: { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' } },
      { method: 'PUT', key: secretKey, body: `<${CANARY}-not-xml`, query: { tagging: '' } },
      { method: 'POST', query: { delete: '' }, body: deleteXml([secretKey]) },
      { method: 'GET', key: secretKey, query: { unknown: CANARY } },
      { method: 'GET', key: secretKey, headers: { 'x-amz-unknown': CANARY } },
      { method: 'GET', bucket: 'UPPER' }
    ]
    for (const call of calls) await send(call)
    sent += calls.length
    t.equal((await billing.send({ method: 'GET', key: secretKey })).code, 'AccessDenied')
    sent += 1
    const forged = callerWith({ s3: serving.s3, tenants: TENANTS }, { ...session, secretAccessKey: `${CANARY}-secret` })
    bodies.push((await forged.send({ method: 'GET', key: secretKey })).text)
    const foreign = callerWith({ s3: serving.s3, tenants: TENANTS }, { ...session, sessionToken: `${CANARY}-token` })
    bodies.push((await foreign.send({ method: 'GET', key: secretKey })).text)
    sent += 2
    for (const caller of [forged, foreign]) caller.stop()
    const form = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      WebIdentityToken: `${token}x`,
      RoleSessionName: 's'
    })
    bodies.push(await (await fetch(serving.s3, { method: 'POST', body: form })).text())
    bodies.push(
      await (
        await fetch(`${serving.s3}/?X-Amz-Signature=${CANARY}&X-Amz-Security-Token=${encodeURIComponent(session.sessionToken)}`)
      ).text()
    )
    sent += 2
  })

  await t.test('each is one line of named fields', async (t) => {
    const lines = (): readonly Line[] => linesOf(serving.stdout).filter(({ msg }) => msg === 'request')
    await until('the log is written', () => lines().length >= sent)
    const requests = lines()
    t.equal(requests.length, sent)
    t.equal(new Set(requests.map(({ requestId }) => requestId)).size, sent, 'with an id of its own')
    for (const line of requests)
      t.same(
        Object.keys(line).filter((field) => !FIELDS.has(field)),
        []
      )
    t.match(
      requests.find(({ operation, status }) => operation === 'GetObject' && status === 200),
      {
        method: 'GET',
        tenant: TENANTS.shared,
        keyHash: /^[0-9a-f]{16}$/,
        subject: 'system:serviceaccount:shop:orders',
        issuer: 'cluster',
        role: 'app',
        account: 'main',
        bytesOut: `${CANARY}-bytes`.length,
        complete: true
      }
    )
    t.match(
      requests.find(({ subject, operation }) => subject === 'system:serviceaccount:shop:billing' && operation === 'GetObject'),
      { status: 403, errorCode: 'AccessDenied', level: 40 }
    )
  })

  await t.test('the metrics count them by operation, and no client can make a series', async (t) => {
    const { text } = await page(`${serving.ops}/metrics`)
    t.match(text, /^sluice_requests_total\{operation="GetObject",status="200",error_code=""\} 1$/m)
    t.match(text, /^sluice_requests_total\{operation="GetObject",status="403",error_code="AccessDenied"\} 1$/m)
    t.match(text, /^sluice_request_duration_seconds_count\{operation="PutObject"\} [1-9]/m)
    t.match(text, /^sluice_time_to_first_byte_seconds_count\{operation="GetObject"\} [1-9]/m)
    t.match(text, /^sluice_auth_rejections_total\{reason="SignatureDoesNotMatch"\} 1$/m)
    t.match(text, /^sluice_inflight_requests 0$/m)
    t.match(text, /^sluice_prefix_violations_total 0$/m)
    t.match(text, /^process_resident_memory_bytes /m)
    t.match(text, /^sluice_upstream_requests_total\{account="main",ask="put",status_class="2xx"\} [1-9]/m)
    t.notMatch(text, /ask="other"/, 'every kind of upstream request has a name')
    t.notMatch(text, new RegExp(`${TENANTS.shared}|UPPER`), 'tenants and keys are no labels')
  })

  await t.test('and no secret is in the log, the metrics or an error', async (t) => {
    const { text: metrics } = await page(`${serving.ops}/metrics`)
    const { headers } = await orders.sign({ method: 'GET', key: 'x' })
    const signature = /Signature=([0-9a-f]{64})/.exec(headers['authorization'] ?? '')?.[1] ?? ''
    const secrets: readonly [what: string, secret: string][] = [
      ['the service-account token', token.split('.')[2] ?? ''],
      ['the session token', session.sessionToken],
      ['the session’s secret', session.secretAccessKey],
      ['a signature', signature],
      ['the upstream’s secret', installed.store.credentials.secretAccessKey],
      ['the database’s password', 'only-for-tests'],
      ['what clients sent', CANARY]
    ]
    for (const [what, secret] of secrets) {
      t.ok(secret.length >= 12)
      t.notOk(serving.stdout.includes(secret) || serving.stderr.includes(secret), `${what} is not in the log`)
      t.notOk(metrics.includes(secret), `${what} is not in the metrics`)
    }
    // An error names the path that was asked for, and nothing else of the request.
    const errors = bodies.map((body) =>
      body.replaceAll(`/${secretKey}</Resource>`, '</Resource>').replaceAll(`<Key>${secretKey}</Key>`, '')
    )
    for (const [what, secret] of secrets) for (const body of errors) t.notOk(body.includes(secret), `${what} is not in ${body}`)
    t.ok(bodies.filter((body) => body.includes('<Code>')).length > 8)
    for (const body of bodies) t.notMatch(body, /shared-7|main|127\.0\.0\.1:\d+.*shared|at \w+ \(/, 'nor a name of the upstream')
  })
})

t.test('on SIGTERM a replica lets what is under way finish, and takes its leave of every client', async (t) => {
  const { serving, orders } = await serve(t)
  t.equal((await orders.send(largePut('big', 8 * MIB))).status, 200)
  const gate = new Gate()
  const undo = installed.store.faults.add({ operation: 'GetObject', key: `${PREFIX}big`, action: { kind: 'hold', gate, at: 'answer' } })
  const transfer = orders.send({ method: 'GET', key: 'big' })
  await gate.arrived()
  serving.kill('SIGTERM')
  await until('readiness is off', async () => (await page(`${serving.ops}/readyz`)).status === 503)
  t.match(JSON.parse((await page(`${serving.ops}/readyz`)).text), { checks: { accepting: false } })
  t.equal((await page(`${serving.ops}/livez`)).status, 200)
  const during = await orders.send({ method: 'HEAD', key: 'big' })
  t.equal(during.status, 200, 'requests that still come are served')
  t.equal(during.headers['connection'], 'close', 'and told to go elsewhere')
  await until('the listener is closed', async () => {
    try {
      await fetch(`${serving.s3}/`)
      return false
    } catch {
      return true
    }
  })
  undo()
  gate.open()
  const reply = await transfer
  t.ok(reply.whole)
  t.equal(reply.body.length, 8 * MIB)
  t.equal(reply.headers['connection'], 'close')
  const { code, stdout } = await serving.finished
  t.equal(code, 0)
  t.match(stdout, /"operation":"GetObject"[^\n]*"bytesOut":8388608[^\n]*"complete":true/, 'and its line was written')
})

t.test('a second signal ends what is left at once, and no cut answer looks whole', async (t) => {
  const { serving, orders } = await serve(t)
  const gate = new Gate()
  t.teardown(() => gate.open())
  t.teardown(installed.store.faults.add({ operation: 'GetObject', key: `${PREFIX}big`, action: { kind: 'hold', gate, at: 'answer' } }))
  const transfer = orders.send({ method: 'GET', key: 'big' }).then(
    ({ whole }) => whole,
    () => false
  )
  await gate.arrived()
  serving.kill('SIGTERM')
  await until('readiness is off', async () => (await page(`${serving.ops}/readyz`)).status === 503)
  // One that comes right after the first is taken for the same.
  const hurry = setInterval(() => serving.kill('SIGTERM'), 300)
  t.teardown(() => clearInterval(hurry))
  t.equal(await transfer, false)
  // A process that is about to exit hears no signal any more, and would be ended by it.
  clearInterval(hurry)
  t.equal((await serving.finished).code, 0)
})
