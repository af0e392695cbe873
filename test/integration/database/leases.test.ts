import { randomUUID } from 'node:crypto'
import t from 'tap'
import { openPool, type Run, type Sql } from '../../../proxy/database/connect.ts'
import { createLeases, type Leases, type LeaseRequest, type TakenLeases } from '../../../proxy/database/leases.ts'
import { startPostgres, type TestDatabase, type TestPostgres } from '../../helpers/postgres.ts'

let postgres: TestPostgres
let database: TestDatabase
let admin: Sql
let faults: string[] = []
t.before(async () => {
  postgres = await startPostgres()
  database = await postgres.createDatabase('leases')
  admin = database.asAdmin()
})
t.beforeEach(async () => {
  faults = []
  await admin`DELETE FROM sluice.leases`
})
t.teardown(() => postgres.stop())

const HOUR = 3_600_000

/** One replica. `waits` is told each time it would wait for another holder; its clock moves by what it sleeps. */
function replica(options: { readonly waitMs?: number; readonly waits?: () => Promise<void>; readonly run?: Run } = {}): Leases {
  let elapsed = 0
  return createLeases({
    run: options.run ?? database.asRuntime(),
    waitMs: options.waitMs ?? 1_000,
    retryMs: 100,
    elapsedMs: () => elapsed,
    newId: randomUUID,
    random: () => 0,
    // The sleep that bounds a statement never ends here; the one between attempts is as long as the test says.
    async sleep(ms) {
      if (ms > 100) return new Promise(() => undefined)
      elapsed += ms
      await options.waits?.()
    },
    onFault: (what) => faults.push(what)
  })
}

const want = (keys: readonly string[], shared = false): LeaseRequest => ({ account: 'main', bucket: 'data', keys, shared, lifeMs: HOUR })
const held = async (taking: Promise<TakenLeases | null>): Promise<TakenLeases> => {
  const taken = await taking
  if (taken === null) throw new Error('the lease was not taken')
  return taken
}

const TOGETHER: readonly { readonly first: boolean; readonly second: boolean; readonly together: boolean }[] = [
  { first: true, second: true, together: true },
  { first: true, second: false, together: false },
  { first: false, second: true, together: false },
  { first: false, second: false, together: false }
]
const name = (shared: boolean): string => (shared ? 'a shared' : 'an exclusive')
for (const { first, second, together } of TOGETHER) {
  t.test(
    `${name(first)} lease of one replica and ${name(second)} one of another ${together ? 'go together' : 'exclude each other'}`,
    async (t) => {
      const one = await held(replica().take(want(['k'], first)))
      const other = await replica().take(want(['k'], second))
      t.equal(other !== null, together)
      await one.release()
      t.not(await replica().take(want(['k'], second)), null)
    }
  )
}

t.test('a waiting replica has the lease as soon as the other gives it back', async (t) => {
  const one = await held(replica().take(want(['k'])))
  let waited = 0
  const waits = async (): Promise<void> => {
    waited += 1
    if (waited === 2) await one.release()
  }
  t.equal((await held(replica({ waits }).take(want(['k'])))).stateOf('k'), 'held')
  t.equal(waited, 2)
})

t.test('of many that take one key at once, one at a time has it, and all have had it', async (t) => {
  let inside = 0
  let most = 0
  const turn = async (): Promise<void> => {
    const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const lease = await held(replica({ waitMs: 1_000_000, waits: sleep }).take(want(['k'])))
    inside += 1
    most = Math.max(most, inside)
    await admin`SELECT 1`
    inside -= 1
    await lease.release()
  }
  await Promise.all(Array.from({ length: 8 }, turn))
  t.equal(most, 1)
})

t.test('batches that name the same keys in another order never wait for each other in a circle', async (t) => {
  const keys = Array.from({ length: 40 }, (_, index) => `k${index}`)
  const turn = async (order: readonly string[]): Promise<void> => {
    const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const lease = await held(replica({ waitMs: 1_000_000, waits: sleep }).take(want(order)))
    await lease.release()
  }
  await Promise.all([keys, keys.toReversed(), keys, keys.toReversed()].map(turn))
  t.equal((await admin`SELECT FROM sluice.leases`).length, 0)
})

t.test('a batch takes all of its keys or none', async (t) => {
  const one = await held(replica().take(want(['b'])))
  t.equal(await replica().take(want(['a', 'b', 'c'])), null)
  t.same(
    (await admin`SELECT key FROM sluice.leases ORDER BY key`).map((row) => row['key'] as string),
    ['b']
  )
  await one.release()
  const all = await held(replica().take(want(['a', 'b', 'c', 'a'])))
  await all.release(['b'])
  t.same(
    (await admin`SELECT key FROM sluice.leases ORDER BY key`).map((row) => row['key'] as string),
    ['a', 'c']
  )
  await all.release()
  t.equal((await admin`SELECT FROM sluice.leases`).length, 0)
})

t.test('a thousand keys are taken in one statement', async (t) => {
  const keys = Array.from({ length: 1_000 }, (_, index) => `${'ü'.repeat(400)}/${index}`)
  const lease = await held(replica().take(want(keys)))
  t.ok(keys.every((key) => lease.stateOf(key) === 'held'))
  await lease.release()
  t.equal((await admin`SELECT FROM sluice.leases`).length, 0)
})

