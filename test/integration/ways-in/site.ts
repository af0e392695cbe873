import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { API_ERROR_CODES } from '../../../proxy/api/error.ts'
import { API_OPERATIONS } from '../../../proxy/api/route.ts'
import { composeDependencies, type Parts } from '../../../proxy/compose/compose.ts'
import type { Database } from '../../../proxy/compose/database.ts'
import { composeIdentity } from '../../../proxy/compose/identity.ts'
import { composeServers } from '../../../proxy/compose/servers.ts'
import { composeUpstreams } from '../../../proxy/compose/upstreams.ts'
import { readConfig } from '../../../proxy/config/config.ts'
import { startStore, type Store } from '../../../proxy/dev/store/start-store.ts'
import { createAccessKeys } from '../../../proxy/identity/access-keys.ts'
import { createRevocations, type Revocation } from '../../../proxy/identity/revocations.ts'
import { newKeyRingText, readKeyRing, type KeyRing } from '../../../proxy/identity/key-ring.ts'
import { issueSession, type IssuedSession, type NewSession } from '../../../proxy/identity/session.ts'
import type { LoadLimits } from '../../../proxy/limits/load-limits.ts'
import { createLog } from '../../../proxy/observe/log.ts'
import { createMetrics } from '../../../proxy/observe/metrics.ts'
import { createDirectory } from '../../../proxy/tenants/directory.ts'
import { createUpstream, UPSTREAM_LIMITS } from '../../../proxy/transport/upstream/engine.ts'

export const ISS = 'https://issuer.test'
export const AUDIENCE = 'sluice.test'
export const BUCKET = 'shared-bucket'
export const TENANT = 'tenant-one'
export const OTHER_TENANT = 'tenant-two'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** The code of an error document; '' for another answer. */
  readonly code: string
}

export interface Sending {
  readonly method: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
}

/** A proxy in front of an in-process store, without database: what decides who calls is all real. */
export interface Site {
  readonly host: string
  /** Host and port of the API. */
  readonly api: string
  readonly opsUrl: string
  readonly store: Store
  /** Requests that the store has seen. */
  reached(): number
  /** Moves the clock of proxy and clients. */
  advance(seconds: number): void
  now(): Date
  send(sending: Sending): Promise<Reply>
  /** The same to the API; the code is that of its JSON. */
  sendApi(sending: Sending): Promise<Reply>
  /** What the log says so far. */
  log(): Promise<string>
  /** The limits of load; null where nothing is limited. */
  readonly load: LoadLimits | null
  /** Replaces the list of revocations. */
  revoke(entries: readonly Revocation[]): void
  session(order?: Partial<NewSession> & { readonly ttlSeconds?: number }): IssuedSession
  token(claims?: Readonly<Record<string, unknown>>, key?: 'known' | 'stranger'): Promise<string>
  /** Makes the key source answer this from the next fetch on; null: it does not answer. */
  serveKeys(keys: 'known' | 'none' | null): Promise<void>
  rotateRing(ring: KeyRing): void
  stop(): Promise<void>
}

const policy = (statement: object): object => ({ Version: '2012-10-17', Statement: [statement] })

/** Where a site is not as usual. */
export interface SiteChanges {
  readonly cors?: object
  readonly limits?: object
  readonly timeouts?: object
}

