import t from 'tap'
import { roleProblems } from '../../../proxy/database/check-role.ts'
import { MigrationProblem, migrate, readMigrations, schemaProblems } from '../../../proxy/database/migrate.ts'
import { LayoutChanged, readLayout, recordLayout } from '../../../proxy/database/layout.ts'
import { loadMigrations, runOf, startPostgres, type TestPostgres } from '../../helpers/postgres.ts'

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

t.test('migrations apply once, from two runners at once, and applying them again does nothing', async (t) => {
  const database = await postgres.createDatabase('idempotent')
  const admin = database.asAdmin()
  await admin.unsafe(
    'DROP SCHEMA sluice CASCADE; CREATE SCHEMA sluice AUTHORIZATION sluice_owner; GRANT USAGE ON SCHEMA sluice TO sluice_runtime'
  )
  const migrations = await loadMigrations()
  const applied = await Promise.all([migrate(database.asMigrator(), { migrations }), migrate(database.asMigrator(), { migrations })])
  t.same(
    applied
      .flat()
      .map(({ version }) => version)
      .toSorted(),
    migrations.map(({ version }) => version)
  )
  t.same(await migrate(database.asMigrator(), { migrations }), [])
  t.same(await schemaProblems(database.asRuntime(), migrations), [])
})

t.test('a migration that changed after it was applied is refused, and the server says so too', async (t) => {
  const database = await postgres.createDatabase('drift')
  const [first, ...rest] = await loadMigrations()
  if (first === undefined) throw new Error('there are no migrations')
  const [changed] = readMigrations([{ name: '0001_placement.sql', text: `${first.text}\n-- changed` }])
  if (changed === undefined) throw new Error('the file was not read')
  await t.rejects(migrate(database.asMigrator(), { migrations: [changed, ...rest] }), {
    name: 'MigrationProblem',
    message: /has changed since it was applied/
  })
  t.match(await schemaProblems(database.asRuntime(), [changed]), [/differs from this release's file/])
})

t.test('an older release does not migrate a newer schema, but may serve on it', async (t) => {
  const database = await postgres.createDatabase('newer')
  const migrations = await loadMigrations()
  await t.rejects(migrate(database.asMigrator(), { migrations: migrations.slice(0, -1) }), /does not know: it is older/)
  t.same(await schemaProblems(database.asRuntime(), migrations.slice(0, -1)), [])
})

t.test('a migration that fails leaves nothing behind', async (t) => {
  const database = await postgres.createDatabase('failing')
  const migrations = await loadMigrations()
  const broken = readMigrations([
    ...migrations.map(({ version, name, text }) => ({ name: `000${version}_${name}.sql`, text })),
    { name: `000${migrations.length + 1}_broken.sql`, text: 'CREATE TABLE sluice.half (id integer); SELECT 1 / 0;' }
  ])
  await t.rejects(migrate(database.asMigrator(), { migrations: broken }), /division by zero/)
  const [row] = await database.asAdmin()<{ half: string | null; version: number }[]>`
    SELECT to_regclass('sluice.half')::text AS half, (SELECT max(version) FROM sluice.schema_migrations) AS version`
  t.same(row, { half: null, version: migrations.length })
})

t.test('a login outside the owner role cannot migrate', async (t) => {
  const database = await postgres.createDatabase('outsider')
  await t.rejects(migrate(database.asRuntimeLogin(), { migrations: await loadMigrations() }), /is not a member of sluice_owner/)
})

for (const [what, statement] of [
  ['create a table', 'CREATE TABLE sluice.intruder (id integer)'],
  ['create a table in schema public', 'CREATE TABLE public.intruder (id integer)'],
  ['create a schema', 'CREATE SCHEMA intruder'],
  ['drop a table', 'DROP TABLE sluice.assignments'],
  ['add a column', 'ALTER TABLE sluice.assignments ADD COLUMN intruder text'],
  [
    'replace a function',
    `CREATE OR REPLACE FUNCTION sluice.placement_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`
  ],
  ['become the owner', 'SET ROLE sluice_owner'],
  ['set the version', 'UPDATE sluice.snapshot SET version = 0'],
  ['rewrite the layout', `UPDATE sluice.layout SET template = 'other'`],
  ['rewrite the record of migrations', 'DELETE FROM sluice.schema_migrations'],
  ['empty the assignments without a notification', 'ALTER TABLE sluice.assignments DISABLE TRIGGER ALL']
] as const) {
  t.test(`the runtime role cannot ${what}`, async (t) => {
    const database = await postgres.createDatabase(`runtime_${what.replaceAll(' ', '_')}`)
    await t.rejects(database.asRuntimeLogin().unsafe(statement), { code: '42501' })
  })
}

t.test('only a login that cannot change the schema may serve', async (t) => {
  const database = await postgres.createDatabase('roles')
  t.same(await roleProblems(database.asRuntime()), [])
  t.match(await roleProblems(runOf(database.asMigrator())), [/is a member of the role that owns schema sluice/])
  t.match(await roleProblems(runOf(database.asAdmin())), [/is a superuser/])
  await database.asAdmin().unsafe('DROP SCHEMA sluice CASCADE')
  t.match(await roleProblems(database.asRuntime()), [/may not use schema sluice/])
  t.match(await schemaProblems(database.asRuntime(), await loadMigrations()), [/has no schema yet/])
})

t.test('the first layout is recorded and any other is refused', async (t) => {
  const sql = (await postgres.createDatabase('layout')).asRuntime()
  const layout = { account: 'main', spread: 2, template: 'sluice-{slot}' } as const
  t.equal(await readLayout(sql), null)
  await recordLayout(sql, null)
  await Promise.all([recordLayout(sql, layout), recordLayout(sql, layout)])
  t.same(await readLayout(sql), layout)
  await t.rejects(recordLayout(sql, { ...layout, spread: 1 }), { name: 'LayoutChanged', message: /spread was 2 and is configured as 1/ })
  await t.rejects(recordLayout(sql, { ...layout, account: 'other' }), LayoutChanged)
  await t.rejects(recordLayout(sql, null), /no account is marked shared/)
})

t.test('numbers of migrations follow each other', async (t) => {
  const file = (name: string) => ({ name, text: 'SELECT 1' })
  t.throws(() => readMigrations([file('0001_a.sql'), file('0003_c.sql')]), MigrationProblem)
  t.throws(() => readMigrations([file('0001_a.sql'), file('0001_b.sql')]), MigrationProblem)
  t.same(
    readMigrations([file('roles.sql'), file('0002_b.sql'), file('0001_a.sql')]).map(({ name }) => name),
    ['a', 'b']
  )
})
