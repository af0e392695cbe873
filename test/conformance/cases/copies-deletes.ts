import assert from 'node:assert/strict'
import { CopyObjectCommand, DeleteObjectsCommand, GetObjectTaggingCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expectRefusal, refused, type Bench, type Case } from '../case.ts'

async function copy(bench: Bench, source: string, headers: Record<string, string> = {}): ReturnType<Bench['raw']> {
  return bench.raw({ method: 'PUT', target: bench.path('copy'), headers: { 'x-amz-copy-source': source, ...headers } })
}

async function tagged(bench: Bench): Promise<void> {
  await bench.client.send(
    new PutObjectCommand({ ...bench.at('s'), Body: 'x', Metadata: { a: '1' }, Tagging: 't=1', ContentType: 'text/a' })
  )
}

/** CopyObject, DeleteObject and DeleteObjects. */
export const COPY_DELETE_CASES: readonly Case[] = [
  {
    id: 'copy-plain',
    title: 'a copy takes bytes, metadata, type and tags along',
    async run(bench) {
      await tagged(bench)
      await bench.client.send(new CopyObjectCommand({ ...bench.at('copy'), CopySource: `${bench.bucket}/${bench.key('s')}` }))
      const head = await bench.client.send(new HeadObjectCommand(bench.at('copy')))
      assert.deepEqual([head.Metadata, head.ContentType, head.TagCount], [{ a: '1' }, 'text/a', 1])
    }
  },
  {
    id: 'copy-replace',
    title: 'a copy with both directives REPLACE has only what it was given',
    async run(bench) {
      await tagged(bench)
      const replaced = { MetadataDirective: 'REPLACE', Metadata: { b: '2' }, TaggingDirective: 'REPLACE', Tagging: 'u=2' } as const
      await bench.client.send(new CopyObjectCommand({ ...bench.at('copy'), CopySource: `${bench.bucket}/${bench.key('s')}`, ...replaced }))
      const head = await bench.client.send(new HeadObjectCommand(bench.at('copy')))
      const tags = await bench.client.send(new GetObjectTaggingCommand(bench.at('copy')))
      assert.deepEqual([head.Metadata, tags.TagSet], [{ b: '2' }, [{ Key: 'u', Value: '2' }]])
    }
  },
  {
    id: 'copy-onto-itself',
    title: 'a copy onto itself that changes nothing is InvalidRequest',
    async run(bench) {
      await bench.put('copy', 'x')
      expectRefusal(await copy(bench, bench.path('copy')), 400, 'InvalidRequest')
    }
  },
  {
    id: 'copy-source-forms',
    title: 'a source may begin with a slash or not and may be percent-encoded throughout',
    async run(bench) {
      await bench.put('s', 'x')
      for (const source of [bench.path('s'), bench.path('s').slice(1), encodeURIComponent(bench.path('s').slice(1))]) {
        assert.equal((await copy(bench, source)).status, 200, source)
      }
    }
  },
  {
    id: 'copy-source-hash',
    title: 'a raw # belongs to the key of the source',
    async run(bench) {
      await bench.put('s%23x', 'hash')
      await bench.put('s', 'cut')
      assert.equal((await copy(bench, `${bench.path('s')}#x`)).status, 200)
      assert.equal((await bench.raw({ method: 'GET', target: bench.path('copy') })).text, 'hash')
    }
  },
  {
    id: 'copy-source-version-encoded',
    title: 'an encoded question mark belongs to the key of the source',
    async run(bench) {
      await bench.put('s%3FversionId%3Dnull', 'odd')
      assert.equal((await copy(bench, `${bench.path('s')}%3FversionId%3Dnull`)).status, 200)
      assert.equal((await bench.raw({ method: 'GET', target: bench.path('copy') })).text, 'odd')
    }
  },
  {
    id: 'copy-missing',
    title: 'a copy of a missing key is NoSuchKey',
    async run(bench) {
      expectRefusal(await copy(bench, bench.path('nothing')), 404, 'NoSuchKey')
    }
  },
  {
    id: 'delete-missing',
    title: 'deleting what is not there is a success',
    async run(bench) {
      assert.equal((await bench.raw({ method: 'DELETE', target: bench.path() })).status, 204)
    }
  },
  {
    id: 'delete-batch',
    title: 'a batch deletes what is there and calls the missing deleted too',
    async run(bench) {
      await bench.put('a', 'x')
      const answer = await bench.client.send(
        new DeleteObjectsCommand({ Bucket: bench.bucket, Delete: { Objects: [{ Key: bench.key('a') }, { Key: bench.key('none') }] } })
      )
      assert.deepEqual(answer.Deleted?.map(({ Key }) => Key).sort(), [bench.key('a'), bench.key('none')])
      assert.equal(await bench.status('a'), 404)
    }
  },
  {
    id: 'delete-batch-quiet',
    title: 'a quiet batch shows nothing that went well',
    async run(bench) {
      await bench.put('a', 'x')
      const answer = await bench.client.send(
        new DeleteObjectsCommand({ Bucket: bench.bucket, Delete: { Quiet: true, Objects: [{ Key: bench.key('a') }] } })
      )
      assert.deepEqual(answer.Deleted ?? [], [])
    }
  },
  {
    id: 'delete-batch-etag',
    title: 'a batch deletes a key with an ETag only if it is the right one',
    async run(bench) {
      await bench.put('a', 'x')
      const item = { Key: bench.key('a'), ETag: '"00000000000000000000000000000000"' }
      const answer = await bench.client.send(new DeleteObjectsCommand({ Bucket: bench.bucket, Delete: { Objects: [item] } }))
      assert.deepEqual(
        answer.Errors?.map(({ Code }) => Code),
        ['PreconditionFailed']
      )
      assert.equal(await bench.status('a'), 200)
    }
  },
  {
    id: 'delete-batch-one-path',
    title: 'a batch takes two keys that would be one path',
    async run(bench) {
      await bench.put('t/b', 'x')
      const objects = [{ Key: bench.key('t/./b') }, { Key: bench.key('t/b') }]
      await bench.client.send(new DeleteObjectsCommand({ Bucket: bench.bucket, Delete: { Objects: objects } }), {
        abortSignal: AbortSignal.timeout(3000)
      })
      assert.equal(await bench.status('t/b'), 404)
    }
  },
  {
    id: 'delete-batch-too-many',
    title: 'a batch above 1000 keys is MalformedXML',
    async run(bench) {
      const objects = Array.from({ length: 1001 }, (_, index) => ({ Key: bench.key(`k${index}`) }))
      await refused(
        bench.client.send(new DeleteObjectsCommand({ Bucket: bench.bucket, Delete: { Objects: objects } })),
        'MalformedXML',
        400
      )
    }
  },
  {
    id: 'delete-batch-unproven',
    title: 'a batch without Content-MD5 or checksum is InvalidRequest',
    async run(bench) {
      const body = `<Delete><Object><Key>${bench.key()}</Key></Object></Delete>`
      expectRefusal(await bench.raw({ method: 'POST', target: `/${bench.bucket}?delete`, body }), 400, 'InvalidRequest')
    }
  },
  {
    id: 'delete-batch-spaces',
    title: 'a batch does not trim keys',
    async run(bench) {
      await bench.put('%20x%20', 'x')
      await bench.put('x', 'x')
      await bench.client.send(new DeleteObjectsCommand({ Bucket: bench.bucket, Delete: { Objects: [{ Key: `${bench.prefix} x ` }] } }))
      assert.deepEqual([await bench.status('%20x%20'), await bench.status('x')], [404, 200])
    }
  }
]
