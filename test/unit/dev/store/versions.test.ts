import { test } from 'tap'
import { storeForTest, type TestStore } from './store-for-test.ts'

const ids = ({ store }: TestStore): (readonly [string, boolean])[] =>
  (store.objects('b').get('k') ?? []).map(({ versionId, isMarker }) => [versionId === 'null' ? 'null' : 'id', isMarker])

test('with versioning suspended a write replaces the null version and keeps the others', async (t) => {
  const one = await storeForTest(t)
  const put = (body: string): Promise<unknown> => one.raw({ method: 'PUT', target: '/b/k', body })
  await put('before versioning')
  one.store.createBucket('b', { versioning: 'Enabled' })
  await put('kept')
  t.same(ids(one), [
    ['id', false],
    ['null', false]
  ])
  one.store.createBucket('b', { versioning: 'Suspended' })
  await put('new null')
  t.same(ids(one), [
    ['null', false],
    ['id', false]
  ])
  await one.raw({ method: 'DELETE', target: '/b/k' })
  t.same(
    ids(one),
    [
      ['null', true],
      ['id', false]
    ],
    'a delete puts a null marker in the place of the null version'
  )
  t.equal((await one.raw({ method: 'GET', target: '/b/k' })).status, 404)
})

test('tags belong to their version', async (t) => {
  const one = await storeForTest(t)
  one.store.createBucket('b', { versioning: 'Enabled' })
  await one.raw({ method: 'PUT', target: '/b/k', body: 'one', headers: { 'x-amz-tagging': 'n=1' } })
  await one.raw({ method: 'PUT', target: '/b/k', body: 'two' })
  const [second, first] = one.store.objects('b').get('k') ?? []
  const Tagging = '<Tagging><TagSet><Tag><Key>n</Key><Value>9</Value></Tag></TagSet></Tagging>'
  await one.raw({ method: 'PUT', target: `/b/k?tagging&versionId=${first?.versionId}`, body: Tagging })
  t.same(
    one.store
      .objects('b')
      .get('k')
      ?.map(({ tags }) => [...tags]),
    [[], [['n', '9']]]
  )
  t.equal(one.store.objects('b').get('k')?.[0]?.versionId, second?.versionId)
})

test('a copy of a version copies that version', async (t) => {
  const one = await storeForTest(t)
  one.store.createBucket('b', { versioning: 'Enabled' })
  for (const body of ['one', 'two']) await one.raw({ method: 'PUT', target: '/b/k', body })
  const oldest = one.store.objects('b').get('k')?.at(-1)
  const copied = await one.raw({
    method: 'PUT',
    target: '/b/copy',
    headers: { 'x-amz-copy-source': `/b/k?versionId=${oldest?.versionId}` }
  })
  t.equal(copied.headers.get('x-amz-copy-source-version-id'), oldest?.versionId)
  t.equal((await one.store.objects('b').get('copy')?.[0]?.read())?.toString(), 'one')
})
