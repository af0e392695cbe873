import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { randomInt } from 'node:crypto'
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Gate } from '../../../proxy/dev/store/faults.ts'
import { until } from '../faults/until.ts'
import { presign } from './presign.ts'
import { BUCKET, OTHER_TENANT, startSite, TENANT, type Reply, type Site, type SiteOptions } from './site.ts'

/** A site where the role `app` serves two tenants, and `brief` one of them. */
async function limited(t: Test, { tenant = {}, bucketLimits = {}, cutStreams = false }: Record<string, object | boolean>): Promise<Site> {
  const adjust: SiteOptions['adjust'] = (settings) => ({
    ...settings,
    limits: { tenant },
    revocation: { cutStreams },
    accounts: settings.accounts.map((account) => ({ ...account, bucketLimits })),
    roles: settings.roles.map((role) => (role.name === 'app' ? { ...role, tenants: [TENANT, OTHER_TENANT] } : role))
  })
  const site = await startSite({ adjust })
  t.teardown(() => site.stop())
  return site
}

interface Order {
  readonly method?: string
  readonly tenant?: string
  readonly key?: string
  readonly body?: string | Buffer
  readonly role?: string
  /** Instead of one that is made of the rest. */
  readonly target?: string
}

function targetOf(site: Site, { method = 'GET', tenant = TENANT, key = 'k', role = 'app' }: Order): string {
  const credentials = site.session({ role, ...(role === 'app' ? {} : { subject: 'system:serviceaccount:shop:orders' }) })
  return presign({ method, host: site.host, path: `/${tenant}/${key}`, credentials, at: site.now() })
}

const call = (site: Site, order: Order = {}): Promise<Reply> =>
  site.send({
    method: order.method ?? 'GET',
    target: targetOf(site, order),
    ...(order.body === undefined ? {} : { body: order.body })
  })

const put = (site: Site, tenant: string, key = 'k', body: string | Buffer = 'content'): Promise<Reply> =>
  call(site, { method: 'PUT', tenant, key, body })

/** A request that the test ends itself. */
function open(site: Site, order: Order, length?: number): { readonly request: ClientRequest; readonly answer: Promise<IncomingMessage> } {
  const [hostname = '', port = ''] = site.host.split(':')
  const headers = length === undefined ? {} : { 'content-length': String(length) }
  const request = httpRequest({
    ...{ hostname, port, method: order.method ?? 'GET', path: order.target ?? targetOf(site, order), agent: false, setHost: false },
    headers: { host: site.host, ...headers }
  })
  const answer = new Promise<IncomingMessage>((resolve, reject) => request.once('response', resolve).once('error', reject))
  answer.catch(() => undefined)
  return { request, answer }
}

const metric = async (site: Site, limit: string): Promise<number> => {
  const page = await (await fetch(`${site.opsUrl}/metrics`)).text()
  return Number(new RegExp(`^sluice_limited_requests_total\\{limit="${limit}"\\} (\\d+)`, 'm').exec(page)?.[1] ?? 0)
}

const idle = (site: Site): Promise<void> => until('no request is under way', () => site.load?.requestsUnderWay === 0)

/** Fails unless the request is told to slow down and nothing of it reached the store; gives the seconds it is to wait. */
async function slowedDown(t: Test, site: Site, order: Order, why: string): Promise<number> {
  const before = site.reached()
  const reply = await call(site, order)
  t.equal(reply.status, 503, why)
  if (order.method !== 'HEAD') t.equal(reply.code, 'SlowDown')
  t.equal(site.reached(), before, 'nothing reaches the upstream')
  const seconds = Number(reply.headers['retry-after'])
  t.ok(Number.isInteger(seconds) && seconds >= 1, `Retry-After: ${seconds}`)
  return seconds
}

t.test('a tenant with all its requests under way is told to slow down, and its neighbour is served', async (t) => {
  const site = await limited(t, { tenant: { requestsMax: 2 } })
  for (const tenant of [TENANT, OTHER_TENANT]) t.equal((await put(site, tenant)).status, 200)
  const gate = new Gate()
  const undo = site.store.faults.add({ operation: 'GetObject', key: `${TENANT}/k`, action: { kind: 'hold', gate, at: 'arrival' } })
  const [first, second] = [call(site), call(site)]
  await gate.arrived(2)
  t.equal(await slowedDown(t, site, {}, 'the third'), 1)
  t.equal(await slowedDown(t, site, { method: 'PUT', key: 'new', body: 'x'.repeat(100_000) }, 'a write too'), 1)
  t.notOk(site.store.objects(BUCKET).has(`${TENANT}/new`))
  for (let time = 0; time < 3; time++) t.equal((await call(site, { tenant: OTHER_TENANT })).body, 'content')
  gate.open()
  undo()
  t.same([(await first).status, (await second).status], [200, 200])
  t.equal((await call(site)).status, 200, 'a place is free again')
  t.match(await site.log(), /"reason":"over limits\.tenant\.requestsMax; retry after 1 s"/)
  t.equal(await metric(site, 'tenant-concurrency'), 2)
  await idle(site)
})

