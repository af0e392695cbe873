import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { selfSigned } from './certificate.ts'
import type { Resetting } from './resetting-upstream.ts'
import { ChunkSource, collect, createOwn, faultOfSend, startUpstreamFor, until } from './rig.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')
const PIECES = 256
const ROUNDS = 60
const certificate = selfSigned('localhost')

async function startResetting(t: Test, options: Resetting): Promise<number> {
  const worker = new Worker(new URL('resetting-upstream.ts', import.meta.url), { workerData: options })
  t.teardown(() => worker.terminate())
  return new Promise((resolve) => worker.once('message', resolve))
}

/** Sends bodies one after the other, until each is answered or failed. */
async function put(t: Test, options: Resetting, rounds: number): Promise<{ answered: string[]; faults: unknown[] }> {
  const port = await startResetting(t, options)
  const client = createOwn({})
  t.teardown(() => client.close())
  const { certificate } = options
  const answered: string[] = []
  const faults: unknown[] = []
  for (let i = 0; i < rounds; i += 1) {
    const body = new ChunkSource(Array.from({ length: PIECES }, () => PIECE))
    try {
      const response = await client.send({
        origin: { secure: certificate !== null, hostname: 'localhost', port, ca: certificate?.cert ?? null },
        method: 'PUT',
        rawTarget: '/b/k',
        rawHeaders: ['host', 'localhost'],
        body,
        bodyLength: PIECES * PIECE.length,
        headTimeoutMs: 5_000
      })
      const { bytes, error } = await collect(response.body)
      answered.push(`${response.status} ${error === null ? String(bytes) : 'cut'}`)
    } catch (fault) {
      faults.push(fault)
    }
    t.ok(body.cancelled, 'the source of the body is told')
  }
  await until(() => client.counts.open === 0)
  t.match(client.counts, { queued: 0, dialing: 0, lentBytes: 0 }, 'and nothing is left')
  return { answered, faults }
}

for (const secure of [false, true]) {
  const over = secure ? 'TLS' : 'TCP'
  const options = { lingerMs: 0, certificate: secure ? certificate : null }

  t.test(`an early answer is the answer, although the connection is reset behind it (${over})`, async (t) => {
    for (const lingerMs of [0, 2]) {
      const answer = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 6\r\n\r\ndenied'
      const { answered, faults } = await put(t, { ...options, answer, lingerMs }, ROUNDS)
      t.strictSame([...new Set(answered)], ['403 denied'])
      // What a kernel throws away when it is reset is gone; Linux keeps it.
      t.ok(answered.length >= ROUNDS * 0.95, `${answered.length} of ${ROUNDS}`)
      for (const fault of faults) t.match(fault, { kind: 'reset', maybeExecuted: false })
    }
  })

  t.test(`an early answer that the reset cut is not taken for a whole one (${over})`, async (t) => {
    for (const framing of ['Content-Length: 60', 'Transfer-Encoding: chunked']) {
      const answer = `HTTP/1.1 403 Forbidden\r\n${framing}\r\n\r\n6\r\ndenied\r\n`
      const { answered, faults } = await put(t, { ...options, answer }, 8)
      t.strictSame([...new Set(answered)], ['403 cut'], `${faults.length} were not answered`)
    }
  })

  t.test(`a reset without a whole head is a fault, and the request was not executed (${over})`, async (t) => {
    for (const answer of ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 403 Forbidden\r\nContent-']) {
      const { answered, faults } = await put(t, { ...options, answer }, 8)
      t.strictSame(answered, [])
      for (const fault of faults) t.match(fault, { name: 'UpstreamFault', kind: 'reset', maybeExecuted: false })
    }
  })
}

t.test('success before the whole body is there answers something else', async (t) => {
  const { upstream, client, request } = await startUpstreamFor(t, (exchange) => exchange.answer(200), createOwn({}))
  const body = new ChunkSource(Array.from({ length: PIECES }, () => PIECE))
  const fault = await faultOfSend(client, request({ method: 'PUT', body, bodyLength: PIECES * PIECE.length }))
  t.match(fault, { kind: 'malformed', maybeExecuted: false })
  t.ok(body.cancelled)
  await upstream.exchanges[0]?.closed
  t.notOk(upstream.exchanges[0]?.whole)
  t.equal(client.counts.open, 0)
})
