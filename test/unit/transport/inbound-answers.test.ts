import t from 'tap'
import type { InboundRequest } from '../../../proxy/transport/inbound.ts'
import type { Answer, Sent } from '../../../proxy/transport/transport.ts'
import { ChunkSource, collect, HandSource, startInbound, until } from './rig.ts'

const GET = 'GET /b/k HTTP/1.1\r\nHost: s3.test\r\n\r\n'
const HEAD = 'HEAD /b/k HTTP/1.1\r\nHost: s3.test\r\n\r\n'
const put = (length: number): string => `PUT /b/k HTTP/1.1\r\nHost: s3.test\r\nContent-Length: ${length}\r\n\r\n`

t.test('an answer is framed by what its body is', async (t) => {
  const CASES: { why: string; request: string; answer: () => Answer; length?: string; chunked?: boolean; body: string }[] = [
    { why: 'bytes', request: GET, answer: () => ({ status: 200, rawHeaders: [], body: Buffer.from('hello') }), length: '5', body: 'hello' },
    { why: 'no body', request: GET, answer: () => ({ status: 200, rawHeaders: [], body: null }), length: '0', body: '' },
    { why: 'no bytes', request: GET, answer: () => ({ status: 200, rawHeaders: [], body: new Uint8Array(0) }), length: '0', body: '' },
    { why: 'a flow of known length', request: GET, answer: () => flow(['he', 'llo']), length: '5', body: 'hello' },
    { why: 'an empty flow', request: GET, answer: () => flow([]), length: '0', body: '' },
    { why: 'a flow of unknown length', request: GET, answer: () => flow(['he', 'llo'], null), chunked: true, body: 'hello' },
    { why: 'an empty flow of unknown length', request: GET, answer: () => flow([], null), chunked: true, body: '' },
    { why: '204', request: GET, answer: () => ({ status: 204, rawHeaders: [], body: null }), body: '' },
    { why: '304', request: GET, answer: () => ({ status: 304, rawHeaders: ['Content-Length', '5'], body: null }), body: '' },
    {
      why: 'HEAD keeps the length',
      request: HEAD,
      answer: () => ({ status: 200, rawHeaders: ['Content-Length', '5'], body: null }),
      length: '5',
      body: ''
    },
    {
      why: 'HEAD with an error document',
      request: HEAD,
      answer: () => ({ status: 404, rawHeaders: [], body: Buffer.from('x') }),
      body: ''
    },
    {
      why: 'HEAD with an empty flow',
      request: HEAD,
      answer: () => ({ ...flow([]), rawHeaders: ['content-length', '5'] }),
      length: '5',
      body: ''
    },
    {
      why: 'framing in the headers is not believed',
      request: GET,
      answer: () => ({
        status: 200,
        rawHeaders: [
          'Content-Length',
          '7',
          'Transfer-Encoding',
          'chunked',
          'Connection',
          'x-amz-a',
          'Keep-Alive',
          'timeout=1',
          'x-amz-a',
          '1'
        ],
        body: Buffer.from('hello')
      }),
      length: '5',
      body: 'hello'
    }
  ]
  for (const { why, request, answer, length, chunked, body } of CASES) {
    const sent: Promise<Sent>[] = []
    const { connect } = await startInbound(t, (incoming) => void sent.push(incoming.answer(answer())))
    const client = connect()
    for (let i = 0; i < 2; i += 1) {
      const response = await client.send(request).readResponse({ bodiless: request === HEAD })
      t.equal(response.headers.get('content-length'), length, why)
      t.equal(response.headers.get('transfer-encoding'), chunked === true ? 'chunked' : undefined, why)
      t.equal(String(response.body), body, why)
      t.equal(response.headers.get('connection'), 'keep-alive', `${why}: the connection is kept`)
      t.match(response.headers.get('date'), / GMT$/, `${why}: SDKs correct their clock by the date`)
      t.strictSame(await sent[i], { complete: true, bytesSent: body.length }, why)
    }
  }
})

t.test('the headers of an answer leave byte for byte, in order, with their duplicates', async (t) => {
  const utf8 = Buffer.from('grüße', 'utf8').toString('latin1')
  const rawHeaders = [
    'X-Amz-Meta-A',
    utf8,
    'x-amz-meta-b',
    '\xe9',
    'Set-Cookie',
    'a',
    'x',
    '1',
    'Set-Cookie',
    'b',
    'Date',
    'Mon, 01 Jan 2024 00:00:00 GMT'
  ]
  const { connect } = await startInbound(t, (incoming) => void incoming.answer({ status: 200, rawHeaders, body: null }))
  const response = await connect().send(GET).readResponse()
  t.strictSame(response.rawHeaders.slice(0, rawHeaders.length), rawHeaders)
  t.equal(response.rawHeaders.filter((name) => name.toLowerCase() === 'date').length, 1)
})

