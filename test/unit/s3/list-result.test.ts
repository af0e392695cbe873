import fc from 'fast-check'
import t from 'tap'
import { urlEncodeXml } from '../../../proxy/s3/encode.ts'
import { readListParts, readListUploads, readListV1, readListV2, readListVersions } from '../../../proxy/s3/list-request.ts'
import { readObjectPage, writeListV1, writeListV2, type ListedObject } from '../../../proxy/s3/list-result.ts'
import { parseQuery } from '../../../proxy/s3/query.ts'
import { readVersionPage, writeVersionPage } from '../../../proxy/s3/version-list.ts'
import { escapeXml } from '../../../proxy/s3/xml.ts'
import { KEY_CORPUS } from './key-corpus.ts'

const OWNER = { id: 'tenant-1', displayName: 'tenant-1' }
const v1 = (query: string) => readListV1(parseQuery(query))
const v2 = (query: string) => readListV2(parseQuery(query))
const objectOf = (key: string): ListedObject => ({
  key,
  lastModified: '2026-11-22T08:00:00.000Z',
  etag: '"abc"',
  size: '3',
  storageClass: 'STANDARD',
  checksumAlgorithms: [],
  checksumType: undefined,
  restore: undefined
})
const page = { bucket: 'bucket', objects: [objectOf('a b')], commonPrefixes: ['d e/'], isTruncated: false, owner: OWNER }
const body = (xml: string): string => xml.replace(/^.*\n<\w+ [^>]*>|<\/\w+>$/g, '')

