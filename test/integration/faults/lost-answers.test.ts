import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { Gate } from '../../../proxy/dev/store/faults.ts'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import type { Call, Caller, Reply } from './caller.ts'
import { beginUpload, completeXml, deleteXml, putPart, startSite, tagXml, type Site } from './site.ts'
import { until } from './until.ts'

const TIMEOUTS = { upstreamHead: '1s', upstreamSlowHead: '1s', leaseMargin: '1s', leaseWait: '200ms' }
const ORDERS = 'system:serviceaccount:shop:orders'

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

const md5 = (text: string): string => createHash('md5').update(text).digest('base64')

/** Sends once with the answer lost, then again as an SDK does. */
async function lost(site: Site, operation: string, call: Call): Promise<{ readonly first: Reply; readonly retry: Reply }> {
  const undo = site.store.faults.add({ operation, times: 1, action: { kind: 'loseAnswer' } })
  const first = await site.orders.send(call)
  undo()
  return { first, retry: await site.orders.send(call) }
}

/** The one object under a key of the tenant. */
async function stored(
  site: Site,
  key: string
): Promise<{ readonly body: string; readonly tag: string | undefined; readonly mark: string | undefined } | null> {
  const [current] = site.store.objects(site.bucket).get(site.prefix + key) ?? []
  if (current === undefined || current.isMarker) return null
  return { body: (await current.read()).toString(), tag: current.tags.get('service'), mark: current.metadata.get('sluice-service') }
}

const own = (body: string): object => ({ body, tag: ORDERS, mark: ORDERS })

async function put(caller: Caller, key: string, body: string): Promise<void> {
  const { status, text } = await caller.send({ method: 'PUT', key, body })
  if (status !== 200) throw new Error(`a put was answered ${status}: ${text}`)
}

async function expectRetried(t: Test, replies: { first: Reply; retry: Reply }, status = 200): Promise<void> {
  t.equal(replies.first.status, 503, replies.first.text)
  t.equal(replies.first.code, 'ServiceUnavailable')
  t.equal(replies.retry.status, status, replies.retry.text)
}

