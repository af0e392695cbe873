/** An issuer of tokens in a process of its own: `GET /jwks`, `POST /token?service=<namespace>/<name>`, and `POST /rotate`, which signs with a new key from then on. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'

interface IssuerKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
}

const AUDIENCE = 'sluice'
const TOKEN_SECONDS = 3600

async function newKey(): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { kid, privateKey, publicJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' } }
}

const keys: IssuerKey[] = [await newKey()]

async function tokenOf(service: string, iss: string): Promise<string> {
  const [namespace = '', name = ''] = service.split('/')
  const signing = keys.at(-1)
  if (signing === undefined) throw new Error('there is no key')
  const bound = { namespace, serviceaccount: { name, uid: `sa-${name}` }, pod: { name: `${name}-0`, uid: `pod-${name}` } }
  return new SignJWT({ 'kubernetes.io': bound })
    .setProtectedHeader({ alg: 'ES256', kid: signing.kid })
    .setIssuer(iss)
    .setSubject(`system:serviceaccount:${namespace}:${name}`)
    .setAudience([AUDIENCE])
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS}s`)
    .setJti(randomUUID())
    .sign(signing.privateKey)
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', base())
  const answer = async (): Promise<string> => {
    if (url.pathname === '/jwks') return JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) })
    if (url.pathname === '/token') return tokenOf(url.searchParams.get('service') ?? '', base())
    if (url.pathname === '/rotate') keys.push(await newKey())
    return keys.at(-1)?.kid ?? ''
  }
  void answer().then((text) => response.end(text))
})
const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
server.listen(0, '127.0.0.1', () => process.stdout.write(`issuer at ${base()}\n`))
