import { test } from 'tap'
import { behaviorOf, PROVIDERS, type Honor, type ProviderName } from '../../../../proxy/dev/store/behavior.ts'
import { Gate } from '../../../../proxy/dev/store/faults.ts'
import type { RawAnswer } from '../../../conformance/raw-request.ts'
import { storeForTest, type TestStore } from './store-for-test.ts'

type Row = readonly [put: Honor, complete: Honor, copy: Honor, remove: Honor, tagHeader: Honor]

// What §1 of the provider survey says, written out so that a slip in the table shows.
const ROWS: Readonly<Record<ProviderName, Row>> = {
  aws: ['honored', 'honored', 'honored', 'honored', 'honored'],
  minio: ['honored', 'honored', 'ignored', 'ignored', 'honored'],
  r2: ['honored', 'honored', 'ignored', 'ignored', 'refused'],
  gcs: ['ignored', 'ignored', 'ignored', 'ignored', 'refused'],
  b2: ['refused', 'refused', 'refused', 'ignored', 'refused'],
  wasabi: ['ignored', 'ignored', 'ignored', 'ignored', 'honored'],
  spaces: ['honored', 'ignored', 'ignored', 'ignored', 'honored'],
  hetzner: ['honored', 'ignored', 'ignored', 'ignored', 'refused'],
  tigris: ['honored', 'honored', 'ignored', 'ignored', 'honored'],
  ceph: ['honored', 'honored', 'honored', 'honored', 'honored'],
  seaweedfs: ['honored', 'honored', 'honored', 'honored', 'honored'],
  rustfs: ['honored', 'honored', 'ignored', 'ignored', 'honored'],
  versitygw: ['honored', 'honored', 'ignored', 'honored', 'honored'],
  garage: ['ignored', 'ignored', 'ignored', 'ignored', 'ignored']
}

const STATUS: Readonly<Record<Honor, number>> = { honored: 412, ignored: 200, refused: 501 }
const OTHER = '"00000000000000000000000000000000"'

async function complete({ raw }: TestStore, headers: Record<string, string>): Promise<RawAnswer> {
  const [, id] = /<UploadId>([^<]*)</.exec((await raw({ method: 'POST', target: '/b/k?uploads' })).text) ?? []
  const part = await raw({ method: 'PUT', target: `/b/k?partNumber=1&uploadId=${id}`, body: 'x' })
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.get('etag')}</ETag></Part></CompleteMultipartUpload>`
  return raw({ method: 'POST', target: `/b/k?uploadId=${id}`, headers, body })
}

for (const provider of PROVIDERS) {
  test(`${provider} honors, ignores and refuses conditions and tags as its row says`, async (t) => {
    const one = await storeForTest(t, { provider })
    const [put, completing, copy, remove, tagHeader] = ROWS[provider]
    const none = { 'if-none-match': '*' }
    await one.raw({ method: 'PUT', target: '/b/k', body: 'old' })
    await one.raw({ method: 'PUT', target: '/b/s', body: 'source' })
    const body = async (): Promise<string> => (await one.store.objects('b').get('k')?.[0]?.read())?.toString() ?? 'absent'
    t.equal((await complete(one, none)).status, STATUS[completing], 'complete')
    t.equal(
      (await one.raw({ method: 'PUT', target: '/b/k', headers: { ...none, 'x-amz-copy-source': '/b/s' } })).status,
      STATUS[copy],
      'copy'
    )
    t.equal((await one.raw({ method: 'PUT', target: '/b/k', headers: none, body: 'new' })).status, STATUS[put], 'put')
    const [first] = [completing, copy, put]
      .map((honor, index) => (honor === 'ignored' ? ['x', 'source', 'new'][index] : null))
      .reverse()
      .filter((text) => text !== null)
    t.equal(await body(), first ?? 'old', 'the last write that ignored its condition is what stands')
    const removed = await one.raw({ method: 'DELETE', target: '/b/k', headers: { 'if-match': OTHER } })
    t.equal(removed.status, remove === 'ignored' ? 204 : STATUS[remove], 'delete')
    const tagged = await one.raw({ method: 'PUT', target: '/b/t', headers: { 'x-amz-tagging': 'a=1' }, body: 'x' })
    t.equal(tagged.status, tagHeader === 'refused' ? 501 : 200, 'tag header')
    if (tagHeader === 'honored') t.same([...(one.store.objects('b').get('t')?.[0]?.tags ?? [])], [['a', '1']])
    if (tagHeader === 'ignored') t.same([...(one.store.objects('b').get('t')?.[0]?.tags ?? [])], [])
  })
}

test('where conditions are judged before the body, two writers can both pass', async (t) => {
  const one = await storeForTest(t, { provider: 'versitygw' })
  const gate = new Gate()
  one.store.faults.add({ operation: 'PutObject', action: { kind: 'hold', gate, at: 'effect' } })
  const answers = ['a', 'b'].map((body) => one.raw({ method: 'PUT', target: '/b/k', headers: { 'if-none-match': '*' }, body }))
  await gate.arrived(2)
  gate.open()
  t.same(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200]
  )
})

test('a single answer of a row can be replaced', async (t) => {
  const one = await storeForTest(t, { provider: 'aws', behavior: { uniqueEtags: true } })
  const etags = [await one.raw({ method: 'PUT', target: '/b/k', body: 'x' }), await one.raw({ method: 'PUT', target: '/b/k', body: 'x' })]
  t.not(etags[0]?.headers.get('etag'), etags[1]?.headers.get('etag'))
  t.equal(behaviorOf('aws').uniqueEtags, false)
})

const WITHOUT_TAGS = PROVIDERS.filter((provider) => behaviorOf(provider).tagging === 'refused')

for (const provider of WITHOUT_TAGS) {
  test(`${provider} refuses the tagging sub-resource, and DELETE of it deletes nothing`, async (t) => {
    const one = await storeForTest(t, { provider })
    await one.raw({ method: 'PUT', target: '/b/k', body: 'x' })
    for (const method of ['GET', 'DELETE']) t.equal((await one.raw({ method, target: '/b/k?tagging' })).status, 501)
    t.equal(one.store.objects('b').size, 1)
  })
}
