import t from 'tap'
import { S3Error } from '../../../proxy/s3/error.ts'
import { HeaderView } from '../../../proxy/s3/header-view.ts'
import type { Method, OperationRow, Resource } from '../../../proxy/s3/operation-row.ts'
import { OPERATIONS, OPERATION_NAMES } from '../../../proxy/s3/operations.ts'
import { parseQuery } from '../../../proxy/s3/query.ts'
import { recognizeOperation, type AddressedRequest, type Recognition } from '../../../proxy/s3/recognize.ts'

/** Written as `PUT object ?uploadId=x&partNumber=1 +x-amz-acl:private`. */
function request(text: string): AddressedRequest {
  const [method, resource, ...tokens] = text.split(' ') as [Method, Resource, ...string[]]
  const rawHeaders = ['Host', 's3.example.test']
  const query: string[] = []
  for (const token of tokens) {
    if (token.startsWith('?')) query.push(token.slice(1))
    else {
      const [name = '', value = '/bucket/key'] = token.slice(1).split(/:(.*)/)
      rawHeaders.push(name, value)
    }
  }
  return { method, resource, query: parseQuery(query.join('&')), headers: new HeaderView(rawHeaders) }
}

const SAMPLE_VALUES = new Map([
  ['partNumber', '3'],
  ['versionId', 'null'],
  ['encoding-type', 'url'],
  ['fetch-owner', 'true'],
  ['max-keys', '7'],
  ['max-parts', '7'],
  ['max-uploads', '7'],
  ['max-buckets', '7'],
  ['part-number-marker', '0']
])
const sample = (name: string): string => `?${name}=${SAMPLE_VALUES.get(name) ?? 'text'}`
/** As the way in of the row's requests recognizes them. */
const by = (row: OperationRow): Recognition => ({ signedBy: row.requestBody === 'form' ? 'form' : 'header', dropHeaders: new Set() })
const shapeAsSent = (row: OperationRow): string => [row.shape, ...(row.requiredQuery ?? []).map(sample)].join(' ')

for (const name of OPERATION_NAMES) {
  const row: OperationRow = OPERATIONS[name]
  t.test(`${name} is recognized by its shape "${row.shape}"`, async (t) => {
    t.equal(recognizeOperation(request(shapeAsSent(row)), by(row)).name, name)
  })
  t.test(`${name} keeps its name with every parameter it lists`, async (t) => {
    t.equal(recognizeOperation(request([row.shape, ...row.query.map(sample)].join(' ')), by(row)).name, name)
  })
  t.test(`${name} keeps its name with the label that SDKs add`, async (t) => {
    t.equal(recognizeOperation(request(`${shapeAsSent(row)} ?x-id=${name}`), by(row)).name, name)
  })
  t.test(`${name} writes its discriminators sorted`, async (t) => {
    const tokens = row.shape.split(' ').slice(2)
    t.same(tokens, tokens.toSorted())
  })
  t.test(`${name} requires only parameters that it lists`, async (t) => {
    for (const parameter of row.requiredQuery ?? []) t.ok(row.query.includes(parameter))
  })
  t.test(`${name} refuses a parameter that nobody knows`, async (t) => {
    t.throws(() => recognizeOperation(request(`${shapeAsSent(row)} ?brand-new`), by(row)), { code: 'NotImplemented' })
  })
  t.test(`${name} refuses an x-amz-* header that nobody knows`, async (t) => {
    t.throws(() => recognizeOperation(request(`${shapeAsSent(row)} +x-amz-brand-new:1`), by(row)), { code: 'NotImplemented' })
  })
  t.test(`${name} takes what every SDK sends`, async (t) => {
    const sent = `${shapeAsSent(row)} +x-amz-date:1 +x-amz-content-sha256:1 +x-amz-security-token:1 +x-amz-user-agent:1 +amz-sdk-request:1 +Expect:100-continue`
    t.equal(recognizeOperation(request(sent), by(row)).name, name)
  })
}

