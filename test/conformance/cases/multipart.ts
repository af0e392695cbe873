import assert from 'node:assert/strict'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type CompletedPart
} from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { expectRefusal, refused, type Bench, type Case } from '../case.ts'

const PART = Buffer.alloc(5 * 1024 * 1024, 'p')

async function create(bench: Bench, name = 'k'): Promise<string> {
  const created = await bench.client.send(new CreateMultipartUploadCommand({ ...bench.at(name), Tagging: 't=1', Metadata: { m: '1' } }))
  return created.UploadId ?? ''
}

async function part(bench: Bench, UploadId: string, PartNumber: number, Body: Uint8Array | string): Promise<CompletedPart> {
  const { ETag } = await bench.client.send(new UploadPartCommand({ ...bench.at(), UploadId, PartNumber, Body }))
  return { ETag: ETag ?? '', PartNumber }
}

function complete(
  bench: Bench,
  UploadId: string,
  Parts: CompletedPart[],
  rest: { IfNoneMatch?: string } = {}
): Promise<{ ETag?: string | undefined }> {
  return bench.client.send(new CompleteMultipartUploadCommand({ ...bench.at(), UploadId, MultipartUpload: { Parts }, ...rest }))
}

/** Multipart uploads. */
export const MULTIPART_CASES: readonly Case[] = [
  {
    id: 'multipart-whole',
    title: 'parts become one object with the tags and metadata of its upload, readable by part',
    async run(bench) {
      const id = await create(bench)
      const done = await complete(bench, id, [await part(bench, id, 1, PART), await part(bench, id, 2, 'tail')])
      assert.match(done.ETag ?? '', /^"[0-9a-f]{32}-2"$/)
      const head = await bench.client.send(new HeadObjectCommand({ ...bench.at(), PartNumber: 2 }))
      assert.deepEqual([head.ContentLength, head.PartsCount, head.Metadata], [4, 2, { m: '1' }])
      assert.deepEqual((await bench.client.send(new GetObjectTaggingCommand(bench.at()))).TagSet, [{ Key: 't', Value: '1' }])
      const across = await bench.raw({ method: 'GET', target: bench.path(), headers: { range: `bytes=${PART.length - 2}-` } })
      assert.equal(across.text, 'pptail')
    }
  },
  {
    id: 'part-number-plain',
    title: 'part 1 of a plain object is 206, part 2 is InvalidPartNumber',
    async run(bench) {
      await bench.put('k', 'hello')
      const first = await bench.raw({ method: 'GET', target: `${bench.path()}?partNumber=1` })
      assert.deepEqual([first.status, first.headers.get('content-range')], [206, 'bytes 0-4/5'])
      assert.equal(first.headers.get('x-amz-mp-parts-count'), undefined)
      expectRefusal(await bench.raw({ method: 'GET', target: `${bench.path()}?partNumber=2` }), 416, 'InvalidPartNumber')
    }
  },
  {
    id: 'part-number-range',
    title: 'part number and range together are InvalidRequest',
    async run(bench) {
      await bench.put('k', 'hello')
      const answer = await bench.raw({ method: 'GET', target: `${bench.path()}?partNumber=1`, headers: { range: 'bytes=0-1' } })
      expectRefusal(answer, 400, 'InvalidRequest')
    }
  },
  {
    id: 'complete-twice',
    title: 'completing an upload twice is answered twice alike',
    async run(bench) {
      const id = await create(bench)
      const parts = [await part(bench, id, 1, 'only')]
      const first = await complete(bench, id, parts)
      assert.equal((await complete(bench, id, parts)).ETag, first.ETag)
    }
  },
  {
    id: 'complete-none-match',
    title: 'a complete with If-None-Match: * does not overwrite and leaves the upload open',
    async run(bench) {
      await bench.put('k', 'old')
      const id = await create(bench)
      const parts = [await part(bench, id, 1, 'only')]
      await refused(complete(bench, id, parts, { IfNoneMatch: '*' }), 'PreconditionFailed', 412)
      assert.equal((await bench.raw({ method: 'GET', target: bench.path() })).text, 'old')
      await complete(bench, id, parts)
    }
  },
  {
    id: 'complete-order',
    title: 'parts out of order are InvalidPartOrder',
    async run(bench) {
      const id = await create(bench)
      const parts = [await part(bench, id, 2, 'b'), await part(bench, id, 1, PART)]
      await refused(complete(bench, id, parts), 'InvalidPartOrder', 400)
    }
  },
  {
    id: 'complete-small',
    title: 'a part below 5 MiB that is not the last is EntityTooSmall',
    async run(bench) {
      const id = await create(bench)
      const parts = [await part(bench, id, 1, 'small'), await part(bench, id, 2, 'b')]
      await refused(complete(bench, id, parts), 'EntityTooSmall', 400)
    }
  },
  {
    id: 'complete-wrong-etag',
    title: 'a part with another ETag is InvalidPart',
    async run(bench) {
      const id = await create(bench)
      await part(bench, id, 1, 'a')
      await refused(complete(bench, id, [{ PartNumber: 1, ETag: '"00000000000000000000000000000000"' }]), 'InvalidPart', 400)
    }
  },
  {
    id: 'complete-none',
    title: 'completing without parts is MalformedXML',
    async run(bench) {
      const id = await create(bench)
      const target = `${bench.path()}?uploadId=${encodeURIComponent(id)}`
      expectRefusal(
        await bench.raw({ method: 'POST', target, body: '<CompleteMultipartUpload></CompleteMultipartUpload>' }),
        400,
        'MalformedXML'
      )
    }
  },
  {
    id: 'abort',
    title: 'an aborted upload is NoSuchUpload',
    async run(bench) {
      const id = await create(bench)
      await bench.client.send(new AbortMultipartUploadCommand({ ...bench.at(), UploadId: id }))
      await refused(part(bench, id, 1, 'x'), 'NoSuchUpload', 404)
    }
  },
  {
    id: 'part-copy',
    title: 'a range of an object becomes a part with the MD5 of its bytes as ETag',
    async run(bench) {
      await bench.put('s', 'hello world')
      const id = await create(bench)
      const ask = { ...bench.at(), UploadId: id, PartNumber: 1, CopySource: `${bench.bucket}/${bench.key('s')}` }
      const copied = await bench.client.send(new UploadPartCopyCommand({ ...ask, CopySourceRange: 'bytes=6-10' }))
      assert.equal(copied.CopyPartResult?.ETag, `"${createHash('md5').update('world').digest('hex')}"`)
      await complete(bench, id, [{ PartNumber: 1, ETag: copied.CopyPartResult?.ETag }])
      assert.equal((await bench.raw({ method: 'GET', target: bench.path() })).text, 'world')
    }
  },
  {
    id: 'part-copy-source-match',
    title: 'a part copy whose source has another ETag than asked is PreconditionFailed',
    async run(bench) {
      await bench.put('s', 'hello world')
      const id = await create(bench)
      const ask = { ...bench.at(), UploadId: id, PartNumber: 1, CopySource: `${bench.bucket}/${bench.key('s')}` }
      await refused(
        bench.client.send(new UploadPartCopyCommand({ ...ask, CopySourceIfMatch: '"00000000000000000000000000000000"' })),
        'PreconditionFailed',
        412
      )
    }
  },
  {
    id: 'part-copy-range',
    title: 'a part copy range that is not written out is InvalidArgument',
    async run(bench) {
      await bench.put('s', 'hello world')
      const id = await create(bench)
      const ask = { ...bench.at(), UploadId: id, PartNumber: 1, CopySource: `${bench.bucket}/${bench.key('s')}` }
      await refused(bench.client.send(new UploadPartCopyCommand({ ...ask, CopySourceRange: 'bytes=2-' })), 'InvalidArgument', 400)
    }
  },
  {
    id: 'list-parts',
    title: 'parts are listed by number in pages',
    async run(bench) {
      const id = await create(bench)
      for (const number of [3, 1, 2]) await part(bench, id, number, `part ${number}`)
      const ask = { ...bench.at(), UploadId: id }
      const first = await bench.client.send(new ListPartsCommand({ ...ask, MaxParts: 2 }))
      assert.deepEqual([first.Parts?.map(({ PartNumber }) => PartNumber), first.IsTruncated], [[1, 2], true])
      const rest = await bench.client.send(new ListPartsCommand({ ...ask, PartNumberMarker: first.NextPartNumberMarker }))
      assert.deepEqual([rest.Parts?.map(({ PartNumber }) => PartNumber), rest.IsTruncated], [[3], false])
    }
  },
  {
    id: 'list-uploads-prefix',
    title: 'open uploads are found by a prefix of their key',
    async run(bench) {
      const id = await create(bench, 'u/1')
      const page = await bench.client.send(new ListMultipartUploadsCommand({ Bucket: bench.bucket, Prefix: bench.key('u/') }))
      assert.deepEqual(
        page.Uploads?.map(({ Key, UploadId }) => [Key, UploadId]),
        [[bench.key('u/1'), id]]
      )
    }
  },
  {
    id: 'list-uploads-pages',
    title: 'open uploads come in pages that a delimiter groups',
    async run(bench) {
      await create(bench, 'a')
      await create(bench, 'u/1')
      await create(bench, 'u/2')
      const ask = { Bucket: bench.bucket, Prefix: bench.prefix, Delimiter: '/' }
      const first = await bench.client.send(new ListMultipartUploadsCommand({ ...ask, MaxUploads: 1 }))
      assert.deepEqual([first.Uploads?.map(({ Key }) => Key), first.IsTruncated], [[bench.key('a')], true])
      const rest = await bench.client.send(
        new ListMultipartUploadsCommand({ ...ask, KeyMarker: first.NextKeyMarker, UploadIdMarker: first.NextUploadIdMarker })
      )
      assert.deepEqual(
        rest.CommonPrefixes?.map(({ Prefix }) => Prefix),
        [bench.key('u/')]
      )
    }
  },
  {
    id: 'part-message-names-nothing',
    title: 'a refused part does not name the bucket in its message',
    async run(bench) {
      const created = await bench.client.send(new CreateMultipartUploadCommand({ ...bench.at(), ChecksumAlgorithm: 'SHA256' }))
      const target = `${bench.path()}?partNumber=1&uploadId=${encodeURIComponent(created.UploadId ?? '')}`
      const answer = await bench.raw({ method: 'PUT', target, headers: { 'x-amz-checksum-crc32': 'NhCmhg==' }, body: 'hello' })
      assert.equal(answer.status, 400, answer.text)
      assert.doesNotMatch(/<Message>(.*?)<\/Message>/s.exec(answer.text)?.[1] ?? '', new RegExp(bench.bucket))
    }
  }
]