function settings(endpoint: string, jwks: string, { cors = {}, limits = {}, timeouts = {} }: SiteChanges) {
  const trust = [{ issuers: ['test'], namespaces: ['*'], serviceAccounts: ['*'] }]
  const query = { StringEquals: { 's3:authType': 'REST-QUERY-STRING' } }
  return {
    ...{ limits, timeouts },
    listeners: {
      s3: { host: '127.0.0.1', port: 0, cors },
      api: { host: '127.0.0.1', port: 0, cors: { origins: [PAGE] } },
      ops: { host: '127.0.0.1', port: 0 }
    },
    accounts: [
      {
        ...{ id: 'main', provider: 'aws', endpoint, region: 'us-east-1', pathStyle: true, shared: true, spread: 0 },
        bucketTemplate: BUCKET,
        credentials: { accessKeyId: 'UPSTREAMUPSTREAM', secretAccessKey: 'upstream-secret' }
      }
    ],
    issuers: [
      {
        ...{ id: 'test', issuer: ISS, audiences: [AUDIENCE], default: true },
        jwks: { url: jwks, refresh: '10s', unknownKidCooldown: '1s', failureBackoff: '1s', maxStale: '20s' },
        roles: [
          { role: 'app', namespaces: ['shop'] },
          { role: 'signed-only', namespaces: ['strict'] },
          { role: 'brief', namespaces: ['brief'] }
        ]
      }
    ],
    roles: [
      { name: 'app', tenants: [TENANT], policies: ['editor'], trust },
      { name: 'brief', tenants: [TENANT], policies: ['editor'], maxSessionDuration: '15m' },
      {
        name: 'no-urls',
        tenants: [TENANT],
        policies: ['editor', policy({ Effect: 'Deny', Action: '*', Resource: '*', Condition: query })]
      },
      {
        ...{ name: 'fresh-urls', tenants: [TENANT] },
        policies: [
          'editor',
          policy({ Effect: 'Deny', Action: '*', Resource: '*', Condition: { NumericGreaterThan: { 's3:signatureAge': 60_000 } } })
        ]
      },
      {
        ...{ name: 'signed-only', tenants: [TENANT] },
        policies: ['editor', policy({ Effect: 'Deny', Action: '*', Resource: '*', Condition: { Null: { 's3:authType': true } } })]
      }
    ],
    database: { url: 'postgres://nobody@127.0.0.1:1/none' }
  }
}

/** The only origin whose pages may use the API. */
export const PAGE = 'https://console.example'

const HOLDER = { take: () => Promise.resolve('held'), release: () => Promise.resolve(), left: () => 600_000 }

/** A database of which everything is in memory; a protocol of class A asks it for nothing else. */
function memoryDatabase(): Database & { replaced(): void } {
  const directory = createDirectory({ mode: 'open', shared: { account: 'main', spread: 0, template: BUCKET } })
  directory.replaceAll({ version: '1', assignments: [], tenants: [{ tenant: TENANT, createdAt: new Date(0) }] })
  const never = (): never => {
    throw new Error('there is no database')
  }
  const listeners: (() => void)[] = []
  return {
    directory,
    replaced: () => listeners.forEach((tell) => tell()),
    onReplaced: (tell: () => void) => void listeners.push(tell),
    revocations: createRevocations(),
    accessKeys: createAccessKeys(),
    ledger: { insert: () => undefined, remove: () => undefined, hasUploads: () => Promise.resolve(false), list: never },
    ...{ run: never, feed: { refresh: () => Promise.resolve() }, leases: { open: () => HOLDER } }
  } as unknown as Database & { replaced(): void }
}

type SiteSettings = ReturnType<typeof settings>

export interface SiteOptions extends SiteChanges {
  /** Told of every request to the upstream, at the moment at which it is sent. */
  readonly onSend?: () => void
  /** Changes the settings before they are read. */
  readonly adjust?: (settings: SiteSettings) => object
}

