import t from 'tap'
import { Gate } from '../../../proxy/dev/store/faults.ts'
import { startPostgres } from '../../helpers/postgres.ts'
import { RawClient, RawUpstream, type UpstreamExchange } from '../../helpers/raw-http.ts'
import type { Call, SignedCall } from './caller.ts'
import { largePut, startSite, zeroes, type Site } from './site.ts'
import { until } from './until.ts'

const OWNER = 'system:serviceaccount:shop:orders'
const MIB = 1024 * 1024
const TIMEOUTS = { upstreamHead: '30s', ownerCache: '0s' }

let site: Site
t.before(async () => {
  const postgres = await startPostgres()
  // Two connections: the first slot that is lost is felt at once.
  site = await startSite({ provider: 'aws', postgres, timeouts: TIMEOUTS, limits: { upstreamConnectionsMax: 2 } })
  t.teardown(async () => {
    await site.stop()
    await postgres.stop()
  })
  for (const caller of [site.orders, site.billing]) {
    const { status } = await caller.send(largePut(caller === site.orders ? 'big' : 'other', 8 * MIB))
    if (status !== 200) throw new Error(`a put was answered ${status}`)
  }
})

const textOf = ({ method, target, headers }: SignedCall, extra: readonly string[] = []): string =>
  [`${method} ${target} HTTP/1.1`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), ...extra, '', ''].join('\r\n')

/** A raw connection with a signed request head on it. */
async function rawCall(call: Call, extra: readonly string[] = [], caller = site.orders): Promise<RawClient> {
  return new RawClient(site.sluice.s3Port).send(textOf(await caller.sign(call), extra))
}

t.test('an answer that breaks off destroys the client’s connection', async (t) => {
  await t.test('where its length was told', async (t) => {
    const undo = site.store.faults.add({ operation: 'GetObject', action: { kind: 'truncate', bytes: 3 * MIB } })
    const client = await rawCall({ method: 'GET', key: 'big' })
    const { status, headers, body, whole } = await client.readResponse()
    undo()
    t.equal(status, 200)
    t.equal(headers.get('content-length'), String(8 * MIB))
    t.notOk(whole)
    t.ok(body.length <= 3 * MIB)
    await client.closed
  })
  for (const { how, head, sent, body } of [
    { how: 'between two chunks', head: 'Transfer-Encoding: chunked', sent: '4\r\nfour\r\n', body: 'four' },
    { how: 'within a chunk', head: 'Transfer-Encoding: chunked', sent: '400\r\nfour', body: 'four' }
  ]) {
    await t.test(`where chunks were to tell its end, and it ends ${how}`, (t) =>
      againstScript(
        async ({ reply, connection }, got) => {
          reply(`${head}\r\n\r\n${sent}`)
          // What came before the end must have been passed on, or there would be nothing that could look whole.
          await got('four')
          connection.destroy()
        },
        async (client) => {
          const response = await client.readResponse()
          t.equal(response.status, 200)
          t.equal(response.headers.get('transfer-encoding'), 'chunked')
          t.equal(response.body.toString(), body)
          t.notOk(response.whole)
          await client.closed
        }
      )
    )
  }
  await t.test('and one whose end nothing tells is not passed on at all', (t) =>
    againstScript(
      ({ reply, connection }) => {
        reply('Server: odd\r\n\r\nlooks whole')
        connection.end()
      },
      async (client) => t.equal((await client.readResponse()).status, 502)
    )
  )
})

type Scripted = Pick<UpstreamExchange, 'connection'> & { readonly reply: (text: string) => void }

/** A GET whose upstream answer is written by a script: status, ETag and mark are there, the rest is the script's. */
async function againstScript(
  answer: (exchange: Scripted, got: (text: string) => Promise<void>) => void | Promise<void>,
  use: (client: RawClient) => Promise<unknown>
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<RawClient>()
  const upstream = await RawUpstream.start((exchange) => {
    if (exchange.target.includes('tagging')) {
      exchange.answer(200, `<Tagging><TagSet><Tag><Key>service</Key><Value>${OWNER}</Value></Tag></TagSet></Tagging>`)
      return undefined
    }
    const modified = 'Last-Modified: Sun, 01 Nov 2026 10:00:00 GMT'
    exchange.reply(`HTTP/1.1 200 OK\r\nETag: "e"\r\n${modified}\r\nx-amz-meta-sluice-service: ${OWNER}\r\n`)
    const got = async (text: string): Promise<void> => {
      const client = await promise
      await until(`the client got ${text}`, () => client.received.includes(text))
    }
    return answer({ reply: (text) => exchange.reply(text), connection: exchange.connection }, got)
  })
  site.relay.target(upstream.port)
  await site.relay.mend()
  const client = await rawCall({ method: 'GET', key: 'scripted' })
  try {
    await until('the answer began', () => client.received.includes('\r\n\r\n') || client.ended)
    resolve(client)
    await use(client)
  } finally {
    client.destroy()
    site.relay.target(site.store.port)
    await site.relay.mend()
    await upstream.stop()
  }
}