t.test('a head that HTTP does not allow is not sent, and another answer can be', async (t) => {
  const CASES = [
    ['x', 'a\r\nb: c'],
    ['x', 'ā'],
    ['x y', '1'],
    ['', '1']
  ]
  for (const rawHeaders of CASES) {
    const failures: unknown[] = []
    const { connect } = await startInbound(t, (incoming) => {
      incoming.answer({ status: 200, rawHeaders, body: Buffer.from('x') }).catch((error: unknown) => {
        failures.push(error)
        t.equal(incoming.headSent, false)
        void incoming.answer({ status: 500, rawHeaders: [], body: Buffer.from('fault') })
      })
    })
    const response = await connect()
      .send(`${GET.slice(0, -2)}Connection: close\r\n\r\n`)
      .readToEnd()
    t.match(response, /^HTTP\/1.1 500 Internal Server Error\r\n/, JSON.stringify(rawHeaders))
    t.ok(failures.length > 0)
  }
})

t.test('a flow that breaks off cuts the connection, so that its body never looks whole', async (t) => {
  const cause = new Error('the upstream went away')
  const CASES = [
    { why: 'known length, midway', source: () => new ChunkSource(['hel'], { length: 5, error: cause }) },
    { why: 'known length, before the first byte', source: () => new ChunkSource([], { length: 5, error: cause }) },
    { why: 'unknown length, midway', source: () => new ChunkSource(['hel'], { length: null, error: cause }) },
    { why: 'unknown length, before the first byte', source: () => new ChunkSource([], { length: null, error: cause }) },
    { why: 'a large chunk', source: () => new ChunkSource([Buffer.alloc(100_000)], { length: 200_000, error: cause }) },
    { why: 'ends too early', source: () => new ChunkSource(['hel'], { length: 5 }) },
    { why: 'is too long', source: () => new ChunkSource(['hel', 'lo!'], { length: 5 }) }
  ]
  for (const { why, source } of CASES) {
    const sent: Promise<Sent>[] = []
    const { connect, seen } = await startInbound(
      t,
      (incoming) => void sent.push(incoming.answer({ status: 200, rawHeaders: [], body: source() }))
    )
    const client = connect().send(GET)
    const whole = await client.readResponse().then(
      (response) => response.whole,
      () => false
    )
    t.notOk(whole, why)
    await client.closed
    t.match(await sent[0], { complete: false }, why)
    t.ok(seen[0]?.failure, why)
    await until(() => seen[0]?.gone === true)
  }
})

t.test('an answer that comes while the client still sends can be read, and the connection ends', async (t) => {
  const sizes = [10, 1_000_000, 50_000_000]
  const bodies: (() => Answer['body'])[] = [() => Buffer.from('denied'), () => null, () => new ChunkSource(['den', 'ied'])]
  for (const size of sizes) {
    for (const body of bodies) {
      const sent: Promise<Sent>[] = []
      const { connect, seen } = await startInbound(
        t,
        (incoming) => void sent.push(incoming.answer({ status: 403, rawHeaders: [], body: body() }))
      )
      const client = connect().send(put(size)).send(Buffer.alloc(size))
      const response = await client.readResponse()
      t.equal(response.status, 403, `${size} bytes`)
      t.equal(response.headers.get('connection'), 'close')
      t.equal(response.whole, true)
      t.match(await sent[0], { complete: true })
      await client.closed
      const [request] = seen
      t.ok((request?.bytesReceived ?? 0) <= 64 * 1024 + 65_536, `${request?.bytesReceived} of ${size} bytes were read`)
    }
  }
})

t.test('an unread body keeps its connection open for a while and no longer', async (t) => {
  const { connect, inbound } = await startInbound(
    t,
    (incoming) => void incoming.answer({ status: 403, rawHeaders: [], body: Buffer.from('no') }),
    {
      timeouts: { lingerMs: 20 }
    }
  )
  const client = connect().send(put(100))
  await client.readToEnd()
  client.socket.end()
  await client.closed
  await until(() => inbound.connections === 0)
  t.pass()
})

t.test('a body that was begun and not read to its end closes the connection', async (t) => {
  const { connect, seen } = await startInbound(t, (incoming) => {
    let first = true
    incoming.body?.start({
      write: () => {
        if (first) void incoming.answer({ status: 400, rawHeaders: [], body: Buffer.from('bad') })
        else t.fail('the sink of a body that was answered over gets nothing more')
        first = false
        return true
      },
      end: () => t.fail('nor its end'),
      fail: () => t.fail('nor a failure')
    })
  })
  const client = connect().send(put(10)).send('hello')
  const response = await client.readResponse()
  t.equal(response.headers.get('connection'), 'close')
  client.send('world')
  await client.readToEnd()
  t.equal(seen.length, 1)
})

