import t from 'tap'
import { HeaderView } from '../../../proxy/s3/header-view.ts'
import { CHECKSUM_ALGORITHMS, headersInGroups, headerRule, isKnownHeader, isSingleHeader } from '../../../proxy/s3/headers.ts'
import { OPERATIONS, OPERATION_NAMES } from '../../../proxy/s3/operations.ts'
import type { HeaderGroup, OperationRow } from '../../../proxy/s3/operation-row.ts'
import { clientTaggingCount, headerValue, releasedHeaders } from '../../../proxy/s3/response-headers.ts'

t.test('names are read without regard to case, values as they came', async (t) => {
  const headers = new HeaderView(['X-Amz-Meta-Foo', '  caf\xc3\xa9 ', 'HOST', 'a'])
  t.equal(headers.get('x-amz-meta-foo'), '  caf\xc3\xa9 ')
  t.ok(headers.has('host'))
  t.notOk(headers.has('Host'))
  t.same([...headers.names()], ['x-amz-meta-foo', 'host'])
})

const ONLY_ONCE = [
  ...['Host', 'Authorization', 'Content-Length', 'X-Amz-Date', 'Date', 'X-Amz-Content-Sha256', 'X-Amz-Security-Token', 'Content-MD5'],
  ...['x-amz-tagging', 'x-amz-copy-source', 'Range', 'Content-Type', 'x-amz-decoded-content-length', 'x-amz-checksum-crc32', 'x-amz-acl']
]
for (const name of ONLY_ONCE) {
  t.test(`${name} may come only once`, async (t) => {
    t.throws(() => new HeaderView([name, 'a', name.toUpperCase(), 'a']), { name: 'S3Error', code: 'InvalidRequest' })
  })
}

for (const name of ['x-amz-meta-a', 'x-amz-object-attributes', 'If-None-Match', 'Cache-Control', 'Accept-Encoding', 'X-Unknown']) {
  t.test(`${name} may come twice, and its values are joined by a comma`, async (t) => {
    t.equal(new HeaderView([name, 'a', name.toLowerCase(), 'b']).get(name.toLowerCase()), 'a,b')
  })
}

for (const name of ['X_Amz_Copy_Source', 'x-amz_tagging', 'content_length']) {
  t.test(`${name} is refused for its underscore`, async (t) => {
    t.throws(() => new HeaderView([name, 'a']), { name: 'S3Error', code: 'InvalidRequest' })
  })
}
t.test('metadata may have an underscore in its name', async (t) => {
  t.equal(new HeaderView(['x-amz-meta-a_b', 'c']).get('x-amz-meta-a_b'), 'c')
})

for (const name of ['constructor', '__proto__', 'toString']) {
  t.test(`a header named ${name} finds no rule and no value`, async (t) => {
    t.equal(headerRule(name), undefined)
    t.equal(new HeaderView([]).get(name), undefined)
  })
}

const GROUPED: readonly [name: string, groups: readonly HeaderGroup[]][] = [
  ['content-type', ['entity']],
  ['x-amz-meta-a', ['metadata']],
  ['if-match', ['readConditions', 'writeConditions']],
  ['if-modified-since', ['readConditions']],
  ['range', ['range']],
  ['x-amz-copy-source-range', ['copyRange']],
  ['x-amz-checksum-mode', ['checksumMode']],
  ...CHECKSUM_ALGORITHMS.map((algorithm) => [`x-amz-checksum-${algorithm}`, ['checksum']] as [string, HeaderGroup[]])
]
for (const [name, groups] of GROUPED) {
  t.test(`${name} belongs to ${groups.join(' and ')}`, async (t) => t.match(headerRule(name), { action: 'group', groups }))
}

