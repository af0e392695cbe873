import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Readable } from 'node:stream'
import { GetObjectCommand, PutObjectCommand, type ChecksumAlgorithm } from '@aws-sdk/client-s3'
import { expectRefusal, type Bench, type Case } from '../case.ts'
import type { RawAsk } from '../raw-request.ts'

const TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

function crc32Text(body: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64')
}

/** A put framed as aws-chunked with an unsigned trailer; `change` replaces parts of it. */
function trailerPut(bench: Bench, framed: string, headers: Record<string, string> = {}): RawAsk {
  return {
    method: 'PUT',
    target: bench.path(),
    payloadHash: TRAILER,
    headers: {
      'content-encoding': 'aws-chunked',
      'x-amz-trailer': 'x-amz-checksum-crc32',
      'x-amz-decoded-content-length': '5',
      ...headers
    },
    body: framed
  }
}

const GOOD_TRAILER = `5\r\nhello\r\n0\r\nx-amz-checksum-crc32:${crc32Text('hello')}\r\n\r\n`

interface BadRow {
  readonly id: string
  readonly title: string
  readonly ask: (bench: Bench) => RawAsk
  readonly refusal: readonly [number, string]
}

const plain = (bench: Bench, headers: Record<string, string>, rest: Partial<RawAsk> = {}): RawAsk => ({
  method: 'PUT',
  target: bench.path(),
  headers,
  body: 'hello',
  ...rest
})

const BAD: readonly BadRow[] = [
  {
    id: 'wrong-sha256',
    title: 'a body with another SHA-256 than its head',
    ask: (bench) => plain(bench, {}, { payloadHash: createHash('sha256').update('other').digest('hex') }),
    refusal: [400, 'XAmzContentSHA256Mismatch']
  },
  {
    id: 'md5',
    title: 'a body with another MD5',
    ask: (bench) => plain(bench, { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }),
    refusal: [400, 'BadDigest']
  },
  {
    id: 'md5-short',
    title: 'a Content-MD5 that is too short',
    ask: (bench) => plain(bench, { 'content-md5': 'AAAA' }),
    refusal: [400, 'InvalidDigest']
  },
  {
    id: 'checksum',
    title: 'a body with another checksum',
    ask: (bench) => plain(bench, { 'x-amz-checksum-crc32': 'AAAAAA==' }),
    refusal: [400, 'BadDigest']
  },
  {
    id: 'checksum-two',
    title: 'two checksum headers',
    ask: (bench) =>
      plain(bench, {
        'x-amz-checksum-crc32': crc32Text('hello'),
        'x-amz-checksum-sha256': createHash('sha256').update('hello').digest('base64')
      }),
    refusal: [400, 'InvalidRequest']
  },
  {
    id: 'checksum-announced-only',
    title: 'a checksum algorithm without a checksum',
    ask: (bench) => plain(bench, { 'x-amz-sdk-checksum-algorithm': 'CRC32' }),
    refusal: [400, 'InvalidRequest']
  },
  {
    id: 'payload-word',
    title: 'an x-amz-content-sha256 that is no hash and no known word',
    ask: (bench) => plain(bench, {}, { payloadHash: 'SOMETHING' }),
    refusal: [400, 'InvalidArgument']
  },
  {
    id: 'no-length',
    title: 'a body without a length',
    ask: (bench) => plain(bench, {}, { contentLength: null, body: '' }),
    refusal: [411, 'MissingContentLength']
  },
  {
    id: 'trailer-wrong',
    title: 'a trailer with another checksum',
    ask: (bench) => trailerPut(bench, '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'),
    refusal: [400, 'BadDigest']
  },
  {
    id: 'trailer-missing',
    title: 'an announced trailer that does not come',
    ask: (bench) => trailerPut(bench, '5\r\nhello\r\n0\r\n\r\n'),
    refusal: [400, 'MalformedTrailerError']
  },
  {
    id: 'chunked-short',
    title: 'fewer bytes in chunks than announced',
    ask: (bench) => trailerPut(bench, GOOD_TRAILER, { 'x-amz-decoded-content-length': '6' }),
    refusal: [400, 'IncompleteBody']
  },
  {
    id: 'chunked-no-length',
    title: 'chunks whose length nobody announced',
    ask: (bench) => trailerPut(bench, GOOD_TRAILER, { 'x-amz-decoded-content-length': '' }),
    refusal: [411, 'MissingContentLength']
  },
  {
    id: 'chunk-small',
    title: 'a short chunk before another',
    ask: (bench) => trailerPut(bench, `2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc32:${crc32Text('hello')}\r\n\r\n`),
    refusal: [400, 'InvalidChunkSizeError']
  }
]

/** Bodies: framings, hashes and checksums. */
export const BODY_CASES: readonly Case[] = [
  ...BAD.map(({ id, title, ask, refusal: [status, code] }): Case => ({
    id: `body-${id}`,
    title: `${title} is ${code} and stores nothing`,
    async run(bench) {
      const answer = await bench.raw(ask(bench))
      assert.equal(await bench.status(), 404)
      expectRefusal(answer, status, code)
    }
  })),
  {
    id: 'body-trailer',
    title: 'an unsigned trailer is checked and the framing is not stored',
    async run(bench) {
      const answer = await bench.raw(trailerPut(bench, GOOD_TRAILER))
      assert.equal(answer.status, 200, answer.text)
      assert.equal((await bench.raw({ method: 'GET', target: bench.path() })).text, 'hello')
    }
  },
  {
    id: 'body-trailer-lf',
    title: 'a trailer that ends in a lone line feed is read too',
    async run(bench) {
      const framed = `5\r\nhello\r\n0\r\nx-amz-checksum-crc32:${crc32Text('hello')}\n\r\n\r\n`
      const answer = await bench.raw(trailerPut(bench, framed))
      assert.equal(answer.status, 200, answer.text)
    }
  },
  {
    id: 'body-stream',
    title: 'a stream of the JavaScript SDK arrives whole',
    async run(bench) {
      const bytes = Buffer.alloc(200_001, 'abc')
      const body = Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)])
      await bench.client.send(new PutObjectCommand({ ...bench.at(), Body: body, ContentLength: bytes.length }))
      const got = await bench.client.send(new GetObjectCommand(bench.at()))
      assert.deepEqual(Buffer.from((await got.Body?.transformToByteArray()) ?? []), bytes)
    }
  },
  ...(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const satisfies readonly ChecksumAlgorithm[]).map((algorithm): Case => ({
    id: `body-${algorithm.toLowerCase()}`,
    title: `${algorithm} travels with a body and is shown again`,
    async run(bench) {
      const put = await bench.client.send(new PutObjectCommand({ ...bench.at(), Body: '123456789', ChecksumAlgorithm: algorithm }))
      const got = await bench.client.send(new GetObjectCommand({ ...bench.at(), ChecksumMode: 'ENABLED' }))
      const field = `Checksum${algorithm}` as const
      assert.ok(put[field] !== undefined)
      assert.equal(got[field], put[field])
      assert.equal(await got.Body?.transformToString(), '123456789')
    }
  }))
]
