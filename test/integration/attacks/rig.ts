import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { stringify } from 'yaml'
import { compose } from '../../../proxy/compose/compose.ts'
import { readConfig } from '../../../proxy/config/config.ts'
import { startStore, type Store } from '../../../proxy/dev/store/start-store.ts'
import type { RecordedRequest } from '../../../proxy/dev/store/request-log.ts'
import { newKeyRingText, readKeyRing } from '../../../proxy/identity/key-ring.ts'
import { issueSession, type NewSession } from '../../../proxy/identity/session.ts'
import type { RawResponse } from '../../helpers/raw-http.ts'
import { startPostgres, type TestDatabase } from '../../helpers/postgres.ts'
import {
  ADOPTED,
  AUDIENCE,
  ISSUER,
  ownerOfService,
  PLACES,
  PLACE_NAMES,
  roleOfService,
  settingsOf,
  SHARED_BUCKET,
  tenantAt,
  UPSTREAM,
  type RigSettings,
  type ServiceName
} from './rig-config.ts'
import { bytesOf, noteLeaks, send, watching, type Answered, type Shared } from './rig-wire.ts'
import type { ChunkSigning, Credentials, HeaderList } from './signer.ts'

/** A service with credentials, and the tenants that its role names. */
export interface Caller {
  readonly service: string
  readonly role: string
  readonly tenants: 'ta-' | 'tb-' | ''
  readonly credentials: Credentials
}

/** One request as a test writes it. The signature is good unless the test breaks it. */
export interface Call {
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  readonly headers?: HeaderList
  readonly body?: string | Uint8Array
  /** Sends the body as the file of a form for this key, which the caller signs in place of the head. */
  readonly form?: { readonly bucket: string; readonly key: string }
  /** Null sends the request without any signature. */
  readonly as: Caller | null
  /** Whom the request speaks for where another way in than a header signature says so: what it may ask and be shown is judged by that. */
  readonly onBehalfOf?: Caller
  /** x-amz-content-sha256; by default the hash of the body. Null leaves it out. */
  readonly payload?: string | null
  readonly region?: string
  readonly now?: Date
  /** Header names, in lower case, that are sent and not signed. */
  readonly leaveUnsigned?: readonly string[]
  readonly editAuthorization?: (authorization: string) => string
  /** Makes the body out of what the head was signed with. */
  readonly bodyFrom?: (chain: ChunkSigning) => Uint8Array
  /** Changes the head's lines before they are sent, request line first. */
  readonly editHead?: (lines: string[]) => string[]
  /** The Host header; by default the address of the proxy. */
  readonly host?: string
}

export interface Outcome {
  readonly response: RawResponse
  readonly status: number
  /** The code of the S3 error in the body; null where there is none. */
  readonly code: string | null
  readonly text: string
  /** What the stores were asked while the request was under way. */
  readonly upstream: readonly RecordedRequest[]
}

/** A whole proxy on two recording stores and a Postgres of its own. */
export interface Rig {
  readonly port: number
  readonly stores: Readonly<Record<'aws' | 'minio', Store>>
  readonly callers: Readonly<Record<ServiceName, Caller>>
  readonly database: TestDatabase
  readonly ringText: string
  /** A session of a service in any role, with a session policy or a claim that a test changes. */
  caller(service: string, role: string, claims?: Partial<NewSession>, ttlSeconds?: number): Caller
  /** A web identity token of a service. */
  token(service: string): Promise<string>
  send(call: Call): Promise<Outcome>
  /** The head and body of a call as bytes, for tests that send them in a way of their own. */
  bytesOf(call: Call): Buffer
  /** What the stores are asked while `work` runs. */
  watching<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly upstream: readonly RecordedRequest[] }>
  /** Everything that both stores hold, as text that can be compared. */
  state(): string
  /** Takes all objects and uploads away. */
  clear(): void
  /** Another proxy on the same stores, database and keys, with changed settings. */
  another(adjust: (settings: RigSettings) => RigSettings, ringText?: string): Promise<Rig>
  /** Judges an answer that was not had by `send`, as `send` judges each of its own. */
  note(what: string, answered: Answered): void
  /** What was found wrong with all answers and upstream requests so far, one sentence each. */
  readonly findings: readonly string[]
  stop(): Promise<void>
}

/** Starts the rig. Its file stops it at the end. */
export async function startRig(): Promise<Rig> {
  const postgres = await startPostgres()
  const stores = { aws: await storeOf('aws'), minio: await storeOf('minio') }
  try {
    const database = await postgres.createDatabase('attacks')
    await assignAll(database)
    const keys = await generateKeyPair('ES256', { extractable: true })
    const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'zq-kid', alg: 'ES256', use: 'sig' }] })
    const shared: Shared = { postgres, database, stores, jwks, privateKey: keys.privateKey, findings: [], windows: { seen: 0 } }
    const ringText = newKeyRingText(randomBytes)
    const rig = await proxyOf(shared, { ringText, adjust: (settings) => settings })
    return {
      ...rig,
      get findings() {
        return shared.findings
      },
      async stop() {
        await rig.stop()
        await Promise.all([stores.aws.close(), stores.minio.close()])
        await postgres.stop()
      }
    }
  } catch (error) {
    await Promise.all([stores.aws.close(), stores.minio.close()])
    await postgres.stop()
    throw error
  }
}