t.test('after an outcome that is unknown the lease lingers for others, on that key alone, until it expires', async (t) => {
  const one = await held(replica().take(want(['a', 'b'])))
  await one.leave(['a'])
  await one.release(['b'])
  const other = await held(replica().take(want(['a', 'b'])))
  t.equal(other.stateOf('a'), 'lingers')
  t.equal(other.stateOf('b'), 'held')
  await other.release()
  await admin`UPDATE sluice.leases SET expires_at = clock_timestamp() - interval '1 ms'`
  t.equal((await held(replica().take(want(['a'])))).stateOf('a'), 'held')
})

t.test('a shared lease of unknown outcome lingers for an exclusive one and not for a shared one', async (t) => {
  await (await held(replica().take(want(['k'], true)))).leave()
  t.equal((await held(replica().take(want(['k'])))).stateOf('k'), 'lingers')
  t.equal((await held(replica().take(want(['k'], true)))).stateOf('k'), 'held')
})

t.test('the lease of a replica that died keeps others out until it expires', async (t) => {
  await held(replica().take(want(['k'])))
  t.equal(await replica().take(want(['k'])), null)
  await admin`UPDATE sluice.leases SET expires_at = clock_timestamp() - interval '1 ms'`
  t.not(await replica().take(want(['k'])), null)
})

t.test('a lease outlives the session it was taken in', async (t) => {
  const pool = openPool({ url: database.runtimeUrl, ca: null, connectionsMax: 1, applicationName: 'ends', statementTimeoutMs: 5_000 })
  await held(replica({ run: pool.run }).take(want(['k'])))
  await pool.close()
  t.equal(await replica().take(want(['k'])), null)
})

t.test('what is left of a lease counts from before it was asked for, and can be lengthened while it is held', async (t) => {
  let elapsed = 5
  const leases = createLeases({
    run: database.asRuntime(),
    waitMs: 1_000,
    retryMs: 100,
    elapsedMs: () => elapsed,
    newId: randomUUID,
    random: () => 0,
    sleep: () => new Promise(() => undefined),
    onFault: () => undefined
  })
  const lease = await held(leases.take({ ...want(['k']), lifeMs: 1_000 }))
  elapsed = 305
  t.equal(lease.left(), 700)
  t.equal(await lease.extend(2_000), true)
  t.equal(lease.left(), 2_000)
  await admin`DELETE FROM sluice.leases`
  t.equal(await lease.extend(9_000), false)
  t.equal(lease.left(), 2_000)
})

t.test('keys of other buckets and accounts are other keys', async (t) => {
  await held(replica().take(want(['k'])))
  t.not(await replica().take({ ...want(['k']), bucket: 'other' }), null)
  t.not(await replica().take({ ...want(['k']), account: 'other' }), null)
})

t.test('expired leases are swept, others stay', async (t) => {
  await held(replica().take(want(['old'])))
  await admin`UPDATE sluice.leases SET expires_at = clock_timestamp() - interval '1 ms'`
  await held(replica().take(want(['new'])))
  t.equal(await replica().sweep(), 1)
  t.same(
    (await admin`SELECT key FROM sluice.leases`).map((row) => row['key'] as string),
    ['new']
  )
})

t.test('a statement that does not answer in time gives no lease, and one that is taken late is given back', async (t) => {
  const holding = database.asAdmin()
  const leases = createLeases({
    run: database.asRuntime(),
    waitMs: 50,
    retryMs: 10,
    elapsedMs: () => 0,
    newId: randomUUID,
    random: () => 0,
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
    onFault: (what) => faults.push(what)
  })
  await holding.begin(async (tx) => {
    await tx`LOCK TABLE sluice.leases`
    t.equal(await leases.take(want(['k'])), null)
  })
  t.same(faults, ['taking a lease'])
  // Waits its turn behind the late statement and what gives it back.
  t.not(await replica({ waitMs: 1_000_000, waits: () => new Promise((resolve) => setImmediate(resolve)) }).take(want(['k'])), null)
})

t.test('without Postgres no lease is taken, and giving back one that was does not fail', async (t) => {
  const leases = replica()
  const lease = await held(leases.take(want(['k'])))
  const other = await held(leases.take(want(['l'])))
  await postgres.pause()
  t.equal(await leases.take(want(['m'])), null)
  await lease.release()
  await other.leave()
  t.equal(await other.extend(1), false)
  t.ok(faults.includes('taking a lease') && faults.includes('giving a lease back') && faults.includes('leaving a lease to expire'))
  await postgres.resume()
})

t.test('a lease that could not be given back, because the database was away for a moment, is given back behind the request', async (t) => {
  let isAway = false
  const run: Run = (template, ...parameters) => (isAway ? Promise.reject(new Error('away')) : database.asRuntime()(template, ...parameters))
  // The pause before the first repetition is when the database comes back.
  const waits = (): Promise<void> => {
    isAway = false
    return Promise.resolve()
  }
  for (const [way, left] of [
    ['release', []],
    ['leave', [{ unknown: true }]]
  ] as const) {
    const taken = await held(replica({ run, waits }).take(want([way])))
    isAway = true
    await taken[way]()
    t.same(faults.splice(0), [way === 'release' ? 'giving a lease back' : 'leaving a lease to expire'])
    const rows = () => admin`SELECT unknown FROM sluice.leases WHERE key = ${way}`
    for (let looks = 0; looks < 200 && JSON.stringify(await rows()) !== JSON.stringify(left); looks++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    t.same([...(await rows())], left)
  }
})
