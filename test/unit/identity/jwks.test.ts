import t from 'tap'
import type { JWK } from 'jose'
import { loaderOf, problemOfSource, type JwksSource } from '../../../proxy/identity/jwks-source.ts'
import { TokenProblem } from '../../../proxy/identity/token-problem.ts'
import { keySet, NOW, signingKey, type SigningKey } from './fixtures.ts'

const [oldKey, newKey] = await Promise.all([signingKey('old'), signingKey('new')])

/** A source whose answers and clock the test sets. */
function source(...keys: readonly SigningKey[]) {
  const state = {
    jwks: { keys: keys.map((key) => key.jwk) } as unknown,
    down: false,
    fetches: 0,
    seconds: 0,
    outcomes: [] as (string | null)[],
    set: keySet(() => Promise.resolve(null))
  }
  const load = async (): Promise<unknown> => {
    state.fetches += 1
    await Promise.resolve()
    if (state.down) throw new Error('down')
    return state.jwks
  }
  state.set = keySet(load, {
    now: () => new Date(NOW.getTime() + state.seconds * 1000),
    onFetch: (error) => state.outcomes.push(error === null ? null : error.message)
  })
  return state
}

const jws = { payload: '', signature: '' }

async function find(state: ReturnType<typeof source>, kid: string | undefined, alg = 'ES256'): Promise<string> {
  try {
    await state.set.find(kid === undefined ? { alg } : { alg, kid }, jws)
    return 'found'
  } catch (error) {
    if (error instanceof TokenProblem) return error.kind
    throw error
  }
}

t.test('keys are fetched once and kept until they are due', async (t) => {
  const state = source(oldKey)
  t.equal(state.set.usable, false)
  t.equal(await find(state, 'old'), 'found')
  state.seconds = 299
  t.equal(await find(state, 'old'), 'found')
  t.equal(state.fetches, 1)
  state.seconds = 300
  t.equal(await find(state, 'old'), 'found')
  t.equal(state.fetches, 2)
  t.same(state.set.fetchedAt, new Date(NOW.getTime() + 300_000))
})

t.test('the first token of a new key passes after one fetch', async (t) => {
  const state = source(oldKey)
  await find(state, 'old')
  state.jwks = { keys: [oldKey.jwk, newKey.jwk] }
  t.equal(await find(state, 'new'), 'found')
  t.equal(state.fetches, 2)
})

t.test('keys that were fetched a moment ago are not fetched again for a key id that they do not hold', async (t) => {
  const state = source(oldKey)
  t.equal(await find(state, 'random'), 'unknown-key')
  t.equal(state.fetches, 1)
})

t.test('a thousand unknown key ids cause at most two fetches', async (t) => {
  const state = source(oldKey)
  for (let i = 0; i < 500; i += 1) t.equal(await find(state, `random-${i}`), 'unknown-key')
  const outcomes = await Promise.all(Array.from({ length: 500 }, (_, i) => find(state, `other-${i}`)))
  t.same(new Set(outcomes), new Set(['unknown-key']))
  t.ok(state.fetches <= 2, `${state.fetches} fetches`)
})

t.test('a thousand tokens at once share the first fetch', async (t) => {
  const state = source(oldKey)
  const outcomes = await Promise.all(Array.from({ length: 1000 }, (_, i) => find(state, i % 2 === 0 ? 'old' : `random-${i}`)))
  t.same(new Set(outcomes), new Set(['found', 'unknown-key']))
  t.ok(state.fetches <= 2, `${state.fetches} fetches`)
})

t.test('an unknown key id is asked for again after the cooldown', async (t) => {
  const state = source(oldKey)
  await find(state, 'old')
  await find(state, 'random')
  state.jwks = { keys: [newKey.jwk] }
  state.seconds = 29
  t.equal(await find(state, 'new'), 'unknown-key')
  state.seconds = 30
  t.equal(await find(state, 'new'), 'found')
  t.equal(state.fetches, 3)
})

t.test('a key that was taken away stops to count at the next refresh', async (t) => {
  const state = source(oldKey, newKey)
  t.equal(await find(state, 'old'), 'found')
  state.jwks = { keys: [newKey.jwk] }
  state.seconds = 300
  t.equal(await find(state, 'old'), 'unknown-key')
  t.equal(await find(state, 'new'), 'found')
})

t.test('when the source is down, known keys serve for a while and then nothing is denied, only unavailable', async (t) => {
  const state = source(oldKey)
  await find(state, 'old')
  state.down = true
  state.seconds = 3600
  t.equal(await find(state, 'old'), 'found')
  t.equal(await find(state, 'new'), 'keys-unavailable', 'whether this key is good cannot be known')
  state.seconds = 3601
  t.equal(await find(state, 'old'), 'keys-unavailable')
  t.equal(state.set.usable, false)
  state.down = false
  state.seconds = 3630
  t.equal(await find(state, 'old'), 'found')
  t.equal(await find(state, 'new'), 'unknown-key')
})

