import { createHash } from 'node:crypto'
import t from 'tap'
import { createPlacementFeed } from '../../../proxy/database/listen.ts'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { startSluice } from '../../helpers/sluice.ts'
import { callerOf, type Call } from './caller.ts'
import { beginUpload, completeXml, deleteXml, largePut, putPart, startSite, tagXml, type Site } from './site.ts'
import { until } from './until.ts'

const TIMEOUTS = { leaseWait: '500ms' }

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

const md5 = (text: string): string => createHash('md5').update(text).digest('base64')

interface Asked {
  readonly name: string
  readonly call: Call
  readonly as?: 'admin'
  /** The status while Postgres is down, for classes A and B. */
  readonly aws: number
  readonly minio: number
  /** The status once it is back; that of class A where left out. */
  readonly after?: number
}

async function requestsOf({ orders, sluice }: Site): Promise<readonly Asked[]> {
  for (const key of ['kept', 'doomed', 'batched']) await orders.send({ method: 'PUT', key, body: 'bytes' })
  const uploadId = await beginUpload(orders, 'joined')
  const etag = await putPart(orders, { key: 'joined', uploadId, number: 1, body: 'part' })
  const batch = deleteXml(['batched'])
  const memory = { aws: 200, minio: 200 }
  return [
    { name: 'GetObject', call: { method: 'GET', key: 'kept' }, ...memory },
    { name: 'HeadObject', call: { method: 'HEAD', key: 'kept' }, ...memory },
    { name: 'GetObjectTagging', call: { method: 'GET', key: 'kept', query: { tagging: '' } }, ...memory },
    { name: 'ListObjectsV2', call: { method: 'GET', query: { 'list-type': '2' } }, ...memory },
    { name: 'ListBuckets', call: { method: 'GET', bucket: null }, ...memory },
    { name: 'PutObject', call: { method: 'PUT', key: 'new', body: 'bytes' }, ...memory },
    { name: 'PutObject over an own key', call: { method: 'PUT', key: 'kept', body: 'bytes' }, ...memory },
    {
      name: 'CopyObject',
      call: { method: 'PUT', key: 'copy', headers: { 'x-amz-copy-source': `/${sluice.tenants.shared}/kept` } },
      ...memory
    },
    { name: 'CreateMultipartUpload', call: { method: 'POST', key: 'begun', query: { uploads: '' } }, ...memory },
    { name: 'UploadPart', call: { method: 'PUT', key: 'joined', query: { uploadId, partNumber: '2' }, body: 'part' }, ...memory },
    { name: 'CompleteMultipartUpload', call: { method: 'POST', key: 'joined', query: { uploadId }, body: completeXml([etag]) }, ...memory },
    { name: 'HeadBucket', call: { method: 'HEAD' }, ...memory },
    {
      name: 'a tenant of its own place',
      call: { method: 'GET', bucket: sluice.tenants.dedicated, query: { 'list-type': '2' } },
      ...memory
    },
    { name: 'DeleteObject', call: { method: 'DELETE', key: 'doomed' }, aws: 204, minio: 503 },
    {
      name: 'DeleteObjects',
      call: { method: 'POST', query: { delete: '' }, body: batch, headers: { 'content-md5': md5(batch) } },
      aws: 200,
      minio: 503
    },
    {
      name: 'PutObjectTagging',
      call: { method: 'PUT', key: 'kept', query: { tagging: '' }, body: tagXml('a', 'b') },
      aws: 200,
      minio: 503
    },
    { name: 'DeleteObjectTagging', call: { method: 'DELETE', key: 'kept', query: { tagging: '' } }, aws: 204, minio: 503 },
    { name: 'CreateBucket', as: 'admin', call: { method: 'PUT', bucket: 'new-tenant' }, aws: 503, minio: 503, after: 200 },
    { name: 'DeleteBucket', as: 'admin', call: { method: 'DELETE', bucket: 'new-tenant' }, aws: 503, minio: 503, after: 204 },
    { name: 'ListMultipartUploads', call: { method: 'GET', query: { uploads: '' } }, aws: 503, minio: 503, after: 200 }
  ]
}

