import t, { type Test } from 'tap'
import type { AccessRecord } from '../../../proxy/observe/access-record.ts'
import { createRequestServer, type RequestServerDependencies } from '../../../proxy/server.ts'
import { INBOUND_LIMITS, INBOUND_TIMEOUTS } from '../../../proxy/transport/inbound.ts'
import { createNodeInbound } from '../../../proxy/transport/inbound-node.ts'
import { whenGone, type Answer, type Incoming, type UpstreamFault } from '../../../proxy/transport/transport.ts'
import { RawClient, type Script } from '../../helpers/raw-http.ts'
import { HandSource, startUpstream, until } from './rig.ts'

const GET = 'GET /b/k HTTP/1.1\r\nHost: s3.test\r\nUser-Agent: test\r\n\r\n'
const put = (length: number): string => `PUT /b/k HTTP/1.1\r\nHost: s3.test\r\nContent-Length: ${length}\r\n\r\n`

class Refused extends Error {
  readonly status: number
  constructor(status: number) {
    super(`refused with ${status}`)
    this.status = status
  }
}

async function startServer(t: Test, handle: RequestServerDependencies['handle'], changes: Partial<RequestServerDependencies> = {}) {
  const records: AccessRecord[] = []
  const faults: unknown[] = []
  const counts = { started: 0, done: 0, refused: 0 }
  const events: string[] = []
  let ms = 0
  const server = createRequestServer({
    inbound: (handlers) => createNodeInbound({ limits: INBOUND_LIMITS, timeouts: { ...INBOUND_TIMEOUTS, lingerMs: 20 } }, handlers),
    handle,
    answerError: (error, { record }) => {
      const status = error instanceof Refused ? error.status : 500
      record.errorCode = status === 500 ? 'InternalError' : 'Refused'
      record.reason = String(error)
      return { status, rawHeaders: ['x-amz-request-id', record.requestId], body: Buffer.from(record.errorCode) }
    },
    overloaded: (reason) => new Refused(reason === 'closing' ? 503 : 429),
    log: {
      request: (record) => records.push(record),
      fault: (error) => faults.push(error),
      event: (_level, message) => events.push(message)
    },
    metrics: { requestStarted: () => (counts.started += 1), requestDone: () => (counts.done += 1), refused: () => (counts.refused += 1) },
    now: () => new Date(Date.UTC(2026, 0, 1)),
    monotonicMs: () => (ms += 5),
    randomBytes: (count) => Buffer.alloc(count, 0xab),
    limits: { requestsMax: 100 },
    drain: { closeAfterMs: 0, drainTimeoutMs: 5_000 },
    ...changes
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const clients: RawClient[] = []
  t.teardown(async () => {
    for (const client of clients) client.destroy()
    void server.stop()
    await server.stop()
  })
  const connect = (): RawClient => {
    const client = new RawClient(port)
    clients.push(client)
    return client
  }
  return { server, connect, records, faults, counts, events }
}

/** A proxy that passes everything on, as the stages do it: the request's body, the answer's body, and the client's going. */
async function startProxy(t: Test, script: Script, changes: Partial<RequestServerDependencies> = {}) {
  const { upstream, client, request } = await startUpstream(t, script)
  const faults: UpstreamFault[] = []
  const pass = async (incoming: Incoming): Promise<Answer> => {
    try {
      const { method, rawTarget } = incoming.head
      const body = incoming.body
      return await client.send(request({ method, rawTarget, body, bodyLength: body?.length ?? 0 }), whenGone(incoming))
    } catch (fault) {
      faults.push(fault as UpstreamFault)
      throw fault
    }
  }
  return { upstream, passFaults: faults, ...(await startServer(t, pass, changes)) }
}

t.test('a request is answered, written down once and counted', async (t) => {
  const { connect, records, counts } = await startServer(t, (_incoming, record) => {
    record.operation = 'GetObject'
    return { status: 200, rawHeaders: [], body: Buffer.from('hello') }
  })
  t.equal(String((await connect().send(GET).readResponse()).body), 'hello')
  await until(() => records.length === 1)
  t.match(records[0], {
    requestId: 'ABABABABABABABAB',
    startedAt: new Date(Date.UTC(2026, 0, 1)),
    method: 'GET',
    operation: 'GetObject',
    status: 200,
    bytesIn: 0,
    bytesOut: 5,
    timeToFirstByteMs: 5,
    durationMs: 10,
    userAgent: 'test',
    remoteAddress: '127.0.0.1',
    complete: true
  })
  t.match(counts, { started: 1, done: 1 })
})

t.test('whatever is thrown becomes an answer, and only faults are logged as faults', async (t) => {
  const CASES = [
    { why: 'a refusal', thrown: new Refused(403), status: 403, faults: 0 },
    { why: 'a fault', thrown: new Error('disk'), status: 500, faults: 1 },
    { why: 'something that is no error', thrown: 'text', status: 500, faults: 1 }
  ]
  for (const { why, thrown, status, faults: count } of CASES) {
    for (const later of [false, true]) {
      const { connect, records, faults } = await startServer(t, (_incoming, record) => {
        record.subject = 'known'
        if (later) return Promise.reject(thrown)
        throw thrown
      })
      const response = await connect().send(GET).readResponse()
      t.equal(response.status, status, why)
      await until(() => records.length === 1)
      t.match(records[0], { status, subject: 'known', complete: true, bytesOut: response.body.length }, 'the record says how far it came')
      t.equal(faults.length, count, why)
    }
  }
})

t.test('an answer whose head HTTP does not allow is a fault, and its flow is given up', async (t) => {
  const body = new HandSource(5)
  const { connect, faults } = await startServer(t, () => ({ status: 200, rawHeaders: ['x', 'a\r\nb: c'], body }))
  const response = await connect().send(GET).readResponse()
  t.equal(response.status, 500)
  t.equal(response.headers.get('b'), undefined)
  t.ok(body.cancelled)
  t.equal(faults.length, 1)
})

t.test('where even the error cannot be answered, the connection ends', async (t) => {
  const { connect, records, faults } = await startServer(
    t,
    () => {
      throw new Error('first')
    },
    {
      answerError: () => {
        throw new Error('second')
      }
    }
  )
  t.equal(await connect().send(GET).readToEnd(), '')
  await until(() => records.length === 1)
  t.match(faults, [{ message: 'second' }])
  t.match(records[0], { status: 500, complete: false })
})

t.test('requests over the limit are refused without being handled', async (t) => {
  let handled = 0
  const waiting: (() => void)[] = []
  const { connect, server } = await startServer(
    t,
    () => {
      handled += 1
      return new Promise((resolve) => waiting.push(() => resolve({ status: 200, rawHeaders: [], body: null })))
    },
    { limits: { requestsMax: 1 } }
  )
  const first = connect().send(GET)
  await until(() => handled === 1)
  t.equal((await connect().send(GET).readResponse()).status, 429)
  t.equal(handled, 1)
  t.equal(server.requestsUnderWay, 1)
  waiting[0]?.()
  t.equal((await first.readResponse()).status, 200)
})

t.test('bytes go through unchanged in both directions', async (t) => {
  const big = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 31) % 251))
  const { connect, records } = await startProxy(t, async (exchange) => {
    if (!(await exchange.wholeBody)) return
    exchange.reply(`HTTP/1.1 200 OK\r\nContent-Length: ${exchange.bodyBytes}\r\n\r\n`)
    exchange.reply(exchange.body)
  })
  const response = await connect().send(put(big.length)).send(big).readResponse()
  t.ok(response.body.equals(big))
  await until(() => records.length === 1)
  t.match(records[0], { bytesIn: big.length, bytesOut: big.length, complete: true })
})

