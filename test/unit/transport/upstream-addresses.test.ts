import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import type { UpstreamOrigin } from '../../../proxy/transport/transport.ts'
import type { EngineOptions } from '../../../proxy/transport/upstream/engine.ts'
import { RawUpstream, type Script } from '../../helpers/raw-http.ts'
import { selfSigned } from './certificate.ts'
import { collect, createOwn, faultOfSend, handCancellation, startUpstreamFor, until } from './rig.ts'

const NAME = 'upstream.test'
const OTHERS = ['127.0.0.2', '::1'] as const
/** The first two back-offs of an address are 250 and 500 ms. */
const BACK_OFF_MS = 250

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const answers: Script = (exchange) => exchange.answer(200, 'ok', ['Connection: close'])
const resets: Script = ({ connection }) => void connection.resetAndDestroy()
const isSilent: Script = () => undefined

/** One upstream at three addresses with one port, and a way to ask it by its name. */
async function startThree(t: Test, options: Partial<EngineOptions> = {}) {
  const addresses = ['127.0.0.1', ...OTHERS]
  const client = createOwn({ ...options, lookup: (_name, callback) => setImmediate(() => callback(null, addresses)) })
  const { upstream, request } = await startUpstreamFor(t, answers, client)
  const { port } = upstream
  const others = await Promise.all(OTHERS.map((host) => RawUpstream.start(answers, { host, port })))
  t.teardown(() => Promise.all(others.map((other) => other.stop())))
  const origin: UpstreamOrigin = { ...request().origin, hostname: NAME }
  const places = [upstream, ...others]
  const get = async (headTimeoutMs = 5_000): Promise<string> => {
    const outcome = await client.send(request({ origin, headTimeoutMs })).then(
      async ({ body }) => String((await collect(body)).bytes),
      (fault: { kind: string }) => fault.kind
    )
    return outcome
  }
  const seen = (): number[] => places.map(({ connections }) => connections)
  return { client, places, get, seen, origin, request }
}

t.test('every address of a name is used, evenly', async (t) => {
  const { places, seen, client, origin, request } = await startThree(t)
  for (const place of places) place.script = (exchange) => void setTimeout(() => exchange.answer(200), 30)
  await Promise.all(Array.from({ length: 30 }, () => client.send(request({ origin }))))
  t.strictSame(seen(), [10, 10, 10])
})

for (const [how, script, headTimeoutMs, kind] of [
  ['resets its connections', resets, 5_000, 'reset'],
  ['does not answer in time', isSilent, 30, 'timeout'],
  ['speaks something else', (exchange) => exchange.reply('SSH-2.0-x\r\n'), 5_000, 'malformed']
] as const satisfies readonly (readonly [string, Script, number, string])[]) {
  t.test(`an address that connects and ${how} is avoided, and tried again`, async (t) => {
    const { client, places, get, seen } = await startThree(t)
    const [bad] = places
    if (bad === undefined) throw new Error('there is no first address')
    bad.script = script
    const outcomes: string[] = []
    // The least used address is taken, so the first takes all while it fails.
    while (outcomes.filter((outcome) => outcome !== 'ok').length < 3) outcomes.push(await get(headTimeoutMs))
    t.strictSame(outcomes, [kind, kind, kind], 'three in a row')
    t.strictSame(await Promise.all(Array.from({ length: 12 }, () => get())), Array(12).fill('ok'), 'then the others take all')
    t.equal(bad.connections, 3)

    await sleep(BACK_OFF_MS + 100)
    const trial = await Promise.all(Array.from({ length: 12 }, () => get(headTimeoutMs + 500)))
    t.strictSame(
      trial.filter((outcome) => outcome !== 'ok'),
      [kind],
      'after a while one request tries it'
    )
    t.equal(bad.connections, 4)

    bad.script = answers
    await sleep(2 * BACK_OFF_MS + 100)
    t.equal(await get(), 'ok')
    t.equal(bad.connections, 5, 'and when it answers again')
    const before = seen()
    await Promise.all(Array.from({ length: 12 }, () => get()))
    t.ok(
      seen().every((count, index) => count > (before[index] ?? 0)),
      'it is used as the others are'
    )
    t.match(client.counts, { open: 0, queued: 0, dialing: 0, lentBytes: 0 })
  })
}

t.test('an address whose answers are refusals, or whose requests are given up, is not avoided', async (t) => {
  const { client, places, get, seen, origin, request } = await startThree(t)
  const [first] = places
  if (first !== undefined) first.script = (exchange) => exchange.answer(503, 'busy', ['Connection: close'])
  for (let i = 0; i < 6; i += 1) t.equal(await get(), 'busy')
  t.strictSame(seen(), [6, 0, 0])
  if (first !== undefined) first.script = isSilent
  for (let i = 0; i < 6; i += 1) {
    const cancellation = handCancellation()
    const fault = faultOfSend(client, request({ origin }), cancellation)
    await first?.seen(7 + i)
    cancellation.cancel()
    t.match(await fault, { kind: 'cancelled' })
  }
  t.strictSame(seen(), [12, 0, 0])
})

t.test('a name is looked up again after a while, also when nothing happened meanwhile', async (t) => {
  let asked = 0
  const client = createOwn({
    lookup: (_name, callback) => {
      asked += 1
      callback(null, ['127.0.0.1'])
    }
  })
  const { request } = await startUpstreamFor(t, answers, client)
  const get = () => client.send(request({ origin: { ...request().origin, hostname: NAME } }))
  await get()
  await get()
  t.equal(asked, 1)
  await until(() => client.counts.open === 0)
  await sleep(5_500)
  await get()
  t.equal(asked, 2)
})

t.test('an address that fails in the handshake is avoided', async (t) => {
  const { key, cert } = selfSigned(NAME)
  const { client, places, origin, request } = await startThree(t, { tlsTimeoutMs: 100 })
  const secure = createServer({ key, cert }, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'))
  })
  await places[1]?.stop()
  await new Promise<void>((resolve) => secure.listen(origin.port, '127.0.0.2', resolve))
  t.teardown(() => secure.close())
  const byTls = request({ origin: { ...origin, secure: true, ca: cert } })
  const spoken: number[] = []
  for (let i = 0; i < 8; i += 1) {
    t.equal((await client.send(byTls)).status, 200)
    spoken.push(places.reduce((sum, place) => sum + place.connections, 0))
  }
  // Nobody speaks TLS at the others. One is tried while the first attempt lasts, and again when its time is over.
  t.ok((spoken.at(-1) ?? 0) <= 3, `attempts at the other addresses: ${spoken.join(' ')}`)
  for (const place of places) t.equal(place.exchanges.length, 0, 'nothing is sent to them')
})

t.test('a single address is never given up', async (t) => {
  const client = createOwn({})
  const { upstream, request } = await startUpstreamFor(t, resets, client)
  for (let i = 0; i < 6; i += 1) t.match(await faultOfSend(client, request()), { kind: 'reset' })
  upstream.script = answers
  t.equal((await client.send(request())).status, 200)
})