t.test('a tenant is served as often as its rate says, and the time it is told to wait is true', async (t) => {
  const site = await limited(t, { tenant: { requestsPerSecond: 1, requestsBurst: 4 } })
  t.equal((await put(site, TENANT)).status, 200)
  t.equal((await put(site, OTHER_TENANT)).status, 200)
  const [began, before] = [performance.now(), site.reached()]
  const replies = await Promise.all(Array.from({ length: 12 }, () => call(site)))
  const served = replies.filter(({ status }) => status === 200)
  const refused = replies.filter(({ status }) => status === 503)
  t.ok(served.length >= 3 && served.length <= 4 + (performance.now() - began) / 1000, `${served.length} are served`)
  t.equal(served.length + refused.length, 12)
  t.ok(refused.every(({ code, headers }) => code === 'SlowDown' && headers['retry-after'] === '1'))
  const reached = site.reached() - before
  t.ok(reached >= served.length && reached <= 2 * served.length, 'a read is one request upstream or two, a refusal is none')
  t.equal((await call(site, { tenant: OTHER_TENANT })).status, 200)
  await sleep(1000)
  t.equal((await call(site)).status, 200)
  t.equal(await metric(site, 'tenant-requests'), refused.length)
  await idle(site)
})

t.test('whom nobody knows, or who may not, uses up nothing of a tenant’s', async (t) => {
  const site = await limited(t, { tenant: { requestsPerSecond: 1, requestsBurst: 6 } })
  t.equal((await put(site, OTHER_TENANT)).status, 200)
  const before = site.reached()
  const target = targetOf(site, { tenant: OTHER_TENANT })
  for (let time = 0; time < 20; time++) {
    t.equal((await site.send({ method: 'GET', target: `/${OTHER_TENANT}/k` })).code, 'AccessDenied', 'without signature')
    t.equal(
      (await site.send({ method: 'GET', target: target.replace(/.$/, (last) => (last === '0' ? '1' : '0')) })).code,
      'SignatureDoesNotMatch'
    )
    t.equal((await call(site, { tenant: OTHER_TENANT, role: 'brief' })).code, 'AccessDenied', 'a role without the tenant')
    t.equal((await call(site, { tenant: TENANT, role: 'no-urls' })).code, 'AccessDenied', 'policy says no')
  }
  t.equal(site.reached(), before)
  for (const tenant of [OTHER_TENANT, TENANT]) {
    const replies = await Promise.all(Array.from({ length: 5 }, () => call(site, { tenant })))
    t.ok(
      replies.every(({ status }) => status !== 503),
      `all tokens of ${tenant} are there`
    )
  }
})

