import { connect } from 'node:net'
import t from 'tap'
import { BOUNDARY, formBody, formType, signedFields, type Fields, type PostSigning } from '../../helpers/post-form.ts'
import { presign } from './presign.ts'
import { BUCKET, OTHER_TENANT, startSite, TENANT, type Reply, type Site } from './site.ts'

/** One site holds small files in memory, as usual; on the other every file flows. */
const HELD = await startSite()
const FLOWING = await startSite({ limits: { smallPutBytesMax: 0 } })
const SITES = [
  ['held', HELD],
  ['flowing', FLOWING]
] as const
t.teardown(() => Promise.all([HELD.stop(), FLOWING.stop()]))

interface Order extends Partial<Omit<PostSigning, 'bucket' | 'fields'>> {
  readonly fields?: Fields
  readonly bucket?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly file?: string | Uint8Array
  readonly filename?: string
  /** Fields that are sent and not signed, before the others and behind the file. */
  readonly first?: Fields
  readonly after?: Fields
  /** Changes the body's text after it was written. */
  readonly spoil?: (body: string) => string
  readonly contentType?: string
}

function bodyFor(site: Site, order: Order): Buffer {
  const { fields = [['key', 'a']], bucket = TENANT, file = 'the file', first = [], after = [], filename = 'f.txt' } = order
  const signing: PostSigning = { credentials: site.session(), at: site.now(), ...order, bucket, fields }
  const body = formBody({ fields: [...first, ...signedFields(signing)], file, after, filename })
  return order.spoil === undefined ? body : Buffer.from(order.spoil(body.toString('latin1')), 'latin1')
}

function post(site: Site, order: Order = {}): Promise<Reply> {
  const headers = { 'content-type': order.contentType ?? formType(), ...order.headers }
  return site.send({ method: 'POST', target: order.target ?? `/${TENANT}`, headers, body: bodyFor(site, order) })
}

/** What the store holds: every key with its versions' ETags. */
const stored = (site: Site): string =>
  JSON.stringify([...site.store.objects(BUCKET)].map(([key, versions]) => [key, versions.map(({ etag }) => etag)]))

async function bytesOf(site: Site, key: string): Promise<Buffer | undefined> {
  return site.store.objects(BUCKET).get(`${TENANT}/${key}`)?.[0]?.read()
}

const replacing = (from: string, to: string) => (body: string) => {
  if (!body.includes(from)) throw new Error(`nothing to spoil: ${from}`)
  return body.replace(from, () => to)
}
const AFTER = (order: PostSigning['at'], seconds: number): Date => new Date(order.getTime() + seconds * 1000)
const policyOf = (...conditions: readonly unknown[]): string => JSON.stringify({ expiration: '2999-01-01T00:00:00Z', conditions })
const withField = (name: string, value: string): Order => ({
  fields: [
    ['key', 'a'],
    [name, value]
  ]
})

interface Refused {
  readonly why: string
  readonly code: string
  readonly message?: RegExp
  readonly order: Order | ((site: Site) => Order)
}

