import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { presign } from './presign.ts'
import { BUCKET, OTHER_TENANT, startSite, TENANT, type Reply, type Sending } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())
const KEY = `/${TENANT}/bearer.txt`
const SECONDS = (): number => Math.floor(site.now().getTime() / 1000)

const withToken = async (token: string, sending: Partial<Sending> = {}): Promise<Reply> =>
  site.send({ method: 'GET', target: KEY, ...sending, headers: { authorization: `Bearer ${token}`, ...sending.headers } })

/** The answer to a request that must not have reached the upstream. */
async function refused(t: Test, sending: Promise<Reply>, expected: { status: number; code: string }): Promise<Reply> {
  const before = site.reached()
  const reply = await sending
  t.same({ status: reply.status, code: reply.code }, expected)
  t.equal(site.reached(), before, 'nothing reached the upstream')
  return reply
}

t.test('a service-account token is all that a request needs', async (t) => {
  const token = await site.token()
  const metadata = { 'x-amz-meta-colour': 'blue', 'x-amz-tagging': 'team=a' }
  t.equal((await withToken(token, { method: 'PUT', body: 'hello', headers: metadata })).status, 200)
  const got = await withToken(token)
  t.equal(got.body, 'hello')
  t.equal(got.headers['x-amz-meta-colour'], 'blue')
  t.equal(got.headers['x-content-type-options'], 'nosniff')
  t.equal(got.headers['content-security-policy'], 'sandbox')
  const listed = await withToken(token, { target: `/${TENANT}?list-type=2` })
  t.match(listed.body, /<Key>bearer\.txt<\/Key>/)
  t.equal((await withToken(token, { method: 'DELETE' })).status, 204)
})

t.test('what is put by token and by session of one service has one owner, and of two services two', async (t) => {
  t.equal((await withToken(await site.token(), { method: 'PUT', body: 'mine' })).status, 200)
  const mark = (): string =>
    JSON.stringify(site.store.objects(BUCKET).get(KEY.slice(1)), (_, value: unknown) => (value instanceof Map ? [...value] : value))
  t.match(mark(), /system:serviceaccount:shop:orders/)
  const other = { sub: 'system:serviceaccount:shop:billing', 'kubernetes.io': kubernetes('shop', 'billing') }
  const denied = await withToken(await site.token(other))
  t.equal(denied.code, 'AccessDenied', 'another service may not read it')
})

const kubernetes = (namespace: string, name: string): object => ({
  namespace,
  serviceaccount: { name, uid: 'sa-2' },
  pod: { name: `${name}-1`, uid: 'pod-2' }
})

