/** A whole proxy for one exchange file: everything real but Postgres, the clock and randomness. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { composeUpstreams } from '../../proxy/compose/upstreams.ts'
import type { Database } from '../../proxy/compose/database.ts'
import { composeIdentity } from '../../proxy/compose/identity.ts'
import { composeServers } from '../../proxy/compose/servers.ts'
import { composeDependencies } from '../../proxy/compose/compose.ts'
import type { Config } from '../../proxy/config/config.ts'
import { createAccessKeys } from '../../proxy/identity/access-keys.ts'
import { createRevocations } from '../../proxy/identity/revocations.ts'
import type { AccessRecord } from '../../proxy/observe/access-record.ts'
import type { Log } from '../../proxy/observe/log.ts'
import { createMetrics } from '../../proxy/observe/metrics.ts'
import { OPERATION_NAMES } from '../../proxy/s3/operations.ts'
import type { Dependencies } from '../../proxy/stages/dependencies.ts'
import { createDirectory } from '../../proxy/tenants/directory.ts'
import type { UpstreamClient } from '../../proxy/transport/transport.ts'
import type { UpstreamAccount } from '../../proxy/upstreams/account.ts'
import { ASSIGNMENTS, AUDIENCE, configOf, countedRandom, ISSUER, NOW, RECORDED, RING } from './cast.ts'
import { createLeasePort, createLedger, type LeaseBehaviour } from './ports.ts'

/** What differs from the usual proxy. */
export interface ProxySettings {
  readonly tenantsMode: 'open' | 'registered'
  readonly regions: readonly string[]
  readonly dropHeaders: readonly string[]
  readonly smallPutBytesMax: number
  readonly leases: LeaseBehaviour
  /** False: no complete snapshot of the assignments has been loaded. */
  readonly hasSnapshot: boolean
  /** False: Postgres does not answer. */
  readonly hasDatabase: boolean
}

export interface WireProxy {
  readonly port: number
  /** One per request, in order. */
  readonly records: readonly AccessRecord[]
  /** Faults that were logged. */
  readonly faults: readonly unknown[]
  stop(): Promise<void>
}

export interface ProxyParts {
  readonly upstream: UpstreamClient
  /** Where the scripted upstream listens. */
  readonly upstreamPort: number
  /** Told of leases and of the ledger. */
  readonly note: (text: string) => void
}

const issuerKeys = await generateKeyPair('RS256')
const JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(issuerKeys.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] })

/** A token of the cluster for a service account of the namespace billing. */
export function webIdentityToken(serviceAccount: string): Promise<string> {
  const seconds = NOW.getTime() / 1000
  return new SignJWT({
    'kubernetes.io': {
      namespace: 'billing',
      pod: { name: `${serviceAccount}-1`, uid: 'pod-1' },
      serviceaccount: { name: serviceAccount, uid: 'sa-1' }
    }
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(`system:serviceaccount:billing:${serviceAccount}`)
    .setIssuedAt(seconds - 60)
    .setExpirationTime(seconds + 3540)
    .sign(issuerKeys.privateKey)
}

/** Starts a proxy on loopback. */
export async function startProxy(settings: ProxySettings, parts: ProxyParts): Promise<WireProxy> {
  const config = configOf({ ...settings, jwks: JWKS })
  const now = (): Date => NOW
  const records: AccessRecord[] = []
  const faults: unknown[] = []
  const log: Log = {
    request: (record) => void records.push(record),
    fault: (error) => void faults.push(error),
    event: () => {},
    flush: () => {},
    linesDropped: () => 0,
    close: () => Promise.resolve(),
    writeNow: () => {}
  }
  const metrics = createMetrics({
    names: { operations: OPERATION_NAMES, errorCodes: [], accounts: [], issuers: [], rejectionReasons: [] },
    snapshotAgeSeconds: () => null, logLinesDropped: () => 0,
    processMetrics: false
  })
  const identity = composeIdentity(config, now, () => {})
  const database = composeMemory(config, settings, parts)
  const composed = composeDependencies(
    { config, log, metrics, identity, database, accounts: accountsAt(config, parts.upstreamPort), upstream: parts.upstream, now },
    () => RING
  )
  const servers = composeServers(pinned(composed, settings), {
    config,
    log,
    metrics,
    ready: () => ({ snapshot: true, keys: true, credentials: true })
  })
  const { s3 } = await servers.listen()
  return { port: Number(new URL(s3).port), records, faults, stop: () => servers.stop() }
}

/** The configured accounts, each with the scripted upstream behind its name. */
function accountsAt(config: Config, port: number): ReadonlyMap<string, UpstreamAccount> {
  const origin = { secure: false, hostname: '127.0.0.1', port, ca: null }
  return new Map([...composeUpstreams(config, { now: () => NOW, random: () => 0, onEvent: () => {} }).accounts].map(([id, account]) => [id, { ...account, origin }]))
}

function composeMemory(config: Config, settings: ProxySettings, { note }: ProxyParts): Database {
  const shared = { account: 'minio', spread: 1, template: 'pool-{slot}' } as const
  const directory = createDirectory({ mode: config.tenants.mode, shared })
  const recordedAt = new Date('2026-01-02T03:04:05.000Z')
  if (settings.hasSnapshot) {
    const tenants = [...RECORDED, ...ASSIGNMENTS.map(({ tenant }) => tenant)].map((tenant) => ({ tenant, createdAt: recordedAt }))
    directory.replaceAll({ version: '1', assignments: ASSIGNMENTS, tenants })
  }
  const absent = (): never => {
    throw new Error('the exchanges have no Postgres')
  }
  return {
    run: absent,
    directory,
    revocations: createRevocations(),
    accessKeys: createAccessKeys(),
    onReplaced: absent,
    feed: { start: absent, refresh: absent, status: absent, close: absent },
    ledger: { ...createLedger(note), listStale: absent, flush: absent, status: absent, close: absent },
    leases: createLeasePort(settings.leases, note),
    check: absent,
    close: absent
  }
}

function pinned(composed: Dependencies, { hasDatabase }: ProxySettings): Dependencies {
  const random = countedRandom('proxy')
  const sealer = { ring: RING, random }
  const recorded = new Set(composed.buckets.recorded().map(({ tenant }) => tenant))
  return {
    ...composed,
    sealer,
    sts: { ...composed.sts, sealer },
    newNonce: () => random(16).toString('hex'),
    // The rows of tenants, kept here instead of in Postgres.
    buckets: {
      ...composed.buckets,
      create: (tenant) => Promise.resolve(!hasDatabase ? 'unavailable' : recorded.has(tenant) ? 'exists' : 'created'),
      remove: (tenant) =>
        Promise.resolve(!hasDatabase ? 'unavailable' : ASSIGNMENTS.some((own) => own.tenant === tenant) ? 'assigned' : 'removed')
    }
  }
}