for (const provider of ['aws', 'minio'] as const) {
  t.test(`after a lost answer the client's retry ends as on AWS (${provider})`, async (t) => {
    const site = await startSite({ provider, postgres, timeouts: TIMEOUTS })
    t.teardown(() => site.stop())
    const { orders, billing, store } = site

    await t.test('of a put of a new key', async (t) => {
      await expectRetried(t, await lost(site, 'PutObject', { method: 'PUT', key: 'new', body: 'once' }))
      t.same(await stored(site, 'new'), own('once'))
    })
    await t.test('of a put over an own key', async (t) => {
      await put(orders, 'over', 'before')
      await expectRetried(t, await lost(site, 'PutObject', { method: 'PUT', key: 'over', body: 'after' }))
      t.same(await stored(site, 'over'), own('after'))
    })
    await t.test('of a put that wanted the key absent: it is told that somebody was there, as AWS tells', async (t) => {
      const replies = await lost(site, 'PutObject', { method: 'PUT', key: 'first', body: 'mine', headers: { 'if-none-match': '*' } })
      await expectRetried(t, replies, 412)
      t.same(await stored(site, 'first'), own('mine'))
    })
    await t.test('of a copy', async (t) => {
      await put(orders, 'source', 'copied bytes')
      const headers = { 'x-amz-copy-source': `/${site.sluice.tenants.shared}/source` }
      const operation = provider === 'aws' ? 'CopyObject' : 'PutObject'
      await expectRetried(t, await lost(site, operation, { method: 'PUT', key: 'copy', headers }))
      t.same(await stored(site, 'copy'), own('copied bytes'))
    })
    await t.test('of the beginning, a part and the completion of an upload', async (t) => {
      await expectRetried(t, await lost(site, 'CreateMultipartUpload', { method: 'POST', key: 'joined', query: { uploads: '' } }))
      const uploadId = await beginUpload(orders, 'joined')
      await expectRetried(
        t,
        await lost(site, 'UploadPart', { method: 'PUT', key: 'joined', query: { uploadId, partNumber: '1' }, body: 'part' })
      )
      const etag = await putPart(orders, { key: 'joined', uploadId, number: 1, body: 'part' })
      const call: Call = { method: 'POST', key: 'joined', query: { uploadId }, body: completeXml([etag]) }
      const replies = await lost(site, 'CompleteMultipartUpload', call)
      await expectRetried(t, replies)
      t.match(replies.retry.text, /<CompleteMultipartUploadResult/)
      t.same(await stored(site, 'joined'), own('part'))
    })
    await t.test('of a delete', async (t) => {
      await put(orders, 'gone', 'bytes')
      await expectRetried(t, await lost(site, 'DeleteObject', { method: 'DELETE', key: 'gone' }), 204)
      t.equal(await stored(site, 'gone'), null)
    })
    await t.test('of a batch of deletes', async (t) => {
      await put(orders, 'batched', 'bytes')
      const body = deleteXml(['batched'])
      const { first, retry } = await lost(site, 'DeleteObjects', {
        method: 'POST',
        query: { delete: '' },
        body,
        headers: { 'content-md5': md5(body) }
      })
      t.match(first.text, /<Error><Key>batched<\/Key><Code>ServiceUnavailable<\/Code>/)
      t.match(retry.text, /<Deleted><Key>batched<\/Key><\/Deleted>/)
      t.equal(await stored(site, 'batched'), null)
    })
    await t.test('of a change of tags', async (t) => {
      await put(orders, 'tagged', 'bytes')
      const call: Call = { method: 'PUT', key: 'tagged', query: { tagging: '' }, body: tagXml('color', 'red') }
      await expectRetried(t, await lost(site, 'PutObjectTagging', call))
      if (provider === 'minio')
        t.equal((await orders.send({ method: 'DELETE', key: 'tagged' })).code, 'SlowDown', 'the first may still come')
      t.match(await stored(site, 'tagged'), own('bytes'))
    })
    await t.test('and another service still gets nothing of any of them', async (t) => {
      for (const key of ['new', 'over', 'copy', 'joined', 'tagged'])
        t.equal((await billing.send({ method: 'GET', key })).code, 'AccessDenied')
    })
    await t.test('and nothing failed inside the store', (t) => {
      t.same(store.failures, [])
      t.end()
    })
  })
}

t.test('a delete of unknown outcome leaves its lease: until it is over deletes of the key only look', async (t) => {
  const site = await startSite({ provider: 'minio', postgres, timeouts: TIMEOUTS })
  t.teardown(() => site.stop())
  const { orders, billing, store } = site
  await put(orders, 'late', 'first')
  const gate = new Gate()
  const undo = store.faults.add({ operation: 'DeleteObject', times: 1, action: { kind: 'late', gate } })
  t.equal((await orders.send({ method: 'DELETE', key: 'late' })).status, 503, 'no answer within the time allowed')
  undo()
  const deletes = store.requests.of('DeleteObject').length
  t.equal((await orders.send({ method: 'DELETE', key: 'late' })).code, 'SlowDown', 'it is still there, and may go at any time')
  t.equal((await billing.send({ method: 'DELETE', key: 'late' })).code, 'AccessDenied', 'it is still the first service’s')
  t.equal((await orders.send({ method: 'PUT', key: 'late', query: { tagging: '' }, body: tagXml('a', 'b') })).code, 'SlowDown')
  t.equal((await orders.send({ method: 'GET', key: 'late' })).text, 'first', 'reads go on')
  gate.open()
  await until('the late delete took effect', async () => (await stored(site, 'late')) === null)
  t.equal((await orders.send({ method: 'DELETE', key: 'late' })).status, 204, 'absent is answered as deleted')
  t.equal((await billing.send({ method: 'PUT', key: 'late', body: 'second' })).status, 200, 'writes take no lease')
  t.equal((await billing.send({ method: 'DELETE', key: 'late' })).code, 'SlowDown')
  t.equal(store.requests.of('DeleteObject').length, deletes, 'no delete was sent meanwhile')
  await until('the lease has expired', async () => (await billing.send({ method: 'DELETE', key: 'late' })).status === 204)
  t.equal(store.requests.of('DeleteObject').length, deletes + 1)
})
