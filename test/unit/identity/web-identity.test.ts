import fc from 'fast-check'
import t from 'tap'
import { base64url } from 'jose'
import { createIssuers, type IssuerProblems, type Issuer } from '../../../proxy/identity/issuers.ts'
import { TokenProblem } from '../../../proxy/identity/token-problem.ts'
import { verifyWebIdentity, type TokenContext } from '../../../proxy/identity/web-identity.ts'
import { AUDIENCE, ISS, issuer, keySet, kubernetesClaims, NOW, signingKey, tokenBy, type SigningKey, type TokenShape } from './fixtures.ts'

const [key, rsa, pss, other, secret] = await Promise.all([
  signingKey('k1'),
  signingKey('rsa', 'RS256'),
  signingKey('pss', 'PS256'),
  signingKey('k1'),
  signingKey('shared', 'HS256')
])
const keysOf = (...keys: readonly SigningKey[]) => keySet(() => Promise.resolve({ keys: keys.map(({ jwk }) => jwk) }))
const ISSUERS = createIssuers([issuer(keysOf(key, rsa))])
const CONTEXT = { now: NOW, issuerId: null }
const NOW_SECONDS = NOW.getTime() / 1000

async function outcome(token: string, issuers = ISSUERS, { now = NOW, issuerId = null }: Partial<TokenContext> = {}): Promise<string> {
  try {
    return (await verifyWebIdentity(token, issuers, { now, issuerId })).issuer
  } catch (error) {
    if (error instanceof TokenProblem) return error.kind
    throw error
  }
}

t.test("a service account's token proves who its bearer is", async (t) => {
  for (const signer of [key, rsa]) {
    t.same(await verifyWebIdentity(await tokenBy(signer), ISSUERS, CONTEXT), {
      issuer: 'prod-eu',
      subject: 'system:serviceaccount:billing:invoicer',
      namespace: 'billing',
      serviceAccount: 'invoicer',
      serviceAccountUid: 'sa-1',
      podUid: 'pod-1',
      expiresAt: new Date((NOW_SECONDS - 10 + 3600) * 1000)
    })
  }
})

