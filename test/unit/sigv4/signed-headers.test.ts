import t from 'tap'
import { checkSignedHeaders } from '../../../proxy/sigv4/signed-headers.ts'

const signed = ['content-type', 'host', 'x-amz-date', 'x-amz-meta-a']
const base = ['Host', 'a', 'X-Amz-Date', '1', 'Content-Type', 't', 'x-amz-meta-A', 'v', 'User-Agent', 'u', 'X-Amz-Content-Sha256', 'h']

t.test('a request passes when host and every x-amz-* header are signed, the payload hash aside', async (t) => {
  t.doesNotThrow(() => checkSignedHeaders(signed, base))
})

for (const { added, missing } of [
  { added: ['x-amz-tagging', 'service=other'], missing: 'x-amz-tagging' },
  { added: ['X-AMZ-Copy-Source', '/b/k'], missing: 'x-amz-copy-source' },
  { added: ['x-amz-acl', 'public-read', 'x-amz-meta-b', '1', 'x-amz-acl', 'private'], missing: 'x-amz-acl, x-amz-meta-b' },
  { added: ['x-amz-security-token', 't'], missing: 'x-amz-security-token' },
  { added: ['x-amz-decoded-content-length', '1'], missing: 'x-amz-decoded-content-length' }
]) {
  t.test(`a request with ${missing} added after signing is refused by name`, async (t) => {
    t.throws(() => checkSignedHeaders(signed, [...base, ...added]), {
      kind: 'headers-not-signed',
      code: 'AccessDenied',
      message: 'There were headers present in the request which were not signed',
      extra: { HeadersNotSigned: missing }
    })
  })
}

t.test('a request that did not sign its host is refused', async (t) => {
  t.throws(() => checkSignedHeaders(['x-amz-date', 'x-amz-meta-a'], base), {
    kind: 'headers-not-signed',
    code: 'AccessDenied',
    extra: { HeadersNotSigned: 'host' }
  })
})
