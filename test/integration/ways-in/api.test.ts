import { SignJWT, UnsecuredJWT } from 'jose'
import t, { type Test } from 'tap'
import { RawClient } from '../../helpers/raw-http.ts'
import { until } from '../faults/until.ts'
import { AUDIENCE, ISS, OTHER_TENANT, PAGE, startSite, TENANT, type Reply, type Sending } from './site.ts'
import { presign } from './presign.ts'

const site = await startSite()
t.teardown(() => site.stop())
const CREDENTIALS = '/v0/container-credentials'
const CALLER = '/rest/v0/caller'
const SECONDS = (): number => Math.floor(site.now().getTime() / 1000)
const kubernetes = (namespace: string, name: string): object => ({
  namespace,
  serviceaccount: { name, uid: 'sa-2' },
  pod: { name: `${name}-1`, uid: 'pod-2' }
})

interface Given {
  readonly AccessKeyId: string
  readonly SecretAccessKey: string
  readonly Token: string
  readonly Expiration: string
}

/** Sends as whoever holds the credentials. */
const signed =
  ({ AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken }: Given) =>
  ({ method, target, body }: Sending): Promise<Reply> => {
    const url = presign({
      method,
      host: site.host,
      path: target,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
      at: site.now()
    })
    return site.send({ method, target: url, ...(body === undefined ? {} : { body }) })
  }

const get = (target: string, authorization: string, sending: Partial<Sending> = {}): Promise<Reply> =>
  site.sendApi({ method: 'GET', target, ...sending, headers: { authorization, ...sending.headers } })
const credentials = (token: string, sending?: Partial<Sending>): Promise<Reply> => get(CREDENTIALS, token, sending)