const REFUSED: readonly { why: string; shape: TokenShape; kind: string }[] = [
  { why: 'it has no exp', shape: { claims: { exp: undefined } }, kind: 'missing-claim' },
  { why: 'it has no iat', shape: { claims: { iat: undefined } }, kind: 'missing-claim' },
  { why: 'it has no sub', shape: { claims: { sub: undefined } }, kind: 'missing-claim' },
  { why: 'it has no aud', shape: { claims: { aud: undefined } }, kind: 'missing-claim' },
  { why: 'it has no iss', shape: { claims: { iss: undefined } }, kind: 'unknown-issuer' },
  { why: 'its exp is a text', shape: { claims: { exp: '9999999999' } }, kind: 'bad-claim' },
  { why: 'its iat is a text', shape: { claims: { iat: '1' } }, kind: 'bad-claim' },
  { why: "its audience is the API server's", shape: { claims: { aud: [ISS] } }, kind: 'wrong-audience' },
  { why: 'its audience list is empty', shape: { claims: { aud: [] } }, kind: 'wrong-audience' },
  { why: 'its audience only begins alike', shape: { claims: { aud: [`${AUDIENCE}.evil`] } }, kind: 'wrong-audience' },
  { why: 'its issuer is unknown', shape: { claims: { iss: 'https://evil.example' } }, kind: 'unknown-issuer' },
  { why: 'its issuer has a slash more', shape: { claims: { iss: `${ISS}/` } }, kind: 'unknown-issuer' },
  { why: 'its issuer is no text', shape: { claims: { iss: [ISS] } }, kind: 'unknown-issuer' },
  { why: 'it has expired, tolerance included', shape: { claims: { iat: NOW_SECONDS - 700, exp: NOW_SECONDS - 31 } }, kind: 'expired' },
  { why: 'it is not valid yet', shape: { claims: { nbf: NOW_SECONDS + 31 } }, kind: 'not-yet-valid' },
  { why: 'it was issued in the future', shape: { claims: { iat: NOW_SECONDS + 31, exp: NOW_SECONDS + 600 } }, kind: 'not-yet-valid' },
  { why: 'it ends before it began', shape: { claims: { iat: NOW_SECONDS + 20, exp: NOW_SECONDS + 10 } }, kind: 'bad-claim' },
  { why: 'it lives for a year', shape: { claims: { exp: NOW_SECONDS + 365 * 86_400 } }, kind: 'lives-too-long' },
  { why: 'it lives a second too long', shape: { claims: { iat: NOW_SECONDS, exp: NOW_SECONDS + 7201 } }, kind: 'lives-too-long' },
  { why: 'its subject is a user', shape: { claims: { sub: 'kubernetes-admin' } }, kind: 'bad-subject' },
  { why: 'its subject has a part too many', shape: { claims: { sub: 'system:serviceaccount:a:b:c' } }, kind: 'bad-subject' },
  { why: 'its subject ends in a line feed', shape: { claims: { sub: 'system:serviceaccount:billing:invoicer\n' } }, kind: 'bad-subject' },
  { why: 'its subject has a slash', shape: { claims: { sub: 'system:serviceaccount:../x:invoicer' } }, kind: 'bad-subject' },
  { why: 'its subject has an empty part', shape: { claims: { sub: 'system:serviceaccount::invoicer' } }, kind: 'bad-subject' },
  { why: 'it has no kubernetes.io claims', shape: { claims: { 'kubernetes.io': undefined } }, kind: 'bad-subject' },
  { why: 'its kubernetes.io claim is null', shape: { claims: { 'kubernetes.io': null } }, kind: 'bad-subject' },
  { why: 'its kubernetes.io claim is a text', shape: { claims: { 'kubernetes.io': 'billing' } }, kind: 'bad-subject' },
  { why: 'its claims name another namespace', shape: { claims: { 'kubernetes.io': kubernetesClaims('shop') } }, kind: 'bad-subject' },
  { why: 'its claims name another account', shape: { claims: { 'kubernetes.io': kubernetesClaims('billing', 'x') } }, kind: 'bad-subject' },
  {
    why: 'its service account is null',
    shape: { claims: { 'kubernetes.io': { ...kubernetesClaims(), serviceaccount: null } } },
    kind: 'bad-subject'
  },
  {
    why: 'it is bound to no pod',
    shape: { claims: { 'kubernetes.io': { ...kubernetesClaims(), pod: undefined } } },
    kind: 'no-pod-binding'
  },
  {
    why: 'its pod uid is no uid',
    shape: { claims: { 'kubernetes.io': { ...kubernetesClaims(), pod: { uid: 'a b' } } } },
    kind: 'bad-claim'
  },
  { why: 'its key id is unknown', shape: { header: { kid: 'nobody' } }, kind: 'unknown-key' },
  { why: "its key id is another key's", shape: { header: { kid: 'rsa' } }, kind: 'unknown-key' },
  { why: 'it has a critical header that nobody knows', shape: { header: { crit: ['x-new'], 'x-new': true } }, kind: 'malformed' }
]

for (const { why, shape, kind } of REFUSED) {
  t.test(`a token is refused as ${kind} when ${why}`, async (t) => {
    // jose does not sign every one of these; what it refuses to sign is built by hand.
    t.equal(await outcome(await tokenBy(key, shape).catch(() => handmade(key, shape))), kind)
  })
}

/** A token whose signature is of the right form and wrong: for what no signer would make. */
async function handmade(signer: SigningKey, { header = {} }: TokenShape): Promise<string> {
  const [, payload, signature] = (await tokenBy(signer)).split('.')
  return `${base64url.encode(JSON.stringify({ alg: signer.alg, kid: signer.kid, ...header }))}.${payload}.${signature}`
}

