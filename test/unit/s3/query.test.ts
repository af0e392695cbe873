import fc from 'fast-check'
import t from 'tap'
import { encodeQueryValue } from '../../../proxy/s3/encode.ts'
import { parseQuery, queryValue } from '../../../proxy/s3/query.ts'

const READ: readonly [raw: string, pairs: readonly (readonly [string, string])[]][] = [
  ['', []],
  ['uploads', [['uploads', '']]],
  ['uploads=', [['uploads', '']]],
  [
    'prefix=a/&delimiter=/',
    [
      ['prefix', 'a/'],
      ['delimiter', '/']
    ]
  ],
  ['prefix=a%2Fb%20c%2B', [['prefix', 'a/b c+']]],
  ['prefix=a+b', [['prefix', 'a+b']]],
  ['prefix=a=b', [['prefix', 'a=b']]],
  ['prefix=a;versionId=b', [['prefix', 'a;versionId=b']]],
  ['&&a=1&', [['a', '1']]],
  ['%70refix=x', [['prefix', 'x']]],
  [
    'Prefix=x&prefix=y',
    [
      ['Prefix', 'x'],
      ['prefix', 'y']
    ]
  ],
  ['__proto__=x', [['__proto__', 'x']]]
]
for (const [raw, pairs] of READ) {
  t.test(`"${raw}" is ${JSON.stringify(pairs)}`, async (t) => {
    t.same(
      parseQuery(raw).map(({ name, value }) => [name, value]),
      pairs
    )
  })
}

const REFUSED: readonly [why: string, raw: string, code: string][] = [
  ['a parameter that comes twice', 'versionId=a&versionId=b', 'InvalidArgument'],
  ['a parameter that comes twice in another encoding', 'versionId=a&version%49d=b', 'InvalidArgument'],
  ['a parameter that comes twice with one value', 'acl&acl', 'InvalidArgument'],
  ['a cut escape', 'prefix=100%', 'InvalidURI'],
  ['bytes that are not UTF-8', 'prefix=%ff', 'InvalidURI']
]
for (const [why, raw, code] of REFUSED) {
  t.test(`${why} is refused with ${code}`, async (t) => t.throws(() => parseQuery(raw), { name: 'S3Error', code }))
}

t.test('raw names and values are kept for the signature', async (t) => {
  t.match(parseQuery('pre%66ix=%7E&x'), [
    { rawName: 'pre%66ix', rawValue: '%7E' },
    { rawName: 'x', rawValue: '' }
  ])
})

t.test('any value comes back', async () => {
  const isFaithful = (value: string): boolean => queryValue(parseQuery(`a=b&prefix=${encodeQueryValue(value)}&c`), 'prefix') === value
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), isFaithful), { numRuns: 500 })
})