/** Fails unless the request is refused so, tells nothing but that, and the log has the reason and no part of the proof. */
async function refused(
  t: Test,
  ask: () => Promise<Reply>,
  expected: { readonly status: number; readonly code: string; readonly reason: RegExp; readonly proof?: string }
): Promise<Reply> {
  const [reached, issued, log] = [site.reached(), await issuedSoFar(), (await site.log()).length]
  const reply = await ask()
  t.same({ status: reply.status, code: reply.code }, { status: expected.status, code: expected.code })
  if (reply.body !== '') t.same(Object.keys(JSON.parse(reply.body) as object), ['Code', 'Message'])
  t.match(reply.headers, { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  t.equal(site.reached(), reached, 'nothing reached the upstream')
  t.equal(await issuedSoFar(), issued, 'no credentials were issued')
  const said = (): Promise<string> => site.log().then((text) => text.slice(log))
  await until('the log has the reason', async () => expected.reason.test(await said()))
  const part = expected.proof?.split('.').at(-1) ?? ''
  if (part.length > 16) t.notOk((await site.log()).includes(part), 'the log has no token')
  return reply
}

/** As the metrics count them. */
async function issuedSoFar(): Promise<string> {
  const text = await (await fetch(`${site.opsUrl}/metrics`)).text()
  return /^sluice_sts_exchanges_total\{issuer="test",result="issued"\} (\d+)$/m.exec(text)?.[1] ?? '0'
}

t.test('a token in Authorization as it is buys credentials, in the form that SDKs read, and they are good', async (t) => {
  const reply = await credentials(await site.token())
  t.equal(reply.status, 200)
  const given = JSON.parse(reply.body) as Given
  t.same(Object.keys(given).toSorted(), ['AccessKeyId', 'Expiration', 'SecretAccessKey', 'Token'])
  t.match(given.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const lifeSeconds = Date.parse(given.Expiration) / 1000 - SECONDS()
  t.ok(lifeSeconds > 3590 && lifeSeconds <= 3600, 'for an hour')
  t.match(reply.headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'content-type': 'application/json' })
  const own = signed(given)
  t.equal((await own({ method: 'PUT', target: `/${TENANT}/mine`, body: 'x' })).status, 200)
  t.equal((await own({ method: 'GET', target: `/${TENANT}/mine` })).body, 'x')
  t.equal((await own({ method: 'GET', target: `/${OTHER_TENANT}/mine` })).code, 'AccessDenied', 'the role has one tenant')

  const other = { sub: 'system:serviceaccount:shop:billing', 'kubernetes.io': kubernetes('shop', 'billing') }
  const stranger = signed(JSON.parse((await credentials(await site.token(other))).body) as Given)
  t.equal((await stranger({ method: 'GET', target: `/${TENANT}/mine` })).code, 'AccessDenied', 'another service may not read it')
  t.equal((await stranger({ method: 'DELETE', target: `/${TENANT}/mine` })).code, 'AccessDenied')
  t.equal((await own({ method: 'GET', target: `/${TENANT}/mine` })).body, 'x')
  const log = await site.log()
  t.match(log, /"operation":"GetContainerCredentials".*"wayIn":"container-credentials","subject":"system:serviceaccount:shop:orders"/)
  for (const secret of [given.SecretAccessKey, given.Token]) t.notOk(log.includes(secret), 'no secret is in the log')
})

t.test('a role that allows less than an hour gives less', async (t) => {
  const brief = { sub: 'system:serviceaccount:brief:orders', 'kubernetes.io': kubernetes('brief', 'orders') }
  const { Expiration } = JSON.parse((await credentials(await site.token(brief))).body) as Given
  const lifeSeconds = Date.parse(Expiration) / 1000 - SECONDS()
  t.ok(lifeSeconds > 890 && lifeSeconds <= 900)
})

t.test('a bearer token is told who it is', async (t) => {
  const token = await site.token()
  const reply = await get(CALLER, `Bearer ${token}`)
  t.equal(reply.status, 200)
  t.match(JSON.parse(reply.body), {
    ...{ issuer: 'test', subject: 'system:serviceaccount:shop:orders', role: 'app', namespace: 'shop', serviceAccount: 'orders' },
    ...{ session: /^bearer-[0-9a-f]{24}$/, tenants: [TENANT], expiration: /Z$/ }
  })
  t.match(await site.log(), /"operation":"GetCaller".*"wayIn":"bearer","subject":"system:serviceaccount:shop:orders"/)
})

const expired = (): Record<string, unknown> => ({ iat: SECONDS() - 7200, exp: SECONDS() - 3600 })
const BAD_TOKENS: readonly {
  readonly why: string
  token(): Promise<string>
  readonly reason: RegExp
  readonly code?: string
  readonly status?: number
}[] = [
  { why: 'of another audience', token: () => site.token({ aud: ['kubernetes.default.svc'] }), reason: /wrong-audience/ },
  { why: 'of another issuer', token: () => site.token({ iss: 'https://elsewhere.test' }), reason: /unknown-issuer/ },
  { why: 'without end', token: () => site.token({ exp: undefined }), reason: /missing-claim: exp/ },
  { why: 'that lives for a year', token: () => site.token({ exp: SECONDS() + 31_536_000 }), reason: /lives-too-long/ },
  { why: 'signed by another key of that name', token: () => site.token({}, 'stranger'), reason: /bad-signature/ },
  { why: 'of no service account', token: () => site.token({ sub: 'alice' }), reason: /bad-subject/ },
  { why: 'that nobody signed (alg none)', token: () => Promise.resolve(unsigned()), reason: /malformed/ },
  { why: 'of the algorithm none with a signature', token: () => Promise.resolve(`${unsigned()}AAAA`), reason: /algorithm-not-allowed/ },
  { why: 'of a symmetric algorithm', token: symmetric, reason: /algorithm-not-allowed/ },
  { why: 'that is none', token: () => Promise.resolve('not-a-token'), reason: /malformed/ },
  { why: 'that has expired', token: () => site.token(expired()), reason: /"reason":"expired/, code: 'ExpiredTokenException' },
  {
    why: 'of a namespace that no rule names',
    token: () => site.token({ sub: 'system:serviceaccount:lab:x', 'kubernetes.io': kubernetes('lab', 'x') }),
    ...{ reason: /no role rule of issuer test matches/, code: 'AccessDenied', status: 403 }
  }
]

function unsigned(): string {
  const claims = { sub: 'system:serviceaccount:shop:orders', 'kubernetes.io': kubernetes('shop', 'orders') }
  return new UnsecuredJWT(claims)
    .setIssuer(ISS)
    .setAudience(AUDIENCE)
    .setIssuedAt(SECONDS())
    .setExpirationTime(SECONDS() + 600)
    .encode()
}

function symmetric(): Promise<string> {
  const claims = { sub: 'system:serviceaccount:shop:orders', 'kubernetes.io': kubernetes('shop', 'orders') }
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).setIssuer(ISS).setAudience(AUDIENCE)
  return token
    .setIssuedAt(SECONDS())
    .setExpirationTime(SECONDS() + 600)
    .sign(Buffer.alloc(32, 1))
}

const messages = new Set<string>()
for (const { why, token, reason, code = 'InvalidIdentityToken', status = 400 } of BAD_TOKENS) {
  t.test(`a token ${why} buys nothing and tells nothing`, async (t) => {
    const proof = await token()
    for (const [target, authorization] of [
      [CREDENTIALS, proof],
      [CALLER, `Bearer ${proof}`]
    ] as const) {
      const reply = await refused(t, () => get(target, authorization), { status, code, reason, proof })
      if (code === 'InvalidIdentityToken') messages.add((JSON.parse(reply.body) as { Message: string }).Message)
    }
  })
}

t.test('all tokens that prove nothing are refused in one text', (t) => {
  t.equal(messages.size, 1)
  t.end()
})

t.test('a revoked subject buys nothing, and a token of it that was proven before proves nothing', async (t) => {
  const token = await site.token()
  t.equal((await get(CALLER, `Bearer ${token}`)).status, 200)
  t.equal((await credentials(token)).status, 200)
  const reason = /subject system:serviceaccount:shop:orders is revoked: leaked/
  const subject = { kind: 'subject', issuer: 'test', value: 'system:serviceaccount:shop:orders', reason: 'leaked' } as const
  site.revoke([{ ...subject, expiresAt: new Date(site.now().getTime() + 60_000) }])
  const expected = { status: 400, code: 'InvalidIdentityToken', reason, proof: token }
  await refused(t, () => credentials(token), expected)
  await refused(t, () => get(CALLER, `Bearer ${token}`), expected)
  site.revoke([])
  t.equal((await credentials(token)).status, 200)
})

t.test('a request for another host is refused, whatever it carries', async (t) => {
  const token = await site.token()
  const port = site.api.split(':')[1] ?? ''
  const misdirected = { status: 421, code: 'MisdirectedRequest', reason: /Host is not a name of this listener/, proof: token }
  for (const host of ['evil.test', `evil.test:${port}`, '127.0.0.1:1', '127.0.0.1.evil.test', `localhost.:${port}`, '169.254.170.23', ''])
    for (const [target, authorization] of [
      [CREDENTIALS, token],
      [CALLER, `Bearer ${token}`]
    ] as const)
      await refused(t, () => get(target, authorization, { headers: { host } }), misdirected)
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, '127.0.0.1'])
    t.equal((await credentials(token, { headers: { host } })).status, 200, host)
})