t.test('a source that is down is not asked again before the backoff has passed', async (t) => {
  const state = source(oldKey)
  state.down = true
  await Promise.all(Array.from({ length: 100 }, () => find(state, 'old')))
  for (let i = 0; i < 100; i += 1) t.equal(await find(state, 'old'), 'keys-unavailable')
  t.equal(state.fetches, 1)
  state.seconds = 30
  await find(state, 'old')
  t.equal(state.fetches, 2)
  t.same(state.outcomes, ['down', 'down'])
})

for (const { why, jwks } of [
  { why: 'is no object', jwks: 'keys' },
  { why: 'has no keys', jwks: {} },
  { why: 'is null', jwks: null },
  { why: 'is enormous', jwks: { keys: Array.from({ length: 101 }, () => oldKey.jwk) } }
]) {
  t.test(`a key set that ${why} is a failure, and does not replace the keys that are held`, async (t) => {
    const state = source(oldKey)
    await find(state, 'old')
    state.jwks = jwks
    state.seconds = 301
    t.equal(await find(state, 'old'), 'found')
    t.equal(state.outcomes.length, 2)
    t.type(state.outcomes[1], 'string')
  })
}

t.test('an empty key set is believed: it revokes every key', async (t) => {
  const state = source(oldKey)
  await find(state, 'old')
  state.jwks = { keys: [] }
  state.seconds = 301
  t.equal(await find(state, 'old'), 'unknown-key')
})

t.test('shared secrets in a key set are left out, and so are keys of another algorithm', async (t) => {
  const [secret, rsa] = await Promise.all([signingKey('shared', 'HS256'), signingKey('rsa', 'RS256')])
  const state = source(secret, rsa)
  t.equal(await find(state, 'shared', 'HS256'), 'unknown-key')
  t.equal(await find(state, 'rsa', 'RS256'), 'found')
  t.equal(await find(state, 'rsa', 'ES256'), 'unknown-key')
})

t.test('private members of a published key are not used', async (t) => {
  const state = source()
  const { privateKey } = await import('jose').then((jose) => jose.generateKeyPair('ES256', { extractable: true }))
  const { exportJWK } = await import('jose')
  const leaked: JWK = { ...(await exportJWK(privateKey)), kid: 'leaked', alg: 'ES256', key_ops: ['sign'] }
  state.jwks = { keys: [leaked, null, 7, { kty: 'EC' }] }
  const key = await state.set.find({ alg: 'ES256', kid: 'leaked' }, jws)
  t.equal(key.type, 'public')
})

t.test('a token without a key id is judged by the only key, and never causes a fetch of its own', async (t) => {
  const state = source(oldKey)
  t.equal(await find(state, undefined), 'found')
  state.jwks = { keys: [oldKey.jwk, newKey.jwk] }
  state.seconds = 301
  t.equal(await find(state, undefined), 'unknown-key')
  t.equal(await find(state, undefined), 'unknown-key')
  t.equal(state.fetches, 2)
})

t.test('a key source reads its files at each fetch', async (t) => {
  const files = new Map([
    ['/ca', 'ca 1'],
    ['/token', 'token 1\n'],
    ['/jwks', '{"keys":[]}']
  ])
  const seen: unknown[] = []
  const readers = {
    fetchJson: (url: string, options: unknown) => {
      seen.push([url, options])
      return Promise.resolve({ keys: [] })
    },
    readFile: (path: string) => Promise.resolve(files.get(path) ?? '')
  }
  const byUrl = loaderOf({ kind: 'url', url: 'https://issuer/jwks', caFile: '/ca', bearerTokenFile: '/token' }, readers)
  await byUrl()
  files.set('/ca', 'ca 2').set('/token', 'token 2')
  await byUrl()
  await loaderOf({ kind: 'url', url: 'https://issuer/jwks', caFile: null, bearerTokenFile: null }, readers)()
  t.same(seen, [
    ['https://issuer/jwks', { ca: 'ca 1', bearer: 'token 1' }],
    ['https://issuer/jwks', { ca: 'ca 2', bearer: 'token 2' }],
    ['https://issuer/jwks', { ca: null, bearer: null }]
  ])
  t.same(await loaderOf({ kind: 'file', path: '/jwks' }, readers)(), { keys: [] })
  t.same(await loaderOf({ kind: 'inline', jwks: { keys: [1] } }, readers)(), { keys: [1] })
})

const url = (text: string): JwksSource => ({ kind: 'url', url: text, caFile: null, bearerTokenFile: null })
for (const { at, good } of [
  { at: 'https://kubernetes.default.svc/openid/v1/jwks', good: true },
  { at: 'http://127.0.0.1:8080/jwks', good: true },
  { at: 'http://localhost/jwks', good: true },
  { at: 'http://[::1]:1/jwks', good: true },
  { at: 'http://issuer.example/jwks', good: false },
  { at: 'http://127.0.0.1.example/jwks', good: false },
  { at: 'http://169.254.169.254/latest', good: false },
  { at: 'file:///etc/passwd', good: false },
  { at: 'https://user:secret@issuer.example/jwks', good: false },
  { at: 'jwks', good: false }
]) {
  t.test(`keys ${good ? 'may' : 'may not'} come from ${at}`, (t) => {
    t.equal(problemOfSource(url(at)) === null, good)
    t.end()
  })
}
