import t from 'tap'
import { findAuthSource } from '../../../proxy/sigv4/auth-source.ts'

const FOUND = [
  { why: 'nothing', headers: [], query: 'list-type=2&prefix=Signature', source: { kind: 'none' } },
  { why: 'a header in any case', headers: ['AUTHORIZATION', 'x y'], query: '', source: { kind: 'header', authorization: 'x y' } },
  { why: 'a presigned query', headers: [], query: 'a=1&X-Amz-Algorithm=A&X-Amz-Signature=1', source: { kind: 'query', scheme: 'v4' } },
  { why: 'a presigned query with an escaped name', headers: [], query: '%58-Amz-Signature=1', source: { kind: 'query', scheme: 'v4' } },
  { why: 'a presigned query in another case', headers: [], query: 'x-amz-signature=1', source: { kind: 'query', scheme: 'v4' } },
  { why: 'an older presigned query', headers: [], query: 'AWSAccessKeyId=A&Signature=1', source: { kind: 'query', scheme: 'v2' } }
]
for (const { why, headers, query, source } of FOUND) {
  t.test(`the source of authentication is found: ${why}`, async (t) => t.same(findAuthSource(headers, query), source))
}

const header = ['Authorization', 'AWS4-HMAC-SHA256 x']
const REFUSED = [
  { why: 'two Authorization headers', headers: [...header, 'authorization', 'AWS4-HMAC-SHA256 y'], query: '' },
  ...[
    'X-Amz-Algorithm=A',
    'X-Amz-Credential=A',
    'X-Amz-Signature',
    'Signature=1',
    'AWSAccessKeyId=1',
    'x-amz-Signature=',
    '%53ignature=1'
  ].map((query) => ({ why: `a header and ${query}`, headers: header, query: `prefix=a&${query}` })),
  { why: 'two schemes in the query', headers: [], query: 'X-Amz-Signature=1&Signature=2' }
]
for (const { why, headers, query } of REFUSED) {
  t.test(`two sources of authentication are refused: ${why}`, async (t) => {
    t.throws(() => findAuthSource(headers, query), { kind: 'duplicate-auth', code: 'InvalidArgument' })
  })
}
