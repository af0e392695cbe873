import fc from 'fast-check'
import t from 'tap'
import { keyProblem } from '../../../proxy/s3/address.ts'
import { parseCopySource } from '../../../proxy/s3/copy-source.ts'
import { encodeKey, encodeQueryValue } from '../../../proxy/s3/encode.ts'
import { S3Error } from '../../../proxy/s3/error.ts'
import { KEY_CORPUS } from './key-corpus.ts'

const READ: readonly [value: string, bucket: string, key: string, versionId: string | null][] = [
  ['bucket/key', 'bucket', 'key', null],
  ['/bucket/key', 'bucket', 'key', null],
  ['/bucket//lead', 'bucket', '/lead', null],
  ['bucket%2Fa%2Fb', 'bucket', 'a/b', null],
  ['%2Fbucket%2Fkey', 'bucket', 'key', null],
  ['bucket/a b', 'bucket', 'a b', null],
  ['bucket/a+b%2Bc', 'bucket', 'a+b+c', null],
  ['bucket/a%2520b', 'bucket', 'a%20b', null],
  ['bucket/key?versionId=abc', 'bucket', 'key', 'abc'],
  ['bucket/key?versionId=a%2Bb', 'bucket', 'key', 'a+b'],
  ['bucket/key%3FversionId=abc', 'bucket', 'key?versionId=abc', null],
  ['bucket/key%3FversionId%3Dabc?versionId=null', 'bucket', 'key?versionId=abc', 'null'],
  ['bucket/who?', 'bucket', 'who?', null],
  [Buffer.from('bucket/ключ').toString('latin1'), 'bucket', 'ключ', null]
]
for (const [value, bucket, key, versionId] of READ) {
  t.test(
    `the copy source ${JSON.stringify(value)} is ${key}${versionId === null ? '' : ` version ${versionId}`} of ${bucket}`,
    async (t) => {
      t.same(parseCopySource(value), { bucket, key, versionId })
    }
  )
}

const REFUSED: readonly [why: string, value: string][] = [
  ['nothing', ''],
  ['a slash', '/'],
  ['a bucket alone', '/bucket'],
  ['a bucket with an empty key', '/bucket/'],
  ['two slashes before the bucket', '//bucket/key'],
  ['an access point', 'arn:aws:s3:us-east-1:123456789012:accesspoint/name/object/key'],
  ['an ARN behind a slash', '/arn:aws:s3:us-east-1:123456789012:accesspoint/name/object/key'],
  ['an encoded ARN', 'arn%3Aaws%3As3%3Aus-east-1%3A1%3Aaccesspoint%2Fname%2Fobject%2Fkey'],
  ['a double-dot segment', 'bucket/../other/key'],
  ['an encoded double-dot segment', 'bucket/%2e%2e/other/key'],
  ['a double-dot bucket', '../other/key'],
  ['a NUL', 'bucket/a%00'],
  ['bytes that are not UTF-8', 'bucket/%ff'],
  ['a cut escape', 'bucket/100%'],
  ['an empty version', 'bucket/key?versionId='],
  ['a key that is too long', `bucket/${'x'.repeat(1025)}`]
]
for (const [why, value] of REFUSED) {
  t.test(`a copy source of ${why} is refused`, async (t) => {
    t.throws(() => parseCopySource(value), { name: 'S3Error', code: 'InvalidArgument' })
  })
}

for (const key of KEY_CORPUS) {
  t.test(`the copy source ${JSON.stringify(key.slice(0, 40))} is read as it was written`, async (t) => {
    t.equal(parseCopySource(`/bucket/${encodeKey(key)}`).key, key)
    t.same(parseCopySource(`bucket/${encodeKey(key)}?versionId=v1`), { bucket: 'bucket', key, versionId: 'v1' })
  })
}

t.test('any key and version come back from a copy source', async () => {
  const isFaithful = (key: string, versionId: string): boolean => {
    if (keyProblem(key) !== null) return true
    const read = parseCopySource(`/bucket/${encodeKey(key)}?versionId=${encodeQueryValue(versionId)}`)
    return read.bucket === 'bucket' && read.key === key && read.versionId === versionId
  }
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ minLength: 1 }), isFaithful), { numRuns: 500 })
})

t.test('any text is a copy source or a refusal, never a fault', async () => {
  const isHandled = (text: string): boolean => {
    try {
      return keyProblem(parseCopySource(text).key) === null
    } catch (error) {
      return error instanceof S3Error
    }
  }
  fc.assert(fc.property(fc.string(), isHandled), { numRuns: 1000 })
})
