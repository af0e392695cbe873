import t from 'tap'
import {
  assign,
  AssignConflict,
  listAssignments,
  loadSnapshot,
  readVersion,
  registerTenant,
  unregisterTenant,
  type AssignRequest
} from '../../../proxy/database/assignments.ts'
import { connect, type Sql } from '../../../proxy/database/connect.ts'
import { CHANGES_CHANNEL, createPlacementFeed, type PlacementFeed } from '../../../proxy/database/listen.ts'
import { createDirectory, type Directory } from '../../../proxy/tenants/directory.ts'
import { startPostgres, type TestDatabase, type TestPostgres } from '../../helpers/postgres.ts'

const SHARED = { account: 'main', spread: 1, template: 'data-{slot}' } as const

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

const request = (tenant: string, changes: Partial<AssignRequest> = {}): AssignRequest => ({
  tenant,
  account: 'big',
  upstreamBucket: 'big-data',
  adopt: false,
  shared: SHARED,
  hasData: async () => false,
  ...changes
})

t.test('a tenant without data is given a place, once', async (t) => {
  const sql = (await postgres.createDatabase('assign')).asRuntime()
  t.equal(await assign(sql, request('acme')), 'assigned')
  t.equal(await assign(sql, request('acme', { hasData: async () => true })), 'unchanged')
  const place = { tenant: 'acme', account: 'big', upstreamBucket: 'big-data', keyPrefix: 'acme/', dedicated: true }
  t.same(await listAssignments(sql), [place])
  const snapshot = await loadSnapshot(sql)
  t.same(snapshot.assignments, [place])
  t.match(snapshot.tenants, [{ tenant: 'acme', createdAt: Date }])
  t.equal(snapshot.version, await readVersion(sql))
})

t.test('a tenant with data elsewhere keeps its place, whether shared or dedicated', async (t) => {
  const sql = (await postgres.createDatabase('has_data')).asRuntime()
  const asked: string[] = []
  const hasData = async ({
    account,
    upstreamBucket,
    keyPrefix
  }: {
    account: string
    upstreamBucket: string
    keyPrefix: string
  }): Promise<boolean> => {
    asked.push(`${account} ${upstreamBucket} ${keyPrefix}`)
    return true
  }
  await t.rejects(assign(sql, request('acme', { hasData })), { name: 'AssignConflict', message: /objects or open uploads in account main/ })
  t.equal(await assign(sql, request('acme')), 'assigned')
  await t.rejects(assign(sql, request('acme', { hasData, upstreamBucket: 'other' })), /in account big/)
  t.match(asked, [/^main data-[0-9a-f] acme\/$/, 'big big-data acme/'])
  t.equal(await assign(sql, request('acme', { upstreamBucket: 'other' })), 'assigned')
})

t.test('no assignment lets one tenant see the keys of another', async (t) => {
  const sql = (await postgres.createDatabase('adopt')).asRuntime()
  await assign(sql, request('acme', { upstreamBucket: 'whole', adopt: true }))
  await assign(sql, request('beta', { upstreamBucket: 'parts' }))
  await t.rejects(assign(sql, request('gamma', { upstreamBucket: 'whole' })), /adopted whole by tenant acme/)
  await t.rejects(assign(sql, request('gamma', { upstreamBucket: 'whole', adopt: true })), /adopted whole by tenant acme/)
  await t.rejects(assign(sql, request('gamma', { upstreamBucket: 'parts', adopt: true })), /holds tenant beta/)
  await t.rejects(assign(sql, request('gamma', { account: 'main', upstreamBucket: 'data-a', adopt: true })), /holds shared tenants/)
  await t.rejects(assign(sql, request('Gamma')), AssignConflict)
  await t.rejects(sql`INSERT INTO sluice.assignments (tenant, account, bucket, key_prefix) VALUES ('gamma', 'big', 'parts', 'bet')`, {
    code: '23514'
  })
})