const REFUSED: readonly [why: string, request: string, code: string][] = [
  ['an operation that the table does not list', 'GET object ?torrent', 'NotImplemented'],
  ['a POST to a bucket that is no form', 'POST bucket', 'NotImplemented'],
  ['two sub-resources at once', 'GET object ?tagging ?uploadId=1', 'NotImplemented'],
  ['a sub-resource besides a version', 'GET object ?retention ?versionId=1', 'NotImplemented'],
  ['the checksum of a body that a read does not have', 'GET object +x-amz-checksum-crc32:AAAAAQ==', 'NotImplemented'],
  ['a parameter that another operation lists', 'PUT object ?versionId=1', 'NotImplemented'],
  ['a part number without an upload', 'PUT object ?partNumber=1', 'NotImplemented'],
  ['a listing of another type', 'GET bucket ?list-type=1', 'NotImplemented'],
  ['a bucket policy', 'PUT bucket ?policy', 'NotImplemented'],
  ['a lifecycle', 'PUT bucket ?lifecycle', 'NotImplemented'],
  ['a rename', 'PUT object ?renameObject +x-amz-rename-source', 'NotImplemented'],
  ['a method that S3 does not have', 'PATCH object', 'MethodNotAllowed'],
  ['a copy source on a read', 'GET object +x-amz-copy-source', 'InvalidArgument'],
  ['a copy source on a head', 'HEAD object +x-amz-copy-source', 'InvalidArgument'],
  ['a copy source on a delete', 'DELETE object +x-amz-copy-source', 'InvalidArgument'],
  ['a copy source on a post', 'POST object ?uploads +x-amz-copy-source', 'InvalidArgument'],
  ['a copy source on a bucket', 'PUT bucket +x-amz-copy-source', 'InvalidArgument'],
  ['a copy source in the query', 'PUT object ?x-amz-copy-source=b/k', 'NotImplemented'],
  ['a tag in the query', 'PUT object ?x-amz-tagging=a=b', 'NotImplemented'],
  ['metadata in the query', 'PUT object ?X-Amz-Meta-A=b', 'NotImplemented'],
  ['a second credential in the query', 'GET object ?X-Amz-Security-Token=t', 'NotImplemented'],
  ['a signature in the query in another case', 'GET object ?x-amz-signature=t', 'NotImplemented'],
  ['an empty version id', 'GET object ?versionId=', 'InvalidArgument'],
  ['an empty version id without an equals sign', 'DELETE object ?versionId', 'InvalidArgument'],
  ['part number 0', 'PUT object ?uploadId=1 ?partNumber=0', 'InvalidArgument'],
  ['part number 10001', 'PUT object ?uploadId=1 ?partNumber=10001', 'InvalidArgument'],
  ['a part number that is no number', 'GET object ?partNumber=one', 'InvalidArgument'],
  ['a part without a number', 'PUT object ?uploadId=1', 'InvalidArgument'],
  ['a part number with a range', 'GET object ?partNumber=1 +Range:bytes=0-1', 'InvalidRequest'],
  ['max-keys that is no number', 'GET bucket ?max-keys=many', 'InvalidArgument'],
  ['negative max-keys', 'GET bucket ?list-type=2 ?max-keys=-1', 'InvalidArgument'],
  ['max-keys with a sign', 'GET bucket ?list-type=2 ?max-keys=%2B1', 'InvalidArgument'],
  ['another encoding type', 'GET bucket ?encoding-type=base64', 'InvalidArgument'],
  ['an empty continuation token', 'GET bucket ?list-type=2 ?continuation-token=', 'InvalidArgument'],
  ['a line feed in a response override', 'GET object ?response-content-type=a%0d%0ab', 'InvalidArgument'],
  ['a header of another operation', 'GET object +x-amz-tagging:a=b', 'NotImplemented'],
  ['metadata on a read', 'GET object +x-amz-meta-a:b', 'NotImplemented'],
  ['an encryption key of the client', 'PUT object +x-amz-server-side-encryption-customer-key:k', 'NotImplemented'],
  ['a retention', 'PUT object +x-amz-object-lock-mode:COMPLIANCE', 'NotImplemented'],
  ['an object lock header that is new', 'PUT object +x-amz-object-lock-new:1', 'NotImplemented'],
  ['a bypass of retention', 'DELETE object +x-amz-bypass-governance-retention:true', 'NotImplemented'],
  ['a redirect of a website', 'PUT object +x-amz-website-redirect-location:/x', 'NotImplemented'],
  ['a storage class that nobody knows', 'PUT object +x-amz-storage-class:CHEAP', 'InvalidStorageClass'],
  ['a metadata directive that nobody knows', 'PUT object +x-amz-copy-source +x-amz-metadata-directive:MOVE', 'InvalidArgument'],
  ['a tagging directive that nobody knows', 'PUT object +x-amz-copy-source +x-amz-tagging-directive:ACCESS', 'InvalidArgument'],
  ['metadata of 2049 bytes', `PUT object +x-amz-meta-a:${'x'.repeat(1024)} +x-amz-meta-b:${'x'.repeat(1023)}`, 'MetadataTooLarge'],
  ['an archive to unpack', 'PUT object +X-Amz-Meta-Snowball-Auto-Extract:true', 'NotImplemented'],
  ['the mark of the proxy', 'PUT object +x-amz-meta-sluice-service:me', 'AccessDenied'],
  ['the nonce of the proxy', 'POST object ?uploads +X-Amz-Meta-Sluice-Upload:n', 'AccessDenied'],
  ['a public ACL', 'PUT object +x-amz-acl:public-read', 'AccessControlListNotSupported'],
  ['a grant', 'PUT object +x-amz-grant-read:id=1', 'AccessControlListNotSupported'],
  ['an object lock on a new bucket', 'PUT bucket +x-amz-bucket-object-lock-enabled:true', 'NotImplemented'],
  ['a fetch of another annotation', 'PUT object +x-amz-copy-source +x-amz-object-annotation-directive:COPY', 'NotImplemented']
]
for (const [why, text, code] of REFUSED) {
  t.test(`${why} is refused with ${code}`, async (t) => {
    t.throws(() => recognizeOperation(request(text)), { name: 'S3Error', code })
  })
}

