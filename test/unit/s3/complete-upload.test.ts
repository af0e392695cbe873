import t from 'tap'
import { readCompleteResult, readPartsRequest, writeCompleteResult, writePartsRequest } from '../../../proxy/s3/complete-upload.ts'
import { readCopyResult, writeCopyObjectResult, writeCopyPartResult } from '../../../proxy/s3/copy-result.ts'
import { readListParts, readListUploads } from '../../../proxy/s3/list-request.ts'
import {
  readInitiateResult,
  readPartPage,
  readUploadPage,
  writeInitiateResult,
  writePartPage,
  writeUploadPage
} from '../../../proxy/s3/multipart.ts'
import { parseQuery } from '../../../proxy/s3/query.ts'

const OWNER = { id: 'tenant-1', displayName: 'tenant-1' }
const read = (xml: string) => readPartsRequest(Buffer.from(xml))
const part = (number: number | string, etag = '"e"'): string => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`
const upload = (...parts: string[]): string => `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`

t.test('parts are read with or without quotes, with their checksums, from any number on', async (t) => {
  const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <Part><ETag>&quot;e2&quot;</ETag><PartNumber>2</PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>
    <Part><PartNumber>5</PartNumber><ETag>e5</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part></CompleteMultipartUpload>`
  const parts = [
    { partNumber: 2, etag: 'e2', checksums: [['ChecksumCRC32', 'AAAAAA==']] as const },
    { partNumber: 5, etag: 'e5', checksums: [['ChecksumCRC64NVME', 'AAAAAAAAAAA=']] as const }
  ]
  t.same(read(xml), parts)
  t.same(read(writePartsRequest(parts)), parts)
  t.equal(read(upload(...Array.from({ length: 10_000 }, (_, index) => part(index + 1)))).length, 10_000)
})

const REFUSED: readonly [why: string, xml: string, code: string][] = [
  ['no parts', upload(), 'MalformedXML'],
  ['parts out of order', upload(part(2), part(1)), 'InvalidPartOrder'],
  ['a part that comes twice', upload(part(1), part(1)), 'InvalidPartOrder'],
  ['part number 0', upload(part(0)), 'InvalidArgument'],
  ['part number 10001', upload(part(10001)), 'InvalidArgument'],
  ['a part number that is no number', upload(part('one')), 'MalformedXML'],
  ['a negative part number', upload(part(-1)), 'MalformedXML'],
  ['a part without ETag', upload('<Part><PartNumber>1</PartNumber></Part>'), 'MalformedXML'],
  ['an unknown element of a part', upload('<Part><PartNumber>1</PartNumber><ETag>e</ETag><Key>k</Key></Part>'), 'MalformedXML'],
  ['an unknown element', upload(part(1), '<Key>k</Key>'), 'MalformedXML'],
  ['another root', '<Complete/>', 'MalformedXML'],
  ['nothing', '', 'MalformedXML']
]
for (const [why, xml, code] of REFUSED) {
  t.test(`completing with ${why} is refused with ${code}`, async (t) => t.throws(() => read(xml), { name: 'S3Error', code }))
}

t.test('a complete that failed under status 200 is an error, white space before it or not', async (t) => {
  t.same(readCompleteResult(Buffer.from('  \n <?xml version="1.0"?><Error><Code>InternalError</Code></Error>')), {
    kind: 'error',
    code: 'InternalError'
  })
  t.same(readCopyResult(Buffer.from('<Error><Code>SlowDown</Code></Error>')), { kind: 'error', code: 'SlowDown' })
})

t.test('an answer that is neither done nor an error is a fault', async (t) => {
  for (const xml of ['', '<html/>', '<CompleteMultipartUploadResult/>']) {
    t.throws(() => readCompleteResult(Buffer.from(xml)), { name: 'XmlProblem' })
    t.throws(() => readCopyResult(Buffer.from(xml)), { name: 'XmlProblem' })
  }
})