t.test('of two places given to one tenant at once, one holds and the other is refused', async (t) => {
  const database = await postgres.createDatabase('assign_race')
  // Both have looked at the tenant's place before either is given one.
  let looking = 0
  let bothLooked = (): void => undefined
  const both = new Promise<void>((resolve) => (bothLooked = resolve))
  const hasData = async (): Promise<boolean> => {
    looking += 1
    if (looking === 2) bothLooked()
    await both
    return false
  }
  const results = await Promise.allSettled(
    ['one', 'two'].map((upstreamBucket) => assign(database.asRuntime(), request('acme', { upstreamBucket, hasData })))
  )
  t.same(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

t.test('tenants are recorded once and forgotten', async (t) => {
  const sql = (await postgres.createDatabase('register')).asRuntime()
  t.equal(await registerTenant(sql, 'acme', 'billing'), true)
  t.equal(await registerTenant(sql, 'acme', 'billing'), false)
  t.same(
    (await loadSnapshot(sql)).tenants.map(({ tenant }) => tenant),
    ['acme']
  )
  t.equal(await unregisterTenant(sql, 'acme'), true)
  t.equal(await unregisterTenant(sql, 'acme'), false)
})

interface Replica {
  readonly directory: Directory
  readonly feed: PlacementFeed
  readonly faults: string[]
  /** Resolves when a snapshot that satisfies is in memory. */
  until(satisfied: (directory: Directory) => boolean): Promise<void>
}

function startReplica(database: TestDatabase, { pollMs = 3_600_000, retryMs = 50 }: { pollMs?: number; retryMs?: number } = {}): Replica {
  const sql = database.asRuntime()
  const directory = createDirectory({ mode: 'open', shared: SHARED })
  const faults: string[] = []
  const waiting = new Set<() => void>()
  const feed = createPlacementFeed({
    openListener: (): Sql =>
      connect({ url: database.runtimeUrl, ca: null, connectionsMax: 1, applicationName: 'listener', statementTimeoutMs: 5_000 }),
    load: () => loadSnapshot(sql),
    version: () => readVersion(sql),
    notify: (text) => sql`SELECT pg_notify(${CHANGES_CHANNEL}, ${text})`,
    apply(snapshot) {
      directory.replaceAll(snapshot)
      for (const check of waiting) check()
    },
    pollMs,
    retryMs,
    id: `replica-${Math.random()}`,
    now: () => new Date(),
    onFault: (what) => faults.push(what)
  })
  feed.start()
  const until = (satisfied: (directory: Directory) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!directory.ready || !satisfied(directory)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return { directory, feed, faults, until }
}

const knows =
  (tenant: string) =>
  (directory: Directory): boolean =>
    directory.dedicated().some((assignment) => assignment.tenant === tenant)
const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
const listens = async ({ feed }: Replica): Promise<void> => {
  while (!feed.status().listening) await turns()
}

t.test('a change reaches every replica by notification', async (t) => {
  const database = await postgres.createDatabase('notify')
  const replicas = [startReplica(database), startReplica(database)]
  await Promise.all(replicas.map(listens))
  await Promise.all(replicas.map(({ until }) => until(() => true)))
  t.match(
    replicas.map(({ feed }) => feed.status()),
    [{ loaded: true }, { loaded: true }]
  )
  await assign(database.asRuntime(), request('acme'))
  await Promise.all(replicas.map(({ until }) => until(knows('acme'))))
  await database.asAdmin()`DELETE FROM sluice.assignments`
  await Promise.all(replicas.map(({ until }) => until((directory) => !knows('acme')(directory))))
  await registerTenant(database.asRuntime(), 'beta', 'x')
  await Promise.all(replicas.map(({ until }) => until((directory) => directory.recorded().length === 1)))
  await Promise.all(replicas.map(({ feed }) => feed.close()))
})

t.test('a listener whose session was ended listens again, and what changed in between is read', async (t) => {
  const database = await postgres.createDatabase('reconnect')
  const replica = startReplica(database)
  await listens(replica)
  await replica.until(() => true)
  const admin = database.asAdmin()
  // Ended and changed in one transaction: the notification has nobody to go to.
  const ended = await admin.begin(async (tx) => {
    const rows =
      await tx`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listener' AND datname = 'reconnect'`
    await tx`INSERT INTO sluice.assignments (tenant, account, bucket, key_prefix) VALUES ('missed', 'big', 'b', 'missed/')`
    return rows.length
  })
  t.equal(ended, 1)
  await replica.until(knows('missed'))
  await assign(admin, request('later'))
  await replica.until(knows('later'))
  await replica.feed.close()
})

t.test('a change is found by the poll where notifications do not arrive, and by nothing else', async () => {
  const database = await postgres.createDatabase('deaf')
  const admin = database.asAdmin()
  const replica = startReplica(database, { pollMs: 50 })
  await replica.until(() => true)
  await admin`ALTER TABLE sluice.assignments DISABLE TRIGGER USER`
  await admin`INSERT INTO sluice.assignments (tenant, account, bucket, key_prefix) VALUES ('silent', 'big', 'b', 'silent/')`
  await admin`UPDATE sluice.snapshot SET version = version + 1`
  await replica.until(knows('silent'))
  await replica.feed.close()
})

t.test('a listener that hears nothing is not called listening', async (t) => {
  const database = await postgres.createDatabase('unheard')
  const sql = database.asRuntime()
  let opened = 0
  const feed = createPlacementFeed({
    // What a pooler does: LISTEN succeeds, and nothing ever comes.
    openListener() {
      opened += 1
      return {
        listen: async (_channel: string, _heard: unknown, onListen: () => void) => onListen(),
        end: async () => undefined
      } as unknown as Sql
    },
    load: () => loadSnapshot(sql),
    version: () => readVersion(sql),
    notify: (text) => sql`SELECT pg_notify(${CHANGES_CHANNEL}, ${text})`,
    apply: () => undefined,
    pollMs: 5,
    retryMs: 5,
    id: 'deaf',
    now: () => new Date(),
    onFault: () => undefined
  })
  feed.start()
  // A second listener is opened because a test message did not come back through the first.
  while (opened < 2) await turns()
  t.equal(feed.status().loaded, true)
  await feed.close()
})

t.test('what is in memory stays when Postgres goes away, and is fresh again when it is back', async (t) => {
  const database = await postgres.createDatabase('outage')
  await assign(database.asRuntime(), request('acme'))
  const replica = startReplica(database, { pollMs: 50 })
  await replica.until(knows('acme'))
  await listens(replica)
  await postgres.pause()
  while (!replica.faults.includes('placement')) await turns()
  t.equal(replica.feed.status().loaded, true)
  t.match(replica.directory.find('acme'), { upstreamBucket: 'big-data' })
  await postgres.resume()
  await database.asAdmin()`UPDATE sluice.assignments SET bucket = 'moved'`
  await replica.until((directory) => directory.find('acme')?.upstreamBucket === 'moved')
  await listens(replica)
  await replica.feed.close()
})

t.test('a replica that starts without Postgres is not ready until it is there', async (t) => {
  const database = await postgres.createDatabase('late')
  await postgres.pause()
  const replica = startReplica(database, { pollMs: 50 })
  while (replica.faults.length === 0) await turns()
  t.equal(replica.directory.ready, false)
  t.equal(replica.feed.status().loaded, false)
  await postgres.resume()
  await replica.until(() => true)
  await listens(replica)
  await replica.feed.close()
})