const OF_THE_SIGNATURE: readonly Refused[] = [
  { why: 'a false signature', code: 'SignatureDoesNotMatch', order: { replaced: { 'x-amz-signature': '0'.repeat(64) } } },
  {
    why: 'a false signature over a policy that cannot be read: the signature is looked at first',
    code: 'SignatureDoesNotMatch',
    order: { policyText: 'no JSON', replaced: { 'x-amz-signature': '0'.repeat(64) } }
  },
  {
    why: 'a policy that was changed after it was signed',
    code: 'SignatureDoesNotMatch',
    order: { replaced: { policy: Buffer.from(policyOf()).toString('base64') } }
  },
  { why: 'no signature at all', code: 'AccessDenied', order: { replaced: { 'x-amz-signature': null, 'x-amz-algorithm': null } } },
  { why: 'no signature field', code: 'InvalidArgument', order: { replaced: { 'x-amz-signature': null } } },
  { why: 'no policy', code: 'InvalidArgument', order: { replaced: { policy: null } } },
  { why: 'an empty policy', code: 'InvalidArgument', order: { policyEncoded: '' } },
  { why: 'no date', code: 'InvalidArgument', order: { replaced: { 'x-amz-date': null } } },
  {
    why: 'another day than that of the credential',
    code: 'AuthorizationHeaderMalformed',
    order: { replaced: { 'x-amz-date': '20200101T000000Z' } }
  },
  { why: 'another algorithm', code: 'InvalidArgument', order: { replaced: { 'x-amz-algorithm': 'AWS4-HMAC-SHA1' } } },
  { why: 'SigV4A', code: 'NotImplemented', order: { replaced: { 'x-amz-algorithm': 'AWS4-ECDSA-P256-SHA256' } } },
  { why: 'SigV2', code: 'InvalidRequest', message: /Signature version 2/, order: { first: [['AWSAccessKeyId', 'AKIA']] } },
  { why: 'no session token', code: 'InvalidAccessKeyId', order: { replaced: { 'x-amz-security-token': null } } },
  {
    why: 'the token of another session',
    code: 'InvalidToken',
    order: (site) => ({ replaced: { 'x-amz-security-token': site.session().sessionToken } })
  },
  {
    why: 'the secret of another session',
    code: 'SignatureDoesNotMatch',
    order: (site) => ({ credentials: { ...site.session(), secretAccessKey: site.session().secretAccessKey } })
  },
  {
    why: 'a policy signed in the future',
    code: 'AccessDenied',
    message: /not valid yet/,
    order: (site) => ({ at: AFTER(site.now(), 1200) })
  },
  { why: 'an expired policy', code: 'AccessDenied', message: /Policy expired/, order: { expiresInSeconds: -1 } },
  {
    why: 'a signature of more than a week',
    code: 'AccessDenied',
    message: /Policy expired/,
    order: (site) => ({
      at: AFTER(site.now(), -8 * 86_400),
      expiresInSeconds: 9 * 86_400,
      credentials: site.session({ ttlSeconds: 9 * 86_400 })
    })
  },
  { why: 'an Authorization header too', code: 'InvalidArgument', order: { headers: { authorization: 'Bearer abc' } } },
  { why: 'a signature in the query too', code: 'InvalidArgument', order: (site) => ({ target: presignedPost(site) }) },
  { why: 'a query', code: 'InvalidArgument', order: { target: `/${TENANT}?x=y` } },
  { why: 'a query that would make it another operation', code: 'InvalidArgument', order: { target: `/${TENANT}?delete` } },
  { why: 'a header that no policy covers', code: 'AccessDenied', order: { headers: { 'x-amz-tagging': 'a=b' } } },
  { why: 'an address with a key', code: 'AccessDenied', order: { target: `/${TENANT}/a` } },
  { why: 'the service as its address', code: 'AccessDenied', order: { target: '/' } }
]

function presignedPost(site: Site): string {
  return presign({ method: 'POST', host: site.host, path: `/${TENANT}`, credentials: site.session(), at: site.now() })
}