const BAD_TOKENS: readonly {
  readonly why: string
  claims?(): Readonly<Record<string, unknown>>
  readonly key?: 'stranger'
  readonly code?: string
}[] = [
  { why: 'of another audience', claims: () => ({ aud: ['kubernetes.default.svc'] }) },
  { why: 'of another issuer', claims: () => ({ iss: 'https://elsewhere.test' }) },
  { why: 'without end', claims: () => ({ exp: null }) },
  { why: 'that lives for a year', claims: () => ({ exp: SECONDS() + 31_536_000 }) },
  { why: 'signed by another key of that name', key: 'stranger' },
  { why: 'of no service account', claims: () => ({ sub: 'alice' }) },
  { why: 'that names two service accounts', claims: () => ({ sub: 'system:serviceaccount:shop:other' }) },
  { why: 'bound to no pod', claims: () => ({ 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders', uid: 'sa-1' } } }) },
  {
    why: 'of a namespace that no rule names',
    claims: () => ({ sub: 'system:serviceaccount:lab:x', 'kubernetes.io': kubernetes('lab', 'x') })
  },
  { why: 'that has expired', claims: () => ({ iat: SECONDS() - 7200, exp: SECONDS() - 3600 }), code: 'ExpiredToken' }
]
for (const { why, claims = () => ({}), key = 'known', code = 'AccessDenied' } of BAD_TOKENS) {
  t.test(`a token ${why} is refused, in words that tell nothing of the configuration`, async (t) => {
    const reply = await refused(t, withToken(await site.token(claims(), key)), { status: code === 'ExpiredToken' ? 400 : 403, code })
    t.match(reply.body, code === 'ExpiredToken' ? /<Message>The provided token has expired\.</ : /<Message>Access Denied</)
  })
}

for (const authorization of ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b', 'Bearer not-a-token', 'bearer a.b.c']) {
  t.test(`the header ${JSON.stringify(authorization)} proves nothing`, async (t) => {
    const sending = site.send({ method: 'GET', target: KEY, headers: { authorization } })
    await refused(t, sending, { status: 403, code: 'AccessDenied' })
  })
}

t.test('a role is taken by rule alone, and its tenants bind a token as they bind a session', async (t) => {
  await refused(t, withToken(await site.token(), { target: `/${OTHER_TENANT}/a` }), { status: 403, code: 'AccessDenied' })
})

t.test('the hash of a body is verified though nobody signed it', async (t) => {
  const hashed = (body: string): Promise<Reply> =>
    site
      .token()
      .then((token) =>
        withToken(token, { method: 'PUT', body, headers: { 'x-amz-content-sha256': createHash('sha256').update('right').digest('hex') } })
      )
  t.equal((await hashed('right')).status, 200)
  await refused(t, hashed('wrong'), { status: 400, code: 'XAmzContentSHA256Mismatch' })
})

for (const mode of ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'STREAMING-ANYTHING']) {
  t.test(`a payload ${mode} is refused with a token`, async (t) => {
    const headers = { 'x-amz-content-sha256': mode, 'x-amz-decoded-content-length': '1' }
    const sending = withToken(await site.token(), { method: 'PUT', body: '1;chunk-signature=0\r\nx\r\n', headers })
    await refused(t, sending, { status: 400, code: mode === 'STREAMING-ANYTHING' ? 'InvalidArgument' : 'InvalidRequest' })
  })
}

t.test('a token together with another credential is refused, whichever would have been good', async (t) => {
  const token = await site.token()
  const { sessionToken } = site.session()
  const two: readonly Promise<Reply>[] = [
    withToken(token, { headers: { 'x-amz-security-token': sessionToken } }),
    withToken(token, { target: `${KEY}?X-Amz-Signature=abc` }),
    withToken(token, { target: `${KEY}?AWSAccessKeyId=abc` })
  ]
  for (const sending of two) await refused(t, sending, { status: 400, code: 'InvalidArgument' })
  const twice = site.send({ method: 'GET', target: KEY, headers: { authorization: [`Bearer ${token}`, `Bearer ${token}`] } })
  await refused(t, twice, { status: 400, code: 'InvalidRequest' })
})

t.test('a policy that asks for the type of signature finds none', async (t) => {
  const strict = { sub: 'system:serviceaccount:strict:orders', 'kubernetes.io': kubernetes('strict', 'orders') }
  await refused(t, withToken(await site.token(strict)), { status: 403, code: 'AccessDenied' })
  const target = presign({
    method: 'PUT',
    host: site.host,
    path: `/${TENANT}/signed`,
    credentials: site.session({ role: 'signed-only' }),
    at: site.now()
  })
  t.equal((await site.send({ method: 'PUT', target, body: 'x' })).status, 200, 'the same policy lets a signed request in')
})

t.test('a token that was proven is known until it expires, whatever becomes of the key source meanwhile', async (t) => {
  const token = await site.token({ exp: SECONDS() + 600 })
  t.equal((await withToken(token)).status, 200)
  await site.serveKeys(null)
  site.advance(60)
  t.equal((await withToken(token)).status, 200)
  const unknown = await site.token()
  await refused(t, withToken(unknown), { status: 503, code: 'ServiceUnavailable' })
  site.advance(600)
  await site.serveKeys('known')
  await refused(t, withToken(token), { status: 400, code: 'ExpiredToken' })
  t.equal((await withToken(await site.token())).status, 200)
})

t.test('a key that leaves the key set ends the tokens it has proven before', async (t) => {
  const token = await site.token()
  t.equal((await withToken(token)).status, 200)
  await site.serveKeys('none')
  await refused(t, withToken(token), { status: 403, code: 'AccessDenied' })
  await site.serveKeys('known')
  t.equal((await withToken(token)).status, 200)
})