const TAKEN: readonly [why: string, request: string, name: string][] = [
  ['an ACL that grants nothing', 'PUT object +x-amz-acl:private', 'PutObject'],
  ['an ACL that grants the owner of the bucket', 'PUT object +x-amz-acl:bucket-owner-full-control', 'PutObject'],
  ['a bucket without object lock', 'PUT bucket +x-amz-bucket-object-lock-enabled:false', 'CreateBucket'],
  ['annotations left out of a copy', 'PUT object +x-amz-copy-source +x-amz-object-annotation-directive:EXCLUDE', 'CopyObject'],
  ['a sub-resource with an equals sign', 'POST object ?uploads=', 'CreateMultipartUpload'],
  ['parameters in another order', 'PUT object ?uploadId=1 ?partNumber=2', 'UploadPart'],
  ['metadata of 2048 bytes', `PUT object +x-amz-meta-a:${'x'.repeat(1023)} +x-amz-meta-b:${'x'.repeat(1023)}`, 'PutObject'],
  ['directives in lower case', 'PUT object +x-amz-copy-source +x-amz-metadata-directive:replace', 'CopyObject'],
  ['the storage class that s3cmd always sends', 'POST object ?uploads +x-amz-storage-class:STANDARD', 'CreateMultipartUpload'],
  ['the version of the API', 'GET object +x-amz-api-version:2006-03-01 +x-amz-te:append-md5', 'GetObject'],
  ['a payer', 'GET object +x-amz-request-payer:requester', 'GetObject'],
  ['the checksum of no body', 'GET object +x-amz-checksum-crc32:AAAAAA==', 'GetObject'],
  ['a checksum that is to be shown', 'GET object +x-amz-checksum-mode:ENABLED', 'GetObject'],
  ['an empty encoding type', 'GET bucket ?encoding-type=', 'ListObjects'],
  ['max-keys over the limit', 'GET bucket ?max-keys=5000', 'ListObjects'],
  ['a size with a complete', 'POST object ?uploadId=1 +x-amz-mp-object-size:5', 'CompleteMultipartUpload'],
  ['a checksum with tags', 'PUT object ?tagging +x-amz-sdk-checksum-algorithm:CRC32 +x-amz-checksum-crc32:AAAAAA==', 'PutObjectTagging']
]
for (const [why, text, name] of TAKEN) {
  t.test(`${why} is taken by ${name}`, async (t) => {
    t.equal(recognizeOperation(request(text)).name, name)
  })
}

t.test('a query-signed request may carry the parameters of signing', async (t) => {
  const signed = '?X-Amz-Algorithm=a ?X-Amz-Credential=c ?X-Amz-Date=d ?X-Amz-Expires=1 ?X-Amz-SignedHeaders=host ?X-Amz-Signature=s'
  const recognition: Recognition = { signedBy: 'query', dropHeaders: new Set() }
  t.equal(recognizeOperation(request(`GET object ${signed}`), recognition).name, 'GetObject')
  t.throws(() => recognizeOperation(request(`PUT object ${signed} ?x-amz-tagging=a`), recognition), { code: 'NotImplemented' })
})

t.test('a header that the operator lists is dropped and reported', async (t) => {
  const recognition: Recognition = { signedBy: 'header', dropHeaders: new Set(['x-amz-brand-new']) }
  const { name, dropped } = recognizeOperation(request('PUT object +X-Amz-Brand-New:1 +x-amz-tagging:a=b'), recognition)
  t.equal(name, 'PutObject')
  t.same(dropped, ['x-amz-brand-new'])
})

t.test('listing a header that a rule knows does not drop it', async (t) => {
  const recognition: Recognition = { signedBy: 'header', dropHeaders: new Set(['x-amz-tagging', 'x-amz-acl']) }
  t.throws(() => recognizeOperation(request('GET object +x-amz-tagging:a=b'), recognition), { code: 'NotImplemented' })
  t.throws(() => recognizeOperation(request('PUT object +x-amz-acl:public-read'), recognition), { code: 'AccessControlListNotSupported' })
})

t.test('a refusal carries no stack and says nothing of its reason to the client', async (t) => {
  const error = new S3Error('AccessDenied', 'the reason')
  t.notMatch(error.stack, /\n\s+at /)
  t.notMatch(error.message, /the reason/)
})
