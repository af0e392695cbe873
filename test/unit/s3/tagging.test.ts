import fc from 'fast-check'
import t from 'tap'
import {
  checkTagCount,
  encodeTaggingHeader,
  parseTaggingHeader,
  readTaggingRequest,
  readTaggingResult,
  writeTagging
} from '../../../proxy/s3/tagging.ts'

const HEADERS: readonly [value: string, tags: readonly (readonly [string, string])[]][] = [
  ['', []],
  ['a=b', [['a', 'b']]],
  [
    'a=b&c=d+e',
    [
      ['a', 'b'],
      ['c', 'd e']
    ]
  ],
  [
    'a=b&c=d%20e',
    [
      ['a', 'b'],
      ['c', 'd e']
    ]
  ],
  ['a=b%2Bc', [['a', 'b+c']]],
  ['a=', [['a', '']]],
  ['a=b=c', [['a', 'b=c']]],
  ['s%65rvice=x', [['service', 'x']]],
  ['%D0%BA=%D0%BB', [['к', 'л']]],
  ['a=b&', [['a', 'b']]],
  ['__proto__=x', [['__proto__', 'x']]]
]
for (const [value, tags] of HEADERS) {
  t.test(`the header "${value}" holds ${JSON.stringify(tags)}`, async (t) => {
    t.same([...parseTaggingHeader(value)], tags)
    t.same([...parseTaggingHeader(encodeTaggingHeader(new Map(tags)))], tags)
  })
}

const xmlOf = (...pairs: [string, string][]): string =>
  `<Tagging><TagSet>${pairs.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`).join('')}</TagSet></Tagging>`
const long = (count: number): string => 'x'.repeat(count)

const REFUSED_HEADERS: readonly [why: string, value: string, code: string][] = [
  ['no equals sign', 'text', 'InvalidArgument'],
  ['an empty key', '=b', 'InvalidArgument'],
  ['a cut escape', 'a=100%', 'InvalidArgument'],
  ['bytes that are not UTF-8', 'a=%ff', 'InvalidArgument'],
  ['a key twice', 'a=b&a=c', 'InvalidTag'],
  ['a key twice in two encodings', 'service=b&s%65rvice=c', 'InvalidTag'],
  ['a key of 129 characters', `${long(129)}=b`, 'InvalidTag'],
  ['a value of 257 characters', `a=${long(257)}`, 'InvalidTag'],
  ['a character that tags do not have', 'a=b%3Bc', 'InvalidTag'],
  ['a system tag', 'aws:x=b', 'InvalidTag'],
  ['a system tag in capitals', 'AWS:x=b', 'InvalidTag']
]
for (const [why, value, code] of REFUSED_HEADERS) {
  t.test(`a tagging header with ${why} is refused with ${code}`, async (t) => {
    t.throws(() => parseTaggingHeader(value), { name: 'S3Error', code })
  })
}

const REFUSED_BODIES: readonly [why: string, xml: string, code: string][] = [
  ['a key twice', xmlOf(['a', 'b'], ['a', 'c']), 'InvalidTag'],
  ['a key twice, once by reference', xmlOf(['a', 'b'], ['&#97;', 'c']), 'InvalidTag'],
  ['an empty key', xmlOf(['', 'b']), 'InvalidTag'],
  ['a key of 129 characters', xmlOf([long(129), 'b']), 'InvalidTag'],
  ['a value of 257 characters', xmlOf(['a', long(257)]), 'InvalidTag'],
  ['a system tag', xmlOf(['aws:x', 'b']), 'InvalidTag'],
  ['no TagSet', '<Tagging/>', 'MalformedXML'],
  ['two TagSets', '<Tagging><TagSet/><TagSet/></Tagging>', 'MalformedXML'],
  ['a tag without value', '<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>', 'MalformedXML'],
  ['a tag with two keys', '<Tagging><TagSet><Tag><Key>a</Key><Key>b</Key></Tag></TagSet></Tagging>', 'MalformedXML'],
  ['something that is no tag', '<Tagging><TagSet><Label><Key>a</Key><Value>b</Value></Label></TagSet></Tagging>', 'MalformedXML'],
  ['nothing', '', 'MalformedXML']
]
for (const [why, xml, code] of REFUSED_BODIES) {
  t.test(`a tagging document with ${why} is refused with ${code}`, async (t) => {
    t.throws(() => readTaggingRequest(Buffer.from(xml)), { name: 'S3Error', code })
  })
}

t.test('the longest key and value are counted in characters, not in units of UTF-16', async (t) => {
  const tags = new Map([['𝒜'.repeat(128), '𝒜'.repeat(256)]])
  t.same(readTaggingRequest(Buffer.from(writeTagging(tags))), tags)
})

t.test('eleven tags are too many, ten are not', async (t) => {
  const tags = (count: number): Map<string, string> => new Map(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
  checkTagCount(tags(10), 10)
  t.throws(() => checkTagCount(tags(11), 10), { code: 'BadRequest', message: 'Object tags cannot be greater than 10' })
  t.throws(() => checkTagCount(tags(10), 9), { code: 'BadRequest' })
})

t.test('an untagged object has an empty set', async (t) => {
  t.same(readTaggingResult(Buffer.from('<Tagging><TagSet></TagSet></Tagging>')), new Map())
  t.match(writeTagging(new Map()), '<TagSet></TagSet></Tagging>')
})

t.test('an upstream that names a tag twice is at fault', async (t) => {
  t.throws(() => readTaggingResult(Buffer.from(xmlOf(['service', 'a'], ['service', 'b']))), { name: 'XmlProblem' })
})

t.test('any tags come back from header and document', async () => {
  const text = (maxLength: number) => fc.string({ unit: fc.constantFrom(...'aZ0 +-=._:/@éк日'), maxLength })
  const isFaithful = (pairs: [string, string][]): boolean => {
    const tags = new Map(pairs.filter(([key]) => key !== ''))
    const encoded = JSON.stringify([...tags])
    return [
      parseTaggingHeader(encodeTaggingHeader(tags)),
      readTaggingRequest(Buffer.from(writeTagging(tags))),
      readTaggingResult(Buffer.from(writeTagging(tags)))
    ].every((read) => JSON.stringify([...read]) === encoded)
  }
  fc.assert(fc.property(fc.array(fc.tuple(text(128), text(256)), { maxLength: 10 }), isFaithful), { numRuns: 200 })
})