t.test('the clock tolerance is granted at both ends', async (t) => {
  t.equal(await outcome(await tokenBy(key, { claims: { iat: NOW_SECONDS - 700, exp: NOW_SECONDS - 29 } })), 'prod-eu')
  t.equal(
    await outcome(await tokenBy(key, { claims: { iat: NOW_SECONDS + 29, nbf: NOW_SECONDS + 29, exp: NOW_SECONDS + 600 } })),
    'prod-eu'
  )
})

const MALFORMED: readonly { why: string; token: string }[] = [
  { why: 'is empty', token: '' },
  { why: 'has two parts', token: 'e30.e30' },
  { why: 'has four parts', token: 'e30.e30.e30.e30' },
  { why: 'is padded', token: 'e30=.e30=.e30=' },
  { why: 'has a line feed', token: 'e30.e30.e30\n' },
  { why: 'has no JSON in it', token: 'aaaa.bbbb.cccc' },
  { why: 'has a payload that is a list', token: `e30.${base64url.encode('[]')}.e30` },
  { why: 'is over 8 KiB', token: `e30.${'A'.repeat(8192)}.e30` }
]

for (const { why, token } of MALFORMED) {
  t.test(`a text that ${why} is no token`, async (t) => {
    t.equal(await outcome(token), 'malformed')
  })
}

t.test('a large token that is well signed is refused unread', async (t) => {
  t.equal(await outcome(await tokenBy(key, { claims: { padding: 'x'.repeat(8192) } })), 'malformed')
})

/** Header and key of every kind crossed: only the issuer's own key, under its own algorithm, verifies. */
const CONFUSIONS: readonly { why: string; make: () => Promise<string>; kind: string }[] = [
  { why: 'alg none', make: async () => unsigned('none'), kind: 'algorithm-not-allowed' },
  { why: 'alg None', make: async () => unsigned('None'), kind: 'algorithm-not-allowed' },
  { why: 'no alg', make: async () => unsigned(undefined), kind: 'malformed' },
  { why: 'HS256 with a shared secret', make: () => tokenBy(secret), kind: 'algorithm-not-allowed' },
  { why: "HS256 with the issuer's public key for a secret", make: () => tokenBy(publicKeyAsSecret()), kind: 'algorithm-not-allowed' },
  { why: 'PS256, which is not in the list', make: () => tokenBy(pss), kind: 'algorithm-not-allowed' },
  { why: 'RS256 claimed over an EC signature', make: () => handmade(key, { header: { alg: 'RS256' } }), kind: 'unknown-key' },
  { why: 'ES256 claimed over an RSA signature', make: () => handmade(rsa, { header: { alg: 'ES256' } }), kind: 'unknown-key' },
  { why: 'a stranger under the same key id', make: () => tokenBy(other), kind: 'bad-signature' },
  {
    why: 'a stranger with its key in the header',
    make: () => tokenBy(other, { header: { kid: 'k1', jwk: other.jwk } }),
    kind: 'bad-signature'
  },
  {
    why: 'a stranger with a jku',
    make: () => tokenBy(other, { header: { kid: 'x', jku: 'https://evil.example/jwks' } }),
    kind: 'unknown-key'
  },
  { why: 'a stranger with an x5u', make: () => tokenBy(other, { header: { x5u: 'https://evil.example/cert' } }), kind: 'bad-signature' },
  { why: 'another payload under a good signature', make: () => swappedPayload(), kind: 'bad-signature' }
]

for (const { why, make, kind } of CONFUSIONS) {
  t.test(`keys are not confused: ${why} is ${kind}`, async (t) => {
    t.equal(await outcome(await make()), kind)
  })
}

async function unsigned(alg: string | undefined): Promise<string> {
  const [, payload] = (await tokenBy(key)).split('.')
  return `${base64url.encode(JSON.stringify({ alg, kid: 'k1' }))}.${payload}.AAAA`
}

function publicKeyAsSecret(): SigningKey {
  return { kid: 'k1', alg: 'HS256', privateKey: Buffer.from(JSON.stringify(key.jwk)), jwk: key.jwk }
}

async function swappedPayload(): Promise<string> {
  const [header, , signature] = (await tokenBy(key)).split('.')
  const [, payload] = (await tokenBy(key, { claims: { sub: 'system:serviceaccount:kube-system:admin' } })).split('.')
  return `${header}.${payload}.${signature}`
}

