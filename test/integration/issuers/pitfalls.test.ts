/**
 * What has gone wrong in other verifiers of service-account tokens, each as an attack on a proxy whose issuer is a process of its
 * own. After each of them no session was given and the upstream has seen nothing.
 */
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TENANT } from '../ways-in/site.ts'
import { AUDIENCE, kubernetesClaims, startCluster, type TokenOrder } from './cluster.ts'
import { exchange, isRefused, isTaken, readWith, releasesNothing, startSiteOf, UNIFORM } from './exchange.ts'

const ISS = 'https://kubernetes.default.svc.cluster.local'
const cluster = await startCluster(ISS)
t.teardown(() => cluster.stop())
const tokenFile = join(t.testdir(), 'token')
writeFileSync(tokenFile, `${await cluster.mint({ claims: { aud: [ISS] } })}\n`)
const COOLDOWN_SECONDS = 60
const site = await startSiteOf(cluster, tokenFile, {
  jwks: { refresh: '10m', unknownKidCooldown: `${COOLDOWN_SECONDS}s`, failureBackoff: '1s', maxStale: '20m' }
})
t.teardown(() => site.stop())
const seconds = (): number => Math.floor(site.now().getTime() / 1000)

t.test('a good token is exchanged, and is good on a request', async (t) => {
  await isTaken(t, site, await cluster.mint())
  t.equal((await cluster.counts()).anonymous, 0, 'the proxy has shown its own token each time')
})

