import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand
} from '@aws-sdk/client-s3'
import { fromTokenFile } from '@aws-sdk/credential-providers'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DEV_TENANTS, startDevProxy } from '../../../proxy/cli/dev-proxy.ts'
import { startDevUpstream } from '../../../proxy/dev/dev-upstream.ts'
import { startPostgres } from '../../helpers/postgres.ts'
import { minioBinary, NO_MINIO } from './minio-binary.ts'

const binary = minioBinary()
const { shared: TENANT, dedicated: OTHER } = DEV_TENANTS

t.test(
  'with scope: tenant every operation on own objects works, and a copy from one tenant to another goes through the proxy',
  { skip: binary === null && NO_MINIO, timeout: 90_000 },
  async (t) => {
    const { client, log, metrics } = await startProxy(t)
    const text = async (command: GetObjectCommand): Promise<string> => (await client.send(command)).Body?.transformToString() ?? ''
    const at = (Key: string, Bucket: string = TENANT) => ({ Bucket, Key })

    await client.send(new PutObjectCommand({ ...at('a'), Body: 'hello', Tagging: 'colour=red' }))
    t.equal(await text(new GetObjectCommand(at('a'))), 'hello')
    t.equal((await client.send(new HeadObjectCommand(at('a')))).ContentLength, 5)
    t.strictSame((await client.send(new GetObjectTaggingCommand(at('a')))).TagSet, [{ Key: 'colour', Value: 'red' }])
    await client.send(new PutObjectTaggingCommand({ ...at('a'), Tagging: { TagSet: [{ Key: 'colour', Value: 'blue' }] } }))
    t.equal((await client.send(new GetBucketVersioningCommand({ Bucket: TENANT }))).Status, undefined)
    await client.send(new CopyObjectCommand({ ...at('copy'), CopySource: `${TENANT}/a` }))
    await client.send(new CopyObjectCommand({ ...at('across', OTHER), CopySource: `${TENANT}/a` }))
    t.equal(await text(new GetObjectCommand(at('across', OTHER))), 'hello')

    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at('big', OTHER)))
    const upload = { ...at('big', OTHER), UploadId }
    const part = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024, 'x') }))
    const copied = await client.send(new UploadPartCopyCommand({ ...upload, PartNumber: 2, CopySource: `${TENANT}/a` }))
    t.equal((await client.send(new ListMultipartUploadsCommand({ Bucket: OTHER }))).Uploads?.length, 1)
    const Parts = [
      { PartNumber: 1, ETag: part.ETag },
      { PartNumber: 2, ETag: copied.CopyPartResult?.ETag }
    ]
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
    t.equal((await client.send(new HeadObjectCommand(at('big', OTHER)))).ContentLength, 5 * 1024 * 1024 + 5)
    const second = await client.send(new CreateMultipartUploadCommand(at('never')))
    await client.send(new AbortMultipartUploadCommand({ ...at('never'), UploadId: second.UploadId }))

    const keys = (await client.send(new ListObjectsV2Command({ Bucket: TENANT }))).Contents?.map(({ Key }) => Key)
    t.strictSame(keys, ['a', 'copy'])
    t.equal((await client.send(new ListObjectVersionsCommand({ Bucket: TENANT }))).Versions?.length, 2)
    await client.send(new DeleteObjectCommand(at('a')))
    await client.send(new DeleteObjectsCommand({ Bucket: TENANT, Delete: { Objects: [{ Key: 'copy' }] } }))
    t.equal((await client.send(new ListObjectsV2Command({ Bucket: TENANT }))).KeyCount, 0)

    t.match(await metrics(), /sluice_credentials_reloads_total\{account="main",result="loaded"\} 2\n/, 'one session for each tenant')
    t.notMatch(log(), 'could not be renewed')
  }
)

async function startProxy(t: Test) {
  const data = mkdtempSync(join(tmpdir(), 'sluice-scope-'))
  t.teardown(() => rmSync(data, { recursive: true, force: true }))
  const [postgres, upstream] = await Promise.all([startPostgres(), startDevUpstream({ store: 'minio', folder: data, minio: binary })])
  t.teardown(() => Promise.all([postgres.stop(), upstream.stop()]))
  const { runtimeUrl: database } = await postgres.createDatabase('scope')
  const logDestination = join(data, 'log')
  const proxy = await startDevProxy({
    ...{ s3Port: 0, opsPort: 0, data, database, upstream, logDestination },
    say: () => undefined,
    adjust: (settings) => ({ ...settings, accounts: settings.accounts.map((account) => ({ ...account, scope: 'tenant' })) })
  })
  t.teardown(() => proxy.stop())
  const { s3, ops, services } = proxy.summary
  const credentials = fromTokenFile({
    webIdentityTokenFile: services['shop/orders']?.tokenFile ?? '',
    roleArn: 'arn:aws:iam::000000000000:role/app',
    clientConfig: { endpoint: s3, region: 'local' }
  })
  const client = new S3Client({ endpoint: s3, region: 'local', forcePathStyle: true, credentials })
  t.teardown(() => client.destroy())
  return {
    client,
    log: () => readFileSync(logDestination, 'utf8'),
    metrics: async () => (await fetch(`${ops}/metrics`)).text()
  }
}
