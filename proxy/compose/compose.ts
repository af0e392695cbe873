import { randomBytes } from 'node:crypto'
import { evaluate } from '../../policy/evaluate.ts'
import { composeDatabase, type Database } from './database.ts'
import { leaseTimes } from './leases.ts'
import { composeKeyRing } from './key-ring.ts'
import { composeIdentity, type Identity } from './identity.ts'
import { composeLoad } from './load.ts'
import { lifeOf, type Sluice } from './life.ts'
import { composeLog, composeMetrics, noteCredentials } from './observe.ts'
import { composeServers, type ServersOptions } from './servers.ts'
import { composeUpstreamClient, composeUpstreams } from './upstreams.ts'
import { composeWaysIn } from './ways-in.ts'
import type { Config, ServingConfig } from '../config/config.ts'
import { createCors } from '../cors/cors.ts'
import { registerTenant, unregisterTenant } from '../database/assignments.ts'
import { isConnectionFault, isLoginFault } from '../database/connect.ts'
import type { KeyRing } from '../identity/key-ring.ts'
import { mayTouch, namesTenant } from '../identity/roles.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { OwnerCache } from '../ownership/owner-cache.ts'
import { S3Error } from '../s3/error.ts'
import { isKnownHeader } from '../s3/headers.ts'
import { SigningKeyCache } from '../sigv4/signing-key.ts'
import type { BucketDependencies } from '../stages/answer-here.ts'
import { mayListTenant } from '../stages/authorize.ts'
import type { ByteBudget, Dependencies } from '../stages/dependencies.ts'
import { hasObjects } from '../stages/has-data.ts'
import type { LedgerPort } from '../stages/ports.ts'
import type { PlacementDependencies } from '../stages/resolve.ts'
import type { Assignment } from '../tenants/keys.ts'
import { isTenantId } from '../tenants/placement.ts'
import type { UpstreamClient } from '../transport/transport.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import type { CredentialsEvent } from '../upstreams/credentials.ts'
import { accountWithin } from '../upstreams/tenant-credentials.ts'

export interface ComposeOptions {
  /** 1 for standard output, or a file. */
  readonly logDestination: string | number
}

const SIGNING_KEYS_MAX = 10_000
/** One process serves alone; of several each would have its part. */
const PROCESS_SHARE = 1
const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024

/** What requests need of the database. */
export interface PlacementStore extends Pick<Database, 'run' | 'directory' | 'revocations' | 'accessKeys' | 'onReplaced' | 'leases'> {
  readonly feed: Pick<Database['feed'], 'refresh'>
  readonly ledger: LedgerPort
}

/** The parts of a proxy, each built once. */
export interface Parts {
  readonly config: ServingConfig
  readonly log: Log
  readonly metrics: Metrics
  readonly identity: Identity
  readonly database: PlacementStore
  readonly accounts: ReadonlyMap<string, UpstreamAccount>
  readonly upstream: UpstreamClient
  readonly now: () => Date
}

/** The only place that constructs things: configuration to a proxy that can be started. Throws with every problem found. */
export function compose(config: Config, options: ComposeOptions): Sluice {
  refuseKnownHeaders(config)
  const now = (): Date => new Date()
  const log = composeLog(config, { destination: options.logDestination, keys: config.dev })
  const identity = composeIdentity(config, now, (issuer, error) => {
    if (error !== null) log.event('warn', `the keys of issuer ${issuer} could not be fetched: ${error.message}`)
  })
  for (const warning of identity.policyWarnings) log.event('warn', warning)
  const database = composeDatabase(config, log, now)
  const keyRing = composeKeyRing({ config, run: database.run, log, now })
  const onCredentials = (event: CredentialsEvent): void => noteCredentials(event, { log, metrics, now })
  const upstreams = composeUpstreams(config, { now, random: Math.random, onEvent: onCredentials })
  const { accounts } = upstreams
  const metrics = composeMetrics({
    accounts: [...accounts.keys()],
    issuers: identity.issuers.all.map(({ id }) => id),
    logLinesDropped: () => log.linesDropped(),
    snapshotAgeSeconds: () => {
      const { confirmedAt } = database.feed.status()
      return confirmedAt === null ? null : (now().getTime() - confirmedAt.getTime()) / 1000
    }
  })
  for (const { id, credentials } of accounts.values())
    if (credentials.usable) metrics.credentialsInUse(id, { since: now(), notAfter: null })
  const upstream = composeUpstreamClient(config, log)
  const parts: Parts = { config, log, metrics, identity, database, accounts, upstream, now }
  const deps = composeDependencies(parts, keyRing.ring)
  const servers = composeServers(deps, { config, log, metrics, ready: () => readiness(parts) })
  return lifeOf({ ...parts, database, keyRing, upstreams }, servers)
}

