import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expectRefusal, type Case } from '../case.ts'

const FAITHFUL_KEYS = [
  'a b',
  'a+b',
  '100%',
  'ü/日本/😀',
  'a//b',
  'a=b:c',
  '007',
  ' x ',
  'true',
  'tab\tkey',
  "it's(1)*!",
  'x'.repeat(240),
  '#hash?mark',
  '\u0001'
]

/** Reading and writing one object. */
export const OBJECT_CASES: readonly Case[] = [
  {
    id: 'put-get',
    title: 'what was put is what is got, with its type, metadata and tag count',
    async run(bench) {
      await bench.client.send(
        new PutObjectCommand({ ...bench.at(), Body: 'hello', ContentType: 'text/x', Metadata: { one: '1' }, Tagging: 'a=1&b=2' })
      )
      const got = await bench.client.send(new GetObjectCommand(bench.at()))
      assert.equal(await got.Body?.transformToString(), 'hello')
      assert.deepEqual([got.ContentType, got.Metadata, got.TagCount], ['text/x', { one: '1' }, 2])
      assert.equal(got.ETag, `"${createHash('md5').update('hello').digest('hex')}"`)
    }
  },
  {
    id: 'empty-object',
    title: 'an empty object is an object',
    async run(bench) {
      await bench.client.send(new PutObjectCommand({ ...bench.at(), Body: '' }))
      const head = await bench.client.send(new HeadObjectCommand(bench.at()))
      assert.equal(head.ContentLength, 0)
    }
  },
  ...FAITHFUL_KEYS.map((name, index) => ({
    id: `key-${index}`,
    title: `the key ${JSON.stringify(name.slice(0, 20))} is kept byte for byte`,
    async run(bench: Parameters<Case['run']>[0]): Promise<void> {
      await bench.client.send(new PutObjectCommand({ ...bench.at(name), Body: name }))
      const got = await bench.client.send(new GetObjectCommand(bench.at(name)))
      assert.equal(await got.Body?.transformToString(), name)
      const listed = await bench.raw({
        method: 'GET',
        target: `/${bench.bucket}?list-type=2&encoding-type=url&prefix=${encodeURIComponent(bench.prefix)}`
      })
      const [, key] = /<Key>([^<]*)<\/Key>/.exec(listed.text) ?? []
      assert.equal(decodeURIComponent((key ?? '').replaceAll('+', '%20')), bench.key(name))
    }
  })),
  {
    id: 'plus-in-path',
    title: 'a plus in a path is a plus',
    async run(bench) {
      await bench.put('a+b', 'plus')
      assert.equal((await bench.raw({ method: 'GET', target: bench.path('a%2Bb') })).text, 'plus')
    }
  },
  {
    id: 'metadata-latin1',
    title: 'metadata bytes above 0x7F survive',
    async run(bench) {
      await bench.put('k', 'x', { 'x-amz-meta-name': Buffer.from('bär').toString('latin1') })
      const head = await bench.raw({ method: 'HEAD', target: bench.path() })
      assert.equal(Buffer.from(head.headers.get('x-amz-meta-name') ?? '', 'latin1').toString(), 'bär')
    }
  },
  {
    id: 'metadata-too-large',
    title: 'user metadata above 2 KB is refused',
    async run(bench) {
      const answer = await bench.raw({ method: 'PUT', target: bench.path(), headers: { 'x-amz-meta-a': 'x'.repeat(2100) }, body: 'x' })
      expectRefusal(answer, 400, 'MetadataTooLarge')
    }
  },
  {
    id: 'missing-key',
    title: 'a missing key is 404 with NoSuchKey, and a HEAD of it has no body',
    async run(bench) {
      expectRefusal(await bench.raw({ method: 'GET', target: bench.path() }), 404, 'NoSuchKey')
      const head = await bench.raw({ method: 'HEAD', target: bench.path() })
      assert.deepEqual([head.status, head.body.length], [404, 0])
    }
  },
  {
    id: 'response-overrides',
    title: 'response parameters replace headers of the answer',
    async run(bench) {
      await bench.put('k', 'x', { 'content-type': 'text/plain' })
      const target = `${bench.path()}?response-content-type=a%2Fb&response-cache-control=no-store`
      const answer = await bench.raw({ method: 'GET', target })
      assert.deepEqual([answer.headers.get('content-type'), answer.headers.get('cache-control')], ['a/b', 'no-store'])
    }
  },
  {
    id: 'default-type',
    title: 'an object stored without a type is binary/octet-stream',
    async run(bench) {
      await bench.put('k', 'x')
      assert.equal((await bench.raw({ method: 'HEAD', target: bench.path() })).headers.get('content-type'), 'binary/octet-stream')
    }
  },
  {
    id: 'encoding-gzip-chunked',
    title: 'aws-chunked behind gzip never becomes part of the stored encoding',
    async run(bench) {
      await bench.put('k', 'x', { 'content-encoding': 'gzip,aws-chunked' })
      assert.equal((await bench.raw({ method: 'HEAD', target: bench.path() })).headers.get('content-encoding'), 'gzip')
    }
  },
  {
    id: 'encoding-chunked-alone',
    title: 'aws-chunked alone leaves no stored encoding',
    async run(bench) {
      await bench.put('k', 'x', { 'content-encoding': 'aws-chunked' })
      assert.equal((await bench.raw({ method: 'HEAD', target: bench.path() })).headers.get('content-encoding'), undefined)
    }
  },
  {
    id: 'expect-unknown',
    title: 'an expectation that nobody knows is ignored',
    async run(bench) {
      const answer = await bench.raw({ method: 'PUT', target: bench.path(), unsigned: { expect: 'a-miracle' }, body: 'x' })
      assert.equal(answer.status, 200, answer.text)
    }
  },
  {
    id: 'checksum-mode',
    title: 'a checksum is shown when asked for, and never beside a range',
    async run(bench) {
      await bench.put('k', '123456789', { 'x-amz-checksum-crc32': 'y/Q5Jg==' })
      const ask = { method: 'GET', target: bench.path(), headers: { 'x-amz-checksum-mode': 'ENABLED' } }
      assert.equal((await bench.raw(ask)).headers.get('x-amz-checksum-crc32'), 'y/Q5Jg==')
      assert.equal((await bench.raw({ ...ask, headers: {} })).headers.get('x-amz-checksum-crc32'), undefined)
      const ranged = await bench.raw({ ...ask, headers: { ...ask.headers, range: 'bytes=1-2' } })
      assert.deepEqual([ranged.text, ranged.headers.get('x-amz-checksum-crc32')], ['23', undefined])
    }
  },
  {
    id: 'expected-owner',
    title: 'another expected bucket owner is AccessDenied',
    async run(bench) {
      await bench.put('k', 'x')
      const answer = await bench.raw({ method: 'GET', target: bench.path(), headers: { 'x-amz-expected-bucket-owner': '999999999999' } })
      expectRefusal(answer, 403, 'AccessDenied')
    }
  }
]