const OF_THE_POLICY: readonly Refused[] = [
  ...[
    ['is no base64', { policyEncoded: '{}{}' }],
    ['is no JSON', { policyText: '{"expiration":' }],
    ['is not UTF-8', { policyEncoded: Buffer.from([0x7b, 0xff, 0x7d]).toString('base64') }],
    ['is a list', { policyText: '[]' }],
    ['has no expiration', { policyText: '{"conditions":[]}' }],
    ['has an expiration that is no time', { policyText: '{"expiration":"tomorrow","conditions":[]}' }],
    ['expires on a day that does not exist', { policyText: '{"expiration":"2999-02-30T00:00:00Z","conditions":[]}' }],
    ['expires in a number', { policyText: '{"expiration":32472144000000,"conditions":[]}' }],
    ['has no conditions', { policyText: '{"expiration":"2999-01-01T00:00:00Z"}' }],
    ['has an element that AWS does not have', { policyText: '{"expiration":"2999-01-01T00:00:00Z","conditions":[],"x":1}' }],
    ['has a condition that AWS does not have', { policyText: policyOf(['ends-with', '$key', 'a']) }],
    ['has a condition on two fields', { policyText: policyOf({ key: 'a', acl: 'private' }) }],
    ['has a condition on no field', { policyText: policyOf({}) }],
    ['has a condition of null', { policyText: policyOf(null) }],
    ['has a condition with a number', { policyText: policyOf({ key: 1 }) }],
    ['names a field without $', { policyText: policyOf(['eq', 'key', 'a']) }],
    ['has a condition of four', { policyText: policyOf(['eq', '$key', 'a', 'b']) }],
    ['has a range of words', { policyText: policyOf(['content-length-range', 'a', 'b']) }],
    ['has a range below nothing', { policyText: policyOf(['content-length-range', -1, 5]) }]
  ].map(([why, order]): Refused => ({ why: `a policy that ${why as string}`, code: 'InvalidPolicyDocument', order: order as Order })),
  {
    why: 'a key that the policy does not name',
    code: 'AccessDenied',
    message: /Policy Condition failed: \[&quot;eq|Policy Condition failed: \["eq/,
    order: { conditions: [['eq', '$key', 'b']] }
  },
  {
    why: 'a key that begins otherwise',
    code: 'AccessDenied',
    message: /starts-with/,
    order: { conditions: [['starts-with', '$key', 'in/']] }
  },
  {
    why: 'a key whose beginning only the file’s name breaks',
    code: 'AccessDenied',
    order: { fields: [['key', '${filename}']], filename: 'out', conditions: [['starts-with', '$key', 'in']] }
  },
  {
    why: 'a field that no condition speaks of',
    code: 'AccessDenied',
    message: /Extra input fields: x-amz-meta-a</,
    order: { first: [['x-amz-meta-a', 'b']] }
  },
  {
    why: 'an unknown field that no condition speaks of',
    code: 'AccessDenied',
    message: /Extra input fields: submit</,
    order: { first: [['submit', 'Upload']] }
  },
  { why: 'no condition on the key', code: 'AccessDenied', message: /Extra input fields: key</, order: { conditions: [] } },
  {
    why: 'no condition on the bucket',
    code: 'AccessDenied',
    message: /Extra input fields: .*bucket/,
    order: { policyText: policyOf({ key: 'a' }) }
  },
  { why: 'a condition on a field that did not come', code: 'AccessDenied', order: { conditions: [{ key: 'a' }, { acl: 'private' }] } },
  {
    why: 'one item of a list of content types that begins otherwise',
    code: 'AccessDenied',
    order: { ...withField('Content-Type', 'image/png, text/html'), conditions: [{ key: 'a' }, ['starts-with', '$Content-Type', 'image/']] }
  },
  { why: 'a policy for the bucket of another tenant', code: 'AccessDenied', message: /bucket/, order: { bucket: OTHER_TENANT } },
  { why: 'a tenant that the role does not name', code: 'AccessDenied', order: { bucket: OTHER_TENANT, target: `/${OTHER_TENANT}` } },
  {
    why: 'a field bucket that names another',
    code: 'AccessDenied',
    order: { ...withField('bucket', OTHER_TENANT), conditions: [{ key: 'a' }] }
  },
  { why: 'a field twice', code: 'InvalidArgument', order: { first: [['key', 'a']] } },
  { why: 'a field twice, in another case', code: 'InvalidArgument', order: { first: [['KEY', 'b']] } },
  { why: 'a policy twice', code: 'InvalidArgument', order: { first: [['policy', 'e30=']] } },
  { why: 'a file over the range', code: 'EntityTooLarge', order: { conditions: [{ key: 'a' }, ['content-length-range', 0, 7]] } },
  { why: 'a file under the range', code: 'EntityTooSmall', order: { conditions: [{ key: 'a' }, ['content-length-range', 9, 20]] } },
  {
    why: 'a file within one range and over another',
    code: 'EntityTooLarge',
    order: { conditions: [{ key: 'a' }, ['content-length-range', 0, 99], ['content-length-range', '0', '7']] }
  },
  {
    why: 'a large file far over the range',
    code: 'EntityTooLarge',
    order: { file: 'x'.repeat(200_000), conditions: [{ key: 'a' }, ['content-length-range', 0, 7]] }
  }
]

const OF_THE_FIELDS: readonly Refused[] = [
  { why: 'no key', code: 'InvalidArgument', message: /named 'key'/, order: { fields: [] } },
  { why: 'a key behind the file', code: 'InvalidArgument', message: /order of the fields/, order: { fields: [], after: [['key', 'a']] } },
  { why: 'an empty key', code: 'InvalidArgument', order: { fields: [['key', '']] } },
  { why: 'a key with a dot segment', code: 'InvalidURI', order: { fields: [['key', `../${OTHER_TENANT}/a`]] } },
  {
    why: 'a key that the file’s name gives a dot segment',
    code: 'InvalidURI',
    order: { fields: [['key', 'in/${filename}']], conditions: [['starts-with', '$key', 'in/']], filename: '..' }
  },
  { why: 'a key with a NUL', code: 'InvalidArgument', order: { fields: [['key', 'a\0b']] } },
  { why: 'a key that is too long', code: 'KeyTooLongError', order: { fields: [['key', 'k'.repeat(1025)]] } },
  { why: 'an ACL that gives something away', code: 'AccessControlListNotSupported', order: withField('acl', 'public-read') },
  { why: 'tags that are no XML', code: 'MalformedXML', order: withField('tagging', 'a=b') },
  { why: 'a tag twice', code: 'InvalidTag', order: withField('tagging', tagging(['a', '1'], ['a', '2'])) },
  {
    why: 'the tag of another service',
    code: 'AccessDenied',
    order: withField('tagging', tagging(['service', 'system:serviceaccount:shop:bills']))
  },
  { why: 'tags in a field that S3 does not have', code: 'NotImplemented', order: withField('x-amz-tagging', 'service=x') },
  { why: 'the hidden mark', code: 'AccessDenied', order: withField('x-amz-meta-sluice-service', 'x') },
  { why: 'a copy', code: 'NotImplemented', order: withField('x-amz-copy-source', `/${OTHER_TENANT}/a`) },
  { why: 'a page redirect of the object', code: 'NotImplemented', order: withField('x-amz-website-redirect-location', '/x') },
  {
    why: 'a field of signing that forms do not have',
    code: 'NotImplemented',
    order: withField('x-amz-content-sha256', 'UNSIGNED-PAYLOAD')
  },
  { why: 'a field without meaning, permitted as it may be', code: 'NotImplemented', order: withField('redirect', 'https://a.test') },
  { why: 'a line break in a header', code: 'InvalidArgument', order: withField('x-amz-meta-a', 'b\r\nx-amz-tagging: service=x') },
  { why: 'a storage class that does not exist', code: 'InvalidStorageClass', order: withField('x-amz-storage-class', 'CHEAP') },
  { why: 'another encryption', code: 'AccessDenied', order: withField('x-amz-server-side-encryption', 'aws:kms') },
  { why: 'a checksum that is not the file’s', code: 'BadDigest', order: withField('x-amz-checksum-crc32', 'AAAAAA==') },
  ...['javascript:alert(1)', '//app.test/', '/done', 'https://a.test/\r\nx: y', 'https://', 'data:text/html,x'].map(
    (redirect): Refused => ({
      why: `a redirect to ${JSON.stringify(redirect)}`,
      code: 'InvalidArgument',
      order: withField('success_action_redirect', redirect)
    })
  )
]

function tagging(...tags: readonly (readonly [string, string])[]): string {
  return `<Tagging><TagSet>${tags.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`).join('')}</TagSet></Tagging>`
}

const FILE_HEAD = `Content-Disposition: form-data; name="file"; filename="f.txt"`
const KEY_HEAD = 'Content-Disposition: form-data; name="key"'
const END = `\r\n--${BOUNDARY}--\r\n`
const secondFile = `\r\n--${BOUNDARY}\r\n${FILE_HEAD}\r\n\r\nanother${END}`

const OF_THE_FORM: readonly Refused[] = [
  {
    why: 'no file',
    code: 'IncorrectNumberOfFilesInPostRequest',
    order: { spoil: (body) => body.slice(0, body.indexOf(`\r\n--${BOUNDARY}\r\n${FILE_HEAD}`)) + END }
  },
  { why: 'two files', code: 'IncorrectNumberOfFilesInPostRequest', order: { spoil: replacing(END, secondFile) } },
  {
    why: 'a file in another field',
    code: 'IncorrectNumberOfFilesInPostRequest',
    order: { spoil: replacing('name="file"', 'name="upload"') }
  },
  {
    why: 'ten thousand fields',
    code: 'MaxPostPreDataLengthExceededError',
    order: { first: Array.from({ length: 10_000 }, (_, n) => [`x-ignore-${n}`, ''] as const) }
  },
  { why: 'one very long field', code: 'MaxPostPreDataLengthExceededError', order: { first: [['x-ignore-a', 'a'.repeat(30_000)]] } },
  {
    why: 'a part with a very long head',
    code: 'MaxPostPreDataLengthExceededError',
    order: { spoil: replacing(KEY_HEAD, `X: ${'a'.repeat(30_000)}\r\n${KEY_HEAD}`) }
  },
  { why: 'too much behind the file', code: 'MaxPostPreDataLengthExceededError', order: { after: [['x', 'a'.repeat(30_000)]] } },
  { why: 'line feeds alone', code: 'MalformedPOSTRequest', order: { spoil: (body) => body.replaceAll('\r\n', '\n') } },
  { why: 'a line feed alone behind the first boundary', code: 'MalformedPOSTRequest', order: { spoil: replacing('\r\n', '\n') } },
  { why: 'something before the first boundary', code: 'MalformedPOSTRequest', order: { spoil: (body) => `\r\n${body}` } },
  {
    why: 'padding behind a boundary',
    code: 'MalformedPOSTRequest',
    order: { spoil: replacing(`--${BOUNDARY}\r\n`, `--${BOUNDARY} \r\n`) }
  },
  { why: 'no closing boundary', code: 'MalformedPOSTRequest', order: { spoil: replacing(END, '') } },
  { why: 'half a closing boundary', code: 'MalformedPOSTRequest', order: { spoil: replacing(END, `\r\n--${BOUNDARY}-`) } },
  { why: 'a closing boundary without a line break', code: 'MalformedPOSTRequest', order: { spoil: replacing(END, `\r\n--${BOUNDARY}--`) } },
  { why: 'something behind the closing boundary', code: 'MalformedPOSTRequest', order: { spoil: (body) => `${body}x` } },
  { why: 'a second form behind the first', code: 'MalformedPOSTRequest', order: { spoil: (body) => body + body } },
  { why: 'a boundary in the file that goes on', code: 'MalformedPOSTRequest', order: { file: `a\r\n--${BOUNDARY}x` } },
  { why: 'the closing boundary in the file', code: 'MalformedPOSTRequest', order: { file: `a${END}b` } },
  { why: 'another boundary than that of the head', code: 'MalformedPOSTRequest', order: { contentType: formType('other') } },
  { why: 'no boundary', code: 'MalformedPOSTRequest', order: { contentType: 'multipart/form-data' } },
  { why: 'two boundaries', code: 'MalformedPOSTRequest', order: { contentType: `${formType()}; boundary=other` } },
  { why: 'a boundary that is too long', code: 'MalformedPOSTRequest', order: { contentType: formType('b'.repeat(71)) } },
  { why: 'a part without a name', code: 'MalformedPOSTRequest', order: { spoil: replacing(KEY_HEAD, 'Content-Disposition: form-data') } },
  { why: 'a part without a head', code: 'MalformedPOSTRequest', order: { spoil: replacing(`${KEY_HEAD}\r\n`, '') } },
  { why: 'a part with two names', code: 'MalformedPOSTRequest', order: { spoil: replacing(KEY_HEAD, `${KEY_HEAD}; name="acl"`) } },
  {
    why: 'a part with two dispositions',
    code: 'MalformedPOSTRequest',
    order: { spoil: replacing(KEY_HEAD, `${KEY_HEAD}\r\n${KEY_HEAD}`) }
  },
  { why: 'a name with a quote in it', code: 'MalformedPOSTRequest', order: { spoil: replacing('name="key"', 'name="k\\"ey"') } },
  {
    why: 'a name in another encoding',
    code: 'MalformedPOSTRequest',
    order: { spoil: replacing('filename="f.txt"', "filename*=UTF-8''..") }
  },
  {
    why: 'an encoded part',
    code: 'MalformedPOSTRequest',
    order: { spoil: replacing(KEY_HEAD, `${KEY_HEAD}\r\nContent-Transfer-Encoding: base64`) }
  },
  {
    why: 'a part with a header of an object',
    code: 'MalformedPOSTRequest',
    order: { spoil: replacing(FILE_HEAD, `${FILE_HEAD}\r\nx-amz-meta-a: b`) }
  },
  { why: 'a folded header', code: 'MalformedPOSTRequest', order: { spoil: replacing('; name="key"', ';\r\n name="key"') } },
  {
    why: 'a field that is not UTF-8',
    code: 'MalformedPOSTRequest',
    order: { spoil: replacing(`${KEY_HEAD}\r\n\r\na`, `${KEY_HEAD}\r\n\r\n\xff`) }
  },
  { why: 'no length', code: 'MissingContentLength', order: { headers: { 'transfer-encoding': 'chunked' } } }
]

for (const { why, code, message, order } of [...OF_THE_SIGNATURE, ...OF_THE_POLICY, ...OF_THE_FIELDS, ...OF_THE_FORM]) {
  t.test(`a form is refused, and nothing is stored: ${why}`, async (t) => {
    for (const [how, site] of SITES) {
      const before = stored(site)
      site.store.requests.clear()
      const reply = await post(site, typeof order === 'function' ? order(site) : order)
      t.equal(reply.code, code, how)
      if (message !== undefined) t.match(reply.body, message)
      t.match(reply.headers, { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox' }, 'a browser runs nothing of it')
      t.equal(stored(site), before, `${how}: nothing is stored`)
      const effects = site.store.requests.all.filter(({ method, effective }) => effective && method !== 'GET' && method !== 'HEAD')
      t.same(effects, [], `${how}: no write took effect`)
      if (site === HELD) t.equal(site.reached(), 0, 'nothing reached the upstream')
    }
  })
}

for (const [how, site] of SITES) {
  t.test(`a form stores its file with tag, mark and what its fields say, ${how}`, async (t) => {
    const fields: Fields = [
      ['key', 'in/${filename}'],
      ['Content-Type', 'image/svg+xml'],
      ['Cache-Control', 'max-age=60'],
      ['x-amz-meta-note', 'köln'],
      ['tagging', tagging(['colour', 'dark red'])],
      ['acl', 'private'],
      ['x-ignore-page', '7']
    ]
    const file = `\r\n--${BOUNDARY.slice(0, -1)}\r\n--\r\n\r\n-\0`
    const conditions = fields.map(([name]) => ['starts-with', `$${name}`, ''])
    const reply = await post(site, { fields, conditions, file, filename: 'C:\\docs\\a b.svg' })
    t.same([reply.status, reply.body], [204, ''])
    t.equal(reply.headers['location'], `http://${site.host}/${TENANT}/in/a%20b.svg`)
    const [object] = site.store.objects(BUCKET).get(`${TENANT}/in/a b.svg`) ?? []
    t.equal((await object?.read())?.toString('latin1'), file)
    t.equal(reply.headers['etag'], object?.etag)
    t.same([...(object?.tags ?? [])].sort(), [
      ['colour', 'dark red'],
      ['service', 'system:serviceaccount:shop:orders']
    ])
    t.equal(object?.metadata.get('sluice-service'), 'system:serviceaccount:shop:orders')
    t.equal(Buffer.from(object?.metadata.get('note') ?? '', 'latin1').toString(), 'köln')
    t.equal(object?.system.get('content-type'), 'image/svg+xml')
    t.equal(object?.system.get('cache-control'), 'max-age=60')
    t.match(reply.headers, { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox' })
  })

  t.test(`a file of any length comes whole, ${how}`, async (t) => {
    for (const length of [0, 1, 1023, 65_536, 3_000_000]) {
      const file = Buffer.alloc(length, '\r\n--')
      t.equal((await post(site, { file })).status, 204)
      t.ok((await bytesOf(site, 'a'))?.equals(file), `${length} bytes`)
    }
  })

  t.test(`the object of another service is not written over by a form, ${how}`, async (t) => {
    const bills = site.session({ subject: 'system:serviceaccount:shop:bills', serviceAccount: 'bills' })
    t.equal((await post(site, { credentials: bills, fields: [['key', 'theirs']], file: 'theirs' })).status, 204)
    const before = stored(site)
    const reply = await post(site, { fields: [['key', 'theirs']] })
    t.same([reply.status, reply.code], [403, 'AccessDenied'])
    t.equal(stored(site), before)
    t.equal((await bytesOf(site, 'theirs'))?.toString(), 'theirs')
  })

  t.test(`a form whose sender goes away stores nothing, ${how}`, async (t) => {
    const before = stored(site)
    const body = bodyFor(site, { fields: [['key', 'cut']], file: Buffer.alloc(300_000, 'x') })
    const head = `POST /${TENANT} HTTP/1.1\r\nHost: ${site.host}\r\nContent-Type: ${formType()}\r\nContent-Length: ${body.length}\r\n\r\n`
    for (const sent of [100, 5_000, 250_000, body.length - 3]) await cut(site, Buffer.concat([Buffer.from(head), body.subarray(0, sent)]))
    t.equal(stored(site), before)
  })

  t.test(`what a form covers is asked of policy: a session policy narrows it, ${how}`, async (t) => {
    const before = stored(site)
    const sessionPolicy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: `arn:aws:s3:::${TENANT}/in/*` }]
    })
    const credentials = site.session({ sessionPolicy })
    t.equal((await post(site, { credentials, fields: [['key', 'out/a']] })).code, 'AccessDenied')
    const tagged: Fields = [
      ['key', 'in/a'],
      ['tagging', tagging(['a', 'b'])]
    ]
    t.equal((await post(site, { credentials, fields: tagged })).code, 'AccessDenied', 'tags ask for s3:PutObjectTagging')
    t.equal(stored(site), before)
    t.equal((await post(site, { credentials, fields: [['key', 'in/a']] })).status, 204)
  })
}

