import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { connect, isConnectionFault, openPool } from '../../../proxy/database/connect.ts'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

t.test('a pool whose connections are ended under load fails those statements alone and then works on', async (t) => {
  const database = await postgres.createDatabase('ended')
  const admin = database.asAdmin()
  const pool = openPool({ url: database.runtimeUrl, ca: null, connectionsMax: 4, applicationName: 'under load', statementTimeoutMs: 2_000 })
  const codes = new Set<string>()
  let answered = 0
  let stop = false
  const worker = async (): Promise<void> => {
    while (!stop) {
      try {
        await pool.run`SELECT ${answered}::int, pg_sleep(0.001)`
        answered += 1
      } catch (error) {
        codes.add(String((error as { code?: unknown }).code))
        t.ok(isConnectionFault(error), (error as Error).message)
      }
    }
  }
  const workers = Array.from({ length: 8 }, worker)
  for (let round = 0; round < 5; round++) {
    const before = answered
    while (answered < before + 20) await turns()
    await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under load'`
  }
  const before = answered
  while (answered < before + 20) await turns()
  stop = true
  await Promise.all(workers)
  t.ok(codes.size > 0, 'some statements met the end of their connection')
  await pool.close()
})

t.test('a pool that lost its server works as soon as the server is back', async (t) => {
  const database = await postgres.createDatabase('restarted')
  const pool = openPool({ url: database.runtimeUrl, ca: null, connectionsMax: 4, applicationName: 'restarted', statementTimeoutMs: 2_000 })
  const ask = (): Promise<readonly object[]> => pool.run`SELECT 1 AS one, ${'x'}::text AS text`
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 8 }, ask))
    const pausing = postgres.pause()
    await Promise.allSettled(Array.from({ length: 8 }, ask))
    await pausing
    t.ok(isConnectionFault(await ask().catch((error: unknown) => error)))
    await postgres.resume()
    t.same(await ask(), [{ one: 1, text: 'x' }])
  }
  await pool.close()
})

t.test('a statement that takes too long is ended by the server, and is no fault of the connection', async (t) => {
  const database = await postgres.createDatabase('slow')
  const pool = openPool({ url: database.runtimeUrl, ca: null, connectionsMax: 1, applicationName: 'slow', statementTimeoutMs: 20 })
  const error: unknown = await pool.run`SELECT pg_sleep(30)`.catch((caught: unknown) => caught)
  t.match(error, { code: '57014' })
  t.equal(isConnectionFault(error), false)
  await pool.close()
})

t.test('a statement that is never answered fails as a fault of the connection', async (t) => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => sockets.push(socket.resume()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const pool = openPool({
    url: `postgres://a:b@127.0.0.1:${port}/c`,
    ca: null,
    connectionsMax: 1,
    applicationName: 'silent',
    statementTimeoutMs: 1,
    connectTimeoutMs: 3_600_000
  })
  const error: unknown = await pool.run`SELECT 1`.catch((caught: unknown) => caught)
  t.match(error, { code: 'CONNECTION_SILENT' })
  t.ok(isConnectionFault(error))
  await pool.close()
  for (const socket of sockets) socket.destroy()
  silent.close()
})

t.test('a server elsewhere is not talked to without a verified certificate unless the URL says so', async (t) => {
  const ssl = (url: string, ca: string | null = null): unknown =>
    connect({ url, ca, connectionsMax: 1, applicationName: 'x', statementTimeoutMs: 1 }).options.ssl
  t.equal(ssl('postgres://a@127.0.0.1/b'), false)
  t.equal(ssl('postgres://a@db.example/b?sslmode=disable'), false)
  for (const mode of ['', '?sslmode=require', '?sslmode=prefer', '?sslmode=verify-full']) {
    t.match(ssl(`postgres://a@db.example/b${mode}`), { rejectUnauthorized: true, servername: 'db.example' }, mode)
  }
  t.match(ssl('postgres://a@127.0.0.1/b', 'PEM'), { rejectUnauthorized: true, ca: 'PEM' })
})
