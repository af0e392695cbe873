import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kubernetesClaims, startCluster } from './cluster.ts'
import { isRefused, isTaken, isUnavailable, readWith, startSiteOf } from './exchange.ts'

const ISS = 'https://issuer.cluster.test'
const cluster = await startCluster(ISS)
t.teardown(() => cluster.stop())
const tokenFile = join(t.testdir(), 'token')
const showOwn = async (aud = ISS): Promise<void> => writeFileSync(tokenFile, await cluster.mint({ claims: { aud: [aud] } }))
await showOwn()
const site = await startSiteOf(cluster, tokenFile)
t.teardown(() => site.stop())
/** Long enough for the proxy to ask again after failures. */
const PAUSE_SECONDS = 6
t.afterEach(async () => {
  await cluster.answerReviews('true')
  site.advance(PAUSE_SECONDS)
})

t.test('each exchange is reviewed, and a bearer token at its first use', async (t) => {
  const { reviews } = await cluster.counts()
  await isTaken(t, site, await cluster.mint())
  t.equal((await cluster.counts()).reviews, reviews + 2)
  const token = await cluster.mint()
  for (let request = 0; request < 3; request++) t.match(await readWith(site, token), { code: 'NoSuchKey' })
  t.equal((await cluster.counts()).reviews, reviews + 3)
})

t.test('a token whose pod is gone is refused', async (t) => {
  const token = await cluster.mint({ claims: { 'kubernetes.io': kubernetesClaims('shop', 'orders', 'pod-gone') } })
  await isTaken(t, site, token)
  const unused = await cluster.mint({ claims: { 'kubernetes.io': kubernetesClaims('shop', 'orders', 'pod-gone') } })
  await cluster.deletePod('pod-gone')
  await isRefused(t, site, unused)
  await isTaken(t, site, await cluster.mint())
})

for (const answer of ['no-audiences', 'other-audiences', 'other-user', 'other-uid', 'no-user'] as const) {
  t.test(`a token that the API server accepts with ${answer} is refused`, async (t) => {
    await cluster.answerReviews(answer)
    await isRefused(t, site, await cluster.mint())
  })
}

for (const answer of ['error', 'forbidden', 'garbage', 'hang'] as const) {
  t.test(`while the API server answers with ${answer}, nobody is denied and nobody is let in`, async (t) => {
    const known = await cluster.mint()
    t.match(await readWith(site, known), { code: 'NoSuchKey' })
    await cluster.answerReviews(answer)
    await isUnavailable(t, site, await cluster.mint())
    t.match(await readWith(site, known), { code: 'NoSuchKey' }, 'what was reviewed before is served')
    await cluster.answerReviews('true')
    site.advance(PAUSE_SECONDS)
    await isTaken(t, site, await cluster.mint())
  })
}

t.test('an API server that fails is not asked by every caller', async (t) => {
  await cluster.answerReviews('error')
  const { reviews } = await cluster.counts()
  for (let attempt = 0; attempt < 10; attempt++) await isUnavailable(t, site, await cluster.mint())
  t.equal((await cluster.counts()).reviews, reviews + 3)
  site.advance(PAUSE_SECONDS)
  await isUnavailable(t, site, await cluster.mint())
  t.equal((await cluster.counts()).reviews, reviews + 4, 'one attempt, and it is left alone again')
})

t.test('a token that is refused without it is not reviewed', async (t) => {
  const { reviews } = await cluster.counts()
  await isRefused(t, site, await cluster.mint({ signer: 'stranger' }))
  await isRefused(t, site, await cluster.mint({ claims: { aud: ['elsewhere'] } }))
  t.equal((await cluster.counts()).reviews, reviews)
})

t.test("the proxy's own token is read at each review", async (t) => {
  await showOwn('https://not-the-api-server')
  await isUnavailable(t, site, await cluster.mint())
  await showOwn()
  site.advance(PAUSE_SECONDS)
  await isTaken(t, site, await cluster.mint())
})
