import t from 'tap'
import { canonicalQuery } from '../../../proxy/sigv4/canonical-query.ts'

const CASES = [
  { why: 'nothing', raw: '', canonical: '' },
  { why: 'a name without value', raw: 'uploads', canonical: 'uploads=' },
  { why: 'a name with an empty value', raw: 'uploads=', canonical: 'uploads=' },
  { why: 'sorted by name', raw: 'uploadId=x&partNumber=2', canonical: 'partNumber=2&uploadId=x' },
  { why: 'upper case before lower case', raw: 'a=1&B=2', canonical: 'B=2&a=1' },
  { why: 'a name before one that it begins', raw: 'a-b=1&a=2', canonical: 'a=2&a-b=1' },
  { why: 'repeated names by value', raw: 'a=2&a=10&a=1', canonical: 'a=1&a=10&a=2' },
  { why: 'the same pair twice is kept twice', raw: 'a=1&a=1', canonical: 'a=1&a=1' },
  { why: 'slash and space encoded', raw: 'delimiter=/&prefix=a b', canonical: 'delimiter=%2F&prefix=a%20b' },
  { why: 'a plus is a plus', raw: 'prefix=a+b', canonical: 'prefix=a%2Bb' },
  { why: 'lower-case escapes made upper case', raw: 'prefix=%c3%a9%2f', canonical: 'prefix=%C3%A9%2F' },
  { why: 'an escape of what needs none undone', raw: 'prefix=%41%7e', canonical: 'prefix=A~' },
  { why: "what encodeURIComponent leaves alone encoded: !'()*", raw: "p=!'()*", canonical: 'p=%21%27%28%29%2A' },
  { why: 'an equals sign in a value', raw: 'a=b=c', canonical: 'a=b%3Dc' },
  { why: 'an escaped ampersand stays within its value', raw: 'a=1%26b=2', canonical: 'a=1%26b%3D2' },
  { why: 'a semicolon separates nothing', raw: 'a=1;b=2', canonical: 'a=1%3Bb%3D2' },
  { why: 'a percent sign that begins no escape is itself', raw: 'a=100%&b=%zz', canonical: 'a=100%25&b=%25zz' },
  { why: 'bytes that are not UTF-8', raw: 'a=%ff%fe&b=\u00ff', canonical: 'a=%FF%FE&b=%FF' },
  { why: 'an empty parameter is not left out', raw: 'a=1&&b=2', canonical: '=&a=1&b=2' },
  { why: 'sorted as encoded', raw: 'b=1&%20a=2', canonical: '%20a=2&b=1' }
]
for (const { why, raw, canonical } of CASES) {
  t.test(`a query has one canonical form: ${why}`, async (t) => t.equal(canonicalQuery(raw), canonical))
}

t.test('a query-signed request leaves its own signature out, and nothing else', async (t) => {
  t.equal(canonicalQuery('X-Amz-Signature=1&X-Amz-Date=2&x-amz-signature=3', 'X-Amz-Signature'), 'X-Amz-Date=2&x-amz-signature=3')
})
