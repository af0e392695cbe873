import { GetCallerIdentityCommand, AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startSite, type Site } from '../ways-in/site.ts'
import { AUDIENCE, startCluster, type Cluster } from './cluster.ts'
import { exchange, isRefused, isTaken, releasesNothing, startSiteOf, UNIFORM } from './exchange.ts'

const ISS = 'https://kubernetes.default.svc.cluster.local'
const [east, west] = await Promise.all([startCluster(ISS), startCluster(ISS)])
t.teardown(() => Promise.all([east.stop(), west.stop()]))
const folder = t.testdir()

/** What the API server of a cluster takes for its own. */
async function ownToken(cluster: Cluster, iss = ISS): Promise<string> {
  const path = join(folder, `token-${new URL(cluster.url).port}`)
  writeFileSync(path, await cluster.mint({ claims: { iss, aud: [ISS] } }))
  return path
}

async function startBoth(differences: object): Promise<Site> {
  const [eastToken, westToken] = await Promise.all([ownToken(east), ownToken(west)])
  const jwks = (cluster: Cluster, bearerTokenFile: string): object => ({ url: `${cluster.url}/openid/v1/jwks`, bearerTokenFile })
  return startSite({
    adjust: (settings) => {
      const [first] = settings.issuers
      const issuers = [
        { ...first, issuer: ISS, jwks: jwks(east, eastToken) },
        { ...first, id: 'west', default: false, issuer: ISS, jwks: jwks(west, westToken), ...differences }
      ]
      const trust = [{ issuers: ['test', 'west'], namespaces: ['*'], serviceAccounts: ['*'] }]
      return { ...settings, issuers, roles: settings.roles.map((role) => (role.name === 'app' ? { ...role, trust } : role)) }
    }
  })
}

t.test('two clusters with one iss are told apart by audience, and no key of one counts for the other', async (t) => {
  const site = await startBoth({ audiences: ['sluice.west'] })
  t.teardown(() => site.stop())
  await isTaken(t, site, await east.mint())
  await isTaken(t, site, await west.mint({ claims: { aud: ['sluice.west'] } }))
  await isRefused(t, site, await west.mint())
  await isRefused(t, site, await east.mint({ claims: { aud: ['sluice.west'] } }))
  await isRefused(t, site, await east.mint({ claims: { aud: [AUDIENCE, 'sluice.west'] } }))
  t.match(await exchange(site, await west.mint({ claims: { aud: ['sluice.west'] } }), { path: '/sts/west' }), { status: 200 })
})

t.test('two clusters with one iss and one audience are told apart by path', async (t) => {
  const site = await startBoth({ stsPathOnly: true })
  t.teardown(() => site.stop())
  await isTaken(t, site, await east.mint())
  for (const path of ['/sts/west', '/sts/west/']) t.match(await exchange(site, await west.mint(), { path }), { status: 200 })
  t.match(await exchange(site, await east.mint(), { path: '/sts/test' }), { status: 200 })
  await isRefused(t, site, await west.mint())
  const refused = [
    { why: 'the token of the other', path: '/sts/west', token: await east.mint() },
    { why: 'the token of the other', path: '/sts/test', token: await west.mint() },
    { why: 'an unknown id', path: '/sts/north', token: await east.mint() },
    { why: 'an unknown id', path: '/sts/north', token: 'x.y.z' },
    { why: 'an id of JavaScript', path: '/sts/__proto__', token: await east.mint() },
    { why: 'an escaped id', path: '/sts/w%65st', token: await west.mint() }
  ]
  const told = new Set<string>()
  for (const { why, path, token } of refused) {
    const { body } = await releasesNothing(t, site, () => exchange(site, token, { path }), { status: 400, code: 'InvalidIdentityToken' })
    t.match(body, UNIFORM, why)
    told.add(body.replace(/<RequestId>.*<\/RequestId>/, ''))
  }
  t.equal(told.size, 1, 'all are told the same')
})

t.test('an SDK uses the path of its endpoint, to log in and to ask who it is', async (t) => {
  const site = await startBoth({ stsPathOnly: true })
  t.teardown(() => site.stop())
  const at = (id: string, credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken: string }) =>
    new STSClient({
      endpoint: `http://${site.host}/sts/${id}`,
      region: 'local',
      maxAttempts: 1,
      ...(credentials === undefined ? {} : { credentials })
    })
  const login = new AssumeRoleWithWebIdentityCommand({
    RoleArn: 'arn:aws:iam::000000000000:role/app',
    RoleSessionName: 'sdk',
    WebIdentityToken: await west.mint()
  })
  const { Credentials: given } = await at('west').send(login)
  const credentials = {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? ''
  }
  t.match(await at('west', credentials).send(new GetCallerIdentityCommand({})), { Arn: /assumed-role\/app\// })
  await t.rejects(at('test', credentials).send(new GetCallerIdentityCommand({})), { name: 'InvalidClientTokenId' })
  await t.rejects(at('test').send(login), { name: 'InvalidIdentityToken' })
})

t.test('an issuer that is auto follows the token of the proxy', async (t) => {
  const tokenFile = await ownToken(east)
  const site = await startSiteOf(east, tokenFile, { tokenReview: 'off' })
  t.teardown(() => site.stop())
  await isTaken(t, site, await east.mint())
  const renamed = { claims: { iss: 'https://renamed.test' } }
  await isRefused(t, site, await east.mint(renamed))
  writeFileSync(tokenFile, await east.mint({ claims: { iss: 'https://renamed.test', aud: [ISS] } }))
  site.advance(11)
  // Of the keys that it has the proxy asks anew when the next token comes.
  await exchange(site, await east.mint())
  await isTaken(t, site, await east.mint(renamed))
  await isRefused(t, site, await east.mint())
})