const WRONG: readonly {
  readonly why: string
  readonly sending: Partial<Sending>
  readonly status: number
  readonly code: string
  readonly reason: RegExp
}[] = [
  { why: 'POST', sending: { method: 'POST' }, status: 405, code: 'MethodNotAllowed', reason: /method POST/ },
  { why: 'PUT', sending: { method: 'PUT' }, status: 405, code: 'MethodNotAllowed', reason: /method PUT/ },
  { why: 'PATCH', sending: { method: 'PATCH' }, status: 405, code: 'MethodNotAllowed', reason: /method PATCH/ },
  { why: 'HEAD', sending: { method: 'HEAD' }, status: 405, code: '', reason: /method HEAD/ },
  { why: 'a body', sending: { body: 'x' }, status: 400, code: 'InvalidRequest', reason: /has a body/ },
  {
    why: 'a session token beside it',
    sending: { headers: { 'x-amz-security-token': 'abc' } },
    ...{ status: 400, code: 'InvalidRequest', reason: /a session token beside/ }
  }
]
for (const path of [CREDENTIALS, CALLER]) {
  for (const { why, sending, ...expected } of WRONG) {
    t.test(`${path} refuses ${why}`, async (t) => {
      const token = await site.token()
      const authorization = path === CALLER ? `Bearer ${token}` : token
      await refused(t, () => get(path, authorization, sending), { ...expected, proof: token })
    })
  }
  for (const query of ['?', '?a=b', '?X-Amz-Signature=abc', '?Authorization=abc']) {
    t.test(`${path} refuses the query ${query}, alone and beside a token`, async (t) => {
      const token = await site.token()
      const expected = { status: 400, code: 'InvalidRequest', reason: /has a query/, proof: token }
      await refused(t, () => get(path + query, path === CALLER ? `Bearer ${token}` : token), expected)
      await refused(t, () => site.sendApi({ method: 'GET', target: path + query }), expected)
    })
  }
  t.test(`${path} refuses two Authorization headers, and none`, async (t) => {
    const token = path === CALLER ? `Bearer ${await site.token()}` : await site.token()
    const twice = (): Promise<Reply> => site.sendApi({ method: 'GET', target: path, headers: { authorization: [token, token] } })
    await refused(t, twice, { status: 400, code: 'InvalidRequest', reason: /refused before it was read/, proof: token })
    const none = { status: 403, code: 'MissingAuthenticationToken', reason: /no Authorization header/ }
    await refused(t, () => site.sendApi({ method: 'GET', target: path }), none)
    await refused(t, () => get(path, ''), none)
  })
}

