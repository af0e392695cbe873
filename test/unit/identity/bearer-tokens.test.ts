import t from 'tap'
import { createBearerTokens } from '../../../proxy/identity/bearer-tokens.ts'
import { createIssuers } from '../../../proxy/identity/issuers.ts'
import type { WebIdentity } from '../../../proxy/identity/web-identity.ts'
import { issuer, keySet, later, NOW, signingKey } from './fixtures.ts'

const [first, second] = await Promise.all([signingKey('k1'), signingKey('k2')])

async function setUp(entriesMax = 10) {
  const state = { now: NOW, served: first.jwk, proofs: 0 }
  const keys = keySet(() => Promise.resolve({ keys: [state.served] }), { now: () => state.now })
  await keys.refresh()
  const issuers = createIssuers([issuer(keys, { roleRules: [{ role: 'app', namespaces: ['*'], serviceAccounts: ['*'] }] })])
  const identity: WebIdentity = {
    ...{ issuer: 'prod-eu', subject: 'system:serviceaccount:billing:invoicer', namespace: 'billing', serviceAccount: 'invoicer' },
    ...{ serviceAccountUid: null, podUid: null, expiresAt: later(600) }
  }
  const release = Promise.withResolvers<undefined>()
  const verifyToken = async (token: string): Promise<WebIdentity> => {
    state.proofs += 1
    if (token === 'slow') await release.promise
    if (token === 'bad') throw new Error('refused')
    return identity
  }
  return { state, keys, identity, release, tokens: createBearerTokens({ issuers, verifyToken, now: () => state.now, entriesMax }) }
}

t.test('a proven token is known by its digest until its end', async (t) => {
  const { state, tokens, identity } = await setUp()
  t.equal(tokens.known('d'), null)
  await tokens.verify('good', 'd')
  t.equal(tokens.known('d'), identity)
  state.now = later(600)
  t.equal(tokens.known('d'), null)
  t.equal(tokens.size, 0)
})

t.test('a refused token is not known, and proves nothing for the next', async (t) => {
  const { tokens } = await setUp()
  await t.rejects(tokens.verify('bad', 'd'))
  t.equal(tokens.known('d'), null)
})

t.test('no more tokens are kept than are allowed, and those used last stay', async (t) => {
  const { tokens } = await setUp(2)
  await tokens.verify('good', 'a')
  await tokens.verify('good', 'b')
  tokens.known('a')
  await tokens.verify('good', 'c')
  t.equal(tokens.size, 2)
  t.equal(tokens.known('b'), null)
  t.ok(tokens.known('a'))
})

t.test('requests that bring one token at once share its proof', async (t) => {
  const { state, tokens, release, identity } = await setUp()
  const asked = [tokens.verify('slow', 'd'), tokens.verify('slow', 'd')]
  release.resolve(undefined)
  t.same(await Promise.all(asked), [identity, identity])
  t.equal(state.proofs, 1)
})

t.test('keys that change end what they have proven, and keys that stay the same end nothing', async (t) => {
  const { state, keys, tokens } = await setUp()
  await tokens.verify('good', 'd')
  state.now = later(301)
  await keys.refresh()
  t.ok(tokens.known('d'), 'the same keys were fetched again')
  state.served = second.jwk
  state.now = later(599)
  await keys.refresh()
  t.ok(tokens.known('d'), 'the new keys are not due yet')
})

t.test('a token whose key has left the key set is proven again', async (t) => {
  const { state, keys, tokens } = await setUp()
  await tokens.verify('good', 'd')
  state.served = second.jwk
  state.now = later(301)
  await keys.refresh()
  t.equal(tokens.known('d'), null)
})

t.test('a token that was being proven while the keys changed is proven again', async (t) => {
  const { state, keys, tokens, release } = await setUp()
  const asked = tokens.verify('slow', 'd')
  state.served = second.jwk
  state.now = later(301)
  await keys.refresh()
  release.resolve(undefined)
  await asked
  t.equal(tokens.known('d'), null)
})