t.test('fields behind a file that is held are ignored, as S3 does', async (t) => {
  const reply = await post(HELD, {
    fields: [['key', 'button']],
    after: [
      ['submit', 'Upload'],
      ['key', 'other']
    ]
  })
  t.equal(reply.status, 204)
  t.equal((await bytesOf(HELD, 'button'))?.toString(), 'the file')
})

t.test('a field behind a file that flows is refused, and nothing is stored', async (t) => {
  for (const file of ['', 'the file', 'x'.repeat(2_000_000)]) {
    const before = stored(FLOWING)
    const reply = await post(FLOWING, { fields: [['key', 'button']], file, after: [['submit', 'Upload']] })
    t.same([reply.status, reply.code], [400, 'MalformedPOSTRequest'])
    t.match(reply.body, /must be the last field/)
    t.equal(stored(FLOWING), before)
  }
})

t.test('the range of lengths holds at its ends, also where fields follow the file', async (t) => {
  for (const [min, max, code] of [
    [8, 8, ''],
    [0, 7, 'EntityTooLarge'],
    [9, 99, 'EntityTooSmall']
  ] as const) {
    const order: Order = { conditions: [{ key: 'a' }, ['content-length-range', min, max]] }
    t.equal((await post(HELD, order)).code, code)
    t.equal((await post(FLOWING, order)).code, code)
    t.equal((await post(HELD, { ...order, after: [['submit', 'Upload']] })).code, code)
  }
})

