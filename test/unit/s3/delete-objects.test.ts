import t from 'tap'
import { readDeleteRequest, readDeleteResult, writeDeleteRequest, writeDeleteResult } from '../../../proxy/s3/delete-objects.ts'
import { textElement } from '../../../proxy/s3/xml.ts'
import { KEY_CORPUS } from './key-corpus.ts'

const read = (xml: string) => readDeleteRequest(Buffer.from(xml))
const objects = (count: number): string => Array.from({ length: count }, (_, index) => `<Object><Key>k${index}</Key></Object>`).join('')

t.test('keys, versions, conditions and quiet are read', async (t) => {
  t.same(
    read(`<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>
      <Object><Key> x </Key></Object><Object><Key>007</Key><VersionId>v1</VersionId><ETag>"e"</ETag></Object><Object><Key>true</Key><VersionId/></Object></Delete>`),
    {
      quiet: true,
      items: [
        { key: ' x ', versionId: undefined, etag: undefined },
        { key: '007', versionId: 'v1', etag: '"e"' },
        { key: 'true', versionId: undefined, etag: undefined }
      ]
    }
  )
  t.equal(read(`<Delete>${objects(1)}</Delete>`).quiet, false)
  t.equal(read(`<Delete>${objects(1)}<Quiet>False</Quiet></Delete>`).quiet, false)
  t.equal(read(`<Delete>${objects(1000)}</Delete>`).items.length, 1000)
})

const REFUSED: readonly [why: string, xml: string, code: string][] = [
  ['no keys', '<Delete></Delete>', 'MalformedXML'],
  ['1001 keys', `<Delete>${objects(1001)}</Delete>`, 'MalformedXML'],
  ['an object without a key', '<Delete><Object><VersionId>v</VersionId></Object></Delete>', 'MalformedXML'],
  ['an object with two keys', '<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>', 'MalformedXML'],
  [
    'an object with two versions',
    '<Delete><Object><Key>a</Key><VersionId>1</VersionId><VersionId>2</VersionId></Object></Delete>',
    'MalformedXML'
  ],
  ['an empty key', '<Delete><Object><Key></Key></Object></Delete>', 'UserKeyMustBeSpecified'],
  ['an unknown element', `<Delete>${objects(1)}<All>true</All></Delete>`, 'MalformedXML'],
  ['an unknown element of an object', '<Delete><Object><Key>a</Key><Prefix>b</Prefix></Object></Delete>', 'MalformedXML'],
  ['a condition on size', '<Delete><Object><Key>a</Key><Size>1</Size></Object></Delete>', 'NotImplemented'],
  ['a condition on time', '<Delete><Object><Key>a</Key><LastModifiedTime>x</LastModifiedTime></Object></Delete>', 'NotImplemented'],
  ['quiet that is no boolean', `<Delete><Quiet>yes</Quiet>${objects(1)}</Delete>`, 'MalformedXML'],
  ['another root', '<Remove><Object><Key>a</Key></Object></Remove>', 'MalformedXML'],
  ['a control character', '<Delete><Object><Key>a&#1;</Key></Object></Delete>', 'MalformedXML'],
  ['an entity', '<!DOCTYPE d [<!ENTITY e "x">]><Delete><Object><Key>&e;</Key></Object></Delete>', 'MalformedXML']
]
for (const [why, xml, code] of REFUSED) {
  t.test(`a batch delete with ${why} is refused with ${code}`, async (t) => t.throws(() => read(xml), { name: 'S3Error', code }))
}

const XML_KEYS = KEY_CORPUS.filter((key) => !/[\u0001-\u0008\uffff]/.test(key))
t.test('every key that XML can carry goes to the upstream as it came', async (t) => {
  const items = XML_KEYS.map((key) => ({ key, versionId: 'v', etag: '"e"' }))
  t.same(read(writeDeleteRequest(items)), { quiet: false, items })
})

t.test('a result is read and written key by key', async (t) => {
  const xml = `<DeleteResult>${KEY_CORPUS.map((key) => `<Deleted>${textElement('Key', key)}</Deleted>`).join('')}
    <Deleted><Key>m</Key><VersionId>v1</VersionId><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>v2</DeleteMarkerVersionId></Deleted>
    <Deleted/><Error><Key>e</Key><VersionId>v</VersionId><Code>AccessDenied</Code><Message>arn:aws:s3:::pool-7</Message></Error></DeleteResult>`
  const result = readDeleteResult(Buffer.from(xml))
  t.same(
    result.deleted.map(({ key }) => key),
    [...KEY_CORPUS, 'm']
  )
  t.match(result.deleted.at(-1), { versionId: 'v1', deleteMarker: true, deleteMarkerVersionId: 'v2' })
  t.same(result.errors, [{ key: 'e', versionId: 'v', code: 'AccessDenied', message: '' }])
  t.same(readDeleteResult(Buffer.from(writeDeleteResult(result, false))), result)
  t.same(readDeleteResult(Buffer.from(writeDeleteResult(result, true))), { deleted: [], errors: result.errors })
})