t.test('an answer waits for a client that does not read', async (t) => {
  const size = 64 * 1024 * 1024
  const source = new ChunkSource(Array.from({ length: size / 65_536 }, () => Buffer.alloc(65_536, 'x')))
  const small = new ChunkSource(Array.from({ length: size / 8192 }, () => Buffer.alloc(8192, 'x')))
  for (const body of [source, small]) {
    const sent: Promise<Sent>[] = []
    const { connect } = await startInbound(t, (incoming) => void sent.push(incoming.answer({ status: 200, rawHeaders: [], body })))
    const client = connect().send(GET)
    client.socket.pause()
    let same = 0
    for (let last = -1; same < 200;) {
      await new Promise((resolve) => setImmediate(resolve))
      same = body.given === last ? same + 1 : 0
      last = body.given
    }
    t.ok(body.given > 0 && body.given < size / 4, `${body.given} bytes were taken from the source`)
    let received = 0
    let lent = false
    client.socket.removeAllListeners('data')
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      lent ||= chunk.includes('!!!!')
    })
    client.socket.resume()
    t.strictSame(await sent[0], { complete: true, bytesSent: size })
    await until(() => received > size)
    t.notOk(lent, 'no byte was kept after it was let go')
  }
})

t.test('a client that takes nothing for too long is given up', async (t) => {
  const CASES = [new ChunkSource(Array.from({ length: 1024 }, () => Buffer.alloc(65_536))), Buffer.alloc(64 * 1024 * 1024)]
  for (const body of CASES) {
    const sent: Promise<Sent>[] = []
    const { connect, seen } = await startInbound(t, (incoming) => void sent.push(incoming.answer({ status: 200, rawHeaders: [], body })), {
      timeouts: { idleBodyMs: 50 }
    })
    const client = connect().send(GET)
    client.socket.pause()
    await until(() => sent.length > 0)
    t.match(await sent[0], { complete: false })
    t.match(seen[0]?.failure?.message, /took no byte/)
    if (body instanceof ChunkSource) t.ok(body.cancelled)
  }
})

t.test('a client that goes away ends the flow to it', async (t) => {
  const sources: HandSource[] = []
  const sent: Promise<Sent>[] = []
  const { connect, seen } = await startInbound(t, (incoming) => {
    const body = new HandSource(null)
    sources.push(body)
    sent.push(incoming.answer({ status: 200, rawHeaders: [], body }))
  })
  const client = connect().send(GET)
  await until(() => typeof sources[0]?.sink?.write === 'function')
  sources[0]?.sink?.write(Buffer.from('hello'))
  await client.readUntil('hello')
  client.destroy()
  t.match(await sent[0], { complete: false, bytesSent: 5 })
  t.ok(sources[0]?.cancelled)
  t.equal(sources[0]?.sink?.write(Buffer.from('more')), false)
  t.equal(seen[0]?.gone, true)
})

t.test('pipelined requests are answered in their order', async (t) => {
  const { connect, seen } = await startInbound(t, () => {})
  const client = connect().send(GET.replace('/b/k', '/b/1') + GET.replace('/b/k', '/b/2'))
  await until(() => seen.length === 2)
  const second = seen[1]?.answer({ status: 200, rawHeaders: [], body: new ChunkSource(['two']) })
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(client.received, '')
  const first = seen[0]?.answer({ status: 200, rawHeaders: [], body: new ChunkSource(['one']) })
  t.equal(String((await client.readResponse()).body), 'one')
  t.equal(String((await client.readResponse()).body), 'two')
  t.match(await first, { complete: true })
  t.match(await second, { complete: true })
})

t.test('a client that goes away ends every request it pipelined', async (t) => {
  const { connect, seen } = await startInbound(t, () => {})
  const client = connect().send(GET + GET + GET)
  await until(() => seen.length === 3)
  const body = new HandSource(null)
  const sent = seen[1]?.answer({ status: 200, rawHeaders: [], body })
  const gone: number[] = []
  seen.forEach((request, index) => request.onGone(() => gone.push(index)))
  client.destroy()
  t.match(await sent, { complete: false })
  t.ok(body.cancelled)
  t.strictSame(gone, [0, 1, 2])
})