t.test('the session bounds the policy: no allowance is made for one that has ended', async (t) => {
  const site = await startSite()
  t.teardown(() => site.stop())
  const body = bodyFor(site, { credentials: site.session({ ttlSeconds: 60 }), expiresInSeconds: 3600 })
  const send = (): Promise<Reply> => site.send({ method: 'POST', target: `/${TENANT}`, headers: { 'content-type': formType() }, body })
  t.equal((await send()).status, 204)
  site.advance(61)
  site.store.requests.clear()
  t.equal((await send()).code, 'ExpiredToken')
  t.equal(site.reached(), 0)
})

t.test('the client is answered as its form asks', async (t) => {
  const ask = (name: string, value: string): Promise<Reply> =>
    post(HELD, {
      fields: [
        ['key', 'x<y>&z'],
        [name, value]
      ]
    })
  for (const [status, answered] of [
    ['200', 200],
    ['204', 204],
    ['500', 204],
    ['', 204]
  ] as const)
    t.equal((await ask('success_action_status', status)).status, answered)
  const created = await ask('success_action_status', '201')
  t.equal(created.status, 201)
  t.match(created.body, `<Bucket>${TENANT}</Bucket><Key>x&lt;y&gt;&amp;z</Key><ETag>`)
  const sent = await ask('success_action_redirect', 'http://app.test/done')
  t.equal(sent.status, 303)
  t.match(sent.headers['location'], /^http:\/\/app\.test\/done\?bucket=tenant-one&key=x%3Cy%3E%26z&etag=%22[0-9a-f]{32}%22$/)
})

