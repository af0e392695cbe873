import fc from 'fast-check'
import t from 'tap'
import { addressOf, keyProblem } from '../../../proxy/s3/address.ts'
import { encodeKey } from '../../../proxy/s3/encode.ts'
import { S3Error } from '../../../proxy/s3/error.ts'
import { KEY_CORPUS } from './key-corpus.ts'

const DOMAINS = ['s3.example.test', 'eu.s3.example.test']

const ADDRESSED: readonly [target: string, host: string, style: string, bucket: string | null, key: string | null][] = [
  ['/', 'any', 'path', null, null],
  ['/?x-id=ListBuckets', 'any', 'path', null, null],
  ['/bucket', 'any', 'path', 'bucket', null],
  ['/bucket/', 'any', 'path', 'bucket', null],
  ['/bucket?list-type=2', 'any', 'path', 'bucket', null],
  ['/bucket/?delete=', 'any', 'path', 'bucket', null],
  ['/bucket/key', 'any', 'path', 'bucket', 'key'],
  ['/bucket//lead', 'any', 'path', 'bucket', '/lead'],
  ['/bucket/a//b', 'any', 'path', 'bucket', 'a//b'],
  ['/bucket/dir/', 'any', 'path', 'bucket', 'dir/'],
  ['/bucket/a%2Fb', 'any', 'path', 'bucket', 'a/b'],
  ['/bucket/a+b%2B', 'any', 'path', 'bucket', 'a+b+'],
  ['/bucket/%2525', 'any', 'path', 'bucket', '%25'],
  ['/bucket/%252e%252e/x', 'any', 'path', 'bucket', '%2e%2e/x'],
  ['/bucket/q%3Fx?y?z', 'any', 'path', 'bucket', 'q?x'],
  ['/my%2Dbucket/key', 'any', 'path', 'my-bucket', 'key'],
  ['/key', 'bucket.s3.example.test', 'virtual', 'bucket', 'key'],
  ['/', 'bucket.s3.example.test:9000', 'virtual', 'bucket', null],
  ['//lead', 'bucket.s3.example.test', 'virtual', 'bucket', '/lead'],
  ['/key', 'a.b.c.s3.example.test', 'virtual', 'a.b.c', 'key'],
  ['/key', 'Bucket.S3.Example.Test.', 'virtual', 'bucket', 'key'],
  ['/key', 'tenant.eu.s3.example.test', 'virtual', 'tenant', 'key'],
  ['/bucket/key', 's3.example.test', 'path', 'bucket', 'key'],
  ['/bucket/key', 'eu.s3.example.test:80', 'path', 'bucket', 'key'],
  ['/bucket/key', 'xs3.example.test', 'path', 'bucket', 'key'],
  ['/bucket/key', '[::1]:9000', 'path', 'bucket', 'key'],
  ['/bucket/key', '127.0.0.1', 'path', 'bucket', 'key']
]
for (const [target, host, style, bucket, key] of ADDRESSED) {
  t.test(`${target} at ${host} is ${bucket === null ? 'the service' : `${bucket} ${key ?? ''}`} by ${style}`, async (t) => {
    t.match(addressOf(target, host, DOMAINS), { style, bucket, key })
  })
}

const REFUSED: readonly [why: string, target: string, code: string][] = [
  ['absolute form', 'http://evil.test/bucket/key', 'InvalidURI'],
  ['asterisk form', '*', 'InvalidURI'],
  ['a raw number sign', '/bucket/a#b', 'InvalidURI'],
  ['a raw number sign in the query', '/bucket/a?b#c', 'InvalidURI'],
  ['a raw backslash', '/bucket/..\\other', 'InvalidURI'],
  ['a cut escape', '/bucket/100%', 'InvalidURI'],
  ['an escape that is not hex', '/bucket/%zz', 'InvalidURI'],
  ['bytes that are not UTF-8', '/bucket/%FF', 'InvalidURI'],
  ['an overlong encoding of a slash', '/bucket/%C0%AF', 'InvalidURI'],
  ['a surrogate', '/bucket/%ED%A0%80', 'InvalidURI'],
  ['a NUL', '/bucket/a%00b', 'InvalidArgument'],
  ['a dot segment', '/bucket/./a', 'InvalidURI'],
  ['a double-dot segment', '/bucket/a/../b', 'InvalidURI'],
  ['a double-dot segment at the end', '/bucket/a/..', 'InvalidURI'],
  ['an encoded double-dot segment', '/bucket/%2e%2E/b', 'InvalidURI'],
  ['a double-dot segment behind encoded slashes', '/bucket/a%2F..%2Fb', 'InvalidURI'],
  ['a double-dot bucket', '/../key', 'InvalidBucketName'],
  ['an encoded double-dot bucket', '/%2e%2e/key', 'InvalidBucketName'],
  ['a bucket with an encoded slash', '/buck%2Fet/key', 'InvalidBucketName'],
  ['an empty bucket', '//key', 'InvalidBucketName'],
  ['a key of 1025 bytes', `/bucket/${'x'.repeat(1025)}`, 'KeyTooLongError'],
  ['a key of 1026 bytes in 513 characters', `/bucket/${'%C3%A9'.repeat(513)}`, 'KeyTooLongError']
]
for (const [why, target, code] of REFUSED) {
  t.test(`${why} is refused with ${code}`, async (t) => {
    t.throws(() => addressOf(target, 'any', DOMAINS), { name: 'S3Error', code })
  })
}

for (const key of KEY_CORPUS) {
  t.test(`the key ${JSON.stringify(key.slice(0, 40))} is read from both styles as it was written`, async (t) => {
    t.equal(addressOf(`/bucket/${encodeKey(key)}?x=1`, 'any', DOMAINS).key, key)
    t.equal(addressOf(`/${encodeKey(key)}`, 'bucket.s3.example.test', DOMAINS).key, key)
  })
}

t.test('the bytes of path and query are kept as they came', async (t) => {
  const { rawPath, rawQuery } = addressOf('/bucket/a%2fb%7E?prefix=%7e&x=a?b', 'any', DOMAINS)
  t.same([rawPath, rawQuery], ['/bucket/a%2fb%7E', 'prefix=%7e&x=a?b'])
})

/** The code of the refusal; a fault flies. */
function refusalOf(target: string, host: string): string | null {
  try {
    addressOf(target, host, DOMAINS)
    return null
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

t.test('any text is a key that comes back equal, or is refused for a reason of keys', async () => {
  const isFaithful = (key: string): boolean => {
    const target = `/bucket/${encodeKey(key)}`
    const problem = keyProblem(key)
    return problem === null ? addressOf(target, 'any', DOMAINS).key === key : refusalOf(target, 'any') === problem.code
  }
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), isFaithful), { numRuns: 1000 })
})

t.test('any bytes are an address or a refusal, never a fault, and no address has a dot segment', async () => {
  const piece = fc.oneof(fc.constantFrom('/', '.', '..', '%2e', '%2F', '%', '?', '#', '\\', '%00', '%25', 'a', '+'), fc.string())
  const isSafe = (pieces: string[]): boolean => {
    const target = `/${pieces.join('')}`
    const host = 'bucket.s3.example.test'
    if (refusalOf(target, host) !== null) return true
    const segments = (addressOf(target, host, DOMAINS).key ?? '').split('/')
    return !segments.includes('.') && !segments.includes('..')
  }
  fc.assert(fc.property(fc.array(piece), isSafe), { numRuns: 2000 })
})