t.test('an issuer cannot speak for another, not even under its key id', async (t) => {
  const us = { id: 'prod-us', issuer: 'https://us.example', isDefault: false, audiences: ['sluice.prod-us'] }
  const issuers = createIssuers([issuer(keysOf(key)), issuer(keysOf(other), us)])
  t.equal(await outcome(await tokenBy(other), issuers), 'bad-signature', 'same kid, claims the iss of another')
  t.equal(await outcome(await tokenBy(other, { claims: { iss: us.issuer, aud: us.audiences } }), issuers), 'prod-us')
  t.equal(await outcome(await tokenBy(key, { claims: { iss: us.issuer, aud: us.audiences } }), issuers), 'bad-signature')
  t.equal(await outcome(await tokenBy(other, { claims: { iss: us.issuer } }), issuers), 'wrong-audience')
})

t.test('two clusters with the same iss are told apart by audience, and neither has the keys of the other', async (t) => {
  const us = { id: 'prod-us', isDefault: false, audiences: ['sluice.prod-us'] }
  const issuers = createIssuers([issuer(keysOf(key)), issuer(keysOf(other), us)])
  t.equal(await outcome(await tokenBy(key), issuers), 'prod-eu')
  t.equal(await outcome(await tokenBy(other, { claims: { aud: us.audiences } }), issuers), 'prod-us')
  t.equal(await outcome(await tokenBy(key, { claims: { aud: us.audiences } }), issuers), 'bad-signature')
  t.equal(await outcome(await tokenBy(key, { claims: { aud: [AUDIENCE, ...us.audiences] } }), issuers), 'wrong-audience', 'both at once')
  t.equal(await outcome(await tokenBy(key, { claims: { aud: 'elsewhere' } }), issuers), 'wrong-audience')
  t.equal(await outcome(await tokenBy(key, { claims: { aud: undefined } }), issuers), 'wrong-audience')
})

t.test('an issuer that the caller has named is the only one that is asked', async (t) => {
  const alike = { id: 'prod-us', isDefault: false, stsPathOnly: true }
  const issuers = createIssuers([issuer(keysOf(key)), issuer(keysOf(other), alike)])
  t.equal(await outcome(await tokenBy(key), issuers), 'prod-eu', 'without a name there is no doubt either')
  t.equal(await outcome(await tokenBy(other), issuers), 'bad-signature')
  t.equal(await outcome(await tokenBy(other), issuers, { issuerId: 'prod-us' }), 'prod-us')
  t.equal(await outcome(await tokenBy(key), issuers, { issuerId: 'prod-us' }), 'bad-signature')
  t.equal(await outcome(await tokenBy(key), issuers, { issuerId: 'prod-eu' }), 'prod-eu')
  t.equal(await outcome(await tokenBy(key), issuers, { issuerId: 'prod' }), 'unknown-issuer')
  t.equal(await outcome(await tokenBy(key, { claims: { iss: 'https://x.example' } }), issuers, { issuerId: 'prod-eu' }), 'unknown-issuer')
})

t.test('keys that cannot be fetched are an outage, not a refusal', async (t) => {
  const down = keySet(() => Promise.reject(new Error('connect ECONNREFUSED')))
  t.equal(await outcome(await tokenBy(key), createIssuers([issuer(down)])), 'keys-unavailable')
})

t.test('a token of a wrong algorithm causes no fetch', async (t) => {
  let fetches = 0
  const counted = keySet(() => {
    fetches += 1
    return Promise.resolve({ keys: [] })
  })
  await outcome(await tokenBy(secret), createIssuers([issuer(counted)]))
  t.equal(fetches, 0)
})

t.test('a pod binding may be optional', async (t) => {
  const unbound = await tokenBy(key, { claims: { 'kubernetes.io': { ...kubernetesClaims(), pod: undefined } } })
  t.equal(await outcome(unbound, createIssuers([issuer(keysOf(key), { requirePodBinding: false })])), 'prod-eu')
})