for (const provider of ['aws', 'minio'] as const) {
  t.test(`without Postgres requests are served from memory, except what needs it (${provider})`, async (t) => {
    const site = await startSite({ provider, postgres, timeouts: TIMEOUTS })
    t.teardown(() => site.stop())
    const asked = await requestsOf(site)
    await postgres.pause()
    for (const { name, as, call, ...status } of asked) {
      const reply = await site[as ?? 'orders'].send(call)
      t.equal(reply.status, status[provider], `${name}: ${reply.text}`)
      if (status[provider] === 503) t.equal(reply.code, 'ServiceUnavailable', name)
    }
    t.equal((await site.orders.send(largePut('large', 2 * 1024 * 1024))).status, 200)
    t.equal((await site.billing.send({ method: 'GET', key: 'kept' })).code, 'AccessDenied', 'and ownership holds')
    const late = await callerOf(site.sluice, 'shop/orders')
    t.equal((await late.send({ method: 'GET', key: 'kept' })).status, 200, 'new sessions are given')
    late.stop()
    t.equal((await fetch(`${site.sluice.ops}/readyz`)).status, 200, 'and it stays ready: a restart would not bring Postgres back')

    await postgres.resume()
    for (const { name, as, call, aws, after = aws } of asked.filter((request) => request[provider] === 503)) {
      await until(`${name} works again`, async () => (await site[as ?? 'orders'].send(call)).status === after)
    }
    await until('the ledger tells of the upload that was begun meanwhile', async () =>
      /<Key>begun<\/Key>/.test((await site.orders.send({ method: 'GET', query: { uploads: '' } })).text)
    )
    const lines = await site.sluice.requestLog()
    t.same(
      lines.filter(({ status }) => status === 500),
      [],
      'nothing was answered 500'
    )
  })
}

// The poll comes every 30 s, longer than anything here waits: what is seen came by notification.
t.test('a tenant’s new place holds at once when it changes in Postgres', async (t) => {
  const sluice = await startSluice({ postgres })
  const caller = await callerOf(sluice, 'shop/orders')
  t.teardown(async () => {
    caller.stop()
    await sluice.stop()
  })
  sluice.store.createBucket('of-its-own')
  const admin = sluice.database.asAdmin()
  const place = (tenant: string): Promise<unknown> =>
    admin`SELECT sluice.give_place(${tenant}, 'main', 'of-its-own', ${`${tenant}/`}, NULL, NULL, NULL)`
  const lands = async (tenant: string): Promise<boolean> => {
    await caller.send({ method: 'PUT', bucket: tenant, key: 'k', body: tenant })
    return sluice.store.objects('of-its-own').has(`${tenant}/k`)
  }
  await t.test('by its notification', async (t) => {
    t.notOk(await lands('one-tenant'))
    await place('one-tenant')
    await until('it lives in its own bucket', () => lands('one-tenant'))
  })
  await t.test('also after the connection that listens was killed', async (t) => {
    const [killed] = await admin`SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'sluice' AND query ILIKE 'listen%'`
    t.equal(killed?.['count'], 1)
    await until('it listens again', async () => {
      const [row] = await admin`SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'sluice' AND query ILIKE 'listen%'`
      return row?.['count'] === 1
    })
    t.notOk(await lands('two-tenant'))
    await place('two-tenant')
    await until('it lives in its own bucket', () => lands('two-tenant'))
  })
  await t.test('and all connections killed at once cost no request', async (t) => {
    await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sluice'`
    t.ok(await lands('two-tenant'))
    await until('changes arrive again', async () => {
      await place('three-tenant')
      return lands('three-tenant')
    })
  })
})

t.test('a change whose reading fails is read again soon, and not when the next poll comes', async (t) => {
  let version = '1'
  let isDown = false
  let hint: (text: string) => void = () => undefined
  const applied: string[] = []
  const faults: string[] = []
  const listener = {
    listen: (_channel: string, onMessage: typeof hint, onListen: () => void) => {
      hint = onMessage
      onListen()
      return Promise.resolve()
    },
    end: () => Promise.resolve()
  }
  const feed = createPlacementFeed({
    openListener: () => listener as never,
    load: () => Promise.resolve({ version, assignments: [], tenants: [] }),
    version: () => (isDown ? Promise.reject(new Error('no connection')) : Promise.resolve(version)),
    notify: (text) => Promise.resolve(hint(text)),
    apply: (snapshot) => void applied.push(snapshot.version),
    pollMs: 3_600_000,
    retryMs: 5,
    id: 'one',
    now: () => new Date(),
    onFault: (what) => void faults.push(what)
  })
  t.teardown(() => feed.close())
  feed.start()
  await until('the first snapshot is there', () => applied.includes('1'))
  isDown = true
  version = '2'
  hint('assignments 2')
  await until('it could not be read', () => faults.length > 0)
  isDown = false
  await until('it is read all the same', () => applied.includes('2'))
})