t.test('how other clients write forms is taken', async (t) => {
  const ways: readonly (readonly [why: string, order: Order])[] = [
    ['a quoted boundary, and a charset before it', { contentType: `multipart/form-data; charset=utf-8; boundary="${BOUNDARY}"` }],
    ['a type in another case', { contentType: `Multipart/Form-Data;Boundary=${BOUNDARY}` }],
    ['names without quotes', { spoil: replacing('name="key"', 'name=key') }],
    [
      'heads with types and lengths',
      {
        spoil: replacing(
          KEY_HEAD,
          `Content-Type: text/plain; charset=utf-8\r\nContent-Length: 1\r\nContent-Transfer-Encoding: 8bit\r\n${KEY_HEAD}`
        )
      }
    ],
    ['a file without a name', { spoil: replacing('; filename="f.txt"', '') }],
    [
      'names in capitals',
      { spoil: (body) => body.replace('name="x-amz-credential"', 'name="X-Amz-Credential"').replace('name="policy"', 'name="Policy"') }
    ],
    [
      'a list of content types of which each begins so',
      { ...withField('Content-Type', 'image/png, image/gif'), conditions: [{ key: 'a' }, ['starts-with', '$content-type', 'image/']] }
    ]
  ]
  for (const [why, order] of ways) t.equal((await post(HELD, order)).status, 204, why)
})

t.test('a sender that stops within the fields is told so, and is no fault of the proxy', async (t) => {
  const site = await startSite({ timeouts: { idle: '1s' } })
  t.teardown(() => site.stop())
  const [host = '', port = ''] = site.host.split(':')
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), host, () =>
      socket.write(
        `POST /${TENANT} HTTP/1.1\r\nHost: ${site.host}\r\nContent-Type: ${formType()}\r\nContent-Length: 900\r\n\r\n--${BOUNDARY}\r\n`
      )
    )
    socket.on('error', reject)
    socket.once('data', (bytes) => {
      resolve(bytes.toString())
      socket.destroy()
    })
  })
  t.match(answer, /^HTTP\/1\.1 400 [^]*<Code>RequestTimeout</)
  t.equal(site.reached(), 0)
})

/** Sends the bytes and then goes away. */
function cut(site: Site, bytes: Buffer): Promise<void> {
  const [host = '', port = ''] = site.host.split(':')
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => socket.write(bytes, () => setTimeout(() => socket.destroy(), 50)))
    socket.resume()
    socket.on('error', () => undefined)
    socket.on('close', () => setTimeout(resolve, 50))
  })
}