t.test('a complete is answered with the names of the client', async (t) => {
  const upstream = `<CompleteMultipartUploadResult><Location>http://up/pool-7/t/k</Location><Bucket>pool-7</Bucket><Key>t/k</Key><ETag>"e-2"</ETag>
    <ChecksumCRC32>AAAAAA==-2</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></CompleteMultipartUploadResult>`
  const done = readCompleteResult(Buffer.from(upstream))
  t.same(done, {
    kind: 'done',
    etag: '"e-2"',
    checksums: [
      ['ChecksumCRC32', 'AAAAAA==-2'],
      ['ChecksumType', 'COMPOSITE']
    ]
  })
  if (done.kind !== 'done') return
  const xml = writeCompleteResult({ ...done, location: 'http://proxy/b/k', bucket: 'b', key: '<k>' })
  t.match(
    xml,
    '<Location>http://proxy/b/k</Location><Bucket>b</Bucket><Key>&lt;k&gt;</Key><ETag>&quot;e-2&quot;</ETag><ChecksumCRC32>AAAAAA==-2'
  )
  t.same(readCompleteResult(Buffer.from(xml)), done)
})

t.test('a copy is answered as the operation has it', async (t) => {
  const copied = { etag: '"e"', lastModified: '2026-11-22T08:00:00.000Z', checksums: [['ChecksumSHA256', 's']] as const }
  for (const [xml, root] of [
    [writeCopyObjectResult(copied), 'CopyObjectResult'],
    [writeCopyPartResult(copied), 'CopyPartResult']
  ] as const) {
    t.match(xml, `<${root} xmlns=`)
    t.same(readCopyResult(Buffer.from(xml)), { kind: 'done', ...copied })
  }
})

t.test('an upload id is read from the upstream and the sealed one written', async (t) => {
  t.equal(readInitiateResult(Buffer.from('<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>')), 'up')
  t.throws(() => readInitiateResult(Buffer.from('<InitiateMultipartUploadResult/>')), { name: 'XmlProblem' })
  t.match(
    writeInitiateResult({ bucket: 'b', key: ' k ', uploadId: 'sealed' }),
    '<Bucket>b</Bucket><Key> k </Key><UploadId>sealed</UploadId>'
  )
})

t.test('a page of parts is read and written', async (t) => {
  const upstream = `<ListPartsResult><Bucket>pool-7</Bucket><Key>t/k</Key><UploadId>up</UploadId><IsTruncated>true</IsTruncated>
    <NextPartNumberMarker>2</NextPartNumberMarker><StorageClass>STANDARD</StorageClass><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>
    <Part><PartNumber>2</PartNumber><LastModified>l</LastModified><ETag>"e"</ETag><Size>5</Size><ChecksumCRC32>c</ChecksumCRC32></Part></ListPartsResult>`
  const page = readPartPage(Buffer.from(upstream))
  t.same(page.parts, [{ partNumber: 2, lastModified: 'l', etag: '"e"', size: '5', checksums: [['ChecksumCRC32', 'c']] }])
  const request = readListParts(parseQuery('uploadId=x&part-number-marker=1&max-parts=1'))
  const xml = writePartPage(request, { ...page, bucket: 'b', key: 'k', uploadId: 'sealed', owner: OWNER })
  t.same(readPartPage(Buffer.from(xml)), page)
  t.match(xml, '<Bucket>b</Bucket><Key>k</Key><UploadId>sealed</UploadId><Initiator><ID>tenant-1</ID>')
  t.match(xml, '<PartNumberMarker>1</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1</MaxParts>')
  t.notMatch(xml, 'pool-7')
})

t.test('a page of uploads is written and read, encoded as asked', async (t) => {
  const page = {
    uploads: [{ key: 'a b', uploadId: 'sealed', initiated: '2026-11-22T08:00:00.000Z', storageClass: 'STANDARD' }],
    commonPrefixes: ['c d/'],
    isTruncated: true,
    nextKeyMarker: 'a b',
    nextUploadIdMarker: 'sealed'
  }
  for (const query of [
    'uploads&prefix=a%20&delimiter=/&max-uploads=1',
    'uploads&prefix=a%20&delimiter=/&max-uploads=1&encoding-type=url'
  ]) {
    const xml = writeUploadPage(readListUploads(parseQuery(query)), { ...page, bucket: 'b', owner: OWNER })
    t.same(readUploadPage(Buffer.from(xml)), page)
    t.match(xml, query.includes('url') ? '<Prefix>a+</Prefix>' : '<Prefix>a </Prefix>')
    t.match(xml, '<MaxUploads>1</MaxUploads>')
  }
})