t.test('an upstream listing is read with its names decoded', async (t) => {
  const upstream = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>pool-7</Name><Prefix>t/</Prefix>
<NextContinuationToken>a+b=%2F</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>
<IsTruncated>true</IsTruncated><Contents><Key>t/quux+a%2Bb%01</Key><LastModified>2026-11-22T08:00:00.000Z</LastModified>
<ETag>&quot;abc-2&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType><Size>7</Size>
<Owner><ID>account</ID></Owner><StorageClass>STANDARD</StorageClass>
<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>later</RestoreExpiryDate></RestoreStatus></Contents>
<CommonPrefixes><Prefix>t/d%20e/</Prefix></CommonPrefixes></ListBucketResult>`
  t.same(readObjectPage(Buffer.from(upstream)), {
    objects: [
      {
        ...objectOf('t/quux a+b\u0001'),
        etag: '"abc-2"',
        size: '7',
        checksumAlgorithms: ['CRC32'],
        checksumType: 'COMPOSITE',
        restore: { inProgress: 'false', expiry: 'later' }
      }
    ],
    commonPrefixes: ['t/d e/'],
    isTruncated: true,
    nextMarker: undefined,
    nextContinuationToken: 'a+b=%2F'
  })
})

t.test('a listing that does not say that it is encoded is taken as it stands', async (t) => {
  const xml = `<ListBucketResult><IsTruncated>false</IsTruncated><NextMarker>t/100%</NextMarker>
    <Contents><Key>t/a+b%20</Key><LastModified>x</LastModified></Contents></ListBucketResult>`
  const { objects, nextMarker } = readObjectPage(Buffer.from(xml))
  t.equal(objects[0]?.key, 't/a+b%20')
  t.equal(nextMarker, 't/100%')
})

for (const [why, xml] of [
  [
    'a name that is not decodable',
    '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%ff</Key><LastModified>x</LastModified></Contents></ListBucketResult>'
  ],
  ['an entry without a key', '<ListBucketResult><Contents><LastModified>x</LastModified></Contents></ListBucketResult>'],
  ['another document', '<Error><Code>NoSuchBucket</Code></Error>']
] as const) {
  t.test(`a listing with ${why} is a fault`, async (t) => t.throws(() => readObjectPage(Buffer.from(xml)), { name: 'XmlProblem' }))
}

t.test('version 1 echoes what was asked and names an owner', async (t) => {
  t.equal(
    body(writeListV1(v1('prefix=&marker=a&max-keys=5000'), { ...page, nextMarker: undefined })),
    '<Name>bucket</Name><Prefix></Prefix><Marker>a</Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>' +
      '<Contents><Key>a b</Key><LastModified>2026-11-22T08:00:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag><Size>3</Size>' +
      '<Owner><ID>tenant-1</ID><DisplayName>tenant-1</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>' +
      '<CommonPrefixes><Prefix>d e/</Prefix></CommonPrefixes>'
  )
})

t.test('version 1 has a NextMarker only on a cut page with a delimiter', async (t) => {
  const cut = { ...page, isTruncated: true, nextMarker: 'd e/' }
  t.match(writeListV1(v1('delimiter=/'), cut), '<NextMarker>d e/</NextMarker>')
  t.match(writeListV1(v1('delimiter=/&encoding-type=url'), cut), '<NextMarker>d+e/</NextMarker>')
  t.notMatch(writeListV1(v1(''), cut), 'NextMarker')
  t.notMatch(writeListV1(v1('delimiter=/'), { ...cut, isTruncated: false }), 'NextMarker')
})

t.test('version 2 echoes start-after and token together and counts prefixes as keys', async (t) => {
  const request = v2('prefix=p+q%20&start-after=s%20t&continuation-token=tok%2F&delimiter=%20&max-keys=2')
  t.equal(
    body(writeListV2(request, { ...page, isTruncated: true, nextContinuationToken: 'next/+' })).replace(/<Contents>.*/, ''),
    '<Name>bucket</Name><Prefix>p+q </Prefix><ContinuationToken>tok/</ContinuationToken><StartAfter>s t</StartAfter>' +
      '<NextContinuationToken>next/+</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><Delimiter> </Delimiter><IsTruncated>true</IsTruncated>'
  )
})

t.test('version 2 encodes names and never tokens, when the client asked for it', async (t) => {
  const request = v2('prefix=p%20&start-after=s%20t&continuation-token=t%20k&delimiter=%20&encoding-type=url')
  const xml = writeListV2(request, { ...page, nextContinuationToken: 'n k' })
  for (const part of [
    '<Prefix>p+</Prefix>',
    '<StartAfter>s+t</StartAfter>',
    '<Delimiter>+</Delimiter>',
    '<Key>a+b</Key>',
    '<Prefix>d+e/</Prefix>'
  ]) {
    t.match(xml, part)
  }
  t.match(xml, '<ContinuationToken>t k</ContinuationToken>')
  t.match(xml, '<NextContinuationToken>n k</NextContinuationToken>')
  t.match(xml, '<EncodingType>url</EncodingType>')
})

t.test('version 2 names an owner only when asked', async (t) => {
  t.match(writeListV2(v2('fetch-owner=true'), { ...page, nextContinuationToken: undefined }), '<Owner><ID>tenant-1</ID>')
  t.notMatch(writeListV2(v2('fetch-owner=false'), { ...page, nextContinuationToken: undefined }), 'Owner')
})

t.test('an empty delimiter leaves no Delimiter element, no delimiter neither', async (t) => {
  for (const query of ['delimiter=', '']) t.notMatch(writeListV2(v2(query), { ...page, nextContinuationToken: undefined }), 'Delimiter')
})

for (const encoding of ['&encoding-type=url', '']) {
  for (const key of KEY_CORPUS) {
    t.test(`the key ${JSON.stringify(key.slice(0, 30))} is listed faithfully${encoding === '' ? '' : ', encoded'}`, async (t) => {
      const listed = { ...page, objects: [objectOf(key)], commonPrefixes: [key], nextMarker: key, isTruncated: true }
      const read = readObjectPage(Buffer.from(writeListV1(v1(`delimiter=/${encoding}`), listed)))
      t.equal(read.objects[0]?.key, key)
      t.same(read.commonPrefixes, [key])
      t.equal(read.nextMarker, key)
    })
  }
}

t.test('any key of an encoding upstream comes back', async () => {
  const isFaithful = (key: string): boolean => {
    const entry = `<Contents><Key>${escapeXml(urlEncodeXml(key))}</Key><LastModified>x</LastModified></Contents>`
    return (
      readObjectPage(Buffer.from(`<ListBucketResult><EncodingType>url</EncodingType>${entry}</ListBucketResult>`)).objects[0]?.key === key
    )
  }
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), isFaithful), { numRuns: 500 })
})

const VERSIONS = `<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>t/a+b</NextKeyMarker>
<NextVersionIdMarker>v1</NextVersionIdMarker><DeleteMarker><Key>t/a+b</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest><LastModified>l3</LastModified></DeleteMarker>
<Version><Key>t/a+b</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><LastModified>l2</LastModified><ETag>"e"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Version>
<DeleteMarker><Key>t/a+b</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><LastModified>l1</LastModified></DeleteMarker>
<CommonPrefixes><Prefix>t/d/</Prefix></CommonPrefixes></ListVersionsResult>`

t.test('versions and delete markers keep their order', async (t) => {
  const read = readVersionPage(Buffer.from(VERSIONS))
  t.same(
    read.versions.map(({ kind, key, versionId, isLatest }) => [kind, key, versionId, isLatest]),
    [
      ['deleteMarker', 't/a b', 'v3', true],
      ['version', 't/a b', 'v2', false],
      ['deleteMarker', 't/a b', 'v1', false]
    ]
  )
  t.match(read, { nextKeyMarker: 't/a b', nextVersionIdMarker: 'v1', commonPrefixes: ['t/d/'], isTruncated: true })
})

t.test('a page of versions is written as it was read, with what was asked', async (t) => {
  const read = readVersionPage(Buffer.from(VERSIONS))
  const request = readListVersions(parseQuery('versions&prefix=t%20&key-marker=k%20&version-id-marker=v9&encoding-type=url&max-keys=3'))
  const xml = writeVersionPage(request, { ...read, bucket: 'bucket', owner: OWNER })
  t.same(readVersionPage(Buffer.from(xml)), read)
  for (const part of ['<Prefix>t+</Prefix>', '<KeyMarker>k+</KeyMarker>', '<VersionIdMarker>v9</VersionIdMarker>', '<MaxKeys>3</MaxKeys>'])
    t.match(xml, part)
  t.equal(xml.match(/<Owner><ID>tenant-1</g)?.length, 3)
})

t.test('what a listing asks for is read with the limits of S3', async (t) => {
  t.same(v2('list-type=2'), {
    prefix: '',
    delimiter: undefined,
    maxKeys: 1000,
    encodeUrl: false,
    continuationToken: undefined,
    startAfter: undefined,
    fetchOwner: false
  })
  t.equal(v1('max-keys=0').maxKeys, 0)
  t.equal(v1('max-keys=1001').maxKeys, 1000)
  t.match(readListUploads(parseQuery('uploads&max-uploads=3&key-marker=k&upload-id-marker=u')), {
    maxKeys: 3,
    keyMarker: 'k',
    uploadIdMarker: 'u'
  })
  t.same(readListParts(parseQuery('uploadId=1&max-parts=5000&part-number-marker=4')), {
    partNumberMarker: 4,
    maxParts: 1000,
    encodeUrl: false
  })
})