/** What the stages need, from the parts of a proxy. */
export function composeDependencies(parts: Parts, ring: () => KeyRing): Dependencies {
  const { config, identity, database, upstream, metrics, now } = parts
  const { s3 } = config.listeners
  const signing = {
    signingKeys: new SigningKeyCache(SIGNING_KEYS_MAX),
    timeouts: { headMs: config.timeouts.upstreamHead, slowHeadMs: config.timeouts.upstreamSlowHead }
  }
  const placement = placementOf(parts)
  return {
    ...signing,
    now,
    cors: createCors({ ...s3.cors, maxAgeSeconds: Math.floor(s3.cors.maxAge / 1000) }),
    domains: s3.domains,
    dropHeaders: new Set(config.compat.dropHeaders),
    limits: {
      xmlBytesMax: config.limits.xmlBytesMax,
      completeXmlBytesMax: config.limits.completeBytesMax,
      smallPutBytesMax: config.limits.smallPutBytesMax,
      documentBytesMax: DOCUMENT_BYTES_MAX
    },
    ...composeWaysIn({ config, identity, database, ring, now }),
    placement,
    policy: { policiesOf: identity.policiesOf, parseSessionPolicy: identity.parseSessionPolicy, evaluate },
    buckets: bucketsOf(parts, { placement, signing }),
    upstream,
    ownerCache: new OwnerCache({
      entriesMax: config.limits.ownerCacheEntriesMax,
      lifeMs: config.timeouts.ownerCache,
      elapsedMs: () => performance.now()
    }),
    leases: database.leases,
    ledger: ledgerPort(database),
    observe: {
      upstreamDone: (request) => metrics.upstreamDone(request),
      prefixViolated: () => metrics.prefixViolated(),
      elapsedMs: () => performance.now()
    },
    load: composeLoad({ ...parts, share: PROCESS_SHARE }),
    heldBytes: byteBudget(config.limits.bufferedBytesMax),
    leaseTimes: leaseTimes(config),
    newNonce: () => randomBytes(16).toString('hex')
  }
}

function placementOf({ identity, database, accounts }: Parts): PlacementDependencies {
  return {
    get ready() {
      return database.directory.ready
    },
    find: (tenant) => database.directory.find(tenant),
    account: (assignment) => accountOf(assignment, accounts),
    mayTouch(caller, tenant) {
      const role = identity.roles.get(caller.role)
      return role !== undefined && mayTouch(role, tenant) && (caller.tenants === null || namesTenant(caller.tenants, tenant))
    }
  }
}

/** The account of a place, with the credentials that its tenant's requests are signed with. */
function accountOf(assignment: Assignment, accounts: Parts['accounts']): UpstreamAccount | null {
  const account = accounts.get(assignment.account)
  if (account === undefined) return null
  return accountWithin(account, { tenant: assignment.tenant, bucket: assignment.upstreamBucket, prefix: assignment.keyPrefix })
}

function bucketsOf(
  parts: Parts,
  { placement, signing }: { readonly placement: PlacementDependencies; readonly signing: Pick<Dependencies, 'signingKeys' | 'timeouts'> }
): BucketDependencies {
  const { config, identity, database, accounts, upstream, now } = parts
  const { directory, run, feed } = database
  const ledger = ledgerPort(database)
  return {
    region: config.listeners.s3.region,
    recorded: () => directory.recorded(),
    mayList: (grant, tenant) =>
      placement.mayTouch(grant.caller, tenant) &&
      mayListTenant(
        grant.caller,
        tenant,
        { policiesOf: identity.policiesOf, parseSessionPolicy: identity.parseSessionPolicy, evaluate },
        now()
      ),
    async create(tenant) {
      if (!isTenantId(tenant)) return 'invalid'
      return answering(async () => {
        if (directory.dedicated().some((assignment) => assignment.tenant === tenant)) return 'exists' as const
        const isNew = await registerTenant(run, tenant, 'CreateBucket')
        await feed.refresh()
        return isNew ? ('created' as const) : ('exists' as const)
      })
    },
    async remove(tenant) {
      if (directory.dedicated().some((assignment) => assignment.tenant === tenant)) return 'assigned'
      return answering(async () => {
        await unregisterTenant(run, tenant)
        await feed.refresh()
        return 'removed' as const
      })
    },
    async hasData(assignment) {
      const account = accountOf(assignment, accounts)
      if (account === null) throw new Error(`account ${assignment.account} is not configured`)
      return (await ledger.hasUploads(assignment.tenant)) || (await hasObjects({ assignment, account }, { ...signing, upstream, now }))
    }
  }
}

/** The ledger as requests see it: without Postgres its questions are refused as an outage; changes wait. */
function ledgerPort({ ledger }: PlacementStore): LedgerPort {
  const orUnavailable = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const answer = await answering(work)
    if (answer === 'unavailable')
      throw new S3Error('ServiceUnavailable', 'the ledger of uploads cannot be read: the database does not answer')
    return answer
  }
  return {
    insert: (upload) => ledger.insert(upload),
    remove: (upload) => ledger.remove(upload),
    list: (listing) => orUnavailable(() => ledger.list(listing)),
    hasUploads: (tenant) => orUnavailable(() => ledger.hasUploads(tenant))
  }
}

async function answering<Result>(work: () => Promise<Result>): Promise<Result | 'unavailable'> {
  try {
    return await work()
  } catch (error) {
    // A password that is being changed refuses for a moment what it will let in again.
    if (isConnectionFault(error) || isLoginFault(error)) return 'unavailable'
    throw error
  }
}

/** A header that a row or rule knows must not be dropped: what it says would be lost without a word. */
export function refuseKnownHeaders({ compat }: Config): void {
  const known = compat.dropHeaders.filter(isKnownHeader)
  if (known.length > 0) throw new Error(`compat.dropHeaders: ${known.join(', ')} cannot be dropped, because the proxy knows what it means`)
}

function byteBudget(bytesMax: number): ByteBudget {
  let left = bytesMax
  return {
    take(bytes) {
      if (bytes > left) return false
      left -= bytes
      return true
    },
    giveBack(bytes) {
      left += bytes
    }
  }
}

function readiness({ identity, database, accounts }: Parts): ReturnType<ServersOptions['ready']> {
  return {
    snapshot: database.directory.ready,
    keys: identity.issuers.all.every(({ keys }) => keys.usable),
    credentials: [...accounts.values()].every(({ credentials }) => credentials.usable)
  }
}