t.test('a client that goes away gives up the upstream request, wherever it stands', async (t) => {
  const CASES = [
    { why: 'waiting for the answer', request: GET, script: () => {}, reached: () => true },
    { why: 'sending the body', request: `${put(10)}hello`, script: () => {}, reached: () => true },
    {
      why: 'reading the answer',
      request: GET,
      script: (exchange: Parameters<Script>[0]) => exchange.reply('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
      reached: (client: RawClient) => client.received.includes('hello')
    }
  ]
  for (const { why, request, script, reached } of CASES) {
    const { connect, upstream, records } = await startProxy(t, script)
    const client = connect().send(request)
    await upstream.seen(1)
    await until(() => reached(client))
    client.destroy()
    await upstream.exchanges[0]?.closed
    await until(() => records.length === 1)
    t.match(records[0], { complete: false }, why)
    t.notOk(request !== GET && upstream.exchanges[0]?.whole, `${why}: no complete body at the upstream`)
  }
})

t.test('a client that left before its answer is written down as gone and not as a fault', async (t) => {
  const { connect, upstream, records, faults } = await startProxy(t, () => {})
  const client = connect().send(GET)
  await upstream.seen(1)
  client.destroy()
  await until(() => records.length === 1)
  t.match(records[0], { status: 499, complete: false, bytesOut: 0 })
  t.equal(faults.length, 0)
})

t.test('an upstream that goes away in the middle of an answer takes the client connection with it', async (t) => {
  const CASES = [
    { why: 'known length', head: 'Content-Length: 10\r\n\r\n', part: 'hello' },
    { why: 'chunked', head: 'Transfer-Encoding: chunked\r\n\r\n', part: '5\r\nhello\r\n' },
    { why: 'known length, no byte', head: 'Content-Length: 10\r\n\r\n', part: '' }
  ]
  for (const { why, head, part } of CASES) {
    for (const way of ['end', 'resetAndDestroy'] as const) {
      const { connect, records } = await startProxy(t, ({ connection }) => {
        connection.write(`HTTP/1.1 200 OK\r\n${head}${part}`)
        setTimeout(() => connection[way](), 5)
      })
      const client = connect().send(GET)
      const whole = await client.readResponse().then(
        (response) => response.whole,
        () => false
      )
      t.notOk(whole, `${why}, ${way}`)
      await client.closed
      await until(() => records.length === 1)
      t.match(records[0], { complete: false, reason: /./ }, `${why}, ${way}`)
    }
  }
})

t.test('an answer that comes before the client has sent its body reaches the client', async (t) => {
  const { connect, upstream } = await startProxy(t, (exchange) => exchange.answer(412, 'no'))
  const size = 20_000_000
  const client = connect().send(put(size)).send(Buffer.alloc(size))
  const response = await client.readResponse()
  t.equal(response.status, 412)
  t.equal(response.headers.get('connection'), 'close')
  t.equal(String(response.body), 'no')
  t.notOk(upstream.exchanges[0]?.whole)
})

t.test('clients that leave while their requests wait for a connection do not wedge the proxy', async (t) => {
  const { upstream, client, request } = await startUpstream(t, () => {}, { connectionsMax: 2 })
  const { connect, records } = await startServer(t, (incoming) => client.send(request(), whenGone(incoming)))
  const clients = Array.from({ length: 12 }, () => connect().send(GET))
  await upstream.seen(2)
  await until(() => clients.every((one) => one.socket.bytesWritten > 0))
  for (const one of clients) one.destroy()
  await until(() => records.length === 12)
  upstream.script = (exchange) => exchange.answer(200, 'ok')
  for (const { connection } of upstream.exchanges) connection.destroy()
  const later = connect()
  for (let i = 0; i < 5; i += 1) t.equal((await later.send(GET).readResponse()).status, 200)
})

t.test('what is held for a slow reader is bounded', async (t) => {
  const size = 64 * 1024 * 1024
  let pumped = 0
  const { connect, upstream, records } = await startProxy(t, ({ connection }) => {
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const chunk = Buffer.alloc(65_536)
    const pump = (): void => {
      for (let more = true; more && pumped < size; pumped += chunk.length) more = connection.write(chunk)
      if (pumped < size) connection.once('drain', pump)
    }
    pump()
  })
  const client = connect()
  client.socket.pause()
  client.send(GET)
  await upstream.seen(1)
  let same = 0
  for (let last = -1; same < 300;) {
    await new Promise((resolve) => setImmediate(resolve))
    same = pumped === last ? same + 1 : 0
    last = pumped
  }
  t.ok(pumped < size / 2, `the upstream could send ${pumped} bytes, most of them into the buffers of the kernel`)
  let received = 0
  client.socket.removeAllListeners('data')
  client.socket.on('data', (chunk: Buffer) => (received += chunk.length))
  client.socket.resume()
  await until(() => records.length === 1)
  t.match(records[0], { bytesOut: size, complete: true })
  await until(() => received > size)
})

t.test('stopping', async (t) => {
  await t.test('lets requests under way come to their end', async (t) => {
    let release: () => void = () => {}
    const { server, connect, events } = await startServer(
      t,
      () => new Promise((resolve) => (release = () => resolve({ status: 200, rawHeaders: [], body: Buffer.from('late') })))
    )
    const client = connect().send(GET)
    await until(() => server.requestsUnderWay === 1)
    t.equal(server.accepting, true)
    const stopped = server.stop()
    t.equal(server.accepting, false, 'readiness turns off first')
    release()
    const response = await client.readResponse()
    t.equal(String(response.body), 'late')
    t.equal(response.headers.get('connection'), 'close')
    t.equal(await stopped, 0)
    t.strictSame(events, ['draining'])
  })

  await t.test('still serves what comes until the listener closes', async (t) => {
    const { server, connect } = await startServer(t, () => ({ status: 200, rawHeaders: [], body: null }), {
      drain: { closeAfterMs: 200, drainTimeoutMs: 5_000 }
    })
    const stopped = server.stop()
    const response = await connect().send(GET).readResponse()
    t.equal(response.status, 200)
    t.equal(response.headers.get('connection'), 'close')
    t.equal(await stopped, 0)
  })

  await t.test('destroys what takes too long on both sides', async (t) => {
    const { server, connect, upstream, events } = await startProxy(t, () => {}, { drain: { closeAfterMs: 0, drainTimeoutMs: 20 } })
    const client = connect().send(`${put(10)}hello`)
    await upstream.seen(1)
    t.equal(await server.stop(), 1)
    await client.closed
    await upstream.exchanges[0]?.closed
    t.notOk(upstream.exchanges[0]?.whole)
    t.equal(events.length, 2)
  })

  await t.test('a second time destroys at once', async (t) => {
    const { server, connect, upstream } = await startProxy(t, () => {}, { drain: { closeAfterMs: 60_000, drainTimeoutMs: 60_000 } })
    connect().send(GET)
    await upstream.seen(1)
    const first = server.stop()
    t.equal(await server.stop(), 1)
    t.equal(await first, 1)
  })
})
