import t from 'tap'
import { findChecksumClaims } from '../../../../proxy/sigv4/payload/checksum.ts'

const MD5 = 'XUFAKrxLKna5cZ2REBfFkg=='

for (const { why, headers, trailerNames = [], claims } of [
  { why: 'none', headers: ['content-type', 'a'], claims: { checksum: null, contentMd5: null } },
  {
    why: 'a checksum header and Content-MD5',
    headers: ['X-Amz-Checksum-CRC32', 'AAAAAA==', 'Content-MD5', MD5],
    claims: { checksum: { algorithm: 'crc32', name: 'x-amz-checksum-crc32', value: 'AAAAAA==' }, contentMd5: MD5 }
  },
  {
    why: 'a trailer',
    headers: ['x-amz-sdk-checksum-algorithm', 'CRC64NVME'],
    trailerNames: ['x-amz-checksum-crc64nvme'],
    claims: { checksum: { algorithm: 'crc64nvme', name: 'x-amz-checksum-crc64nvme', value: null }, contentMd5: null }
  },
  {
    why: 'another algorithm named than used: S3 goes by the value',
    headers: ['x-amz-sdk-checksum-algorithm', 'CRC32', 'x-amz-checksum-sha1', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
    claims: { checksum: { algorithm: 'sha1', name: 'x-amz-checksum-sha1', value: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }, contentMd5: null }
  },
  {
    why: 'headers that only share the prefix',
    headers: ['x-amz-checksum-mode', 'ENABLED', 'x-amz-checksum-type', 'FULL_OBJECT', 'x-amz-checksum-algorithm', 'CRC32'],
    claims: { checksum: null, contentMd5: null }
  }
]) {
  t.test(`the checksums a request claims are found: ${why}`, async (t) => t.same(findChecksumClaims(headers, trailerNames), claims))
}

for (const { why, headers, trailerNames = [], code, message } of [
  {
    why: 'two kinds',
    headers: ['x-amz-checksum-crc32', 'AAAAAA==', 'x-amz-checksum-crc32c', 'AAAAAA=='],
    code: 'InvalidRequest',
    message: /single x-amz-checksum-/
  },
  {
    why: 'one twice',
    headers: ['x-amz-checksum-crc32', 'AAAAAA==', 'x-amz-checksum-crc32', 'AAAAAA=='],
    code: 'InvalidRequest',
    message: /single/
  },
  {
    why: 'a header and a trailer',
    headers: ['x-amz-checksum-crc32', 'AAAAAA=='],
    trailerNames: ['x-amz-checksum-crc32'],
    code: 'InvalidRequest',
    message: /single/
  },
  {
    why: 'an algorithm without a value',
    headers: ['x-amz-sdk-checksum-algorithm', 'CRC32'],
    code: 'InvalidRequest',
    message: /no corresponding/
  },
  {
    why: 'a value that is not base64',
    headers: ['x-amz-checksum-crc32', '?'],
    code: 'InvalidRequest',
    message: /Value for x-amz-checksum-crc32 header is invalid/
  },
  { why: 'a value of another length', headers: ['x-amz-checksum-crc32', 'AAAA'], code: 'InvalidRequest', message: /invalid/ },
  { why: 'an empty value', headers: ['x-amz-checksum-sha256', ''], code: 'InvalidRequest', message: /invalid/ },
  { why: 'an algorithm nobody knows', headers: ['x-amz-checksum-xxhash3', 'AAAA'], code: 'InvalidRequest', message: /not supported/ },
  { why: 'a trailer that is no checksum', headers: [], trailerNames: ['x-amz-meta-a'], code: 'InvalidRequest', message: /x-amz-trailer/ },
  { why: 'an empty Content-MD5', headers: ['content-md5', ''], code: 'InvalidDigest', message: /Content-MD5/ },
  { why: 'a short Content-MD5', headers: ['content-md5', 'AAAA'], code: 'InvalidDigest', message: /Content-MD5/ },
  {
    why: 'a Content-MD5 in hex',
    headers: ['content-md5', '5d41402abc4b2a76b9719d911017c592'],
    code: 'InvalidDigest',
    message: /Content-MD5/
  },
  { why: 'two Content-MD5', headers: ['content-md5', MD5, 'Content-MD5', MD5], code: 'InvalidDigest', message: /Content-MD5/ }
]) {
  t.test(`a claim of checksums is refused: ${why}`, async (t) => {
    t.throws(() => findChecksumClaims(headers, trailerNames), { name: 'PayloadProblem', code, message })
  })
}
