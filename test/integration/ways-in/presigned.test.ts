import { createHash } from 'node:crypto'
import { Client } from 'minio'
import t, { type Test } from 'tap'
import { presign, type Presigning } from './presign.ts'
import { BUCKET, OTHER_TENANT, startSite, TENANT, type Reply, type Sending } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())
const { host } = site
const KEY = `/${TENANT}/folder/a%20b.txt`
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A presigned target of a fresh session. */
const made = (order: Partial<Presigning> = {}): string =>
  presign({ method: 'GET', host, path: KEY, credentials: site.session(), at: site.now(), ...order })

/** Presigns and sends with the same method and the same headers. */
const sendMade = (order: Partial<Presigning>, sending: Partial<Sending> = {}): Promise<Reply> =>
  site.send({ method: order.method ?? 'GET', target: made(order), headers: order.headers ?? {}, ...sending })

/** The answer to a request that must not have reached the upstream. */
async function refused(t: Test, sending: Promise<Reply>, expected: { status: number; code: string; says?: RegExp }): Promise<Reply> {
  const before = site.reached()
  const reply = await sending
  t.equal(reply.status, expected.status)
  t.equal(reply.code, expected.code)
  if (expected.says !== undefined) t.match(reply.body, expected.says)
  t.equal(site.reached(), before, 'nothing reached the upstream')
  return reply
}

const stored = (key: string) => site.store.objects(BUCKET).get(`${TENANT}/${key}`)?.[0]
const putBefore = async (path: string, body: string): Promise<void> => {
  const reply = await sendMade({ method: 'PUT', path }, { body })
  if (reply.status !== 200) throw new Error(reply.body)
}
await putBefore(KEY, 'hello')

t.test('a URL signed with session credentials puts, gets, heads and deletes an object', async (t) => {
  const path = `/${TENANT}/odd/%C3%A9%2B%3D%26%20.txt`
  t.equal((await sendMade({ method: 'PUT', path }, { body: 'by URL' })).status, 200)
  const got = await sendMade({ path })
  t.equal(got.status, 200)
  t.equal(got.body, 'by URL')
  const head = await sendMade({ method: 'HEAD', path })
  t.equal(head.status, 200)
  t.equal(head.headers['content-length'], '6')
  t.equal((await sendMade({ method: 'DELETE', path })).status, 204)
  t.equal((await sendMade({ path })).status, 404)
})

t.test('URLs that minio-js makes are taken, session token and all', async (t) => {
  const { accessKeyId: accessKey, secretAccessKey: secretKey, sessionToken } = site.session()
  const [endPoint = '', port = ''] = host.split(':')
  const client = new Client({ endPoint, port: Number(port), useSSL: false, region: 'local', accessKey, secretKey, sessionToken })
  const targetOf = (url: string): string => url.slice(url.indexOf('/', 8))
  const key = 'made by minio-js (1).txt'
  const put = await client.presignedUrl('PUT', TENANT, key, 300, {}, site.now())
  t.equal((await site.send({ method: 'PUT', target: targetOf(put), body: 'from there' })).status, 200)
  const get = await client.presignedUrl('GET', TENANT, key, 300, { 'response-content-type': 'text/x-own' }, site.now())
  const got = await site.send({ method: 'GET', target: targetOf(get) })
  t.equal(got.body, 'from there')
  t.equal(got.headers['content-type'], 'text/x-own')
})

