import { createHash } from 'node:crypto'
import type { TransactionSql } from 'postgres'
import type { Run, Sql } from './connect.ts'

/** One file of `migrations/`, as text. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly text: string
  readonly sha256: string
}

export interface MigrateOptions {
  readonly migrations: readonly Migration[]
  /** The role that owns the schema; every statement runs as it. */
  readonly ownerRole?: string
  /** Milliseconds a statement waits for a lock before it gives way to traffic. */
  readonly lockTimeoutMs?: number
  readonly onApplied?: (migration: Migration) => void
}

/** The schema and the files do not fit, or the login may not change it. Nothing of the failed file was applied. */
export class MigrationProblem extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'MigrationProblem'
  }
}

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/

/** The numbered files among those given, in order. Refuses a gap or a number used twice, which a merge can leave behind. */
export function readMigrations(files: readonly { readonly name: string; readonly text: string }[]): readonly Migration[] {
  const migrations = files
    .flatMap(({ name, text }) => {
      const [, version, label] = FILE_NAME.exec(name) ?? []
      if (version === undefined || label === undefined) return []
      return [{ version: Number(version), name: label, text, sha256: createHash('sha256').update(text).digest('hex') }]
    })
    .toSorted((a, b) => a.version - b.version)
  for (const [index, { version, name }] of migrations.entries()) {
    if (version !== index + 1)
      throw new MigrationProblem(`migration ${version} (${name}) should be number ${index + 1}: numbers follow each other, each used once`)
  }
  return migrations
}

// Any number will do, as long as every release uses the same: `sluic` in ASCII.
const ADVISORY_KEY = '495874533731'

/**
 * Applies what is missing, each file in a transaction of its own, and returns what was applied. Safe to run from several places at
 * once: the others wait. Refuses when a file that was applied has changed since, or when the schema is newer than the files.
 */
export async function migrate(sql: Sql, options: MigrateOptions): Promise<readonly Migration[]> {
  const { ownerRole = 'sluice_owner' } = options
  await refuseUnfit(sql, ownerRole)
  await inTransaction(sql, options, async (tx) => {
    await tx`CREATE TABLE IF NOT EXISTS sluice.schema_migrations (
      version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`
  })
  const applied: Migration[] = []
  for (const migration of options.migrations) {
    // Asked again under the lock of each file: another runner may have come first.
    const done = await inTransaction(sql, options, async (tx) => {
      const recorded = await tx<
        { version: number; name: string; sha256: string }[]
      >`SELECT version, name, sha256 FROM sluice.schema_migrations ORDER BY version`
      refuseDrift(recorded, options.migrations)
      if (recorded.some(({ version }) => version === migration.version)) return false
      await tx.unsafe(migration.text)
      await tx`INSERT INTO sluice.schema_migrations (version, name, sha256) VALUES (${migration.version}, ${migration.name}, ${migration.sha256})`
      return true
    })
    if (!done) continue
    applied.push(migration)
    options.onApplied?.(migration)
  }
  return applied
}

async function inTransaction<Result>(sql: Sql, options: MigrateOptions, work: (tx: TransactionSql) => Promise<Result>): Promise<Result> {
  const { ownerRole = 'sluice_owner', lockTimeoutMs = 5_000 } = options
  const result = await sql.begin(async (tx) => {
    // The runner waits for another runner without limit, but its statements never queue long before traffic.
    await tx`SET LOCAL statement_timeout = 0`
    await tx`SELECT pg_advisory_xact_lock(${ADVISORY_KEY}::bigint)`
    await tx.unsafe(`SET LOCAL lock_timeout = ${Math.trunc(lockTimeoutMs)}`)
    await tx`SET LOCAL ROLE ${tx(ownerRole)}`
    return work(tx)
  })
  return result as Result
}

async function refuseUnfit(sql: Sql, ownerRole: string): Promise<void> {
  const [row] = await sql<{ schema: boolean; member: boolean; encoding: string; login: string }[]>`
    SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'sluice') AS schema,
      EXISTS (SELECT FROM pg_roles WHERE rolname = ${ownerRole} AND pg_has_role(current_user, oid, 'MEMBER')) AS member,
      current_setting('server_encoding') AS encoding, current_user AS login`
  if (row === undefined) throw new MigrationProblem('Postgres did not answer')
  if (row.encoding !== 'UTF8')
    throw new MigrationProblem(`the database is encoded in ${row.encoding}; keys are UTF-8: create it with ENCODING 'UTF8'`)
  if (!row.schema)
    throw new MigrationProblem('schema sluice does not exist: have an administrator run migrations/roles.sql once (or use --create-roles)')
  if (!row.member) throw new MigrationProblem(`${row.login} is not a member of ${ownerRole}: GRANT ${ownerRole} TO ${row.login}`)
}

function refuseDrift(
  recorded: readonly { readonly version: number; readonly name: string; readonly sha256: string }[],
  migrations: readonly Migration[]
): void {
  for (const { version, name, sha256 } of recorded) {
    const file = migrations.find((migration) => migration.version === version)
    if (file === undefined)
      throw new MigrationProblem(
        `the schema has migration ${version} (${name}), which this release does not know: it is older than the schema`
      )
    if (file.sha256 !== sha256)
      throw new MigrationProblem(`migration ${version} (${name}) has changed since it was applied: restore the file and add a new one`)
  }
}

/** What keeps this release from using the schema as it is; nothing when it fits. A newer schema is fine: migrations only add. */
export async function schemaProblems(run: Run, migrations: readonly Migration[]): Promise<readonly string[]> {
  const [exists] = await run<{ found: string | null }[]>`SELECT to_regclass('sluice.schema_migrations')::text AS found`
  if (typeof exists?.found !== 'string') return ['the database has no schema yet: run `sluice migrate`']
  const recorded = await run<{ version: number; sha256: string }[]>`SELECT version, sha256 FROM sluice.schema_migrations`
  const applied = new Map(recorded.map(({ version, sha256 }) => [version, sha256]))
  return migrations.flatMap(({ version, name, sha256 }) => {
    const found = applied.get(version)
    if (found === undefined) return [`migration ${version} (${name}) is missing: run \`sluice migrate\``]
    return found === sha256 ? [] : [`migration ${version} (${name}) of the database differs from this release's file`]
  })
}

/** Creates the two groups and the schema; needs a login that may create roles. `text` is migrations/roles.sql. */
export async function createRoles(sql: Sql, text: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${ADVISORY_KEY}::bigint)`
    await tx.unsafe(text)
  })
}
