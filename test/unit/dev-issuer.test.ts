import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t from 'tap'
import { openDevIssuer, type DevIssuer } from '../../proxy/dev/issuer.ts'
import { createFetchJson } from '../../proxy/identity/fetch-json.ts'
import { createIssuers } from '../../proxy/identity/issuers.ts'
import { verifyWebIdentity, type WebIdentity } from '../../proxy/identity/web-identity.ts'
import { issuer, keySet, NOW } from './identity/fixtures.ts'

const fetchJson = createFetchJson()

const ISS = 'http://sluice-dev-issuer'
const ORDER = { serviceAccount: 'shop/cart', audience: 'sluice', ttlSeconds: 3600 }
const openIn = (folder: string): Promise<DevIssuer> => openDevIssuer({ folder, iss: ISS, now: () => NOW, newId: randomUUID })

function verify(token: string, load: () => Promise<unknown>): Promise<WebIdentity> {
  const issuers = createIssuers([issuer(keySet(load), { id: 'dev', issuer: ISS, audiences: ['sluice'] })])
  return verifyWebIdentity(token, issuers, { now: NOW, issuerId: null })
}

t.test('the dev issuer mints tokens of the form that Kubernetes projects', async (t) => {
  const dev = await openIn(t.testdir())
  const token = await dev.mint(ORDER)
  t.match(decodeJwt(token), {
    iss: ISS,
    aud: ['sluice'],
    sub: 'system:serviceaccount:shop:cart',
    'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'cart' }, pod: { uid: /./ } }
  })
  t.match(await verify(token, () => Promise.resolve(dev.jwks)), { issuer: 'dev', namespace: 'shop', serviceAccount: 'cart' })
})

t.test('tokens of the dev issuer verify with the keys that it serves on loopback', async (t) => {
  const dev = await openIn(t.testdir())
  const server = await dev.serve(0)
  try {
    t.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/)
    t.match(await fetchJson(`${server.url}/.well-known/openid-configuration`, { ca: null, bearer: null }), {
      issuer: ISS,
      jwks_uri: `${server.url}/openid/v1/jwks`
    })
    const load = (): Promise<unknown> => fetchJson(`${server.url}/openid/v1/jwks`, { ca: null, bearer: null })
    t.match(await verify(await dev.mint(ORDER), load), { serviceAccount: 'cart' })
    await t.rejects(fetchJson(`${server.url}/issuer-key.json`, { ca: null, bearer: null }), { message: /404/ })
  } finally {
    await server.close()
  }
})

t.test('another process mints with the same key, and what is published holds no private part', async (t) => {
  const folder = t.testdir()
  const first = await openIn(folder)
  const second = await openIn(folder)
  t.match(await verify(await second.mint(ORDER), () => Promise.resolve(first.jwks)), { serviceAccount: 'cart' })
  t.same(Object.keys(first.jwks.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

t.test('processes that start at once end up with one key, readable by nobody else', async (t) => {
  const folder = join(t.testdir(), 'new')
  const issuers = await Promise.all(Array.from({ length: 8 }, () => openIn(folder)))
  t.equal(new Set(issuers.map(({ jwks }) => jwks.keys[0]?.kid)).size, 1)
  t.same(await readdir(folder), ['issuer-key.json'], 'no draft is left')
  t.equal((await stat(join(folder, 'issuer-key.json'))).mode & 0o077, 0)
})

t.test('a token file is exchanged whole, under the same name', async (t) => {
  const folder = t.testdir()
  const dev = await openIn(folder)
  const path = join(folder, 'tokens', 'shop-cart')
  const first = await dev.writeToken(path, ORDER)
  const second = await dev.writeToken(path, ORDER)
  t.not(first, second)
  t.equal(await readFile(path, 'utf8'), second)
  t.equal((await stat(path)).mode & 0o077, 0)
  t.same(await readdir(join(folder, 'tokens')), ['shop-cart'])
})

for (const serviceAccount of ['cart', 'shop/', '/cart', 'shop/cart/x', 'Shop/cart', 'shop/cart\n', '']) {
  t.test(`the dev issuer mints no token for ${JSON.stringify(serviceAccount)}`, async (t) => {
    const dev = await openIn(t.testdir())
    await t.rejects(dev.mint({ ...ORDER, serviceAccount }), { message: /<namespace>\/<name>/ })
  })
}

t.test('a key file that cannot be used is an error, and is not written over', async (t) => {
  const folder = t.testdir({ 'issuer-key.json': 'not a key' })
  await t.rejects(openIn(folder))
  t.equal(await readFile(join(folder, 'issuer-key.json'), 'utf8'), 'not a key')
  await writeFile(join(folder, 'issuer-key.json'), '{"kty":"oct","k":"AAAA"}')
  await chmod(join(folder, 'issuer-key.json'), 0o600)
  await t.rejects(openIn(folder))
})