t.test('an upload is created, filled and completed by URLs alone', async (t) => {
  const path = `/${TENANT}/parts.bin`
  const credentials = site.session()
  const created = await sendMade({ method: 'POST', path, credentials, query: [['uploads', '']] })
  const uploadId = /<UploadId>([^<]+)</.exec(created.body)?.[1] ?? ''
  const part = await sendMade(
    {
      method: 'PUT',
      path,
      credentials,
      query: [
        ['partNumber', '1'],
        ['uploadId', uploadId]
      ]
    },
    { body: 'part' }
  )
  t.equal(part.status, 200)
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${String(part.headers['etag'])}</ETag></Part></CompleteMultipartUpload>`
  const completed = await sendMade({ method: 'POST', path, credentials, query: [['uploadId', uploadId]] }, { body })
  t.equal(completed.status, 200)
  t.equal((await sendMade({ path, credentials })).body, 'part')
})

t.test('answers to presigned requests cannot be run as pages of this origin, refusals neither', async (t) => {
  for (const reply of [await sendMade({}), await sendMade({ replaced: { 'X-Amz-Signature': '0'.repeat(64) } })]) {
    t.equal(reply.headers['x-content-type-options'], 'nosniff')
    t.equal(reply.headers['content-security-policy'], 'sandbox')
  }
})

t.test('response-* overrides are honoured, and one that no header can hold is refused', async (t) => {
  const reply = await sendMade({
    query: [
      ['response-content-type', 'text/x-own'],
      ['response-content-disposition', 'attachment; filename="a.txt"']
    ]
  })
  t.equal(reply.headers['content-type'], 'text/x-own')
  t.equal(reply.headers['content-disposition'], 'attachment; filename="a.txt"')
  await refused(t, sendMade({ query: [['response-content-type', 'text/html\r\nset-cookie: a=b']] }), {
    status: 400,
    code: 'InvalidArgument'
  })
})

for (const name of ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature']) {
  for (const [how, value] of [
    ['without', null],
    ['with an empty', '']
  ] as const) {
    t.test(`a presigned request ${how} ${name} is refused`, async (t) => {
      const says = /requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires/
      await refused(t, sendMade({ replaced: { [name]: value } }), { status: 400, code: 'AuthorizationQueryParametersError', says })
    })
  }
}

const MALFORMED: readonly { readonly why: string; readonly order: Partial<Presigning>; readonly code?: string; readonly says: RegExp }[] = [
  { why: 'no life at all', order: { expires: '0' }, says: /at least 1/ },
  { why: 'a negative life', order: { expires: '-1' }, says: /non-negative/ },
  { why: 'a life over a week', order: { expires: '604801' }, says: /604800/ },
  { why: 'a life that is no number', order: { expires: '1h' }, says: /should be a number/ },
  { why: 'a life with a fraction', order: { expires: '1.5' }, says: /should be a number/ },
  { why: 'a life in another base', order: { expires: '0x10' }, says: /should be a number/ },
  { why: 'a date in words', order: { replaced: { 'X-Amz-Date': 'Tue, 24 Nov 2026 10:00:00 GMT' } }, says: /ISO8601/ },
  { why: 'another algorithm', order: { replaced: { 'X-Amz-Algorithm': 'AWS4-HMAC-SHA1' } }, says: /X-Amz-Algorithm/ },
  { why: 'a credential of four parts', order: { replaced: { 'X-Amz-Credential': 'A/20261124/local/s3' } }, says: /X-Amz-Credential/ },
  { why: 'a scope of another service', order: { service: 'sts' }, says: /incorrect service/ },
  { why: 'a scope of another day', order: { replaced: { 'X-Amz-Date': '20200101T000000Z' } }, says: /Invalid credential date/ },
  { why: 'signed headers in upper case', order: { replaced: { 'X-Amz-SignedHeaders': 'Host' } }, says: /SignedHeaders/ },
  {
    why: 'an access key id that was never issued by its form',
    order: { replaced: { 'X-Amz-Credential': `a)(b/${site.now().toISOString().slice(0, 10).replaceAll('-', '')}/local/s3/aws4_request` } },
    code: 'InvalidAccessKeyId',
    says: /does not exist/
  },
  {
    why: 'a parameter of signing in another spelling beside the right one',
    order: { query: [['x-amz-expires', '604800']] },
    says: /must be spelled/
  },
  {
    why: 'the asymmetric algorithm',
    order: { replaced: { 'X-Amz-Algorithm': 'AWS4-ECDSA-P256-SHA256' } },
    code: 'NotImplemented',
    says: /4A/
  }
]
for (const { why, order, code = 'AuthorizationQueryParametersError', says } of MALFORMED) {
  t.test(`a presigned request is refused for ${why}`, async (t) => {
    await refused(t, sendMade(order), { status: code === 'InvalidAccessKeyId' ? 403 : code === 'NotImplemented' ? 501 : 400, code, says })
  })
}

t.test('a URL lives a week and not a second longer', async (t) => {
  const credentials = site.session({ ttlSeconds: 604_800 * 2 })
  const at = site.now()
  const target = made({ credentials, expires: '604800', at })
  site.advance(604_798)
  t.equal((await site.send({ method: 'GET', target })).status, 200)
  site.advance(3)
  const reply = await refused(t, site.send({ method: 'GET', target }), { status: 403, code: 'AccessDenied', says: /Request has expired\./ })
  t.match(reply.body, /<ServerTime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ<\/ServerTime>/)
  t.match(reply.body, /<X-Amz-Expires>604800<\/X-Amz-Expires>/)
})

t.test('a URL never outlives the session that signed it, not even by the allowance that SDKs get', async (t) => {
  const target = made({ credentials: site.session({ ttlSeconds: 900 }), expires: '3600' })
  site.advance(895)
  t.equal((await site.send({ method: 'GET', target })).status, 200)
  site.advance(10)
  await refused(t, site.send({ method: 'GET', target }), { status: 400, code: 'ExpiredToken' })
})

t.test('a URL whose own time is over says so, though its session is over too', async (t) => {
  const target = made({ credentials: site.session({ ttlSeconds: 900 }), expires: '60' })
  site.advance(2000)
  await refused(t, site.send({ method: 'GET', target }), { status: 403, code: 'AccessDenied', says: /Request has expired/ })
})

t.test('a URL signed up to fifteen minutes ahead is taken, and no further', async (t) => {
  const ahead = (seconds: number): Promise<Reply> => sendMade({ at: new Date(site.now().getTime() + seconds * 1000) })
  t.equal((await ahead(890)).status, 200)
  await refused(t, ahead(905), { status: 403, code: 'AccessDenied', says: /not valid yet/ })
})

const TAMPERED: readonly { readonly why: string; change(target: string): Partial<Sending> }[] = [
  { why: 'the key', change: (target) => ({ target: target.replace('folder', 'holder') }) },
  { why: 'the tenant', change: (target) => ({ target: target.replace(TENANT, OTHER_TENANT) }) },
  { why: 'the method', change: () => ({ method: 'DELETE' }) },
  { why: 'its life', change: (target) => ({ target: target.replace('X-Amz-Expires=300', 'X-Amz-Expires=301') }) },
  { why: 'one more parameter', change: (target) => ({ target: `${target}&versionId=null` }) },
  { why: 'one more hoisted header', change: (target) => ({ target: `${target}&x-amz-tagging=a%3Db` }) },
  { why: 'one digit of the signature', change: (target) => ({ target: target.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) }) },
  { why: 'the host', change: () => ({ headers: { host: 'elsewhere.test' } }) }
]
for (const { why, change } of TAMPERED) {
  t.test(`a URL does not verify after a change of ${why}`, async (t) => {
    const target = made()
    await refused(t, site.send({ method: 'GET', target, ...change(target) }), { status: 403, code: 'SignatureDoesNotMatch' })
  })
}

const UNSIGNED = [
  'x-amz-tagging',
  'x-amz-copy-source',
  'x-amz-acl',
  'x-amz-meta-a',
  'x-amz-object-lock-mode',
  'x-amz-server-side-encryption'
]
for (const name of UNSIGNED) {
  t.test(`a header ${name} that was added to a URL is refused by name`, async (t) => {
    const target = made({ method: 'PUT' })
    const says = new RegExp(`<HeadersNotSigned>${name}</HeadersNotSigned>`)
    const sending = site.send({ method: 'PUT', target, headers: { [name]: 'private' }, body: 'x' })
    await refused(t, sending, { status: 403, code: 'AccessDenied', says })
  })
}

t.test('hoisted headers mean what headers mean: metadata, tags, checksum and type of storage', async (t) => {
  const path = `/${TENANT}/hoisted.txt`
  const query = [
    ['x-amz-meta-colour', 'blåbär'],
    ['X-Amz-Tagging', 'team=a%20b'],
    ['x-amz-checksum-sha256', createHash('sha256').update('hoisted').digest('base64')],
    ['x-amz-storage-class', 'STANDARD_IA']
  ] as const
  const reply = await sendMade({ method: 'PUT', path, query }, { body: 'hoisted' })
  t.equal(reply.status, 200)
  const object = stored('hoisted.txt')
  t.match(
    JSON.stringify(object, (_, value: unknown) => (value instanceof Map ? [...value] : value)),
    /STANDARD_IA/
  )
  const got = await sendMade({ path })
  t.equal(got.headers['x-amz-storage-class'], 'STANDARD_IA')
  t.equal(Buffer.from(String(got.headers['x-amz-meta-colour']), 'latin1').toString('utf8'), 'blåbär')
  t.equal(got.headers['x-amz-tagging-count'], '1')
})

const HOISTED_REFUSED: readonly {
  readonly why: string
  readonly query: readonly (readonly [string, string])[]
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
  readonly code: string
}[] = [
  { why: 'a checksum of another body', query: [['x-amz-checksum-crc32', 'AAAAAA==']], status: 400, code: 'BadDigest' },
  { why: 'a tag of the proxy’s own with another owner', query: [['x-amz-tagging', 'service=somebody']], status: 403, code: 'AccessDenied' },
  { why: 'a copy source in another tenant', query: [['x-amz-copy-source', `/${OTHER_TENANT}/a`]], status: 403, code: 'AccessDenied' },
  { why: 'an access control list', query: [['x-amz-grant-read', 'id=1']], status: 400, code: 'AccessControlListNotSupported' },
  { why: 'a lock', query: [['x-amz-object-lock-mode', 'COMPLIANCE']], status: 501, code: 'NotImplemented' },
  { why: 'the mark of this proxy', query: [['x-amz-meta-sluice-owner', 'me']], status: 403, code: 'AccessDenied' },
  { why: 'a header that nobody knows', query: [['x-amz-brand-new', '1']], status: 501, code: 'NotImplemented' },
  { why: 'an account that is not this one', query: [['x-amz-expected-bucket-owner', '111122223333']], status: 403, code: 'AccessDenied' },
  { why: 'a value with a line break', query: [['x-amz-meta-a', 'b\r\nx-amz-acl: public-read']], status: 400, code: 'InvalidArgument' },
  { why: 'a name with a colon', query: [['x-amz-meta-a:', 'b']], status: 400, code: 'InvalidArgument' },
  { why: 'an underscore where no metadata is', query: [['x-amz-storage_class', 'b']], status: 400, code: 'InvalidRequest' },
  {
    why: 'two spellings of one name',
    query: [
      ['x-amz-meta-a', 'b'],
      ['X-Amz-Meta-A', 'c']
    ],
    status: 400,
    code: 'InvalidRequest'
  },
  {
    why: 'a header that comes as a header too',
    query: [['x-amz-meta-a', 'b']],
    headers: { 'x-amz-meta-a': 'c' },
    status: 400,
    code: 'InvalidRequest'
  },
  {
    why: 'a date that comes as a header too',
    query: [],
    headers: { 'x-amz-date': '20261124T000000Z' },
    status: 400,
    code: 'InvalidRequest'
  }
]
for (const { why, query, headers = {}, status, code } of HOISTED_REFUSED) {
  t.test(`a hoisted header is judged as the header would be: refused for ${why}`, async (t) => {
    await refused(
      t,
      sendMade({ method: 'PUT', path: `/${TENANT}/new.txt`, query, headers }, { ...(why.startsWith('a copy') ? {} : { body: 'x' }) }),
      { status, code }
    )
    t.equal(stored('new.txt'), undefined)
  })
}

t.test('the hash of the body counts as a parameter, as a header, and not as both', async (t) => {
  const path = `/${TENANT}/hashed.txt`
  const hex = sha256('right')
  const asParameter = { method: 'PUT', path, payloadHash: hex, query: [['X-Amz-Content-Sha256', hex]] as const }
  t.equal((await sendMade(asParameter, { body: 'right' })).status, 200)
  const asHeader = { method: 'PUT', path, payloadHash: hex }
  t.equal((await sendMade(asHeader, { body: 'right', headers: { 'x-amz-content-sha256': hex } })).status, 200)
  for (const sending of [
    () => sendMade(asParameter, { body: 'wrong' }),
    () => sendMade(asHeader, { body: 'wrong', headers: { 'x-amz-content-sha256': hex } })
  ]) {
    await refused(t, sending(), { status: 400, code: 'XAmzContentSHA256Mismatch' })
  }
  const both = sendMade(asParameter, { body: 'right', headers: { 'x-amz-content-sha256': hex } })
  await refused(t, both, { status: 400, code: 'InvalidRequest' })
  const other = sendMade({ method: 'PUT', path }, { body: 'right', headers: { 'x-amz-content-sha256': hex } })
  await refused(t, other, { status: 403, code: 'SignatureDoesNotMatch' })
})

for (const mode of ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'nonsense']) {
  t.test(`a presigned request with payload ${mode} is refused before its body is read`, async (t) => {
    const code = mode === 'nonsense' ? 'InvalidArgument' : 'InvalidRequest'
    const order = { method: 'PUT', path: `/${TENANT}/new.txt`, payloadHash: mode, query: [['X-Amz-Content-Sha256', mode]] as const }
    await refused(t, sendMade(order, { body: 'x' }), { status: 400, code })
  })
}

const SESSIONS: readonly {
  readonly why: string
  change: Partial<Presigning['credentials']>
  readonly code: string
  readonly status: number
}[] = [
  { why: 'no token', change: { sessionToken: null }, code: 'InvalidAccessKeyId', status: 403 },
  { why: 'a garbled token', change: { sessionToken: 'AAAA' }, code: 'InvalidToken', status: 400 },
  { why: 'the token of another session', change: { sessionToken: site.session().sessionToken }, code: 'InvalidToken', status: 400 },
  { why: 'another secret', change: { secretAccessKey: 'guess' }, code: 'SignatureDoesNotMatch', status: 403 },
  { why: 'an unknown access key', change: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }, code: 'InvalidAccessKeyId', status: 403 }
]
for (const { why, change, code, status } of SESSIONS) {
  t.test(`a URL signed with ${why} is refused`, async (t) => {
    await refused(t, sendMade({ credentials: { ...site.session(), ...change } }), { status, code })
  })
}

t.test('a URL of a tenant that the role does not name is refused', async (t) => {
  await refused(t, sendMade({ path: `/${OTHER_TENANT}/a` }), { status: 403, code: 'AccessDenied' })
})

t.test('policies see that a request is presigned and how old its signature is', async (t) => {
  const byUrl = sendMade({ credentials: site.session({ role: 'no-urls' }) })
  await refused(t, byUrl, { status: 403, code: 'AccessDenied' })
  const fresh = site.session({ role: 'fresh-urls' })
  t.equal((await sendMade({ credentials: fresh })).status, 200)
  const old = sendMade({ credentials: fresh, at: new Date(site.now().getTime() - 120_000) })
  await refused(t, old, { status: 403, code: 'AccessDenied' })
})

t.test('an older signature in the query is refused with advice', async (t) => {
  const target = `${KEY}?AWSAccessKeyId=A&Signature=B&Expires=1`
  await refused(t, site.send({ method: 'GET', target }), { status: 400, code: 'InvalidRequest', says: /s3v4/ })
})

t.test('a URL together with an Authorization header is two credentials, and refused', async (t) => {
  for (const authorization of ['AWS4-HMAC-SHA256 Credential=a', 'Bearer abc', 'Basic abc']) {
    await refused(t, sendMade({}, { headers: { authorization } }), {
      status: 400,
      code: 'InvalidArgument',
      says: /[Oo]nly one auth mechanism/
    })
  }
})
