import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import type { Call } from './caller.ts'
import { beginUpload, completeXml, deleteXml, largePut, putPart, startSite, tagXml, type Site } from './site.ts'

const TIMEOUTS = { upstreamConnect: '1s', upstreamHead: '1s', upstreamSlowHead: '1s', leaseMargin: '1s', idle: '3s', ownerCache: '0s' }

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

const md5 = (text: string): string => createHash('md5').update(text).digest('base64')

interface Asked {
  readonly name: string
  readonly role?: 'admin'
  readonly call: Call
}

/** One request of every way that the proxy asks its upstream. */
async function requestsOf({ orders, sluice }: Site): Promise<readonly Asked[]> {
  await orders.send({ method: 'PUT', key: 'kept', body: 'kept bytes' })
  const uploadId = await beginUpload(orders, 'joined')
  const etag = await putPart(orders, { key: 'joined', uploadId, number: 1, body: 'part' })
  const batch = deleteXml(['kept'])
  return [
    { name: 'GetObject', call: { method: 'GET', key: 'kept' } },
    { name: 'GetObject of a range', call: { method: 'GET', key: 'kept', headers: { range: 'bytes=0-3' } } },
    { name: 'GetObject with a condition', call: { method: 'GET', key: 'kept', headers: { 'if-none-match': '"no"' } } },
    { name: 'HeadObject', call: { method: 'HEAD', key: 'kept' } },
    { name: 'GetObjectTagging', call: { method: 'GET', key: 'kept', query: { tagging: '' } } },
    {
      name: 'GetObjectAttributes',
      call: { method: 'GET', key: 'kept', query: { attributes: '' }, headers: { 'x-amz-object-attributes': 'ETag' } }
    },
    { name: 'ListObjectsV2', call: { method: 'GET', query: { 'list-type': '2' } } },
    { name: 'ListObjects', call: { method: 'GET' } },
    { name: 'ListObjectVersions', call: { method: 'GET', query: { versions: '' } } },
    { name: 'GetBucketVersioning', call: { method: 'GET', query: { versioning: '' } } },
    { name: 'PutObject of a new key', call: { method: 'PUT', key: 'new', body: 'new bytes' } },
    { name: 'PutObject over an own key', call: { method: 'PUT', key: 'kept', body: 'newer bytes' } },
    { name: 'PutObject of a body that flows', call: largePut('large', 2 * 1024 * 1024) },
    {
      name: 'CopyObject',
      call: { method: 'PUT', key: 'copied', headers: { 'x-amz-copy-source': `/${sluice.tenants.shared}/kept` } }
    },
    { name: 'PutObjectTagging', call: { method: 'PUT', key: 'kept', query: { tagging: '' }, body: tagXml('color', 'red') } },
    { name: 'DeleteObject', call: { method: 'DELETE', key: 'kept' } },
    { name: 'DeleteObjects', call: { method: 'POST', query: { delete: '' }, body: batch, headers: { 'content-md5': md5(batch) } } },
    { name: 'CreateMultipartUpload', call: { method: 'POST', key: 'begun', query: { uploads: '' } } },
    { name: 'UploadPart', call: { method: 'PUT', key: 'joined', query: { uploadId, partNumber: '2' }, body: 'part' } },
    { name: 'ListParts', call: { method: 'GET', key: 'joined', query: { uploadId } } },
    { name: 'CompleteMultipartUpload', call: { method: 'POST', key: 'joined', query: { uploadId }, body: completeXml([etag]) } },
    { name: 'AbortMultipartUpload', call: { method: 'DELETE', key: 'joined', query: { uploadId } } },
    { name: 'DeleteBucket', role: 'admin', call: { method: 'DELETE', bucket: 'empty-tenant' } }
  ]
}

/** An outage is a 503 that says to come again: never a denial, never a fault of the proxy. */
async function expectOutage(t: Test, { orders, admin }: Site, { name, role, call }: Asked, code = 'ServiceUnavailable'): Promise<void> {
  const reply = await (role === undefined ? orders : admin).send(call)
  // Where another request under way holds the lease of a key, the batch is refused whole.
  if (name === 'DeleteObjects' && reply.status !== 503) {
    t.equal(reply.status, 200, name)
    t.match(reply.text, new RegExp(`<Error><Key>kept</Key><Code>${code}</Code>`), name)
    return
  }
  t.equal(reply.status, 503, `${name}: ${reply.text}`)
  if (call.method !== 'HEAD') t.match(reply.code, new RegExp(`^${code}$`), name)
  t.equal(reply.headers['retry-after'], '1', name)
}

/** What the upstream answers to everything, and the code that clients get. */
const REFUSALS = [
  ['InternalError', 'ServiceUnavailable'],
  // A HEAD has no document that could tell one from the other; both ask the client to come again.
  ['ServiceUnavailable', '(?:ServiceUnavailable|SlowDown)'],
  ['SlowDown', '(?:SlowDown|ServiceUnavailable)'],
  ['InvalidAccessKeyId', 'ServiceUnavailable'],
  ['SignatureDoesNotMatch', 'ServiceUnavailable'],
  ['RequestTimeTooSkewed', 'ServiceUnavailable'],
  ['AccessDenied', 'ServiceUnavailable'],
  ['NoSuchBucket', 'ServiceUnavailable']
] as const

for (const provider of ['aws', 'minio'] as const) {
  t.test(`an outage of the upstream is 503 for every operation (${provider})`, async (t) => {
    const site = await startSite({ provider, postgres, timeouts: TIMEOUTS })
    t.teardown(() => site.stop())
    const asked = await requestsOf(site)
    for (const how of ['refused', 'silent'] as const) {
      await t.test(`where its connections are ${how}`, async (t) => {
        await site.relay.cut(how)
        const sources = asked.map((one) => (one.call.flow === undefined ? one : { ...one, call: largePut('large', 2 * 1024 * 1024) }))
        await Promise.all(sources.map((request) => expectOutage(t, site, request)))
        await site.relay.mend()
        const reply = await site.orders.send({ method: 'GET', key: 'kept' })
        t.equal(reply.text, 'kept bytes', 'and it works again as soon as the upstream does')
      })
    }
    await t.test('where it resets every connection', async (t) => {
      const undo = site.store.faults.add({ action: { kind: 'drop' } })
      for (const request of asked.filter(({ call }) => call.flow === undefined)) await expectOutage(t, site, request)
      undo()
    })
    for (const [refusal, code] of provider === 'aws' ? REFUSALS : REFUSALS.slice(0, 3)) {
      await t.test(`where it answers ${refusal} to everything, as ${code}`, async (t) => {
        const undo = site.store.faults.add({ action: { kind: 'refuse', code: refusal } })
        const judged = asked.filter(({ name, call }) => call.flow === undefined && !(refusal === 'NoSuchBucket' && name === 'DeleteBucket'))
        for (const request of judged) await expectOutage(t, site, request, code)
        undo()
      })
    }
    await t.test('and nothing of it was logged as a fault of the proxy', async (t) => {
      const lines = await site.sluice.requestLog()
      t.same(
        lines.filter(({ status }) => status === 500),
        []
      )
    })
  })
}
