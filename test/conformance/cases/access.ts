import assert from 'node:assert/strict'
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { expectRefusal, refused, type Case } from '../case.ts'
import { sendRaw } from '../raw-request.ts'

/** Signatures and buckets. */
export const ACCESS_CASES: readonly Case[] = [
  {
    id: 'signature-wrong',
    title: 'another secret is SignatureDoesNotMatch',
    async run(bench) {
      const answer = await sendRaw({ ...bench.upstream, secretAccessKey: 'another-secret' }, { method: 'GET', target: `/${bench.bucket}` })
      expectRefusal(answer, 403, 'SignatureDoesNotMatch')
    }
  },
  {
    id: 'key-unknown',
    title: 'an unknown access key is InvalidAccessKeyId',
    async run(bench) {
      const answer = await sendRaw({ ...bench.upstream, accessKeyId: 'NOSUCHKEY' }, { method: 'GET', target: `/${bench.bucket}` })
      expectRefusal(answer, 403, 'InvalidAccessKeyId')
    }
  },
  {
    id: 'clock-skew',
    title: 'a signature of an hour ago is RequestTimeTooSkewed',
    async run(bench) {
      const answer = await bench.raw({ method: 'GET', target: `/${bench.bucket}`, signedAt: new Date(Date.now() - 3_600_000) })
      expectRefusal(answer, 403, 'RequestTimeTooSkewed')
    }
  },
  {
    id: 'unsigned-copy-source',
    title: 'a copy source that the signature does not cover is AccessDenied',
    async run(bench) {
      await bench.put('secret', 'secret')
      const answer = await bench.raw({ method: 'PUT', target: bench.path(), unsigned: { 'x-amz-copy-source': bench.path('secret') } })
      expectRefusal(answer, 403, 'AccessDenied')
      assert.equal(await bench.status(), 404)
    }
  },
  {
    id: 'signed-spaces',
    title: 'runs of spaces in a signed header count as one',
    async run(bench) {
      await bench.put('k', 'x', { 'x-amz-meta-a': 'b   c' })
      assert.equal(await bench.status(), 200)
    }
  },
  {
    id: 'signed-query',
    title: 'query values are signed decoded and encoded again',
    async run(bench) {
      const answer = await bench.raw({ method: 'GET', target: `/${bench.bucket}?list-type=2&prefix=a%20%2B%2f*~%C3%A9&start-after=` })
      assert.equal(answer.status, 200, answer.text)
    }
  },
  {
    id: 'bucket-missing',
    title: 'a missing bucket is NoSuchBucket, for HEAD a bare 404',
    async run(bench) {
      expectRefusal(await bench.raw({ method: 'GET', target: '/no-such-bucket-here/k' }), 404, 'NoSuchBucket')
      await refused(bench.client.send(new HeadBucketCommand({ Bucket: 'no-such-bucket-here' })), 'NotFound', 404)
    }
  },
  {
    id: 'bucket-not-empty',
    title: 'a bucket with objects is not deleted',
    async run(bench) {
      await bench.put('k', 'x')
      expectRefusal(await bench.raw({ method: 'DELETE', target: `/${bench.bucket}` }), 409, 'BucketNotEmpty')
    }
  },
  {
    id: 'bucket-twice',
    title: 'creating an own bucket twice is BucketAlreadyOwnedByYou',
    async run(bench) {
      expectRefusal(await bench.raw({ method: 'PUT', target: `/${bench.bucket}` }), 409, 'BucketAlreadyOwnedByYou')
    }
  },
  {
    id: 'bucket-name',
    title: 'a bucket name with capitals is InvalidBucketName',
    async run(bench) {
      expectRefusal(await bench.raw({ method: 'PUT', target: '/Not-A-Bucket' }), 400, 'InvalidBucketName')
    }
  },
  {
    id: 'key-too-long',
    title: 'a key above 1024 bytes is KeyTooLongError',
    async run(bench) {
      expectRefusal(await bench.raw({ method: 'PUT', target: bench.path('x'.repeat(1025)), body: 'x' }), 400, 'KeyTooLongError')
    }
  }
]
