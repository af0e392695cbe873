import t from 'tap'
import { readAttributes, readAttributesRequest, writeAttributes } from '../../../proxy/s3/attributes.ts'
import {
  readLocationConstraint,
  readVersioning,
  writeAcl,
  writeBuckets,
  writeLocation,
  writeVersioning
} from '../../../proxy/s3/buckets.ts'
import { HeaderView } from '../../../proxy/s3/header-view.ts'

const OWNER = { id: 'tenant-1', displayName: 'tenant-1' }

t.test('buckets are listed with their dates', async (t) => {
  const xml = writeBuckets({
    owner: OWNER,
    buckets: [{ name: 'b', createdAt: new Date(0) }],
    prefix: undefined,
    continuationToken: 'next'
  })
  t.match(
    xml,
    '<Owner><ID>tenant-1</ID><DisplayName>tenant-1</DisplayName></Owner><Buckets><Bucket><Name>b</Name><CreationDate>1970-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets><ContinuationToken>next</ContinuationToken>'
  )
  t.match(writeBuckets({ owner: OWNER, buckets: [], prefix: 'p', continuationToken: undefined }), '<Buckets></Buckets><Prefix>p</Prefix>')
})

t.test('the first region of S3 is written as nothing', async (t) => {
  t.match(writeLocation('us-east-1'), /<LocationConstraint xmlns="[^"]+"><\/LocationConstraint>$/)
  t.match(writeLocation('local'), />local<\/LocationConstraint>$/)
})

const CONSTRAINTS: readonly [xml: string, region: string | undefined][] = [
  ['', undefined],
  ['<CreateBucketConfiguration/>', undefined],
  ['<CreateBucketConfiguration><LocationConstraint></LocationConstraint></CreateBucketConfiguration>', undefined],
  ['<CreateBucketConfiguration><LocationConstraint>local</LocationConstraint></CreateBucketConfiguration>', 'local']
]
for (const [xml, region] of CONSTRAINTS) {
  t.test(`the bucket configuration "${xml}" asks for ${region ?? 'no region'}`, async (t) =>
    t.equal(readLocationConstraint(Buffer.from(xml)), region)
  )
}
t.test('a bucket of another kind is refused', async (t) => {
  const xml = '<CreateBucketConfiguration><Bucket><Type>Directory</Type></Bucket></CreateBucketConfiguration>'
  t.throws(() => readLocationConstraint(Buffer.from(xml)), { code: 'NotImplemented' })
  t.throws(() => readLocationConstraint(Buffer.from('<Create/>')), { code: 'MalformedXML' })
})

for (const status of ['Enabled', 'Suspended', null] as const) {
  t.test(`versioning ${status ?? 'that never was'} is written as it was read`, async (t) =>
    t.equal(readVersioning(Buffer.from(writeVersioning(status))), status)
  )
}

t.test('the owner may do everything', async (t) => {
  t.match(
    writeAcl(OWNER),
    'xsi:type="CanonicalUser"><ID>tenant-1</ID><DisplayName>tenant-1</DisplayName></Grantee><Permission>FULL_CONTROL</Permission>'
  )
})

t.test('attributes come as a list or as repeated lines', async (t) => {
  for (const rawHeaders of [
    ['x-amz-object-attributes', 'ETag, ObjectSize'],
    ['x-amz-object-attributes', 'ETag', 'X-Amz-Object-Attributes', 'ObjectSize']
  ]) {
    t.same(readAttributesRequest(new HeaderView(rawHeaders)), {
      attributes: new Set(['ETag', 'ObjectSize']),
      maxParts: 1000,
      partNumberMarker: 0
    })
  }
})

const REFUSED: readonly [why: string, rawHeaders: readonly string[], code: string][] = [
  ['none', [], 'InvalidRequest'],
  ['an empty list', ['x-amz-object-attributes', ''], 'InvalidRequest'],
  ['an unknown one', ['x-amz-object-attributes', 'ETag,Owner'], 'InvalidArgument'],
  ['one in another case', ['x-amz-object-attributes', 'etag'], 'InvalidArgument'],
  ['a page size that is no number', ['x-amz-object-attributes', 'ObjectParts', 'x-amz-max-parts', 'all'], 'InvalidArgument']
]
for (const [why, rawHeaders, code] of REFUSED) {
  t.test(`attributes with ${why} are refused with ${code}`, async (t) =>
    t.throws(() => readAttributesRequest(new HeaderView(rawHeaders)), { name: 'S3Error', code })
  )
}

const ATTRIBUTES = `<GetObjectAttributesResponse><ETag>"e-2"</ETag><Checksum><ChecksumCRC32>c</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></Checksum>
  <ObjectParts><TotalPartsCount>2</TotalPartsCount><MaxParts>1000</MaxParts><IsTruncated>false</IsTruncated>
  <Part><PartNumber>1</PartNumber><Size>5</Size><ChecksumCRC32>p</ChecksumCRC32></Part></ObjectParts><StorageClass>STANDARD</StorageClass><ObjectSize>7</ObjectSize></GetObjectAttributesResponse>`

t.test('attributes are released as asked, the ETag without quotes', async (t) => {
  const object = readAttributes(Buffer.from(ATTRIBUTES))
  t.match(object, {
    etag: 'e-2',
    size: '7',
    storageClass: 'STANDARD',
    checksums: [
      ['ChecksumCRC32', 'c'],
      ['ChecksumType', 'COMPOSITE']
    ]
  })
  const all = writeAttributes(object, new Set(['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']))
  t.same(readAttributes(Buffer.from(all)), object)
  t.match(all, '<ETag>e-2</ETag>')
  const size = writeAttributes(object, new Set(['ObjectSize']))
  t.match(size, /\/"><ObjectSize>7<\/ObjectSize><\/GetObjectAttributesResponse>$/)
})

t.test('attributes that the upstream did not give are left out', async (t) => {
  const object = readAttributes(Buffer.from('<GetObjectAttributesResponse/>'))
  t.match(writeAttributes(object, new Set(['ETag', 'Checksum', 'ObjectParts'])), /\/"><\/GetObjectAttributesResponse>$/)
})
