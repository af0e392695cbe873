import t from 'tap'
import type { InboundRequest } from '../../../proxy/transport/inbound.ts'
import { ClientBodyFault } from '../../../proxy/transport/transport.ts'
import { collect, HandSource, startInbound, until, type Collected } from './rig.ts'

const answer200 = (request: InboundRequest): void => void request.answer({ status: 200, rawHeaders: [], body: Buffer.from('ok') })
const HOST = 'Host: s3.test\r\n'

t.test('bytes that two readers could understand differently are refused before any handler', async (t) => {
  const CASES = [
    { why: 'two lengths', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`, status: 400 },
    { why: 'two different lengths', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 5\r\ncontent-length: 6\r\n\r\n`, status: 400 },
    { why: 'a list of lengths', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 5, 5\r\n\r\n`, status: 400 },
    { why: 'a signed length', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\n`, status: 400 },
    { why: 'a negative length', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: -5\r\n\r\n`, status: 400 },
    { why: 'a hexadecimal length', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 0x5\r\n\r\n`, status: 400 },
    { why: 'an empty length', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: \r\n\r\n`, status: 400 },
    { why: 'a length beyond counting', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 9007199254740993\r\n\r\n`, status: 400 },
    { why: 'a length beyond 64 bits', head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\n`, status: 400 },
    {
      why: 'length and chunks',
      head: `PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      status: 400
    },
    {
      why: 'chunks and length',
      head: `PUT /b/k HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
      status: 400
    },
    { why: 'chunked is not last', head: `PUT /b/k HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, status: 400 },
    { why: 'not quite chunked', head: `PUT /b/k HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, status: 501 },
    { why: 'another coding first', head: `PUT /b/k HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, status: 501 },
    {
      why: 'two transfer codings',
      head: `PUT /b/k HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      status: 400
    },
    { why: 'a space before the colon', head: `GET /b/k HTTP/1.1\r\nHost : s3.test\r\n\r\n`, status: 400 },
    { why: 'a folded header', head: `GET /b/k HTTP/1.1\r\n${HOST}x-amz-a: 1\r\n 2\r\n\r\n`, status: 400 },
    { why: 'a bare line feed', head: `GET /b/k HTTP/1.1\r\n${HOST}x-amz-a: 1\nx-amz-b: 2\r\n\r\n`, status: 400 },
    { why: 'a bare carriage return', head: `GET /b/k HTTP/1.1\r\n${HOST}x-amz-a: 1\rx-amz-b: 2\r\n\r\n`, status: 400 },
    { why: 'a NUL in a header', head: `GET /b/k HTTP/1.1\r\n${HOST}x-amz-a: 1\x002\r\n\r\n`, status: 400 },
    { why: 'a header without name', head: `GET /b/k HTTP/1.1\r\n${HOST}: 1\r\n\r\n`, status: 400 },
    { why: 'a space in the target', head: `GET /b/k k HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
    { why: 'a raw byte above 0x7f in the target', head: `GET /b/\xe9 HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
    { why: 'no such method', head: `GETT /b/k HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
    { why: 'two Hosts', head: `GET /b/k HTTP/1.1\r\n${HOST}Host: other.test\r\n\r\n`, status: 400 },
    { why: 'two equal Hosts', head: `GET /b/k HTTP/1.1\r\n${HOST}host: s3.test\r\n\r\n`, status: 400 },
    { why: 'no Host', head: 'GET /b/k HTTP/1.1\r\n\r\n', status: 400 },
    { why: 'two Authorizations', head: `GET /b/k HTTP/1.1\r\n${HOST}Authorization: a\r\nAUTHORIZATION: b\r\n\r\n`, status: 400 },
    { why: 'HTTP/1.0', head: `GET /b/k HTTP/1.0\r\n${HOST}\r\n`, status: 505 },
    { why: 'HTTP/0.9', head: 'GET /b/k\r\n\r\n', status: 505 },
    { why: 'HTTP/2 by prior knowledge', head: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
    { why: 'CONNECT', head: `CONNECT other.test:443 HTTP/1.1\r\n${HOST}\r\n`, status: 405 },
    { why: 'TLS', head: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', status: 400 }
  ]
  const { connect, seen, refused } = await startInbound(t, answer200)
  for (const { why, head, status } of CASES) {
    const before = refused.length
    // Had it been understood as one request with less of a body, this would be answered as a second one.
    const text = await connect().send(`${head}GET /b/smuggled HTTP/1.1\r\n${HOST}\r\n`).readToEnd()
    t.match(text, new RegExp(`^HTTP/1.1 ${status} `), why)
    t.equal(text.match(/^HTTP/gm)?.length, 1, `${why}: one answer, and the connection ends`)
    t.match(text, /<Error><Code>\w+<\/Code>/, `${why}: as an S3 error`)
    t.equal(refused.length, before + 1, `${why}: counted`)
  }
  t.equal(seen.length, 0, 'no handler saw any of them')
})

t.test('a chunked body that is not well-formed is refused, and nothing after it is read as a request', async (t) => {
  const CASES = [
    { why: 'a size that is no number', body: 'zz\r\nhello\r\n0\r\n\r\n' },
    { why: 'a chunk longer than its size', body: '3\r\nhello\r\n0\r\n\r\n' },
    { why: 'a size beyond 64 bits', body: 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n' },
    { why: 'a size with a sign', body: '+5\r\nhello\r\n0\r\n\r\n' },
    { why: 'a size ended by a bare line feed', body: '5\nhello\r\n0\r\n\r\n' }
  ]
  for (const { why, body } of CASES) {
    const bodies: Collected[] = []
    const { connect, seen } = await startInbound(t, (request) => {
      if (request.body !== null) void collect(request.body).then((collected) => bodies.push(collected))
    })
    const client = connect().send(
      `PUT /b/k HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}GET /b/smuggled HTTP/1.1\r\n${HOST}\r\n`
    )
    t.match(await client.readToEnd(), /^HTTP\/1.1 400 /, why)
    t.equal(seen.length, 1, why)
    await until(() => bodies.length === 1)
    t.ok(bodies[0]?.error, `${why}: the body did not come to its end`)
  }
})

t.test('bytes that are no request do not answer an earlier one', async (t) => {
  const { connect, seen } = await startInbound(t, () => {})
  const client = connect().send(`GET /b/a HTTP/1.1\r\n${HOST}\r\n`)
  await until(() => seen.length === 1)
  client.send('not http\r\n\r\n')
  t.equal(await client.readToEnd(), '')
  await until(() => seen[0]?.gone === true)
})

t.test('a head is handed on byte for byte, but for the case of its names', async (t) => {
  const { connect, seen } = await startInbound(t, answer200)
  const utf8 = Buffer.from('grüße', 'utf8').toString('latin1')
  const TARGETS = [
    '/b/a/../b//c/./%2e%2E/%2F+%20x?list-type=2&prefix=%2F&x=a=b&&y',
    '/b/%zz',
    '//evil/x',
    '/b/k?a#b',
    '/b/k\\..\\x',
    'http://other.test/b/k',
    '/b/k;v=1?x;y'
  ]
  for (const target of TARGETS) {
    await connect().send(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`).readResponse()
    t.equal(seen.at(-1)?.head.rawTarget, target)
  }
  const lines = [
    'Host: s3.test',
    `X-Amz-Meta-A:   ${utf8} `,
    'x-amz-meta-b: \xe9  \xe8',
    'x-amz-tagging: a=1',
    'X-Amz-Tagging: b=2',
    'x_y: 1',
    '__proto__: 1',
    'empty:'
  ]
  await connect()
    .send(`GET /b/k HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    .readResponse()
  const head = seen.at(-1)?.head
  t.strictSame(head?.rawHeaders, [
    'host',
    's3.test',
    'x-amz-meta-a',
    utf8,
    'x-amz-meta-b',
    '\xe9  \xe8',
    'x-amz-tagging',
    'a=1',
    'x-amz-tagging',
    'b=2',
    'x_y',
    '1',
    '__proto__',
    '1',
    'empty',
    ''
  ])
  t.equal(head?.method, 'GET')
  t.equal(head?.remoteAddress, '127.0.0.1')
  t.equal(head?.secure, false)
})

t.test('headers are bounded by their bytes and their count, and none is dropped', async (t) => {
  const { connect, seen, refused } = await startInbound(t, answer200, { limits: { headerBytesMax: 40_000, headersMax: 2501 } })
  const many = Array.from({ length: 2500 }, (_, index) => `a${index}: 1\r\n`).join('')
  t.ok(many.length > 20_000 && many.length < 40_000)
  t.equal((await connect().send(`GET /b/k HTTP/1.1\r\n${HOST}${many}\r\n`).readResponse()).status, 200)
  t.equal(seen.at(-1)?.head.rawHeaders.length, 2 * 2501, 'node drops what is over a count of 2000')

  const token = 'x'.repeat(33_000)
  t.equal((await connect().send(`GET /b/k HTTP/1.1\r\n${HOST}x-amz-security-token: ${token}\r\n\r\n`).readResponse()).status, 200)

  const tooLong = await connect().send(`GET /b/k HTTP/1.1\r\n${HOST}x-amz-security-token: ${token}${token}\r\n\r\n`).readResponse()
  t.equal(tooLong.status, 400)
  t.match(String(tooLong.body), /RequestHeaderSectionTooLarge/)
  t.strictSame(refused, ['headers-too-large'])

  const tooMany = connect().send(`GET /b/k HTTP/1.1\r\n${HOST}${many}one-more: 1\r\n\r\nGET /b/k HTTP/1.1\r\n${HOST}\r\n`)
  const refusal = await tooMany.readResponse()
  t.equal(refusal.status, 400)
  t.match(String(refusal.body), /RequestHeaderSectionTooLarge/)
  t.equal(refusal.headers.get('connection'), 'close')
  await tooMany.closed
  t.strictSame(refused, ['headers-too-large', 'too-many-headers'])
  t.equal(seen.length, 2, 'neither it nor what came behind it on the connection is served')
})

t.test('a request has a body when its framing says so, whatever its method', async (t) => {
  const CASES = [
    { why: 'no length', framing: '', body: '', length: undefined },
    { why: 'length 0', framing: 'Content-Length: 0\r\n', body: '', length: undefined },
    { why: 'a length', framing: 'Content-Length: 5\r\n', body: 'hello', length: 5 },
    { why: 'chunks', framing: 'Transfer-Encoding: chunked\r\n', body: '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', length: null },
    { why: 'chunks in capitals', framing: 'Transfer-Encoding: CHUNKED\r\n', body: '5\r\nhello\r\n0\r\n\r\n', length: null },
    {
      why: 'chunks with extensions and trailers',
      framing: 'Transfer-Encoding: chunked\r\n',
      body: '5;a=b\r\nhello\r\n0\r\nx-amz-tagging: a\r\n\r\n',
      length: null
    }
  ]
  for (const method of ['PUT', 'GET', 'DELETE', 'POST']) {
    for (const { why, framing, body, length } of CASES) {
      const { connect, seen } = await startInbound(t, (request) => {
        if (request.body === null) answer200(request)
        else void collect(request.body).then(({ bytes }) => request.answer({ status: 200, rawHeaders: [], body: bytes }))
      })
      const client = connect()
      for (let i = 0; i < 2; i += 1) {
        const response = await client.send(`${method} /b/k HTTP/1.1\r\n${HOST}${framing}\r\n${body}`).readResponse()
        t.equal(String(response.body), length === undefined ? 'ok' : 'hello', `${method}, ${why}, request ${i}`)
      }
      t.equal(seen[0]?.body?.length, length, `${method}, ${why}`)
      t.equal(seen[0]?.bytesReceived, length === undefined ? 0 : 5)
      t.notOk(seen[0]?.head.rawHeaders.includes('x-amz-tagging'), 'a trailer is no header')
    }
  }
})

t.test('the client that expects 100 gets it when the body is started, and never before', async (t) => {
  for (const value of ['100-continue', '100-Continue']) {
    const { connect, seen } = await startInbound(t, () => {})
    const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Expect: ${value}\r\nContent-Length: 5\r\n\r\n`)
    await until(() => seen.length === 1)
    const [request] = seen
    t.equal(request?.expectsContinue, true, value)
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve))
    t.equal(client.received, '', 'nothing was sent while nobody wanted the body')
    const body = collect(request?.body as NonNullable<InboundRequest['body']>)
    t.equal(await client.readUntil('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.send('hello')
    t.equal(String((await body).bytes), 'hello')
    void request?.answer({ status: 200, rawHeaders: [], body: null })
    const response = await client.readResponse()
    t.equal(response.status, 200)
    t.not(response.headers.get('connection'), 'close')
  }
})

t.test('a client that expects 100 and is refused gets its answer instead, and the connection ends', async (t) => {
  const { connect } = await startInbound(t, (request) => void request.answer({ status: 403, rawHeaders: [], body: Buffer.from('no') }))
  const text = await connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`).readToEnd()
  t.match(text, /^HTTP\/1.1 403 /)
  t.match(text, /Connection: close/i)
  t.notMatch(text, /100 Continue/)
})

t.test('an expectation that S3 does not know is ignored', async (t) => {
  for (const value of ['200-ok', 'nothing', '']) {
    const { connect, seen } = await startInbound(t, (request) => {
      void collect(request.body as NonNullable<InboundRequest['body']>).then(({ bytes }) =>
        request.answer({ status: 200, rawHeaders: [], body: bytes })
      )
    })
    const response = await connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Expect: ${value}\r\nContent-Length: 5\r\n\r\nhello`).readResponse()
    t.equal(response.status, 200, value)
    t.equal(seen[0]?.expectsContinue, false)
  }
})

t.test('an upgrade is never made: the request is answered as what it also is', async (t) => {
  const { connect, seen } = await startInbound(t, answer200)
  const client = connect().send(
    `GET /b/k HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`
  )
  t.equal((await client.readResponse()).status, 200)
  t.equal((await client.send(`GET /b/l HTTP/1.1\r\n${HOST}\r\n`).readResponse()).status, 200)
  t.equal(seen.length, 2)
})

t.test('a body waits for its sink', async (t) => {
  const { connect, seen } = await startInbound(t, () => {})
  const size = 32 * 1024 * 1024
  const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: ${size}\r\n\r\n`)
  client.send(Buffer.alloc(size))
  await until(() => seen.length === 1)
  const body = seen[0]?.body as NonNullable<InboundRequest['body']>
  let received = 0
  let taking = false
  const done = new Promise<Error | null>((resolve) => {
    body.start({
      write: (bytes) => {
        received += bytes.length
        return taking
      },
      end: () => resolve(null),
      fail: resolve
    })
  })
  await until(() => received > 0)
  for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve))
  t.ok(received <= 65_536, `${received} bytes after the sink said no`)
  t.ok(client.socket.writableLength > size / 2, 'and the rest waits at the client')
  taking = true
  body.resume()
  t.equal(await done, null)
  t.equal(received, size)
})

t.test('a body whose client goes away fails, and does not end', async (t) => {
  for (const framing of ['Content-Length: 10\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n']) {
    for (const way of ['end', 'resetAndDestroy'] as const) {
      const { connect, seen } = await startInbound(t, () => {})
      const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}${framing}`)
      await until(() => seen.length === 1)
      const [request] = seen
      let gone = 0
      request?.onGone(() => (gone += 1))
      const body = collect(request?.body as NonNullable<InboundRequest['body']>)
      await until(() => request?.bytesReceived === 5)
      client.socket[way]()
      const { error } = await body
      t.ok(error instanceof ClientBodyFault && error.kind === 'gone', `${framing}, ${way}: ${String(error)}`)
      await until(() => gone > 0)
      t.equal(request?.gone, true)
      t.equal(gone, 1, 'and it is told once')
    }
  }
})

t.test('a body that is started after its client went away fails', async (t) => {
  const { connect, seen } = await startInbound(t, () => {})
  const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhello`)
  await until(() => seen.length === 1)
  client.destroy()
  await until(() => seen[0]?.gone === true)
  t.match(await collect(seen[0]?.body as NonNullable<InboundRequest['body']>), { error: { kind: 'gone' } })
  let late = 0
  seen[0]?.onGone(() => (late += 1))
  await until(() => late === 1)
  t.strictSame(await seen[0]?.answer({ status: 200, rawHeaders: [], body: new HandSource(3) }), { complete: false, bytesSent: 0 })
})

t.test('a body that stops coming fails, and its client still gets an answer', async (t) => {
  const { connect, seen } = await startInbound(
    t,
    (request) => {
      void collect(request.body as NonNullable<InboundRequest['body']>).then(({ error }) =>
        request.answer({ status: 400, rawHeaders: [], body: Buffer.from((error as ClientBodyFault).kind) })
      )
    },
    { timeouts: { idleBodyMs: 30 } }
  )
  const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhello`)
  t.equal(String((await client.readResponse()).body), 'idle')
  t.equal(await client.readToEnd(), '', 'and the connection ends')
  t.equal(seen.length, 1)
})

t.test('a body whose sink waits is not taken for one that stopped coming', async (t) => {
  const { connect, seen } = await startInbound(t, () => {}, { timeouts: { idleBodyMs: 20 } })
  const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhello`)
  await until(() => seen.length === 1)
  const events: string[] = []
  const body = seen[0]?.body as NonNullable<InboundRequest['body']>
  body.start({
    write: (bytes) => {
      events.push(String(bytes))
      return false
    },
    end: () => events.push('end'),
    fail: (error) => events.push(error.message)
  })
  await until(() => events.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 60))
  t.strictSame(events, ['hello'])
  client.send('world')
  body.resume()
  await until(() => events.length > 1)
  body.resume()
  await until(() => events.length > 2)
  t.strictSame(events, ['hello', 'world', 'end'])
})

t.test('a head that does not come to its end in time is refused', async (t) => {
  const { connect, refused } = await startInbound(t, answer200, { timeouts: { headersMs: 40, checkMs: 10 } })
  const text = await connect().send(`GET /b/k HTTP/1.1\r\n${HOST}`).readToEnd()
  t.match(text, /^HTTP\/1.1 400 /)
  t.match(text, /RequestTimeout/)
  t.strictSame(refused, ['headers-too-slow'])
})

t.test('a connection that was never used is closed without a word', async (t) => {
  const { connect, refused } = await startInbound(t, answer200, { timeouts: { headersMs: 40, checkMs: 10 } })
  t.equal(await connect().readToEnd(), '')
  t.strictSame(refused, [])
})

t.test('an upload may take longer than a head', async (t) => {
  const { connect } = await startInbound(
    t,
    (request) => {
      void collect(request.body as NonNullable<InboundRequest['body']>).then(({ bytes }) =>
        request.answer({ status: 200, rawHeaders: [], body: bytes })
      )
    },
    { timeouts: { headersMs: 40, checkMs: 10 } }
  )
  const client = connect().send(`PUT /b/k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhello`)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(String((await client.send('world').readResponse()).body), 'helloworld')
})

t.test('connections over the limit are closed', async (t) => {
  const { connect, inbound } = await startInbound(t, answer200, { limits: { connectionsMax: 1 } })
  const first = connect().send(`GET /b/k HTTP/1.1\r\n${HOST}\r\n`)
  t.equal((await first.readResponse()).status, 200)
  t.equal(inbound.connections, 1)
  t.equal(await connect().send(`GET /b/k HTTP/1.1\r\n${HOST}\r\n`).readToEnd(), '')
  t.equal((await first.send(`GET /b/k HTTP/1.1\r\n${HOST}\r\n`).readResponse()).status, 200)
})