t.test('no header and no payload makes the verifier do anything but refuse', async (t) => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(ISS, AUDIENCE, 'k1', 'ES256', NOW_SECONDS, NOW_SECONDS + 60))
  const some = (...names: readonly string[]): fc.Arbitrary<unknown> =>
    fc.dictionary(fc.constantFrom(...names), value, { maxKeys: names.length })
  const header = some('alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'zip')
  const payload = fc.oneof(some('iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'kubernetes.io'), fc.jsonValue())
  const part = (content: unknown): string => base64url.encode(JSON.stringify(content))
  await fc.assert(
    fc.asyncProperty(header, payload, fc.boolean(), async (head, claims, aimed) => {
      const body = aimed ? { ...(claims as object), iss: ISS } : claims
      return (await outcome(`${part(aimed ? { alg: 'ES256', kid: 'k1', ...(head as object) } : head)}.${part(body)}.AAAA`)) !== 'prod-eu'
    }),
    { numRuns: 300 }
  )
  t.end()
})

t.test('no problem of a token tells the token', async (t) => {
  const token = await tokenBy(other, { claims: { canary: 'CANARY-in-the-token' } })
  for (const text of [token, `${token}x`, `${token}.CANARY`]) {
    await verifyWebIdentity(text, ISSUERS, CONTEXT).then(
      () => t.fail('accepted'),
      (error: unknown) => {
        const told = JSON.stringify([String(error), (error as TokenProblem).reason])
        for (const part of ['CANARY', ...token.split('.')]) t.notOk(told.includes(part))
      }
    )
  }
})

const BAD_ISSUERS: readonly { why: string; differences: Partial<Issuer>; problem: RegExp }[] = [
  { why: 'it has no audience', differences: { audiences: [] }, problem: /at least one audience/ },
  { why: 'its audience is a wildcard', differences: { audiences: ['*'] }, problem: /without wildcards/ },
  { why: 'its audience is empty', differences: { audiences: [''] }, problem: /literal text/ },
  { why: "its audience is the API server's", differences: { audiences: [ISS] }, problem: /not the API server's/ },
  { why: 'it has no algorithm', differences: { algorithms: [] }, problem: /at least one algorithm/ },
  { why: 'it allows HS256', differences: { algorithms: ['HS256'] }, problem: /"HS256" is not one of/ },
  { why: 'it allows none', differences: { algorithms: ['none'] }, problem: /"none" is not one of/ },
  { why: 'its id has a slash', differences: { id: 'a/b' }, problem: /the id must be/ },
  { why: 'its iss is empty', differences: { issuer: '' }, problem: /the issuer is empty/ },
  { why: 'its tokens may live for a week', differences: { maxTokenTtlSeconds: 604_800 }, problem: /86400 seconds/ },
  { why: 'its tokens may live for no number of seconds', differences: { maxTokenTtlSeconds: Number.NaN }, problem: /86400 seconds/ },
  { why: 'its clock may be wrong by an hour', differences: { clockToleranceSeconds: 3600 }, problem: /0 to 300 seconds/ }
]

for (const { why, differences, problem } of BAD_ISSUERS) {
  t.test(`an issuer is refused at load when ${why}`, (t) => {
    t.throws(() => createIssuers([issuer(keysOf(key), differences)]), { name: 'IssuerProblems', message: problem })
    t.end()
  })
}

t.test('issuers are refused together when ids, audiences or defaults clash, and all is told at once', (t) => {
  try {
    createIssuers([issuer(keysOf(key)), issuer(keysOf(key)), issuer(keysOf(key), { id: 'x', audiences: [] })])
    t.fail('accepted')
  } catch (error) {
    t.same((error as IssuerProblems).problems, [
      'issuer "x": at least one audience is required',
      'issuer "prod-eu" is defined twice',
      'issuers "prod-eu" and "prod-eu" share iss and audience "sluice.prod-eu"',
      'only one issuer can be the default: prod-eu, prod-eu, x'
    ])
  }
  t.end()
})
