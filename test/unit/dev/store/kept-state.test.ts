import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { startStore, type Store } from '../../../../proxy/dev/store/start-store.ts'
import { sendRaw, type RawAnswer, type RawAsk } from '../../../conformance/raw-request.ts'

/** The two bytes of ü as a header carries them. */
const UE = Buffer.from('ü').toString('latin1')

const credentials = { accessKeyId: 'store-key', secretAccessKey: 'store-secret' }

async function open(directory: string): Promise<{ store: Store; raw: (ask: RawAsk) => Promise<RawAnswer> }> {
  const store = await startStore({
    provider: 'aws',
    credentials,
    region: 'r',
    host: '127.0.0.1',
    port: 0,
    now: () => new Date(),
    directory,
    limits: { partBytesMin: 1 }
  })
  return { store, raw: (ask) => sendRaw({ endpoint: store.endpoint, region: 'r', ...credentials }, ask) }
}

/** Stores one of everything, closes, and opens again. */
async function reopened(t: Test): Promise<{ store: Store; raw: (ask: RawAsk) => Promise<RawAnswer>; uploadId: string; directory: string }> {
  let last: Store | null = null
  // What is registered before the folder is called before it is removed: nothing writes into it by then.
  t.teardown(() => last?.close())
  const directory = t.testdir({})
  const before = await open(directory)
  before.store.createBucket('b', { versioning: 'Enabled' })
  const headers = { 'x-amz-meta-a': UE, 'x-amz-tagging': 't=1', 'content-type': 'text/a', 'x-amz-checksum-crc32': 'NhCmhg==' }
  await before.raw({ method: 'PUT', target: '/b/%20k', body: 'hello', headers })
  await before.raw({ method: 'PUT', target: '/b/%20k', body: 'newer' })
  await before.raw({ method: 'PUT', target: '/b/gone', body: 'gone' })
  await before.raw({ method: 'PUT', target: '/b/empty', body: '' })
  await before.raw({ method: 'DELETE', target: '/b/gone' })
  await before.raw({ method: 'PUT', target: '/b/copy', headers: { 'x-amz-copy-source': '/b/%20k' } })
  const [, uploadId = ''] = /<UploadId>([^<]*)</.exec((await before.raw({ method: 'POST', target: '/b/mp?uploads' })).text) ?? []
  await before.raw({ method: 'PUT', target: `/b/mp?partNumber=1&uploadId=${uploadId}`, body: 'part one ' })
  await before.store.close()
  const after = await open(directory)
  last = after.store
  return { ...after, uploadId, directory }
}

test('a store with a directory has everything again after a restart', async (t) => {
  const { store } = await reopened(t)
  const objects = store.objects('b')
  t.same([...objects.keys()], [' k', 'copy', 'empty', 'gone'])
  const [newer, old] = objects.get(' k') ?? []
  t.same([(await newer?.read())?.toString(), (await old?.read())?.toString()], ['newer', 'hello'])
  t.same([[...(old?.tags ?? [])], [...(old?.metadata ?? [])], old?.system.get('content-type')], [[['t', '1']], [['a', UE]], 'text/a'])
  t.equal((await objects.get('copy')?.[0]?.read())?.toString(), 'newer')
  t.same(
    objects.get('gone')?.map(({ isMarker }) => isMarker),
    [true, false]
  )
})

test('an upload goes on after a restart', async (t) => {
  const { raw, store, uploadId } = await reopened(t)
  const two = await raw({ method: 'PUT', target: `/b/mp?partNumber=2&uploadId=${uploadId}`, body: 'part two' })
  const parts = [...(await raw({ method: 'GET', target: `/b/mp?uploadId=${uploadId}` })).text.matchAll(/<ETag>([^<]*)</g)].map(
    ([, etag]) => etag
  )
  t.equal(parts.length, 2)
  const body = parts.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('')
  const done = await raw({
    method: 'POST',
    target: `/b/mp?uploadId=${uploadId}`,
    body: `<CompleteMultipartUpload>${body}</CompleteMultipartUpload>`
  })
  t.equal(done.status, 200, done.text)
  t.match(two.headers.get('etag'), /"[0-9a-f]{32}"/)
  t.equal((await store.objects('b').get('mp')?.[0]?.read())?.toString(), 'part one part two')
})

test('files that no object names are removed at the start, and a shared file stays until its last object goes', async (t) => {
  const { store, raw, directory } = await reopened(t)
  const files = (): string[] => readdirSync(join(directory, 'bytes'))
  const [newer] = store.objects('b').get(' k') ?? []
  t.equal(files().length, 4, 'hello, newer (twice), gone and the part')
  await raw({ method: 'DELETE', target: `/b/%20k?versionId=${newer?.versionId}` })
  t.equal((await store.objects('b').get('copy')?.[0]?.read())?.toString(), 'newer')
  await store.close()
  writeFileSync(join(directory, 'bytes', 'left-behind'), 'x')
  const again = await open(directory)
  t.teardown(() => again.store.close())
  t.notOk(files().includes('left-behind'))
  t.equal((await again.store.objects('b').get('copy')?.[0]?.read())?.toString(), 'newer')
})

test('a deleted bucket stays deleted after a restart', async (t) => {
  const directory = t.testdir({})
  const before = await open(directory)
  before.store.createBucket('first')
  before.store.createBucket('second')
  await before.raw({ method: 'DELETE', target: '/first' })
  await before.store.close()
  const after = await open(directory)
  t.teardown(() => after.store.close())
  t.same(after.store.bucketNames(), ['second'])
})