t.test('every group that a row lists has a header', async (t) => {
  const names = ['cache-control', 'x-amz-meta-a', 'if-match', 'range', 'content-md5', 'x-amz-checksum-mode', 'x-amz-copy-source']
  names.push('x-amz-tagging-directive', 'x-amz-copy-source-range', 'x-amz-storage-class', 'x-amz-server-side-encryption', 'x-amz-tagging')
  names.push('x-amz-object-attributes', 'x-amz-optional-object-attributes', 'x-amz-mp-object-size')
  const groups = new Set(
    names.flatMap((name) => {
      const rule = headerRule(name)
      return rule?.action === 'group' ? rule.groups : []
    })
  )
  for (const name of OPERATION_NAMES) {
    const row: OperationRow = OPERATIONS[name]
    for (const group of row.headers) t.ok(groups.has(group), `${name} lists ${group}`)
  }
})

t.test('only the headers of the listed groups are passed on', async (t) => {
  const headers = new HeaderView([
    ...['Host', 'h', 'Authorization', 'secret', 'Connection', 'x-amz-meta-a', 'Cookie', 'c', 'X-Minio-Force-Delete', 'true'],
    ...['Content-Type', 'text/plain', 'x-amz-meta-a', 'b', 'If-Match', '"e"', 'x-amz-tagging', 'a=b', 'X-Forwarded-For', '1.2.3.4']
  ])
  t.same(headersInGroups(headers.entries(), ['entity', 'metadata', 'writeConditions']).flat(), [
    ...['content-type', 'text/plain', 'x-amz-meta-a', 'b', 'if-match', '"e"']
  ])
})

t.test('what a rule knows cannot be dropped by the operator, in any case of letters', async (t) => {
  for (const name of ['x-amz-tagging', 'X-Amz-Copy-Source', 'x-amz-meta-any', 'Host', 'x-amz-fwd-status', 'x-amz-acl'])
    t.ok(isKnownHeader(name), name)
  for (const name of ['x-amz-brand-new', 'x-vendor']) t.notOk(isKnownHeader(name), name)
})

t.test('a header with a rule may come twice only where its rule says so', async (t) => {
  t.ok(isSingleHeader('x-amz-mfa'))
  t.notOk(isSingleHeader('connection'))
})

t.test('an answer leaves with what is allowed, and nothing that names the upstream', async (t) => {
  const upstream = [
    ...[
      'ETag',
      '"e"',
      'Last-Modified',
      'now',
      'Content-Length',
      '3',
      'Content-Type',
      'text/plain',
      'x-amz-meta-a',
      'b',
      'x-amz-version-id',
      'v'
    ],
    ...['x-amz-checksum-crc32', 'AAAAAA==', 'Content-Encoding', 'gzip'],
    ...['Server', 'MinIO', 'x-amz-request-id', 'r', 'x-amz-id-2', 'i', 'x-amz-bucket-region', 'r', 'x-amz-expiration', 'rule-id="x"'],
    ...['x-amz-server-side-encryption-aws-kms-key-id', 'arn', 'x-amz-replication-status', 's', 'Location', 'http://upstream/pool-7/t/k'],
    ...[
      'x-amz-meta-sluice-service',
      'me',
      'X-Amz-Meta-Sluice-Upload',
      'n',
      'x-minio-deployment-id',
      'd',
      'Connection',
      'close',
      'Date',
      'd'
    ],
    ...['x-amz-tagging-count', '2', 'Set-Cookie', 'c', 'Transfer-Encoding', 'chunked', 'Vary', 'Origin']
  ]
  t.same(releasedHeaders(upstream), [
    ...[
      'etag',
      '"e"',
      'last-modified',
      'now',
      'content-length',
      '3',
      'content-type',
      'text/plain',
      'x-amz-meta-a',
      'b',
      'x-amz-version-id',
      'v'
    ],
    ...['x-amz-checksum-crc32', 'AAAAAA==', 'content-encoding', 'gzip']
  ])
  t.equal(headerValue(upstream, 'x-amz-meta-sluice-upload'), 'n')
  t.equal(headerValue(upstream, 'absent'), undefined)
})

const COUNTS: readonly [upstream: string, client: string | null][] = [
  ['1', null],
  ['2', '1'],
  ['10', '9'],
  ['0', null],
  ['many', null]
]
for (const [upstream, client] of COUNTS) {
  t.test(`${upstream} tags are ${client ?? 'none'} without ours`, async (t) => t.equal(clientTaggingCount(upstream, 1), client))
}
