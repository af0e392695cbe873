import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { followUrl } from '../../../proxy/compose/database-url.ts'
import { secretOf } from '../../../proxy/config/secret.ts'
import { isLoginFault, openPool } from '../../../proxy/database/connect.ts'
import { startPostgres, type TestDatabase } from '../../helpers/postgres.ts'

const postgres = await startPostgres()
const folder = await mkdtemp(join(tmpdir(), 'sluice-password-'))
t.teardown(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})
let databases = 0

/** A pool that goes by a file, as a server's does, with a login of its own. */
async function startPool(t: Test) {
  const database: TestDatabase = await postgres.createDatabase(`password_${databases++}`)
  const admin = database.asAdmin()
  const user = `rotating_${databases}`
  const setPassword = async (password: string): Promise<void> => void (await admin.unsafe(`ALTER ROLE ${user} PASSWORD '${password}'`))
  await admin.unsafe(`CREATE ROLE ${user} LOGIN PASSWORD 'first' IN ROLE sluice_runtime`)
  const urlWith = (password: string, as = user): string => {
    const url = new URL(database.runtimeUrl)
    url.username = as
    url.password = password
    return url.href
  }
  const file = join(folder, user)
  await writeFile(file, `${urlWith('first')}\n`)
  const said: string[] = []
  const login = followUrl(secretOf(urlWith('first'), `file ${file}`, file), { event: (_level, message) => void said.push(message) })
  const pool = openPool({ url: urlWith('first'), ca: null, connectionsMax: 3, applicationName: user, statementTimeoutMs: 5_000 }, login)
  t.teardown(async () => {
    login.close()
    await pool.close()
  })
  return {
    ...{ pool, admin, user, file, said, setPassword, urlWith },
    ask: () => pool.run`SELECT 1 AS one`,
    /** So many statements at once, each on a connection of its own where there are enough. */
    askMany: (count: number) => Promise.allSettled(Array.from({ length: count }, () => pool.run`SELECT pg_sleep(0.05)`)),
    endConnections: () => admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ${user}`
  }
}

const failures = (settled: readonly PromiseSettledResult<unknown>[]): readonly unknown[] =>
  settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))

t.test('a password that is rotated, the file first, fails no statement', async (t) => {
  const { ask, askMany, file, said, urlWith, setPassword } = await startPool(t)
  t.same(await ask(), [{ one: 1 }])
  await writeFile(file, urlWith('second'))
  t.same(failures(await askMany(3)), [], 'new connections go by the old password while it is good')
  await setPassword('second')
  t.same(failures(await askMany(12)), [])
  t.ok(
    said.every((message) => !message.includes('second')),
    'and the log does not have it'
  )
})

t.test('a connection that is refused looks for the new password, and its statement is sent by it', async (t) => {
  const { askMany, file, said, urlWith, setPassword, endConnections } = await startPool(t)
  t.same(failures(await askMany(3)), [])
  await setPassword('second')
  await writeFile(file, urlWith('second'))
  await endConnections()
  // The end of a connection fails what goes over it, once.
  await askMany(3)
  t.same(failures(await askMany(12)), [])
  t.match(said, [/another URL of Postgres was read/])
})

t.test('another user in the file is taken over too', async (t) => {
  const { ask, admin, file, user, urlWith, endConnections } = await startPool(t)
  t.same(await ask(), [{ one: 1 }])
  await admin.unsafe(`CREATE ROLE ${user}_b LOGIN PASSWORD 'other' IN ROLE sluice_runtime`)
  await writeFile(file, urlWith('other', `${user}_b`))
  await admin.unsafe(`ALTER ROLE ${user} NOLOGIN`)
  await endConnections()
  await ask().catch(() => undefined)
  t.same(await ask(), [{ one: 1 }])
})

t.test('while the file still has the old password, open connections go on and new ones are refused as what they are', async (t) => {
  const { ask, askMany, file, urlWith, setPassword } = await startPool(t)
  t.same(await ask(), [{ one: 1 }])
  await setPassword('second')
  for (let round = 0; round < 5; round++) t.same(await ask(), [{ one: 1 }])
  const refused = failures(await askMany(3))
  t.ok(refused.length > 0)
  t.ok(refused.every(isLoginFault))
  t.same(await ask(), [{ one: 1 }], 'those that are open still do')
  await writeFile(file, urlWith('second'))
  t.same(failures(await askMany(3)), [])
})

for (const { why, text } of [
  { why: 'is empty', text: '' },
  { why: 'holds half a URL', text: 'postg' },
  { why: 'holds a password that is not escaped', text: 'postgres://user:canary-100%@db/x' },
  { why: 'holds another kind of URL', text: 'https://user:canary-pw@db/x' }
]) {
  t.test(`a file that ${why} changes nothing, and is told of once, without its text`, async (t) => {
    const { ask, askMany, file, said, setPassword, urlWith } = await startPool(t)
    t.same(await ask(), [{ one: 1 }])
    await setPassword('second')
    await writeFile(file, text)
    await askMany(3)
    await askMany(3)
    t.match(said, [/^the URL of Postgres stays as it was: file .* holds no URL of Postgres/])
    t.notMatch(said[0], /canary/)
    t.equal(said.length, 1)
    t.same(await ask(), [{ one: 1 }])
    await writeFile(file, urlWith('second'))
    t.same(failures(await askMany(3)), [])
  })
}