async function storeOf(provider: 'aws' | 'minio'): Promise<Store> {
  const store = await startStore({
    provider,
    credentials: { accessKeyId: UPSTREAM.accessKeyId, secretAccessKey: UPSTREAM.secretAccessKey },
    region: UPSTREAM.region,
    host: '127.0.0.1',
    port: 0,
    now: () => new Date()
  })
  for (const place of Object.values(PLACES)) {
    if (place.store === provider) store.createBucket(place.bucket, place.bucket.endsWith('-versions') ? { versioning: 'Enabled' } : {})
  }
  store.createBucket(provider === ADOPTED.store ? ADOPTED.bucket : SHARED_BUCKET)
  return store
}

async function assignAll(database: TestDatabase): Promise<void> {
  const run = database.asRuntime()
  const places = PLACE_NAMES.flatMap((name) =>
    (['a', 'b'] as const).map((side) => ({ tenant: tenantAt(name, side), ...PLACES[name], prefix: `${tenantAt(name, side)}/` }))
  )
  for (const { tenant, account, bucket, prefix } of [...places, { ...ADOPTED, prefix: '' }]) {
    await run`INSERT INTO sluice.assignments (tenant, account, bucket, key_prefix) VALUES (${tenant}, ${account}, ${bucket}, ${prefix})`
  }
}

interface ProxyParts {
  readonly ringText: string
  readonly adjust: (settings: RigSettings) => RigSettings
}

async function proxyOf(shared: Shared, { ringText, adjust }: ProxyParts): Promise<Rig> {
  const { stores, database } = shared
  const settings = settingsOf({
    database: database.runtimeUrl,
    stores: { aws: stores.aws.endpoint, minio: stores.minio.endpoint },
    jwks: shared.jwks
  })
  const config = readConfig({ yamlText: stringify(adjust(settings)), env: {}, readFile: () => ringText, dev: true })
  const sluice = compose(config, { logDestination: '/dev/null' })
  const { s3, ops } = await sluice.start()
  await isReady(ops)
  const port = Number(new URL(s3).port)
  const ring = readKeyRing(ringText)
  const caller: Rig['caller'] = (service, role, claims = {}, ttlSeconds = 3600) => {
    const issued = issueSession(
      { ring, random: randomBytes },
      {
        issuer: 'zq',
        subject: ownerOfService(service),
        role,
        namespace: 'zq-team',
        serviceAccount: service,
        serviceAccountUid: null,
        podUid: null,
        sessionPolicy: null,
        ...claims
      },
      { now: new Date(), ttlSeconds }
    )
    const patterns = settings.roles.find(({ name }) => name === role)?.tenants ?? []
    const tenants = patterns.includes('ta-*') ? 'ta-' : patterns.includes('tb-*') ? 'tb-' : ''
    return { service, role, tenants, credentials: issued }
  }
  const own = (service: ServiceName): Caller => caller(service, roleOfService(service))
  const wire = { port, shared }
  return {
    port,
    stores,
    database,
    ringText,
    callers: { a1: own('a1'), a2: own('a2'), b1: own('b1'), b2: own('b2'), w1: own('w1'), w2: own('w2') },
    caller,
    token: (service) => tokenOf(shared.privateKey, service),
    send: (call) => send(call, wire),
    bytesOf: (call) => bytesOf(call, port).bytes,
    watching: (work) => watching(work, shared),
    state: () => JSON.stringify([stateOf(stores.aws), stateOf(stores.minio)]),
    clear: () => {
      for (const store of Object.values(stores)) for (const bucket of store.bucketNames()) store.empty(bucket)
    },
    another: (change, otherRing) => proxyOf(shared, { ringText: otherRing ?? ringText, adjust: change }),
    note: (what, answered) => noteLeaks(what, answered, shared),
    findings: shared.findings,
    stop: () => sluice.stop()
  }
}

/** Requests are refused until a snapshot is loaded. */
async function isReady(ops: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const answer = await fetch(`${ops}/readyz`)
    await answer.arrayBuffer()
    if (answer.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('the proxy did not become ready')
}

function tokenOf(privateKey: CryptoKey, service: string): Promise<string> {
  return new SignJWT({
    'kubernetes.io': { namespace: 'zq-team', serviceaccount: { name: service, uid: 'zq-sa' }, pod: { name: 'zq-pod', uid: 'zq-pod-uid' } }
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'zq-kid' })
    .setIssuer(ISSUER)
    .setSubject(ownerOfService(service))
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
}

function stateOf(store: Store): unknown {
  return store
    .bucketNames()
    .map((bucket) => [
      bucket,
      [...store.objects(bucket)].map(([key, versions]) => [
        key,
        versions.map(({ versionId, etag, isMarker, tags, metadata }) => [versionId, etag, isMarker, [...tags], [...metadata]])
      ]),
      store.openUploads(bucket)
    ])
}
