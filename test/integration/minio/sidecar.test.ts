import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { startDevUpstream } from '../../../proxy/dev/dev-upstream.ts'
import { openDevIssuer } from '../../../proxy/dev/issuer.ts'
import { runSluice } from '../placement/process.ts'
import { SIGNING, startSidecar, stopSidecar } from '../sidecar/rig.ts'
import { minioBinary, NO_MINIO } from './minio-binary.ts'

const TENANT = 'tenant-one'
const OTHER = 'tenant-two'
const BUCKET = 'shared-bucket'
const OWNER = 'system:serviceaccount:shop:orders'

async function run(minio: string): Promise<void> {
  t.setTimeout(180_000)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sidecar-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const upstream = await startDevUpstream({ store: 'minio', folder, minio })
  t.teardown(() => upstream.stop())
  const credentials = { accessKeyId: upstream.accessKeyId, secretAccessKey: upstream.secretAccessKey }
  const root = new S3Client({ endpoint: upstream.endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  t.teardown(() => root.destroy())
  await root.send(new CreateBucketCommand({ Bucket: BUCKET }))
  await root.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${OTHER}/theirs`, Body: 'theirs' }))
  const issuer = await openDevIssuer({ folder, iss: 'https://issuer.test', now: () => new Date(), newId: randomUUID })
  const tokenFile = join(folder, 'token')
  await issuer.writeToken(tokenFile, { serviceAccount: 'shop/orders', audience: 'sluice', ttlSeconds: 3600 })
  const env = { ACCESS_KEY: upstream.accessKeyId, SECRET_KEY: upstream.secretAccessKey }
  const settings = {
    listen: { port: 0 },
    ops: { host: '127.0.0.1', port: 0 },
    account: {
      ...{ id: 'main', provider: 'minio', endpoint: upstream.endpoint, scope: 'tenant' },
      credentials: { accessKeyId: { env: 'ACCESS_KEY' }, secretAccessKey: { env: 'SECRET_KEY' } }
    },
    tenant: { id: TENANT, bucket: BUCKET },
    pod: { tokenFile, policies: ['editor'] }
  }
  const sidecar = await startSidecar(folder, settings, env)
  t.teardown(() => stopSidecar(sidecar))
  const at = (Key: string, Bucket: string = TENANT) => ({ Bucket, Key })
  const physical = (Key: string) => ({ Bucket: BUCKET, Key: `${TENANT}/${Key}` })

  for (const [how, connect] of Object.entries(SIGNING)) {
    await t.test(`straight to an account, requests that are ${how} are the pod's`, async (t) => {
      const client = connect(sidecar.s3)
      t.teardown(() => client.destroy())
      const key = `own ${how}`
      await client.send(new PutObjectCommand({ ...at(key), Body: 'hello', Tagging: 'colour=red' }))
      t.equal(await (await client.send(new GetObjectCommand(at(key)))).Body?.transformToString(), 'hello')
      const stored = await root.send(new HeadObjectCommand(physical(key)))
      t.equal(stored.Metadata?.['sluice-service'], OWNER, 'the mark is that of a central Sluice')
      t.strictSame((await client.send(new GetObjectTaggingCommand(at(key)))).TagSet, [{ Key: 'colour', Value: 'red' }])
      await client.send(new CopyObjectCommand({ ...at(`${key} copy`), CopySource: encodeURI(`${TENANT}/${key}`) }))
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(at(`${key} big`)))
      const upload = { ...at(`${key} big`), UploadId }
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: Buffer.alloc(6 * 1024 * 1024, 'x') }))
      await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }))
      const never = await client.send(new CreateMultipartUploadCommand(at('never')))
      await client.send(new AbortMultipartUploadCommand({ ...at('never'), UploadId: never.UploadId }))
      const listed = await client.send(new ListObjectsV2Command({ Bucket: TENANT, Prefix: key }))
      t.strictSame(listed.Contents?.map(({ Key }) => Key).sort(), [key, `${key} big`, `${key} copy`])
    })
  }

  await t.test('without a database, class B deletes and tag changes are 503, and open uploads are not listed', async (t) => {
    const client = SIGNING['not signed at all'](sidecar.s3)
    t.teardown(() => client.destroy())
    await client.send(new PutObjectCommand({ ...at('kept'), Body: 'x' }))
    const Tagging = { TagSet: [{ Key: 'a', Value: 'b' }] }
    for (const command of [new DeleteObjectCommand(at('kept')), new PutObjectTaggingCommand({ ...at('kept'), Tagging })])
      await t.rejects(client.send(command as DeleteObjectCommand), { name: /^(?:ServiceUnavailable|SlowDown)$/ }, command.constructor.name)
    const batch = client.send(new DeleteObjectsCommand({ Bucket: TENANT, Delete: { Objects: [{ Key: 'kept' }] } }))
    await t.rejects(batch, { name: /^(?:ServiceUnavailable|SlowDown)$/ })
    t.equal((await root.send(new HeadObjectCommand(physical('kept')))).ContentLength, 1, 'it is still there')
    await t.rejects(client.send(new ListMultipartUploadsCommand({ Bucket: TENANT })), { name: 'NotImplemented' })
  })

  await t.test('what belongs to another service, and every other tenant, stays closed', async (t) => {
    const client = SIGNING['signed with a key that nobody knows'](sidecar.s3)
    t.teardown(() => client.destroy())
    const Metadata = { 'sluice-service': 'system:serviceaccount:shop:billing' }
    await root.send(
      new PutObjectCommand({ ...physical('of-billing'), Body: 'x', Metadata, Tagging: `service=${Metadata['sluice-service']}` })
    )
    for (const command of [new GetObjectCommand(at('of-billing')), new PutObjectCommand({ ...at('of-billing'), Body: 'mine' })])
      await t.rejects(client.send(command as GetObjectCommand), { name: 'AccessDenied' })
    const elsewhere = [
      new GetObjectCommand(at('theirs', OTHER)),
      new PutObjectCommand({ ...at('theirs', OTHER), Body: 'x' }),
      new ListObjectsV2Command({ Bucket: OTHER }),
      new GetObjectCommand(at('a', BUCKET)),
      new CopyObjectCommand({ ...at('stolen'), CopySource: `${OTHER}/theirs` })
    ]
    for (const command of elsewhere)
      await t.rejects(client.send(command as GetObjectCommand), { name: 'AccessDenied' }, command.constructor.name)
    await t.rejects(client.send(new GetObjectCommand(at(`../${OTHER}/theirs`))), 'a dot segment leads nowhere')
    t.equal(await (await root.send(new GetObjectCommand(at(`${OTHER}/theirs`, BUCKET)))).Body?.transformToString(), 'theirs')
    const keys = (await root.send(new ListObjectsV2Command({ Bucket: BUCKET }))).Contents?.map(({ Key }) => Key ?? '') ?? []
    t.strictSame(
      keys.filter((key) => key.startsWith(OTHER)),
      [`${OTHER}/theirs`],
      'nothing was written there'
    )
    t.notOk(keys.includes(`${TENANT}/stolen`))
  })

  await t.test('a token that its issuer did not sign proves nothing where the issuer is configured', async (t) => {
    const stranger = await openDevIssuer({ folder: join(folder, 'stranger'), iss: issuer.iss, now: () => new Date(), newId: randomUUID })
    const known = { id: 'cluster', issuer: issuer.iss, jwks: { inline: JSON.stringify(issuer.jwks) }, audiences: ['sluice'], default: true }
    const forged = join(folder, 'forged')
    await stranger.writeToken(forged, { serviceAccount: 'shop/orders', audience: 'sluice', ttlSeconds: 3600 })
    for (const [file, isTaken] of [
      [tokenFile, true],
      [forged, false]
    ] as const) {
      const verifying = await startSidecar(folder, { ...settings, pod: { ...settings.pod, tokenFile: file, issuer: known } }, env)
      t.teardown(() => stopSidecar(verifying))
      const client = SIGNING['not signed at all'](verifying.s3)
      t.teardown(() => client.destroy())
      const put = client.send(new PutObjectCommand({ ...at(`verified ${isTaken}`), Body: 'x' }))
      await (isTaken ? t.resolves(put) : t.rejects(put, { name: 'ServiceUnavailable' }))
    }
    await t.rejects(root.send(new HeadObjectCommand(physical('verified false'))), { name: 'NotFound' })
  })

  await t.test('without scope: tenant it does not start, and says why', async (t) => {
    const config = join(folder, 'wide.yaml')
    writeFileSync(config, stringify({ ...settings, account: { ...settings.account, scope: 'account' } }))
    const { code, stderr } = await runSluice(['sidecar', '--config', config], { env })
    t.equal(code, 1)
    t.match(stderr, /account\.scope: must be tenant: whoever can run a process in the pod/)
  })
}

const binary = minioBinary()
if (binary === null) {
  t.pass('skipped', { skip: NO_MINIO })
  t.end()
} else {
  await run(binary)
}