t.test('each path takes its own proof alone', async (t) => {
  const token = await site.token()
  const scheme = { status: 400, code: 'InvalidIdentityToken', reason: /is not a token alone/, proof: token }
  for (const authorization of [`Bearer ${token}`, `bearer ${token}`, `${token} ${token}`, 'AWS4-HMAC-SHA256 Credential=a/b, Signature=c'])
    await refused(t, () => credentials(authorization), scheme)
  const missing = { status: 403, code: 'MissingAuthenticationToken', reason: /not of the scheme Bearer/, proof: token }
  for (const authorization of [token, `Basic ${token}`, 'Bearer', `Bearer ${token},x`])
    await refused(t, () => get(CALLER, authorization), missing)
  for (const path of [CALLER, CREDENTIALS]) {
    const target = presign({ method: 'GET', host: site.api, path, credentials: site.session(), at: site.now() })
    const query = { status: 400, code: 'InvalidRequest', reason: /has a query/ }
    await refused(t, () => site.sendApi({ method: 'GET', target }), query)
  }
  t.equal(
    (await site.send({ method: 'GET', target: '/', headers: { authorization: token } })).status,
    400,
    'nor is a bare token on the S3 listener'
  )
})

t.test('whatever is not in the table is not there', async (t) => {
  const token = await site.token()
  const paths = [
    '/',
    '/v0',
    '/rest/v0/',
    `${CALLER}/`,
    `/${CALLER}`,
    '/rest/v0/Caller',
    '/v0%2Fcaller',
    '/rest/v0/x/../caller',
    `${CALLER};x`,
    `/${TENANT}/mine`
  ]
  for (const target of [...paths, '/livez', '/readyz', '/metrics', `http://${site.api}${CALLER}`])
    await refused(t, () => get(target, `Bearer ${token}`), {
      status: 404,
      code: 'NotFound',
      reason: /no route has this path/,
      proof: token
    })
  for (const target of [CALLER, CREDENTIALS]) {
    const reply = await site.send({ method: 'GET', target, headers: { authorization: `Bearer ${token}` } })
    t.not(reply.status, 200, 'nor is the API on the S3 listener')
  }
})

t.test('bytes that are no request are told so in JSON too', async (t) => {
  const raw = new RawClient(Number(site.api.split(':')[1]))
  t.teardown(() => raw.destroy())
  raw.send(`GET ${CALLER} HTTP/1.1\r\nHost: ${site.api}\r\nAuthorization : Bearer x\r\n\r\n`)
  const { status, headers, body } = await raw.readResponse()
  t.equal(status, 400)
  t.equal(headers.get('content-type'), 'application/json')
  t.match(JSON.parse(body.toString()), { Code: 'BadRequest' })
})

t.test('while the keys of the issuer cannot be had, nobody is told that a token is bad', async (t) => {
  const token = await site.token()
  await site.serveKeys(null)
  site.advance(60)
  const expected = { status: 503, code: 'IDPCommunicationError', reason: /keys-unavailable/, proof: token }
  const reply = await refused(t, () => credentials(token), expected)
  t.equal(reply.headers['retry-after'], '1')
  await refused(t, () => get(CALLER, `Bearer ${token}`), expected)
  await site.serveKeys('known')
  t.equal((await credentials(token)).status, 200)
})

t.test('what is counted has closed labels', async (t) => {
  await get('/rest/v0/unheard-of', 'x')
  const text = await (await fetch(`${site.opsUrl}/metrics`)).text()
  t.match(text, /sluice_requests_total\{operation="GetContainerCredentials",status="200",error_code=""\}/)
  t.match(text, /sluice_requests_total\{operation="GetCaller",status="405",error_code="MethodNotAllowed"\}/)
  t.match(text, /sluice_sts_exchanges_total\{issuer="none",result="refused"\}/)
  t.match(text, /sluice_auth_rejections_total\{reason="InvalidIdentityToken"\}/)
  t.notMatch(text, /unheard-of/)
})

t.test('a page of a listed origin may ask with its token, and no other page may', async (t) => {
  const preflight = (origin: string): Promise<Reply> =>
    site.sendApi({
      ...{ method: 'OPTIONS', target: CALLER },
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
    })
  const permitted = await preflight(PAGE)
  t.equal(permitted.status, 200, 'without credentials')
  t.match(permitted.headers, { 'access-control-allow-origin': PAGE, 'access-control-allow-headers': 'authorization' })
  t.notOk('access-control-allow-credentials' in permitted.headers)
  const read = await get(CALLER, `Bearer ${await site.token()}`, { headers: { origin: PAGE } })
  t.match(read, { status: 200, headers: { 'access-control-allow-origin': PAGE } })

  const foreign = 'https://elsewhere.example'
  const denied = await preflight(foreign)
  t.match(denied, { status: 403, code: 'AccessForbidden' })
  t.notOk('access-control-allow-origin' in denied.headers)
  const unread = await get(CALLER, `Bearer ${await site.token()}`, { headers: { origin: foreign } })
  t.notOk('access-control-allow-origin' in unread.headers, 'a browser keeps the answer from the page')
  t.match(await site.sendApi({ method: 'OPTIONS', target: CALLER, headers: { host: 'elsewhere.example', origin: PAGE } }), { status: 421 })
})