t.test('a tenant that moved too many bytes waits until they are paid for, even while they still flow', async (t) => {
  const site = await limited(t, { tenant: { bytesPerSecond: '128KiB', bytesBurst: '1MiB' } })
  t.equal((await put(site, OTHER_TENANT)).status, 200)
  const length = 4 * 1024 * 1024
  const upload = open(site, { method: 'PUT', key: 'large' }, length)
  upload.request.write(Buffer.alloc(length / 2))
  await until('the tenant is slowed down while it uploads', async () => (await call(site, { key: 'none' })).status === 503)
  upload.request.end(Buffer.alloc(length / 2))
  t.equal((await upload.answer).statusCode, 200, 'what is under way goes on')
  await idle(site)
  const seconds = await slowedDown(t, site, { key: 'large' }, 'a read')
  t.ok(seconds > 14 && seconds <= 25, `3 MiB at 128 KiB a second: ${seconds} s`)
  t.equal((await call(site, { tenant: OTHER_TENANT })).status, 200)
  t.match(await site.log(), /"reason":"over limits\.tenant\.bytesPerSecond/)
})

t.test('bytes of answers count as well', async (t) => {
  const site = await limited(t, { tenant: { bytesPerSecond: '64KiB', bytesBurst: '1MiB' } })
  t.equal((await put(site, TENANT, 'large', Buffer.alloc(900 * 1024))).status, 200)
  const reads = Array.from({ length: 2 }, () => call(site, { key: 'large' }))
  t.same(
    (await Promise.all(reads)).map(({ status }) => status),
    [200, 200],
    'both began while some was left'
  )
  await idle(site)
  t.ok((await slowedDown(t, site, { key: 'large', method: 'HEAD' }, 'the third')) >= 10)
})

t.test('tenants of one bucket share what it takes', async (t) => {
  const site = await limited(t, { bucketLimits: { requestsPerSecond: 1, requestsBurst: 20 } })
  t.equal((await put(site, TENANT)).status, 200)
  for (let served = 0; served < 30; served++) if ((await call(site)).status !== 200) break
  await slowedDown(t, site, { tenant: OTHER_TENANT }, 'the neighbour in the same bucket')
  t.equal(
    (
      await site.send({
        method: 'HEAD',
        target: presign({ method: 'HEAD', host: site.host, path: `/${TENANT}`, credentials: site.session(), at: site.now() })
      })
    ).status,
    200,
    'what asks no upstream is answered'
  )
  t.ok(site.reached() < 30, 'the bucket saw no more than its burst, what came in, and the second request of a read')
  t.match(await site.log(), /"reason":"over bucketLimits\.requestsPerSecond of the account/)
  t.ok((await metric(site, 'bucket-requests')) >= 2)
})

t.test('an XML body that is announced as too large is refused before a byte of it came', async (t) => {
  const site = await limited(t, {})
  const before = site.reached()
  for (const [query, length] of [
    ['uploadId', 4 * 1024 * 1024 + 1],
    ['tagging', 2 * 1024 * 1024 + 1]
  ] as const) {
    const method = query === 'tagging' ? 'PUT' : 'POST'
    const parameters = [[query, query === 'tagging' ? '' : 'any']] as const
    const target = presign({
      method,
      host: site.host,
      path: `/${TENANT}/k`,
      query: parameters,
      credentials: site.session(),
      at: site.now()
    })
    const { request, answer } = open(site, { method, target }, length)
    request.flushHeaders()
    const refusal = await answer
    const document = (await refusal.toArray()).join('')
    t.equal(refusal.statusCode, 400)
    t.match(document, /<Code>MalformedXML</, query)
    request.destroy()
  }
  t.equal(site.reached(), before)
})

t.test('an SDK that is told to slow down tries again and succeeds', async (t) => {
  const site = await limited(t, { tenant: { requestsPerSecond: 4, requestsBurst: 2 } })
  const { accessKeyId, secretAccessKey, sessionToken } = site.session()
  const client = new S3Client({
    ...{ endpoint: `http://${site.host}`, region: 'local', forcePathStyle: true, maxAttempts: 8 },
    credentials: { accessKeyId, secretAccessKey, sessionToken }
  })
  t.teardown(() => client.destroy())
  await client.send(new PutObjectCommand({ Bucket: TENANT, Key: 'k', Body: 'content' }))
  for (let time = 0; time < 5; time++) {
    await client.send(new HeadObjectCommand({ Bucket: TENANT, Key: 'k' }))
    const { Body } = await client.send(new GetObjectCommand({ Bucket: TENANT, Key: 'k' }))
    t.equal(await Body?.transformToString(), 'content')
  }
  t.ok((await metric(site, 'tenant-requests')) > 0, 'it was told')
  await idle(site)
})

t.test('a place comes back however a request ends', async (t) => {
  const site = await limited(t, { tenant: { requestsMax: 1, bytesPerSecond: '1GiB' }, cutStreams: true })
  t.equal((await put(site, TENANT)).status, 200)
  t.equal((await put(site, TENANT, 'large', Buffer.alloc(8 * 1024 * 1024))).status, 200)
  const free = async (why: string): Promise<void> => {
    await until(`a place is free after ${why}`, async () => (await call(site)).status === 200)
    await idle(site)
  }
  const held = async (action: () => void, request: Order, why: string): Promise<void> => {
    const gate = new Gate()
    const undo = site.store.faults.add({ action: { kind: 'hold', gate, at: 'arrival' } })
    const one = open(site, request, request.body?.length)
    one.request.end(request.body)
    await gate.arrived(1)
    t.equal(site.load?.requestsUnderWay, 1)
    if (why === 'abort') one.request.destroy()
    else action()
    undo()
    gate.open()
    await free(why)
  }
  await held(() => undefined, {}, 'abort')
  await held(() => undefined, { method: 'PUT', key: 'other', body: 'x' }, 'abort')
  for (const action of [
    { kind: 'drop' },
    { kind: 'loseAnswer' },
    { kind: 'truncate', bytes: 2 },
    { kind: 'refuse', code: 'InternalError' }
  ] as const) {
    const undo = site.store.faults.add({ action })
    for (const order of [{}, { method: 'PUT', key: 'b', body: 'x' }, { method: 'HEAD' }]) await call(site, order).catch(() => undefined)
    undo()
    await free(action.kind)
  }
  t.equal((await call(site, { key: 'none' })).code, 'NoSuchKey')
  await free('a refusal')
  const large = open(site, { key: 'large' })
  large.request.end()
  ;(await large.answer).once('data', () => large.request.destroy()).on('error', () => undefined)
  await free('half an answer')
  const half = open(site, { method: 'PUT', key: 'half' }, 4 * 1024 * 1024)
  half.request.write(Buffer.alloc(100_000))
  await until('the upload is under way', () => site.load?.requestsUnderWay === 1)
  half.request.destroy()
  await free('half a body')
  const running = open(site, { method: 'PUT', key: 'cut' }, 4 * 1024 * 1024)
  running.request.write(Buffer.alloc(100_000))
  await until('the upload is under way', () => site.load?.requestsUnderWay === 1)
  site.revoke([
    { kind: 'subject', value: 'system:serviceaccount:shop:orders', issuer: 'test', expiresAt: new Date(Date.now() + 60_000) } as never
  ])
  await t.rejects(running.answer, 'the caller is cut')
  site.revoke([])
  await free('a cut')
})

t.test('after ten thousand requests at random no place is lost', { timeout: 600_000 }, async (t) => {
  const site = await limited(t, {
    tenant: { requestsMax: 12, requestsPerSecond: 1_000_000, bytesPerSecond: '100GiB' },
    bucketLimits: { requestsPerSecond: 1_000_000 }
  })
  for (const tenant of [TENANT, OTHER_TENANT]) await put(site, tenant)
  await put(site, TENANT, 'large', Buffer.alloc(1024 * 1024))
  let seen = 0
  const nth = (every: number) => (): boolean => ++seen % every === 0
  site.store.faults.add({ where: nth(41), action: { kind: 'drop' } })
  site.store.faults.add({ where: nth(53), action: { kind: 'truncate', bytes: 1 } })
  site.store.faults.add({ where: nth(67), action: { kind: 'loseAnswer' } })
  const agent = new Agent({ keepAlive: true, maxSockets: 40 })
  const [hostname = '', port = ''] = site.host.split(':')
  const kinds: readonly Order[] = [
    ...[{}, { tenant: OTHER_TENANT }, { key: 'none' }, { method: 'HEAD' }, { key: 'large' }, { method: 'PUT', key: 'p', body: 'small' }],
    ...[{ tenant: OTHER_TENANT, role: 'brief' }, { role: 'no-urls' }, { method: 'DELETE', key: 'p' }, { tenant: 'not_valid' }]
  ]
  const targets = kinds.map((order) => targetOf(site, order))
  const statuses = new Map<number, number>()
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const which = randomInt(kinds.length)
      const { method = 'GET', body } = kinds[which] ?? {}
      const isGivenUp = randomInt(8) === 0
      const done = (status: number): void => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        resolve()
      }
      const headers = { host: site.host, ...(body === undefined ? {} : { 'content-length': String(body.length + (isGivenUp ? 9 : 0)) }) }
      const request = httpRequest({ agent, hostname, port, method, path: targets[which] ?? '', headers, setHost: false }, (answer) => {
        answer.on('error', () => undefined).once('close', () => done(answer.statusCode ?? 0))
        answer.resume()
      })
      request.once('error', () => done(0))
      if (body !== undefined && isGivenUp) request.write(body)
      else request.end(body)
      if (isGivenUp) setTimeout(() => request.destroy(), randomInt(6))
    })
  let left = 10_000
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      while (left-- > 0) await one()
    })
  )
  agent.destroy()
  t.comment(JSON.stringify([...statuses]))
  for (const status of [200, 403, 404, 503]) t.ok((statuses.get(status) ?? 0) > 0, `${status} was among the answers`)
  t.ok((await metric(site, 'tenant-concurrency')) > 0, 'the limit was reached')
  await idle(site)
  const gate = new Gate()
  const free = await limitedAgain(site, gate)
  t.equal(free, 12, 'every place is there')
})

/** How many requests of the tenant are under way at once when none is answered. */
async function limitedAgain(site: Site, gate: Gate): Promise<number> {
  site.store.faults.clear()
  site.store.faults.add({ operation: 'GetObject', action: { kind: 'hold', gate, at: 'arrival' } })
  let refused = 0
  const replies = Array.from({ length: 30 }, async () => {
    const reply = await call(site)
    if (reply.status === 503) refused += 1
    return reply
  })
  await until('all that are not admitted are refused', () => refused === 18)
  gate.open()
  return (await Promise.all(replies)).filter(({ status }) => status === 200).length
}
