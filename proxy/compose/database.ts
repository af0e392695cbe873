import { messageOf } from './message-of.ts'
import { randomUUID } from 'node:crypto'
import { followUrl, passwordOf } from './database-url.ts'
import { composeLeases } from './leases.ts'
import type { Config } from '../config/config.ts'
import { loadAccessKeys } from '../database/access-keys.ts'
import { loadRevocations, sweepRevocations } from '../database/revocations.ts'
import { createAccessKeys, type AccessKey, type AccessKeys } from '../identity/access-keys.ts'
import { createRevocations, type Revocation, type Revocations } from '../identity/revocations.ts'
import { loadSnapshot, readVersion } from '../database/assignments.ts'
import { roleProblems } from '../database/check-role.ts'
import { connect, openPool, type ConnectOptions, type Login, type Run, type Sql } from '../database/connect.ts'
import { recordLayout } from '../database/layout.ts'
import { CHANGES_CHANNEL, createPlacementFeed, type PlacementFeed } from '../database/listen.ts'
import { schemaProblems } from '../database/migrate.ts'
import { readMigrationFiles } from '../database/migration-files.ts'
import { createUploadLedger, type UploadLedger } from '../database/uploads.ts'
import type { Log } from '../observe/log.ts'
import type { LeasePort } from '../stages/ports.ts'
import { assignmentProblems, createDirectory, type Directory } from '../tenants/directory.ts'
import type { SharedLayout } from '../tenants/placement.ts'
import type { Assignment } from '../tenants/keys.ts'

/** Postgres as the proxy uses it. After the first snapshot the data path never waits for it, leases aside. */
export interface Database {
  readonly run: Run
  readonly directory: Directory
  readonly revocations: Revocations
  readonly accessKeys: AccessKeys
  /** Calls back whenever revocations and access keys were read anew. */
  onReplaced(callback: () => void): void
  readonly feed: PlacementFeed
  readonly ledger: UploadLedger
  readonly leases: LeasePort
  /** Refuses another schema than this release's, a login that may change it, and a changed layout. */
  check(): Promise<void>
  close(): Promise<void>
}

const LISTENER_RETRY_MS = 1_000
const SWEEP_MS = 60_000

/** The shared layout of a configuration; null where no account is shared. */
export function layoutOf(config: Config): SharedLayout | null {
  const shared = config.accounts.find((account) => account.shared)
  if (shared === undefined) return null
  return { account: shared.id, spread: shared.spread ?? 0, template: shared.bucketTemplate ?? '' }
}

/** How to connect to the configured Postgres: `direct` past a pooler, for notifications and commands. */
export function connection(
  config: Config,
  { connectionsMax, direct }: { readonly connectionsMax: number; readonly direct: boolean }
): ConnectOptions {
  const { url, directUrl, caFile, statementTimeout } = config.database
  return {
    url: (direct && directUrl !== null ? directUrl : url).reveal(),
    ca: caFile?.text ?? null,
    connectionsMax,
    applicationName: 'sluice',
    statementTimeoutMs: statementTimeout,
    pooled: directUrl !== null && !direct
  }
}

/** Sweeps only where there is something: a sweep of nothing would still tell every replica to read again. */
async function sweepExpired(run: Run, revocations: Revocations, now: Date): Promise<void> {
  if (revocations.hasExpired(now)) await sweepRevocations(run)
}

/** Everything that is kept in memory. The version comes first: what is read after it is at least as new, and what is newer is read again. */
async function loadAll(run: Run) {
  const placement = await loadSnapshot(run)
  return { ...placement, revocations: await loadRevocations(run), accessKeys: await loadAccessKeys(run) }
}

/** Builds what needs Postgres; nothing is started. */
export function composeDatabase(config: Config, log: Log, now: () => Date): Database {
  const logins = followLogins(config, log)
  const pool = openPool(connection(config, { connectionsMax: config.database.poolMax, direct: false }), logins.pooled)
  const { run } = pool
  const shared = layoutOf(config)
  const admission = createAdmission()
  const directory = createDirectory({ mode: config.tenants.mode, shared })
  const onFault = (what: string, error: unknown): void => log.event('warn', `${what}: ${messageOf(error)}`)
  const accounts = new Set(config.accounts.map(({ id }) => id))
  const refuseMisplaced = (assignments: readonly Assignment[]): void => {
    const problems = assignmentProblems(assignments, accounts, shared)
    if (problems.length > 0) throw new Error(`the assignments are refused: ${problems.join('; ')}`)
  }
  const feed = createPlacementFeed({
    openListener: () => openListener(config, logins.direct),
    load: () => loadAll(run),
    version: () => readVersion(run),
    notify: (text) => run`SELECT pg_notify(${CHANGES_CHANNEL}, ${text})`,
    apply(snapshot) {
      // First, so that assignments that are refused do not keep a leaked credential alive.
      admission.replaceAll(snapshot)
      refuseMisplaced(snapshot.assignments)
      directory.replaceAll(snapshot)
    },
    pollMs: config.database.poll,
    retryMs: LISTENER_RETRY_MS,
    id: randomUUID(),
    now,
    onFault
  })
  const ledger = createUploadLedger({ run, waitingMax: config.limits.ledgerWaitingMax, retryMs: LISTENER_RETRY_MS, onFault })
  const leases = composeLeases(config, run, onFault)
  const sweepAll = () => Promise.all([leases.sweep(), sweepExpired(run, admission.revocations, now())])
  const sweep = setInterval(() => void sweepAll().catch((error: unknown) => onFault('sweeping', error)), SWEEP_MS).unref()
  return {
    run,
    directory,
    ...admission,
    feed,
    ledger,
    leases: leases.port,
    async check() {
      const { migrations } = await readMigrationFiles()
      const problems = [...(await schemaProblems(run, migrations)), ...(config.dev ? [] : await roleProblems(run))]
      if (problems.length > 0) throw new Error(problems.join('; '))
      await recordLayout(run, shared)
      refuseMisplaced((await loadSnapshot(run)).assignments)
    },
    async close() {
      clearInterval(sweep)
      await feed.close()
      await ledger.close()
      await pool.close()
      logins.close()
    }
  }
}

/** The URLs of Postgres, followed in their files. */
function followLogins({ database }: Config, log: Log) {
  const pooled = followUrl(database.url, log)
  const direct = database.directUrl === null ? pooled : followUrl(database.directUrl, log)
  return {
    pooled,
    direct,
    close() {
      pooled.close()
      direct.close()
    }
  }
}

/** A connection straight to the server. When it breaks the driver opens it again by itself, with the password of then. */
function openListener(config: Config, login: Login): Sql {
  return connect({
    ...connection(config, { connectionsMax: 1, direct: true }),
    url: login.current(),
    async password() {
      await login.refresh()
      return passwordOf(login.current())
    }
  })
}

/** Who is let in and who is cut off, in memory, exchanged as one. */
function createAdmission() {
  const revocations = createRevocations()
  const accessKeys = createAccessKeys()
  const callbacks: (() => void)[] = []
  return {
    revocations,
    accessKeys,
    onReplaced: (callback: () => void) => void callbacks.push(callback),
    replaceAll(read: { readonly revocations: readonly Revocation[]; readonly accessKeys: readonly AccessKey[] }) {
      revocations.replaceAll(read.revocations)
      accessKeys.replaceAll(read.accessKeys)
      for (const tell of callbacks) tell()
    }
  }
}
