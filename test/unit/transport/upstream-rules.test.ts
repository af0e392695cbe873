import t from 'tap'
import { UpstreamFault } from '../../../proxy/transport/transport.ts'
import { collect, createOwn, faultOfSend, startUpstreamFor, until } from './rig.ts'

const OK = 'HTTP/1.1 200 OK\r\n'

t.test('what two readers could understand differently is malformed, and its connection is destroyed', async (t) => {
  const CASES = [
    { why: 'lines that end in a bare LF', answer: 'HTTP/1.1 200 OK\nContent-Length: 0\n\n' },
    { why: 'one line that ends in a bare LF', answer: `${OK}a: b\nContent-Length: 0\r\n\r\n` },
    { why: 'a bare CR', answer: `${OK}a: b\rc\r\nContent-Length: 0\r\n\r\n` },
    { why: 'a NUL', answer: `${OK}a: b\0\r\nContent-Length: 0\r\n\r\n` },
    { why: 'a field continued on the next line', answer: `${OK}a: b\r\n c\r\nContent-Length: 0\r\n\r\n` },
    { why: 'a space before the colon', answer: `${OK}Content-Length : 0\r\n\r\n` },
    { why: 'a line without colon', answer: `${OK}abc\r\nContent-Length: 0\r\n\r\n` },
    { why: 'equal lengths', answer: `${OK}Content-Length: 0\r\nContent-Length: 0\r\n\r\n` },
    { why: 'a list of lengths', answer: `${OK}Content-Length: 0, 0\r\n\r\n` },
    { why: 'a signed length', answer: `${OK}Content-Length: +0\r\n\r\n` },
    { why: 'a length in hex', answer: `${OK}Content-Length: 0x0\r\n\r\n` },
    { why: 'a length beyond all numbers', answer: `${OK}Content-Length: 9999999999999999\r\n\r\n` },
    { why: 'length and chunks', answer: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n` },
    { why: 'chunks twice', answer: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n` },
    { why: 'chunks in HTTP/1.0', answer: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' },
    { why: 'another version', answer: 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n' },
    { why: 'no status', answer: 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n' },
    { why: 'a protocol that nobody asked for', answer: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n' },
    {
      why: 'an interim answer with a body',
      answer: `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello${OK}Content-Length: 0\r\n\r\n`
    },
    { why: 'interim answers without end', answer: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(20) },
    { why: 'a head that is too long', answer: `${OK}a: ${'x'.repeat(70_000)}\r\n\r\n` },
    { why: 'more bytes than declared', answer: `${OK}Content-Length: 2\r\n\r\nmore` },
    { why: 'bytes behind the answer to HEAD', method: 'HEAD', answer: `${OK}Content-Length: 2\r\n\r\nok` },
    { why: 'bytes behind 204', answer: 'HTTP/1.1 204 No Content\r\n\r\nok' },
    { why: 'no length and 200', answer: `${OK}\r\nbytes` }
  ]
  for (const { why, answer, method = 'GET' } of CASES) {
    const client = createOwn({})
    const { upstream, request } = await startUpstreamFor(t, (exchange) => exchange.reply(answer), client)
    t.match(await faultOfSend(client, request({ method })), { name: 'UpstreamFault', kind: 'malformed', maybeExecuted: true }, why)
    await upstream.exchanges[0]?.closed
    t.same({ requests: upstream.exchanges.length, open: client.counts.open }, { requests: 1, open: 0 }, `${why}: once, and never again`)
  }
})

t.test('chunks are read strictly', async (t) => {
  const CASES = [
    { why: 'no size', chunks: '\r\nhello\r\n0\r\n\r\n' },
    { why: 'white space around the size', chunks: '5 \r\nhello\r\n0\r\n\r\n' },
    { why: 'a sign', chunks: '+5\r\nhello\r\n0\r\n\r\n' },
    { why: 'a prefix', chunks: '0x5\r\nhello\r\n0\r\n\r\n' },
    { why: 'a size that ends in LF', chunks: '5\nhello\r\n0\r\n\r\n' },
    { why: 'more bytes than the size', chunks: '5\r\nhello!\r\n0\r\n\r\n' },
    { why: 'an endless size', chunks: `${'0'.repeat(20)}5\r\nhello\r\n0\r\n\r\n` },
    { why: 'an endless extension', chunks: `5;${'a'.repeat(300)}\r\nhello\r\n0\r\n\r\n` },
    { why: 'a trailer that is no field', chunks: '5\r\nhello\r\n0\r\n a\r\n\r\n' },
    { why: 'endless trailers', chunks: `5\r\nhello\r\n0\r\n${'a: b\r\n'.repeat(4_000)}` },
    { why: 'bytes behind the end', chunks: '5\r\nhello\r\n0\r\n\r\nmore' }
  ]
  for (const { why, chunks } of CASES) {
    for (const apart of [false, true]) {
      const client = createOwn({})
      const head = `${OK}Transfer-Encoding: chunked\r\n\r\n`
      const { upstream, request } = await startUpstreamFor(
        t,
        (exchange) => {
          exchange.reply(apart ? head : head + chunks)
          if (apart) setTimeout(() => exchange.reply(chunks), 20)
        },
        client
      )
      const end = await client.send(request()).then(
        async ({ body }) => (await collect(body)).error,
        (error: Error) => error
      )
      t.ok(end instanceof UpstreamFault && end.kind === 'malformed', `${why}${apart ? ', behind the head' : ''}: ${String(end)}`)
      await upstream.exchanges[0]?.closed
      t.equal(client.counts.open, 0)
    }
  }
})

t.test('a failure whose body ends with the connection is read to its end, and a success is not', async (t) => {
  const { client, request } = await startUpstreamFor(
    t,
    ({ connection }) => void connection.end('HTTP/1.0 502 Bad Gateway\r\n\r\n<html>'),
    createOwn({})
  )
  const response = await client.send(request())
  t.same({ status: response.status, length: response.body.length }, { status: 502, length: null })
  t.equal(String((await collect(response.body)).bytes), '<html>')
  t.equal(client.counts.open, 0)
})

t.test('bytes that nobody asked for end an idle connection, and are told', async (t) => {
  const errors: Error[] = []
  const client = createOwn({ onError: (error) => errors.push(error) })
  const { upstream, request } = await startUpstreamFor(t, (exchange) => exchange.answer(200, 'ok'), client)
  await collect((await client.send(request())).body)
  upstream.exchanges[0]?.reply(`${OK}Content-Length: 4\r\n\r\nevil`)
  await upstream.exchanges[0]?.closed
  await until(() => client.counts.open === 0)
  t.equal(errors.length, 1)
  t.equal(String((await collect((await client.send(request())).body)).bytes), 'ok')
})

t.test('an idle connection is given up before the upstream does', async (t) => {
  const CASES = [
    { why: 'as configured', header: 'x: y', options: { keepAliveMs: 60 }, kept: true },
    { why: 'a second before Keep-Alive says', header: 'Keep-Alive: timeout=5, max=100', options: {}, kept: true },
    { why: 'at once where Keep-Alive leaves no time', header: 'Keep-Alive: timeout=1', options: {}, kept: false },
    { why: 'at once where the upstream closes', header: 'Connection: foo, Close', options: {}, kept: false }
  ]
  for (const { why, header, options, kept } of CASES) {
    const client = createOwn(options)
    const { request } = await startUpstreamFor(t, (exchange) => exchange.answer(200, 'ok', [header]), client)
    await collect((await client.send(request())).body)
    t.equal(client.counts.idle, kept ? 1 : 0, why)
    if (options.keepAliveMs !== undefined) await until(() => client.counts.open === 0)
  }
})

t.test('all addresses of a host are used, and one that does not answer is avoided', async (t) => {
  const client = createOwn({ lookup: (_hostname, callback) => setImmediate(() => callback(null, ['127.0.0.2', '127.0.0.1'])) })
  const { upstream, request } = await startUpstreamFor(t, (exchange) => exchange.answer(200, 'ok', ['Connection: close']), client)
  const { origin } = request()
  const byName = { ...origin, hostname: 'upstream.test' }
  // Nothing listens on 127.0.0.2.
  for (let i = 0; i < 5; i += 1) t.equal((await client.send(request({ origin: byName }))).status, 200)
  t.equal(upstream.connections, 5)
})

t.test('a host that cannot be found, or has no address that answers, is a fault of connecting', async (t) => {
  const CASES = [
    { why: 'not found', answer: new Error('ENOTFOUND'), addresses: [] },
    { why: 'no address', answer: null, addresses: [] },
    { why: 'none answers', answer: null, addresses: ['127.0.0.2', '127.0.0.3'] }
  ]
  for (const { why, answer, addresses } of CASES) {
    const client = createOwn({ lookup: (_hostname, callback) => setImmediate(() => callback(answer, addresses)) })
    const { upstream, request } = await startUpstreamFor(t, () => {}, client)
    const fault = await faultOfSend(client, request({ origin: { ...request().origin, hostname: 'upstream.test' } }))
    t.match(fault, { kind: 'connect', maybeExecuted: false }, why)
    t.same({ dialing: client.counts.dialing, seen: upstream.connections }, { dialing: 0, seen: 0 })
  }
})