t.test('what follows an answer that closes its connection is not served', async (t) => {
  const { connect, seen } = await startInbound(
    t,
    (incoming) => void incoming.answer({ status: 403, rawHeaders: [], body: Buffer.from('no') })
  )
  const text = await connect()
    .send(`${put(5)}hello${GET}`)
    .readToEnd()
  t.equal(text.match(/^HTTP/gm)?.length, 1)
  t.equal(seen.length, 1)
})

t.test('nobody is told that the client is gone once it has its answer', async (t) => {
  const { connect, seen } = await startInbound(
    t,
    (incoming) => void incoming.answer({ status: 200, rawHeaders: [], body: Buffer.from('ok') })
  )
  let gone = 0
  const client = connect()
  client.send(GET)
  await until(() => seen.length === 1)
  seen[0]?.onGone(() => (gone += 1))
  await client.readResponse()
  client.destroy()
  await until(() => seen[0]?.gone === true)
  t.equal(gone, 0)
})

t.test('a draining listener closes connections with their answers', async (t) => {
  const pending: InboundRequest[] = []
  const { connect, inbound } = await startInbound(t, (incoming) => {
    if (incoming.head.rawTarget === '/wait') pending.push(incoming)
    else void incoming.answer({ status: 200, rawHeaders: [], body: Buffer.from('ok') })
  })
  const idle = connect().send(GET)
  await idle.readResponse()
  const busy = connect().send(GET.replace('/b/k', '/wait'))
  const begun = connect().send(GET.replace('/b/k', '/wait'))
  await until(() => pending.length === 2)
  const flow = new HandSource(null)
  const flowing = pending[1]?.answer({ status: 200, rawHeaders: [], body: flow })
  await flow.started
  flow.sink?.write(Buffer.from('x'))
  await begun.readUntil('\r\n\r\n')

  inbound.drain()
  const answered = await idle.send(GET).readResponse()
  t.equal(answered.headers.get('connection'), 'close', 'a request that still comes is answered')
  t.equal(await idle.readToEnd(), '')
  t.equal((await connect().send(GET).readResponse()).headers.get('connection'), 'close', 'new connections are still accepted')

  const closed = inbound.close()
  void pending[0]?.answer({ status: 200, rawHeaders: [], body: Buffer.from('late') })
  t.equal(String((await busy.readResponse()).body), 'late', 'requests under way come to their end')
  flow.sink?.end()
  t.match(await flowing, { complete: true })
  await closed
  t.equal(inbound.connections, 0)
})

t.test('a body in memory that nobody reads to its end is told from one that is', async (t) => {
  const { connect } = await startInbound(t, (incoming) => {
    if (incoming.body === null) void incoming.answer({ status: 200, rawHeaders: [], body: null })
    else void collect(incoming.body).then(({ bytes }) => incoming.answer({ status: 200, rawHeaders: [], body: bytes }))
  })
  const client = connect()
  t.equal(String((await client.send(`${put(5)}hello`).readResponse()).body), 'hello')
  t.equal((await client.send(GET).readResponse()).status, 200)
})

function flow(chunks: readonly string[], length?: null): Answer {
  return { status: 200, rawHeaders: [], body: new ChunkSource(chunks, length === null ? { length } : {}) }
}

t.test('a connection that is cut delivers nothing more, not even what stands in the buffers', async (t) => {
  const source = new HandSource(null)
  const { connect, seen } = await startInbound(t, (request) => void request.answer({ status: 200, rawHeaders: [], body: source }))
  const client = connect()
  client.socket.pause()
  client.send(GET)
  await source.started
  source.sink?.write(Buffer.alloc(32 * 1024 * 1024))
  await new Promise((resolve) => setTimeout(resolve, 100))
  const error = new Promise((resolve) => client.socket.once('error', resolve))
  seen[0]?.cut()
  client.socket.resume()
  t.match(await error, { code: 'ECONNRESET' })
  t.ok(client.received.length < 16 * 1024 * 1024)
  t.ok(seen[0]?.gone)
  t.match(source.cancelled, { message: 'the client is gone' })
})

t.test('a connection that is idle for too long is closed, and one in use is not', async (t) => {
  const { connect, inbound } = await startInbound(t, (incoming) => void incoming.answer({ status: 200, rawHeaders: [], body: null }), {
    timeouts: { keepAliveMs: 200 }
  })
  const [idle, used] = [connect(), connect()]
  const first = await idle.send(GET).readResponse()
  t.equal(first.headers.get('keep-alive'), 'timeout=0')
  for (let i = 0; i < 12; i += 1) {
    await used.send(GET).readResponse()
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
  await until(() => inbound.connections === 1)
  t.equal((await used.send(GET).readResponse()).status, 200)
})
