import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { DEV_TENANTS } from '../../../proxy/cli/dev-proxy.ts'
import { startSluice, type TestSluice } from '../../helpers/sluice.ts'
import { settingsFor, SIGNING, startSidecar, stopSidecar } from './rig.ts'

const sluice = await startSluice({
  adjust: (settings) => ({
    ...settings,
    roles: settings.roles.map((role) => (role.name === 'app' ? { ...role, tenants: [DEV_TENANTS.shared] } : role))
  })
})
t.teardown(() => sluice.stop())
const { shared: TENANT, dedicated: OTHER_TENANT } = DEV_TENANTS
const sidecar = await startSidecar(sluice.folder, settingsFor(sluice, sluice.services['shop/orders'].tokenFile))
t.teardown(() => stopSidecar(sidecar))

const other = await directClient(sluice, 'shop/billing')
t.teardown(() => other.destroy())

async function directClient({ s3, session }: TestSluice, service: string): Promise<S3Client> {
  return new S3Client({ endpoint: s3, region: 'local', forcePathStyle: true, maxAttempts: 1, credentials: await session(service) })
}

const at = (Key: string, Bucket: string = TENANT) => ({ Bucket, Key })
const textOf = async (client: S3Client, Key: string): Promise<string> =>
  (await client.send(new GetObjectCommand(at(Key)))).Body?.transformToString() ?? ''

for (const [how, connect] of Object.entries(SIGNING)) {
  t.test(`requests that are ${how} act as the pod's service account: own objects`, { timeout: 60_000 }, async (t) => {
    const client = connect(sidecar.s3)
    t.teardown(() => client.destroy())
    const key = `own/${how}/ä+%2F 1`
    await client.send(
      new PutObjectCommand({ ...at(key), Body: 'hello', Tagging: 'colour=red', Metadata: { who: 'me' }, ContentType: 'text/x-a' })
    )
    t.equal(await textOf(client, key), 'hello')
    const head = await client.send(new HeadObjectCommand(at(key)))
    t.strictSame([head.ContentLength, head.Metadata, head.ContentType], [5, { who: 'me' }, 'text/x-a'])
    t.match(head.$metadata.requestId, /^[0-9A-F]{16}$/)
    t.strictSame((await client.send(new GetObjectTaggingCommand(at(key)))).TagSet, [{ Key: 'colour', Value: 'red' }])
    await client.send(new CopyObjectCommand({ ...at(`${key}.copy`), CopySource: encodeURI(`${TENANT}/${key}`).replaceAll('+', '%2B') }))
    t.equal(await textOf(client, `${key}.copy`), 'hello')
    const listed = await client.send(new ListObjectsV2Command({ Bucket: TENANT, Prefix: `own/${how}/` }))
    t.strictSame(
      listed.Contents?.map(({ Key }) => Key),
      [key, `${key}.copy`]
    )
    await multipart(t, client, `${key}.big`, key)
    await client.send(new DeleteObjectCommand(at(key)))
    await client.send(
      new DeleteObjectsCommand({ Bucket: TENANT, Delete: { Objects: [at(`${key}.copy`), at(`${key}.big`)].map(({ Key }) => ({ Key })) } })
    )
    t.equal((await client.send(new ListObjectsV2Command({ Bucket: TENANT, Prefix: `own/${how}/` }))).KeyCount, 0)
    t.strictSame(
      (await client.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name),
      []
    )
  })
}

async function multipart(t: Test, client: S3Client, key: string, source: string): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at(key)))
  const upload = { ...at(key), UploadId }
  const first = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024, 'x') }))
  const CopySource = encodeURI(`${TENANT}/${source}`).replaceAll('+', '%2B')
  const second = await client.send(new UploadPartCopyCommand({ ...upload, PartNumber: 2, CopySource }))
  t.strictSame(
    (await client.send(new ListMultipartUploadsCommand({ Bucket: TENANT }))).Uploads?.map(({ Key }) => Key),
    [key]
  )
  const Parts = [
    { PartNumber: 1, ETag: first.ETag },
    { PartNumber: 2, ETag: second.CopyPartResult?.ETag }
  ]
  await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
  t.equal((await client.send(new HeadObjectCommand(at(key)))).ContentLength, 5 * 1024 * 1024 + 5)
  const dropped = await client.send(new CreateMultipartUploadCommand(at(`${key}.never`)))
  await client.send(new AbortMultipartUploadCommand({ ...at(`${key}.never`), UploadId: dropped.UploadId }))
}

t.test("another service's objects and other tenants stay closed, whatever a request is signed with", async (t) => {
  await other.send(new PutObjectCommand({ ...at('of-billing'), Body: 'secret' }))
  const { UploadId } = await other.send(new CreateMultipartUploadCommand(at('of-billing.big')))
  for (const [how, connect] of Object.entries(SIGNING)) {
    const client = connect(sidecar.s3)
    t.teardown(() => client.destroy())
    const copies = { ...at('stolen'), CopySource: `${TENANT}/of-billing` }
    const denied = [
      new GetObjectCommand(at('of-billing')),
      new PutObjectCommand({ ...at('of-billing'), Body: 'mine' }),
      new DeleteObjectCommand(at('of-billing')),
      new CopyObjectCommand(copies),
      new GetObjectTaggingCommand(at('of-billing'))
    ]
    for (const command of denied)
      await t.rejects(client.send(command as GetObjectCommand), { name: 'AccessDenied' }, `${how}: ${command.constructor.name}`)
    await t.rejects(client.send(new AbortMultipartUploadCommand({ ...at('of-billing.big'), UploadId })), { name: 'NoSuchUpload' })
    t.equal(await textOf(other, 'of-billing'), 'secret', 'nothing was done to it')

    const before = sluice.store.requests.all.length
    const elsewhere = [
      new GetObjectCommand(at('a', OTHER_TENANT)),
      new PutObjectCommand({ ...at('a', OTHER_TENANT), Body: 'x' }),
      new DeleteObjectCommand(at('a', OTHER_TENANT)),
      new ListObjectsV2Command({ Bucket: OTHER_TENANT }),
      new CreateMultipartUploadCommand(at('a', OTHER_TENANT)),
      new CopyObjectCommand({ ...at('here'), CopySource: `${OTHER_TENANT}/a` })
    ]
    for (const command of elsewhere)
      await t.rejects(client.send(command as GetObjectCommand), { name: 'AccessDenied' }, `${how}: ${command.constructor.name}`)
    t.equal(sluice.store.requests.all.length, before, 'nothing went upstream')
  }
})
