/**
 * An issuer of tokens shaped like a Kubernetes API server, as a process of its own: key set and token reviews over HTTP, keys that
 * never leave it. Its parent tells it over IPC what to do.
 */
import { createHmac, generateKeyPairSync, sign, type JsonWebKey, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the parent may ask. */
export type ClusterCommand =
  | { readonly do: 'mint'; readonly claims: object; readonly header: object; readonly signer: Signer }
  | { readonly do: 'rotate'; readonly kid: string }
  | { readonly do: 'drop'; readonly kid: string }
  | { readonly do: 'deletePod'; readonly uid: string }
  | { readonly do: 'reviews'; readonly answer: ReviewAnswer }
  | { readonly do: 'keys'; readonly answer: 'served' | 'down' }
  | { readonly do: 'counts' }

/** What signs: the active key, a stranger's, the public key as if it were a shared secret, or nothing. */
export type Signer = 'active' | 'stranger' | 'hmac-of-public-key' | 'none'
export type ReviewAnswer =
  'true' | 'error' | 'hang' | 'forbidden' | 'garbage' | 'no-audiences' | 'other-audiences' | 'other-user' | 'other-uid' | 'no-user'

interface Pair {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: JsonWebKey
}

const pairOf = (kid: string): Pair => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid, privateKey, publicJwk: publicKey.export({ format: 'jwk' }) }
}

const [, , iss = '', ownAudience = ''] = process.argv
const stranger = pairOf('stranger')
const counts = { keys: 0, anonymous: 0, reviews: 0 }
const deleted = new Set<string>()
let pairs: readonly Pair[] = [pairOf('k1')]
let reviews: ReviewAnswer = 'true'
let keysDown = false

const encode = (value: object | Buffer): string =>
  (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString('base64url')

function mint({ claims, header, signer }: Extract<ClusterCommand, { do: 'mint' }>): string {
  const active = pairs.at(-1) ?? stranger
  const alg = signer === 'none' ? 'none' : signer === 'hmac-of-public-key' ? 'HS256' : 'ES256'
  const body = `${encode({ alg, kid: active.kid, ...header })}.${encode(claims)}`
  const publicText = JSON.stringify(active.publicJwk)
  if (signer === 'none') return `${body}.`
  if (signer === 'hmac-of-public-key') return `${body}.${createHmac('sha256', publicText).update(body).digest('base64url')}`
  const { privateKey } = signer === 'stranger' ? stranger : active
  return `${body}.${encode(sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`
}

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

/** As an API server asks who calls it: a token of its own, for itself. */
function isKnown(request: IncomingMessage): boolean {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return false
  const { aud } = claimsOf(token)
  return Array.isArray(aud) && aud.includes(ownAudience)
}

async function review(request: IncomingMessage, response: ServerResponse): Promise<void> {
  counts.reviews += 1
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  if (reviews === 'hang') return
  if (reviews === 'error') return void response.writeHead(500).end('{}')
  if (reviews === 'forbidden') return void response.writeHead(403).end('{}')
  if (reviews === 'garbage') return void response.writeHead(201).end('<html>')
  const { spec } = JSON.parse(Buffer.concat(chunks).toString()) as { spec: { token: string; audiences: readonly string[] } }
  response.writeHead(201, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status: statusOf(spec) }))
}

function statusOf({ token, audiences }: { readonly token: string; readonly audiences: readonly string[] }): object {
  const claims = claimsOf(token)
  const kubernetes = claims['kubernetes.io'] as { pod?: { uid: string }; serviceaccount?: { uid: string } } | undefined
  const meant = audiences.filter((audience) => (claims['aud'] as readonly string[]).includes(audience))
  if (meant.length === 0 || deleted.has(kubernetes?.pod?.uid ?? ''))
    return { authenticated: false, error: '[invalid bearer token, service account token has been invalidated]' }
  return {
    authenticated: true,
    ...(reviews === 'no-audiences' ? {} : { audiences: reviews === 'other-audiences' ? ['https://elsewhere'] : meant }),
    ...(reviews === 'no-user'
      ? {}
      : {
          user: {
            username: reviews === 'other-user' ? 'system:serviceaccount:shop:other' : claims['sub'],
            uid: reviews === 'other-uid' ? 'sa-of-before' : kubernetes?.serviceaccount?.uid
          }
        })
  }
}

const server = createServer((request, response) => {
  if (!isKnown(request)) {
    counts.anonymous += 1
    return void response.writeHead(403).end('{}')
  }
  if (request.url === '/openid/v1/jwks') {
    counts.keys += 1
    // As kube-apiserver does: it does not take the type of all JSON for that of key sets.
    if (request.headers.accept?.includes('application/jwk-set+json') !== true) return void response.writeHead(406).end()
    if (keysDown) return void response.writeHead(503).end('{}')
    const keys = pairs.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: 'ES256', use: 'sig' }))
    return void response.writeHead(200).end(JSON.stringify({ keys }))
  }
  if (request.method === 'POST' && request.url === '/apis/authentication.k8s.io/v1/tokenreviews') return void review(request, response)
  response.writeHead(404).end('{}')
})

function obey(command: ClusterCommand): unknown {
  switch (command.do) {
    case 'mint':
      return mint(command)
    case 'rotate':
      return void (pairs = [...pairs, pairOf(command.kid)])
    case 'drop':
      return void (pairs = pairs.filter(({ kid }) => kid !== command.kid))
    case 'deletePod':
      return void deleted.add(command.uid)
    case 'reviews':
      return void (reviews = command.answer)
    case 'keys':
      return void (keysDown = command.answer === 'down')
    case 'counts':
      return { ...counts }
    default:
      return command satisfies never
  }
}

process.on('message', ({ id, command }: { id: number; command: ClusterCommand }) => process.send?.({ id, result: obey(command) ?? null }))
// The parent is gone: nobody is left to stop this.
process.on('disconnect', () => process.exit(0))
server.listen(0, '127.0.0.1', () => process.send?.({ iss, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