/** Starts a site; its test stops it. */
export async function startSite({ adjust = (same) => same, onSend = () => undefined, ...changes }: SiteOptions = {}): Promise<Site> {
  let offsetMs = 0
  const now = (): Date => new Date(Date.now() + offsetMs)
  const store = await startStore({
    ...{ provider: 'aws', region: 'us-east-1', host: '127.0.0.1', port: 0, now },
    credentials: { accessKeyId: 'UPSTREAMUPSTREAM', secretAccessKey: 'upstream-secret' }
  })
  store.createBucket(BUCKET)
  const keys = await startKeySource()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-site-'))
  const logFile = join(folder, 'requests.log')
  const yamlText = JSON.stringify(adjust(settings(store.endpoint, keys.url, changes)))
  const config = readConfig({ yamlText, env: {}, readFile: (path) => readFileSync(path, 'utf8'), dev: true })
  const identity = composeIdentity(config, now, () => undefined)
  const names = {
    operations: [...API_OPERATIONS],
    errorCodes: [...API_ERROR_CODES],
    accounts: ['main'],
    issuers: ['test'],
    rejectionReasons: [...API_ERROR_CODES]
  }
  const database = memoryDatabase()
  const parts: Parts = {
    ...{
      config,
      identity,
      now,
      database,
      accounts: composeUpstreams(config, { now, random: Math.random, onEvent: () => undefined }).accounts
    },
    log: createLog({ destination: logFile, level: 'info', keys: true, flushMs: 250 }),
    metrics: createMetrics({ names, snapshotAgeSeconds: () => 0, logLinesDropped: () => 0, processMetrics: false }),
    upstream: createUpstream({ ...UPSTREAM_LIMITS, onError: () => undefined })
  }
  const { upstream } = parts
  const sendOn = upstream.send.bind(upstream)
  upstream.send = (...args) => {
    onSend()
    return sendOn(...args)
  }
  let ring = readKeyRing(newKeyRingText(randomBytes))
  const deps = composeDependencies(parts, () => ring)
  const ready = (): { snapshot: boolean; keys: boolean; credentials: boolean } => ({ snapshot: true, keys: true, credentials: true })
  const servers = composeServers(deps, { config, log: parts.log, metrics: parts.metrics, ready })
  const { s3, api, ops } = await servers.listen()
  const { host } = new URL(s3)
  const apiHost = new URL(api ?? '').host
  return {
    ...{ host, api: apiHost, opsUrl: ops, store, now, load: deps.load },
    reached: () => store.requests.all.length,
    advance: (seconds) => void (offsetMs += seconds * 1000),
    send: (sending) => send(host, sending),
    sendApi: (sending) => send(apiHost, sending),
    async log() {
      parts.log.flush()
      await sleep(20)
      return readFile(logFile, 'utf8')
    },
    revoke(entries) {
      parts.database.revocations.replaceAll(entries)
      database.replaced()
    },
    session: ({ ttlSeconds = 3600, ...order } = {}) =>
      issueSession({ ring, random: randomBytes }, { ...CLAIMS, ...order }, { now: now(), ttlSeconds }),
    token: (claims, key = 'known') => mint(keys[key], now(), claims),
    async serveKeys(served) {
      keys.served = served
      offsetMs += 11_000
      await Promise.all(identity.issuers.all.map((issuer) => issuer.keys.refresh()))
    },
    rotateRing: (next) => void (ring = next),
    async stop() {
      await servers.stop()
      await parts.upstream.close()
      await store.close()
      keys.close()
      await parts.log.close()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

const CLAIMS: NewSession = {
  ...{ issuer: 'test', subject: 'system:serviceaccount:shop:orders', role: 'app', namespace: 'shop', serviceAccount: 'orders' },
  ...{ serviceAccountUid: 'sa-1', podUid: 'pod-1', sessionPolicy: null }
}

type Pair = Awaited<ReturnType<typeof generateKeyPair>>

/** The key set of the issuer over HTTP. */
async function startKeySource() {
  const [known, stranger] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
  const jwk = { ...(await exportJWK(known.publicKey)), kid: 'k1', alg: 'ES256' }
  const source = { known, stranger, served: 'known' as 'known' | 'none' | null, url: '', close: () => void server.close() }
  const server = createServer((_request, response) => {
    if (source.served === null) return void response.writeHead(500).end()
    response.end(JSON.stringify({ keys: source.served === 'known' ? [jwk] : [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  source.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  return source
}

function mint({ privateKey }: Pair, now: Date, claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000)
  const payload = {
    ...{ iss: ISS, aud: [AUDIENCE], sub: 'system:serviceaccount:shop:orders', iat, exp: iat + 3600, jti: randomUUID() },
    'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders', uid: 'sa-1' }, pod: { name: 'orders-1', uid: 'pod-1' } },
    ...claims
  }
  const kept = JSON.parse(JSON.stringify(payload)) as Record<string, unknown>
  return new SignJWT(kept).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
}

/** Of an error document, in XML or JSON. */
const CODE = /(?:<Code>|"Code":")([^<"]*)/

function send(host: string, { method, target, headers = {}, body }: Sending): Promise<Reply> {
  const [hostname = '', port = ''] = host.split(':')
  const framing = body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        hostname,
        port,
        method,
        path: target,
        headers: { host, ...framing, ...(headers as Record<string, string>) },
        setHost: false,
        agent: false
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text, code: CODE.exec(text)?.[1] ?? '' })
        })
      }
    )
    request.on('error', reject)
    request.end(body)
  })
}
