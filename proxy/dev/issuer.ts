import { createServer, type Server } from 'node:http'
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose'

/**
 * An issuer of tokens for trying and testing, shaped like a Kubernetes API server's: whoever can read its folder can be any service.
 */
export interface DevIssuer {
  readonly iss: string
  readonly jwks: { readonly keys: readonly JWK[] }
  /** A token as kubelet would project it. */
  mint(order: TokenOrder): Promise<string>
  /** Mints a token into a file, exchanged whole, so that a client never reads half of one. */
  writeToken(path: string, order: TokenOrder): Promise<string>
  /** Serves the key set and the discovery document on loopback. */
  serve(port: number): Promise<JwksServer>
}

export interface TokenOrder {
  /** `<namespace>/<name>`. */
  readonly serviceAccount: string
  readonly audience: string
  readonly ttlSeconds: number
}

export interface DevIssuerOptions {
  /** Where the signing key is kept, so that another process can mint too. */
  readonly folder: string
  readonly iss: string
  readonly now: () => Date
  /** Makes ids, as randomUUID does. */
  readonly newId: () => string
}

export interface JwksServer {
  /** `http://127.0.0.1:<port>`; the keys are at `/openid/v1/jwks`. */
  readonly url: string
  close(): Promise<void>
}

const ALGORITHM = 'ES256'
const SERVICE_ACCOUNT = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/

/** Opens the issuer whose key is in the folder; makes the key on first use. */
export async function openDevIssuer(options: DevIssuerOptions): Promise<DevIssuer> {
  const { iss, now, newId } = options
  const signing = await signingKeyIn(options.folder, newId())
  const mint = async ({ serviceAccount, audience, ttlSeconds }: TokenOrder): Promise<string> => {
    const [, namespace, name] = SERVICE_ACCOUNT.exec(serviceAccount) ?? []
    if (namespace === undefined || name === undefined)
      throw new Error(`a service is named <namespace>/<name>, not ${JSON.stringify(serviceAccount)}`)
    const issuedAt = Math.floor(now().getTime() / 1000)
    return new SignJWT({ 'kubernetes.io': kubernetesClaims(namespace, name) })
      .setProtectedHeader({ alg: ALGORITHM, kid: signing.kid })
      .setIssuer(iss)
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setAudience([audience])
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(issuedAt + ttlSeconds)
      .setJti(newId())
      .sign(signing.privateKey)
  }
  const jwks = { keys: [signing.publicJwk] }
  return {
    iss,
    jwks,
    mint,
    async writeToken(path, order) {
      const token = await mint(order)
      await mkdir(dirname(path), { recursive: true })
      await replaceFile(path, token, newId())
      return token
    },
    serve: (port) => serveKeys({ iss, jwks, port })
  }
}

function kubernetesClaims(namespace: string, name: string): Readonly<Record<string, unknown>> {
  // The ids are the same for each token of a service, as they are in a cluster until the account or pod is made anew.
  return {
    namespace,
    node: { name: 'dev', uid: 'dev-node' },
    pod: { name: `${name}-0`, uid: `dev-pod-${namespace}-${name}`.slice(0, 128) },
    serviceaccount: { name, uid: `dev-sa-${namespace}-${name}`.slice(0, 128) }
  }
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
}

async function signingKeyIn(folder: string, uniqueName: string): Promise<SigningKey> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'issuer-key.json')
  const privateJwk = (await readJwk(path)) ?? (await createJwk(path, uniqueName))
  const privateKey = await importJWK(privateJwk, ALGORITHM)
  if (privateKey instanceof Uint8Array) throw new Error(`${path} does not hold an EC key`)
  const { kty, crv, x, y } = privateJwk
  const kid = await calculateJwkThumbprint(privateJwk)
  return { kid, privateKey, publicJwk: { kty, crv, x, y, kid, alg: ALGORITHM, use: 'sig' } as JWK }
}

async function readJwk(path: string): Promise<JWK | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as JWK
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function createJwk(path: string, uniqueName: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const jwk = await exportJWK(privateKey)
  const draft = `${path}.${uniqueName}`
  await writeFile(draft, JSON.stringify(jwk), { mode: 0o600 })
  try {
    // Two processes may start at once. A link, unlike a rename, fails where a file is: the first key stays and both read it.
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(draft)
  }
  const kept = await readJwk(path)
  if (kept === null) throw new Error(`${path} vanished while it was being made`)
  return kept
}

async function replaceFile(path: string, text: string, uniqueName: string): Promise<void> {
  const draft = `${path}.${uniqueName}`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}

async function serveKeys({ iss, jwks, port }: { iss: string; jwks: unknown; port: number }): Promise<JwksServer> {
  const documents = new Map<string, (url: string) => unknown>([
    ['/openid/v1/jwks', () => jwks],
    [
      '/.well-known/openid-configuration',
      (url) => ({ issuer: iss, jwks_uri: `${url}/openid/v1/jwks`, id_token_signing_alg_values_supported: [ALGORITHM] })
    ]
  ])
  let url = ''
  const server: Server = createServer((request, response) => {
    const make = documents.get(request.url ?? '')
    response.writeHead(make === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(make === undefined ? '{}' : JSON.stringify(make(url)))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