t.test('a client that leaves ends what is under way for it at the upstream', async (t) => {
  await t.test('a read that has not been answered yet', async () => {
    await site.relay.mend()
    const gate = new Gate()
    const undo = site.store.faults.add({ operation: 'GetObject', action: { kind: 'hold', gate, at: 'answer' } })
    const client = await rawCall({ method: 'GET', key: 'big' })
    await gate.arrived()
    const before = site.relay.ended
    client.destroy()
    await until('its connection is gone, the answer still held', () => site.relay.ended > before)
    undo()
    gate.open()
  })
  await t.test('a read whose body flows', async (t) => {
    const { accepted } = site.relay
    const client = await rawCall({ method: 'GET', key: 'big' })
    await until('bytes came', () => client.received.length > MIB)
    client.destroy()
    await until(
      'the next requests find two connections again',
      async () => (await site.orders.send({ method: 'HEAD', key: 'big' })).status === 200
    )
    t.ok(site.relay.accepted > accepted, 'the connection that carried it was not used again')
  })
  await t.test('a body that flows: nothing is stored', async (t) => {
    const puts = site.store.requests.of('PutObject').length
    const call = await site.orders.sign({ method: 'PUT', key: 'half', flow: { source: zeroes(0), length: 4 * MIB } })
    const client = new RawClient(site.sluice.s3Port).send(textOf(call, [`content-length: ${4 * MIB}`])).send(Buffer.alloc(2 * MIB))
    await until('the upload reached the store', () => site.store.requests.of('PutObject').length === puts + 1)
    const before = site.relay.ended
    client.destroy()
    await until('the store lost its client', () => site.relay.ended > before)
    const record = site.store.requests.of('PutObject').at(-1)
    t.equal(record?.effective, false)
    t.equal(record?.bodyLength, null)
    t.notOk(site.store.objects(site.bucket).has(`${site.prefix}half`))
  })
  await t.test('a small body that was not whole: the upstream hears nothing of it', async (t) => {
    const puts = site.store.requests.of('PutObject').length
    const call = await site.orders.sign({ method: 'PUT', key: 'small', body: 'x'.repeat(1000) })
    const client = new RawClient(site.sluice.s3Port).send(textOf(call, ['content-length: 1000'])).send('x'.repeat(500))
    await new Promise((resolve) => client.socket.write('x', resolve))
    const lines = async (): Promise<number> => (await site.sluice.requestLog()).filter(({ key }) => key === 'small').length
    client.destroy()
    await until('the request is over', async () => (await lines()) === 1)
    t.equal(site.store.requests.of('PutObject').length, puts)
  })
  await t.test('but an effect that is on its way is seen through', async () => {
    const gate = new Gate()
    const undo = site.store.faults.add({ operation: 'PutObject', key: `${site.prefix}seen`, action: { kind: 'hold', gate, at: 'effect' } })
    const call = await site.orders.sign({ method: 'PUT', key: 'seen', body: 'bytes' })
    const client = new RawClient(site.sluice.s3Port).send(textOf(call, ['content-length: 5'])).send('bytes')
    await gate.arrived()
    client.destroy()
    gate.open()
    undo()
    await until('the object is there', () => site.store.objects(site.bucket).has(`${site.prefix}seen`))
  })
})

t.test('no connection to the upstream is lost to clients that leave at any moment', async (t) => {
  const clients = await Promise.all(Array.from({ length: 40 }, () => rawCall({ method: 'GET', key: 'big' })))
  // Some before anything came, some after the head, some within the body, while most of them wait for one of two connections.
  await Promise.all(
    clients.map(async (client, index) => {
      const bytes = [0, 0, 1, 100_000][index % 4] ?? 0
      if (index >= 20) await until('its turn came', () => clients.slice(0, 10).every(({ socket }) => socket.destroyed))
      if (index < 4) await until('its bytes came', () => client.received.length >= bytes)
      client.destroy()
    })
  )
  const replies = await Promise.all(Array.from({ length: 6 }, () => site.orders.send({ method: 'GET', key: 'big' })))
  for (const reply of replies) t.equal(reply.body.length, 8 * MIB)
})

t.test('100 Continue comes only to who is allowed to send', async (t) => {
  const expecting = ['expect: 100-continue', `content-length: ${2 * MIB}`]
  const flow = { source: zeroes(0), length: 2 * MIB }
  const answerTo = async (call: Call, caller = site.orders, change = (text: string): string => text): Promise<RawClient> =>
    new RawClient(site.sluice.s3Port).send(change(textOf(await caller.sign(call), expecting)))

  await t.test('it is asked for the body, and then the object is stored', async (t) => {
    const client = await answerTo({ method: 'PUT', key: 'asked', flow })
    t.match(await client.readUntil('\r\n\r\n'), /^HTTP\/1\.1 100 /)
    client.send(Buffer.alloc(2 * MIB))
    t.equal((await client.readResponse()).status, 200)
    client.destroy()
  })
  const refusals: readonly { why: string; code: string; ask: () => Promise<RawClient> }[] = [
    { why: 'the key is another service’s', code: 'AccessDenied', ask: () => answerTo({ method: 'PUT', key: 'other', flow }) },
    { why: 'the role may only read', code: 'AccessDenied', ask: () => answerTo({ method: 'PUT', key: 'asked', flow }, site.viewer) },
    {
      why: 'the signature does not match',
      code: 'SignatureDoesNotMatch',
      ask: () =>
        answerTo({ method: 'PUT', key: 'asked', flow }, site.orders, (text) =>
          text.replace(/Signature=(.)/, (_, digit: string) => `Signature=${digit === '0' ? '1' : '0'}`)
        )
    },
    {
      why: 'the key is not known',
      code: 'InvalidAccessKeyId',
      ask: () =>
        answerTo({ method: 'PUT', key: 'asked', flow }, site.orders, (text) => text.replace(/Credential=\w{8}/, 'Credential=AAAAAAAA'))
    }
  ]
  for (const { why, code, ask } of refusals) {
    await t.test(`it is refused at once where ${why}`, async (t) => {
      const puts = site.store.requests.of('PutObject').length
      const client = await ask()
      const head = await client.readUntil('\r\n\r\n')
      t.match(head, /^HTTP\/1\.1 403 /)
      t.match(head, /\r\nconnection: close\r\n/i)
      t.match(await client.readToEnd(), `<Code>${code}</Code>`)
      t.equal(site.store.requests.of('PutObject').length, puts)
    })
  }
})
