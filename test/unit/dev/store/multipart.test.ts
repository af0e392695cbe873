import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  HeadObjectCommand,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import { crc32 } from 'node:zlib'
import { test } from 'tap'
import { storeForTest, type TestStore } from './store-for-test.ts'

const AT = { Bucket: 'b', Key: 'k' }

interface Kind {
  readonly algorithm: 'CRC32' | 'SHA256'
  readonly type: 'FULL_OBJECT' | 'COMPOSITE'
}

async function uploaded({ client }: TestStore, { algorithm, type }: Kind, bodies: readonly string[]): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...AT, ChecksumAlgorithm: algorithm, ChecksumType: type }))
  const Parts = []
  for (const [index, Body] of bodies.entries()) {
    const part = await client.send(new UploadPartCommand({ ...AT, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm: algorithm }))
    Parts.push({ PartNumber: index + 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32, ChecksumSHA256: part.ChecksumSHA256 })
  }
  await client.send(new CompleteMultipartUploadCommand({ ...AT, UploadId, MultipartUpload: { Parts } }))
}

function crc(text: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return bytes.toString('base64')
}

test('a full-object checksum of an upload is that of its bytes', async (t) => {
  const one = await storeForTest(t, { limits: { partBytesMin: 1 } })
  await uploaded(one, { algorithm: 'CRC32', type: 'FULL_OBJECT' }, ['hello ', 'world'])
  const head = await one.client.send(new HeadObjectCommand({ ...AT, ChecksumMode: 'ENABLED' }))
  t.same([head.ChecksumCRC32, head.ChecksumType], [crc('hello world'), 'FULL_OBJECT'])
})

test('a composite checksum shows its parts in the attributes', async (t) => {
  const one = await storeForTest(t, { limits: { partBytesMin: 1 } })
  await uploaded(one, { algorithm: 'SHA256', type: 'COMPOSITE' }, ['hello ', 'world'])
  const got = await one.client.send(new GetObjectAttributesCommand({ ...AT, ObjectAttributes: ['Checksum', 'ObjectParts'] }))
  const digests = ['hello ', 'world'].map((text) => createHash('sha256').update(text).digest())
  t.equal(got.Checksum?.ChecksumSHA256, `${createHash('sha256').update(Buffer.concat(digests)).digest('base64')}-2`)
  t.same(
    got.ObjectParts?.Parts?.map(({ Size, ChecksumSHA256 }) => [Size, ChecksumSHA256]),
    digests.map((digest, index) => [[6, 5][index], digest.toString('base64')])
  )
})

test('the copy of an object of parts is one piece with the MD5 of its bytes as ETag', async (t) => {
  const one = await storeForTest(t, { limits: { partBytesMin: 1 } })
  await uploaded(one, { algorithm: 'CRC32', type: 'COMPOSITE' }, ['hello ', 'world'])
  await one.raw({ method: 'PUT', target: '/b/copy', headers: { 'x-amz-copy-source': '/b/k' } })
  const [copy] = one.store.objects('b').get('copy') ?? []
  t.equal(copy?.etag, `"${createHash('md5').update('hello world').digest('hex')}"`)
  t.equal(copy?.parts, null)
})

test('a copy of a source above the limit is InvalidRequest', async (t) => {
  const one = await storeForTest(t, { limits: { copyBytesMax: 4 } })
  await one.raw({ method: 'PUT', target: '/b/k', body: 'hello' })
  const copied = await one.raw({ method: 'PUT', target: '/b/copy', headers: { 'x-amz-copy-source': '/b/k' } })
  t.same([copied.status, copied.code], [400, 'InvalidRequest'])
})

test('an upload of another key is NoSuchUpload', async (t) => {
  const one = await storeForTest(t)
  const { UploadId } = await one.client.send(new CreateMultipartUploadCommand(AT))
  const answer = await one.raw({ method: 'PUT', target: `/b/other?partNumber=1&uploadId=${UploadId}`, body: 'x' })
  t.same([answer.status, answer.code], [404, 'NoSuchUpload'])
  t.same(one.store.openUploads('b'), [UploadId])
})

test('where parts must be equal, an upload with a longer middle part is refused', async (t) => {
  const one = await storeForTest(t, { provider: 'r2', limits: { partBytesMin: 1 } })
  await t.rejects(uploaded(one, { algorithm: 'CRC32', type: 'FULL_OBJECT' }, ['aa', 'bbb', 'c']), { name: 'InvalidPart' })
  await uploaded(one, { algorithm: 'CRC32', type: 'FULL_OBJECT' }, ['aa', 'bb', 'c'])
})

test('a put that replaces an object while it is read does not disturb the reader', async (t) => {
  const one = await storeForTest(t)
  const big = Buffer.alloc(20 * 1024 * 1024, 'a')
  await one.raw({ method: 'PUT', target: '/b/k', body: big })
  const reading = one.raw({ method: 'GET', target: '/b/k' })
  while (one.store.requests.of('GetObject')[0]?.effective !== true) await new Promise((resolve) => setImmediate(resolve))
  await one.raw({ method: 'PUT', target: '/b/k', body: 'new' })
  t.ok((await reading).body.equals(big))
})
