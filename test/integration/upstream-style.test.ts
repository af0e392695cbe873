import { DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { startSluice } from '../helpers/sluice.ts'

t.test('an upstream that takes virtual-hosted style alone is addressed by bucket and host', async (t) => {
  const sluice = await startSluice({
    adjust: (settings) => ({
      ...settings,
      accounts: settings.accounts.map((account) => ({
        ...account,
        pathStyle: false,
        endpoint: account.endpoint.replace('127.0.0.1', 'localhost')
      }))
    })
  })
  t.teardown(() => sluice.stop())
  const client = new S3Client({
    endpoint: sluice.s3,
    region: 'local',
    forcePathStyle: true,
    credentials: await sluice.session('shop/orders')
  })
  t.teardown(() => client.destroy())
  sluice.store.requests.clear()
  for (const tenant of Object.values(sluice.tenants)) {
    const Key = 'a b/ü+%.txt'
    await client.send(new PutObjectCommand({ Bucket: tenant, Key, Body: tenant }))
    const got = await client.send(new GetObjectCommand({ Bucket: tenant, Key }))
    t.equal(await got.Body?.transformToString(), tenant, `${tenant}: the bytes come back`)
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: tenant }))
    t.same(
      Contents?.map((object) => object.Key),
      [Key],
      `${tenant}: the key is the tenant's own`
    )
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket: tenant, Delete: { Objects: [{ Key }] } }))
    t.equal(Deleted?.length, 1, `${tenant}: a batch reaches the bucket itself`)
  }
  t.ok(sluice.store.requests.all.length >= 8, 'the upstream was asked')
  for (const { rawHeaders, rawTarget, bucket } of sluice.store.requests.all) {
    const host = rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'host') + 1] ?? ''
    t.ok(host.startsWith(`${bucket ?? '?'}.localhost:`), `${host}: the bucket stands in the host`)
    t.notOk(rawTarget.startsWith(`/${bucket ?? '?'}`), `${rawTarget}: and not in the path`)
  }
  t.same(sluice.store.failures, [], 'the store has met no bug of its own')
})
