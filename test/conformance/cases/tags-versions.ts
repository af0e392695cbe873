import assert from 'node:assert/strict'
import {
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand
} from '@aws-sdk/client-s3'
import { expectRefusal, refused, type Bench, type Case } from '../case.ts'

const versionedAt = (bench: Bench): { Bucket: string; Key: string } => ({ Bucket: bench.versioned, Key: bench.key() })

async function twoVersions(bench: Bench): Promise<[string, string]> {
  const first = await bench.client.send(new PutObjectCommand({ ...versionedAt(bench), Body: 'one', Tagging: 'n=1' }))
  const second = await bench.client.send(new PutObjectCommand({ ...versionedAt(bench), Body: 'two', Tagging: 'n=2' }))
  return [first.VersionId ?? '', second.VersionId ?? '']
}

const tagHeader = (count: number): string => Array.from({ length: count }, (_, index) => `k${index}=v`).join('&')

/** Tags, attributes and versions. */
export const TAG_VERSION_CASES: readonly Case[] = [
  {
    id: 'tags-roundtrip',
    title: 'tags are put, got and deleted as a set, and leave the ETag alone',
    async run(bench) {
      const etag = await bench.put('k', 'x')
      const TagSet = [{ Key: 'a b', Value: 'c+d/é' }]
      await bench.client.send(new PutObjectTaggingCommand({ ...bench.at(), Tagging: { TagSet } }))
      assert.deepEqual((await bench.client.send(new GetObjectTaggingCommand(bench.at()))).TagSet, TagSet)
      assert.equal((await bench.client.send(new HeadObjectCommand(bench.at()))).ETag, etag)
      await bench.client.send(new DeleteObjectTaggingCommand(bench.at()))
      assert.deepEqual((await bench.client.send(new GetObjectTaggingCommand(bench.at()))).TagSet, [])
    }
  },
  {
    id: 'tags-header-plus',
    title: 'a plus in x-amz-tagging is a space',
    async run(bench) {
      await bench.put('k', 'x', { 'x-amz-tagging': 'c=d+e&f=g%20h%2Bi' })
      assert.deepEqual((await bench.client.send(new GetObjectTaggingCommand(bench.at()))).TagSet, [
        { Key: 'c', Value: 'd e' },
        { Key: 'f', Value: 'g h+i' }
      ])
    }
  },
  {
    id: 'tags-eleven',
    title: 'eleven tags are BadRequest',
    async run(bench) {
      expectRefusal(
        await bench.raw({ method: 'PUT', target: bench.path(), headers: { 'x-amz-tagging': tagHeader(11) }, body: 'x' }),
        400,
        'BadRequest'
      )
    }
  },
  {
    id: 'tags-twice',
    title: 'one tag key twice is InvalidTag',
    async run(bench) {
      await bench.put('k', 'x')
      const TagSet = [1, 2].map((value) => ({ Key: 'a', Value: String(value) }))
      await refused(bench.client.send(new PutObjectTaggingCommand({ ...bench.at(), Tagging: { TagSet } })), 'InvalidTag', 400)
    }
  },
  {
    id: 'tags-missing-key',
    title: 'the tags of a missing key are NoSuchKey',
    async run(bench) {
      await refused(bench.client.send(new GetObjectTaggingCommand(bench.at())), 'NoSuchKey', 404)
    }
  },
  {
    id: 'tagging-count',
    title: 'the tag count is shown on reads, and absent at none',
    async run(bench) {
      await bench.put('k', 'x')
      assert.equal((await bench.raw({ method: 'HEAD', target: bench.path() })).headers.get('x-amz-tagging-count'), undefined)
      await bench.put('k', 'x', { 'x-amz-tagging': tagHeader(3) })
      assert.equal((await bench.raw({ method: 'GET', target: bench.path() })).headers.get('x-amz-tagging-count'), '3')
    }
  },
  {
    id: 'attributes',
    title: 'attributes show the ETag without quotes and the size',
    async run(bench) {
      const etag = await bench.put('k', 'hello')
      const got = await bench.client.send(new GetObjectAttributesCommand({ ...bench.at(), ObjectAttributes: ['ETag', 'ObjectSize'] }))
      assert.deepEqual([got.ETag, got.ObjectSize], [etag.replaceAll('"', ''), 5])
    }
  },
  {
    id: 'attributes-unknown',
    title: 'an unknown attribute is InvalidArgument',
    async run(bench) {
      await bench.put('k', 'x')
      const answer = await bench.raw({
        method: 'GET',
        target: `${bench.path()}?attributes`,
        headers: { 'x-amz-object-attributes': 'Color' }
      })
      expectRefusal(answer, 400, 'InvalidArgument')
    }
  },
  {
    id: 'versions-kept',
    title: 'each version keeps its bytes and tags, the newest is current',
    async run(bench) {
      const [first, second] = await twoVersions(bench)
      assert.notEqual(first, second)
      const old = await bench.client.send(new GetObjectCommand({ ...versionedAt(bench), VersionId: first }))
      assert.equal(await old.Body?.transformToString(), 'one')
      const tags = await bench.client.send(new GetObjectTaggingCommand({ ...versionedAt(bench), VersionId: first }))
      assert.deepEqual(tags.TagSet, [{ Key: 'n', Value: '1' }])
      assert.equal(await (await bench.client.send(new GetObjectCommand(versionedAt(bench)))).Body?.transformToString(), 'two')
    }
  },
  {
    id: 'delete-marker',
    title: 'a delete adds a marker that reads as 404, by its id as 405, and whose removal brings the object back',
    async run(bench) {
      await twoVersions(bench)
      const deleted = await bench.client.send(new DeleteObjectCommand(versionedAt(bench)))
      assert.equal(deleted.DeleteMarker, true)
      const target = `/${bench.versioned}/${bench.key()}`
      const gone = await bench.raw({ method: 'GET', target })
      expectRefusal(gone, 404, 'NoSuchKey')
      assert.equal(gone.headers.get('x-amz-delete-marker'), 'true')
      expectRefusal(await bench.raw({ method: 'GET', target: `${target}?versionId=${deleted.VersionId}` }), 405, 'MethodNotAllowed')
      await bench.client.send(new DeleteObjectCommand({ ...versionedAt(bench), VersionId: deleted.VersionId }))
      assert.equal((await bench.raw({ method: 'GET', target })).text, 'two')
    }
  },
  {
    id: 'delete-version',
    title: 'a delete by version removes that version alone',
    async run(bench) {
      const [first, second] = await twoVersions(bench)
      await bench.client.send(new DeleteObjectCommand({ ...versionedAt(bench), VersionId: second }))
      assert.equal(await (await bench.client.send(new GetObjectCommand(versionedAt(bench)))).Body?.transformToString(), 'one')
      const page = await bench.client.send(new ListObjectVersionsCommand({ Bucket: bench.versioned, Prefix: bench.prefix }))
      assert.deepEqual(
        page.Versions?.map(({ VersionId }) => VersionId),
        [first]
      )
    }
  },
  {
    id: 'versions-pages',
    title: 'pages of versions go on between two versions of one key',
    async run(bench) {
      const [first, second] = await twoVersions(bench)
      const ask = { Bucket: bench.versioned, Prefix: bench.prefix, MaxKeys: 1 }
      const page = await bench.client.send(new ListObjectVersionsCommand(ask))
      assert.deepEqual([page.Versions?.[0]?.VersionId, page.IsTruncated], [second, true])
      const rest = await bench.client.send(
        new ListObjectVersionsCommand({ ...ask, KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker })
      )
      assert.deepEqual([rest.Versions?.[0]?.VersionId, rest.IsTruncated], [first, false])
    }
  },
  {
    id: 'version-null',
    title: 'versionId=null names an object of a bucket without versioning',
    async run(bench) {
      await bench.put('k', 'x')
      assert.equal((await bench.raw({ method: 'GET', target: `${bench.path()}?versionId=null` })).status, 200)
    }
  },
  {
    id: 'version-unknown',
    title: 'an unknown version is NoSuchVersion',
    async run(bench) {
      await twoVersions(bench)
      const target = `/${bench.versioned}/${bench.key()}?versionId=9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d`
      expectRefusal(await bench.raw({ method: 'GET', target }), 404, 'NoSuchVersion')
    }
  },
  {
    id: 'version-empty',
    title: 'an empty version id is InvalidArgument',
    async run(bench) {
      await bench.put('k', 'x')
      expectRefusal(await bench.raw({ method: 'GET', target: `${bench.path()}?versionId=` }), 400, 'InvalidArgument')
    }
  }
]