const REFUSED: readonly { readonly why: string; readonly order: () => TokenOrder; readonly expired?: boolean }[] = [
  { why: "for the API server's audience", order: () => ({ claims: { aud: [ISS] } }) },
  { why: 'for no audience', order: () => ({ claims: { aud: [] } }) },
  { why: 'without audience', order: () => ({ claims: { aud: undefined } }) },
  { why: 'for an audience that begins alike', order: () => ({ claims: { aud: [`${AUDIENCE}.evil`] } }) },
  { why: 'without exp', order: () => ({ claims: { exp: undefined } }) },
  { why: 'without iat', order: () => ({ claims: { iat: undefined } }) },
  { why: 'without sub', order: () => ({ claims: { sub: undefined } }) },
  { why: 'like those of old Secrets, without exp and aud', order: () => ({ claims: { exp: undefined, aud: undefined } }) },
  { why: 'that has expired', order: () => ({ claims: { iat: seconds() - 7200, exp: seconds() - 3600 } }), expired: true },
  { why: 'that lives for a year', order: () => ({ claims: { exp: seconds() + 31_536_000 } }) },
  { why: 'that nobody signed', order: () => ({ signer: 'none' }) },
  { why: 'that nobody signed, in another spelling', order: () => ({ signer: 'none', header: { alg: 'nOnE' } }) },
  { why: 'signed by the public key as a shared secret', order: () => ({ signer: 'hmac-of-public-key' }) },
  { why: 'that claims RS256 under an EC key', order: () => ({ header: { alg: 'RS256' } }) },
  { why: 'of a stranger under a known key id', order: () => ({ signer: 'stranger' }) },
  {
    why: 'of a stranger that names its own keys',
    order: () => ({ signer: 'stranger', header: { jku: `${cluster.url}/evil`, jwk: strangeKey() } })
  },
  { why: 'with a critical header', order: () => ({ header: { crit: ['exp'], exp: 1 } }) },
  { why: 'of an unknown issuer', order: () => ({ claims: { iss: 'https://elsewhere.test' } }) },
  { why: 'whose issuer has a slash more', order: () => ({ claims: { iss: `${ISS}/` } }) },
  { why: 'whose name has a part more', order: () => subject('system:serviceaccount:shop:orders:x') },
  { why: 'whose name has a part less', order: () => subject('system:serviceaccount:shop') },
  { why: 'of a user', order: () => subject('alice') },
  { why: 'of a node', order: () => subject('system:node:n1') },
  { why: 'whose name only contains one', order: () => subject('xsystem:serviceaccount:shop:orders') },
  { why: 'whose name and claims differ', order: () => ({ claims: { 'kubernetes.io': kubernetesClaims('shop', 'billing') } }) },
  { why: 'whose namespace is a template', order: () => named('{sub}', 'orders') },
  { why: 'whose account climbs', order: () => named('shop', '../admin') },
  { why: 'whose account is empty', order: () => named('shop', '') },
  {
    why: 'of no pod',
    order: () => ({ claims: { 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders', uid: 'sa-1' } } } })
  }
]
const subject = (sub: string): TokenOrder => ({ claims: { sub } })
const named = (namespace: string, name: string): TokenOrder => ({
  claims: { sub: `system:serviceaccount:${namespace}:${name}`, 'kubernetes.io': kubernetesClaims(namespace, name) }
})
const strangeKey = (): object => createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey).export({ format: 'jwk' })

for (const { why, order, expired = false } of REFUSED) {
  t.test(`a token ${why} is refused`, async (t) => isRefused(t, site, await cluster.mint(order()), { expired }))
}

t.test('a thousand unknown key ids cause at most two fetches', async (t) => {
  const { keys: before } = await cluster.counts()
  const tokens = await Promise.all(Array.from({ length: 1000 }, (_, index) => cluster.mint({ header: { kid: `random-${index}` } })))
  const reached = site.reached()
  const replies = await Promise.all(tokens.map((token) => exchange(site, token)))
  t.ok(replies.every(({ status, body }) => status === 400 && body.includes(UNIFORM)))
  t.equal(site.reached(), reached, 'nothing reached the upstream')
  t.ok((await cluster.counts()).keys - before <= 2, `${(await cluster.counts()).keys - before} fetches`)
})

t.test('the first token of a new key passes after one fetch, and a key that was taken away ends its tokens', async (t) => {
  site.advance(COOLDOWN_SECONDS)
  const old = await cluster.mint()
  const unused = await cluster.mint()
  await isTaken(t, site, old)
  const { keys: before } = await cluster.counts()
  await cluster.rotate('k2')
  await isTaken(t, site, await cluster.mint())
  t.equal((await cluster.counts()).keys, before + 1)
  await cluster.drop('k1')
  site.advance(601)
  await isTaken(t, site, await cluster.mint())
  await isRefused(t, site, old)
  await isRefused(t, site, unused)
})

t.test('a session lives twelve hours at most, and never for what no role allows', async (t) => {
  const token = await cluster.mint()
  for (const DurationSeconds of ['31536000', '43201', '899', '0', '-1', '1e9']) {
    const asked = () => exchange(site, token, { more: { DurationSeconds } })
    await releasesNothing(t, site, asked, { status: 400, code: 'ValidationError' })
  }
})

t.test('only the exact form is STS: nothing else is answered without a proof', async (t) => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = 'Action=GetCallerIdentity&Version=2011-06-15'
  const others = [
    ...['/sts', '/sts/', '/sts/a/b', `/${TENANT}/test`, '/sts//test', '/STS/test'].map((target) => ({
      method: 'POST',
      target,
      headers: form,
      body
    })),
    { method: 'PUT', target: '/sts/test', headers: form, body },
    { method: 'POST', target: '/sts/test', headers: { 'content-type': 'text/plain' }, body },
    { method: 'POST', target: '/sts/test?uploads', headers: form, body }
  ]
  for (const sending of others) {
    const { body: answered } = await releasesNothing(t, site, () => site.send(sending), { status: 403, code: 'AccessDenied' })
    t.notMatch(answered, /ErrorResponse/, `${sending.method} ${sending.target} is S3`)
  }
  for (const Action of ['AssumeRole', 'GetSessionToken', 'GetFederationToken', 'assumerolewithwebidentity', '']) {
    const asked = async () => exchange(site, await cluster.mint(), { more: { Action } })
    await releasesNothing(t, site, asked, { status: 400, code: Action === '' ? 'MissingAction' : 'InvalidAction' })
  }
})

t.test('a session policy never adds, and managed policies are refused clearly', async (t) => {
  const token = await cluster.mint()
  const all = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] })
  t.match(await exchange(site, token, { more: { Policy: all } }), { status: 200 })
  for (const name of ['PolicyArns.member.1.arn', 'PolicyArns']) {
    const asked = () => exchange(site, token, { more: { [name]: 'arn:aws:iam::aws:policy/ReadOnlyAccess' } })
    const { body } = await releasesNothing(t, site, asked, { status: 400, code: 'ValidationError' })
    t.match(body, /PolicyArns is not supported/)
  }
  await releasesNothing(t, site, () => exchange(site, token, { more: { Policy: '{"Statement":[]}x' } }), {
    status: 400,
    code: 'MalformedPolicyDocument'
  })
  await releasesNothing(t, site, () => exchange(site, token, { role: 'no-urls' }), { status: 403, code: 'AccessDenied' })
  await releasesNothing(t, site, () => exchange(site, token, { role: 'nothing' }), { status: 403, code: 'AccessDenied' })
})

t.test('while the keys cannot be fetched for too long, nobody is denied and nobody is let in', async (t) => {
  const token = await cluster.mint()
  await cluster.serveKeys('down')
  site.advance(1201)
  await releasesNothing(t, site, () => exchange(site, token), { status: 503, code: 'IDPCommunicationError' })
  await releasesNothing(t, site, () => readWith(site, token), { status: 503, code: 'ServiceUnavailable' })
  await cluster.serveKeys('served')
  site.advance(2)
  await isTaken(t, site, token)
})
