import type { Test } from 'tap'
import type { Script } from '../../helpers/raw-http.ts'
import { UpstreamFault } from '../../../proxy/transport/transport.ts'
import {
  ChunkSource,
  collect,
  faultOfSend,
  HandSource,
  handCancellation,
  startUpstream as start,
  until,
  type CreateUpstream
} from './rig.ts'

/** One connection, so that a second request meets the first one's. */
const ONE = { connectionsMax: 1 }
/** A body that does not come with its head: it holds its connection until it is read. */
const HOLDING = 'x'.repeat(300_000)

/** What every engine for the hop upstream does. */
export function upstreamContract(t: Test, create: CreateUpstream): void {
  const startUpstream = (t: Test, script: Script, options: Parameters<CreateUpstream>[0] = {}) => start(t, script, options, create)

  t.test('a target and its headers go out byte for byte', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => exchange.answer(200))
    const rawTarget = '/b/a/../b//c/./%2e%2E/%2F+%20x?list-type=2&prefix=%2F&x=a=b&&y'
    const utf8AsLatin1 = Buffer.from('grüße', 'utf8').toString('latin1')
    const rawHeaders = [
      'host',
      'bucket.s3.test',
      'X-Amz-Meta-A',
      utf8AsLatin1,
      'x-amz-meta-b',
      '\xe9',
      'x-amz-meta-empty',
      '',
      'Content-Type',
      'a/b'
    ]
    await client.send(request({ rawTarget, rawHeaders }))
    const [seen] = upstream.exchanges
    t.equal(seen?.target, rawTarget)
    t.equal(seen?.headers.get('x-amz-meta-a'), utf8AsLatin1)
    t.equal(seen?.headers.get('x-amz-meta-b'), '\xe9')
    t.equal(seen?.headers.get('x-amz-meta-empty'), '')
    t.equal(seen?.headers.get('host'), 'bucket.s3.test')
    t.strictSame(
      (seen?.rawHeaders ?? [])
        .filter((_, index) => index % 2 === 0)
        .map((name) => name.toLowerCase())
        .sort(),
      ['connection', 'content-type', 'host', 'x-amz-meta-a', 'x-amz-meta-b', 'x-amz-meta-empty'],
      'and nothing is added but that the connection stays'
    )
  })

  t.test('the headers of an answer come back byte for byte, in order and with their duplicates', async (t) => {
    const utf8AsLatin1 = Buffer.from('grüße', 'utf8').toString('latin1')
    const { client, request } = await startUpstream(t, (exchange) =>
      exchange.answer(200, 'ok', [`x-amz-meta-A: ${utf8AsLatin1}`, 'Set-Cookie: a', 'x: 1', 'Set-Cookie: b'])
    )
    const response = await client.send(request())
    t.strictSame(response.rawHeaders, ['Content-Length', '2', 'x-amz-meta-A', utf8AsLatin1, 'Set-Cookie', 'a', 'x', '1', 'Set-Cookie', 'b'])
    t.equal(String((await collect(response.body)).bytes), 'ok')
  })

  t.test('a redirect is an answer and is not followed', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => exchange.answer(307, '', ['Location: /elsewhere']))
    const response = await client.send(request())
    t.equal(response.status, 307)
    t.equal(upstream.exchanges.length, 1)
  })

  t.test('HEAD keeps its connection', async (t) => {
    for (const headers of [[], ['Connection: keep-alive']]) {
      const { upstream, client, request } = await startUpstream(
        t,
        ({ connection }) => {
          connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`)
        },
        ONE
      )
      for (let i = 0; i < 3; i += 1) {
        const response = await client.send(request({ method: 'HEAD' }))
        t.equal(response.body.length, 0, 'no byte will come')
        t.ok(response.rawHeaders.includes('5'), 'and the length of the object is told')
        await collect(response.body)
      }
      t.equal(upstream.connections, 1)
    }
  })

  t.test('an answer without body needs not be started for its connection to be free', async (t) => {
    const { upstream, client, request } = await startUpstream(
      t,
      (exchange) => {
        exchange.reply(exchange.requestIndex === 0 ? 'HTTP/1.1 204 No Content\r\n\r\n' : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      },
      ONE
    )
    await client.send(request({ method: 'DELETE' }))
    await client.send(request())
    await client.send(request())
    t.equal(upstream.connections, 1)
  })

  t.test('a body is sent with its exact length and nothing but its bytes', async (t) => {
    const big = Buffer.alloc(300_000, 'x')
    const cases = [
      { why: 'bytes', body: Buffer.from('hello'), length: 5 },
      { why: 'no body', body: null, length: 0 },
      { why: 'empty bytes', body: new Uint8Array(0), length: 0 },
      { why: 'a view into a larger buffer', body: Buffer.from('..hello..').subarray(2, 7), length: 5 },
      { why: 'a flow', body: new ChunkSource(['he', 'l', 'lo']), length: 5 },
      { why: 'a flow of unknown length, declared', body: new ChunkSource(['hello'], { length: null }), length: 5 },
      { why: 'an empty flow', body: new ChunkSource([]), length: 0 },
      { why: 'a large flow in small chunks', body: new ChunkSource(Array.from({ length: 300 }, () => 'y'.repeat(1000))), length: 300_000 },
      { why: 'a large flow in large chunks', body: new ChunkSource([big.subarray(0, 70_000), big.subarray(70_000)]), length: 300_000 }
    ]
    const { upstream, client, request } = await startUpstream(t, async (exchange) => {
      if (await exchange.wholeBody) exchange.answer(200)
    })
    for (const { why, body, length } of cases) {
      const index = upstream.exchanges.length
      await client.send(request({ method: 'PUT', body, bodyLength: length }))
      const seen = upstream.exchanges[index]
      t.equal(seen?.headers.get('content-length'), String(length), why)
      t.equal(seen?.body.length, length, why)
      t.equal(seen?.headers.get('transfer-encoding'), undefined, why)
      t.notOk(seen?.body.includes('!'), `${why}: no lent byte was kept`)
    }
  })

  t.test('a body that is not what was declared leaves no complete request behind', async (t) => {
    const broken = new Error('wrong checksum')
    const cases = [
      { why: 'ends early', body: new ChunkSource(['hel'], { length: null }) },
      { why: 'ends without a byte', body: new ChunkSource([], { length: null }) },
      { why: 'is longer', body: new ChunkSource(['hello', '!'], { length: null }) },
      { why: 'is longer in its last chunk', body: new ChunkSource(['hello!'], { length: null }) },
      { why: 'fails midway', body: new ChunkSource(['hel'], { length: null, error: broken }), cause: broken },
      { why: 'fails after its last byte', body: new ChunkSource(['hel', 'lo'], { error: broken }), cause: broken },
      { why: 'declares another length', body: new ChunkSource(['hello!']) },
      { why: 'bytes of another length', body: Buffer.from('hello!') }
    ]
    for (const { why, body, cause } of cases) {
      const { upstream, client, request } = await startUpstream(t, async (exchange) => {
        if (await exchange.wholeBody) exchange.answer(200)
      })
      const fault = await faultOfSend(client, request({ method: 'PUT', body, bodyLength: 5 }))
      t.match(fault, { name: 'UpstreamFault', kind: 'body', maybeExecuted: false }, why)
      if (cause !== undefined) t.equal((fault as Error).cause, cause, why)
      for (const exchange of upstream.exchanges) await exchange.closed
      for (const exchange of upstream.exchanges)
        t.notOk(exchange.whole, `${why}: ${exchange.declared} bytes declared, ${exchange.body.length} sent`)
    }
  })

  t.test('an empty flow that fails at its end is not sent', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => exchange.answer(200))
    const cause = new Error('wrong hash')
    const fault = await faultOfSend(client, request({ method: 'PUT', body: new ChunkSource([], { error: cause }), bodyLength: 0 }))
    t.match(fault, { kind: 'body', maybeExecuted: false, cause })
    t.equal(upstream.exchanges.length, 0)
  })

  t.test('a body that fails some time after its last byte is not complete at the upstream', async (t) => {
    for (const size of [5, 200_000]) {
      const { upstream, client, request } = await startUpstream(t, () => {})
      const body = new HandSource(size)
      const fault = faultOfSend(client, request({ method: 'PUT', body, bodyLength: size }))
      await body.started
      body.sink?.write(Buffer.alloc(size))
      for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve))
      body.sink?.fail(new Error('wrong signature'))
      t.match(await fault, { kind: 'body', maybeExecuted: false })
      await upstream.exchanges[0]?.closed
      for (const exchange of upstream.exchanges) t.notOk(exchange.whole, `${size} bytes`)
    }
  })

  t.test('a flow waits while the upstream takes no bytes', async (t) => {
    for (const chunkBytes of [8192, 65_536, 1_048_576]) {
      const { upstream, client, request } = await startUpstream(t, (exchange) => {
        exchange.connection.pause()
      })
      const size = 32 * 1024 * 1024
      const body = new ChunkSource(Array.from({ length: size / chunkBytes }, () => Buffer.alloc(chunkBytes, 'x')))
      const sent = client.send(request({ method: 'PUT', body, bodyLength: size }))
      await upstream.seen(1)
      await settled(() => body.given)
      t.ok(body.given < size / 2, `${body.given} bytes were taken from the source`)
      const [exchange] = upstream.exchanges
      exchange?.connection.resume()
      void exchange?.wholeBody.then(() => exchange.answer(200))
      t.equal((await sent).status, 200)
      t.equal(body.given, size)
      t.notOk(exchange?.body.includes('!'), 'no byte was kept after it was let go')
    }
  })

  t.test('a request whose connection was lost before the end of its body was not executed', async (t) => {
    const { client, request } = await startUpstream(t, (exchange) => void exchange.connection.resetAndDestroy())
    const body = new HandSource(200_000)
    const fault = faultOfSend(client, request({ method: 'PUT', body, bodyLength: 200_000 }))
    await body.started
    body.sink?.write(Buffer.alloc(100_000))
    t.match(await fault, { kind: 'reset', maybeExecuted: false })
    t.ok(body.cancelled)
  })

  t.test('an answer that comes before the end of the body ends the body', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => exchange.answer(403, 'denied'))
    const body = new HandSource(10)
    const sent = client.send(request({ method: 'PUT', body, bodyLength: 10 }))
    await body.started
    body.sink?.write(Buffer.from('12345'))
    const response = await sent
    t.equal(response.status, 403)
    t.ok(body.cancelled, 'the source was given up')
    t.equal(String((await collect(response.body)).bytes), 'denied', 'the answer is read to its end')
    await upstream.exchanges[0]?.closed
    t.notOk(upstream.exchanges[0]?.whole, 'and its connection is not used again')
  })

  t.test('an answer flows as fast as its sink takes it', async (t) => {
    const size = 32 * 1024 * 1024
    const { upstream, client, request } = await startUpstream(t, (exchange) => {
      exchange.reply(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      exchange.connection.write(Buffer.alloc(size))
    })
    const { body } = await client.send(request())
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
    const [exchange] = upstream.exchanges
    await settled(() => exchange?.connection.bytesWritten ?? 0)
    t.ok(received <= 65_536, `${received} bytes after the sink said no`)
    taking = true
    body.resume()
    t.equal(await done, null)
    t.equal(received, size)
  })

  t.test('an answer that breaks off fails', async (t) => {
    const cases = [
      { why: 'known length', head: 'Content-Length: 10\r\n\r\n', part: '12345' },
      { why: 'chunked, between chunks', head: 'Transfer-Encoding: chunked\r\n\r\n', part: '5\r\n12345\r\n' },
      { why: 'chunked, in a chunk', head: 'Transfer-Encoding: chunked\r\n\r\n', part: '9\r\n12345' },
      { why: 'chunked, before the last line', head: 'Transfer-Encoding: chunked\r\n\r\n', part: '5\r\n12345\r\n0\r\n' },
      { why: 'to be closed', head: 'Connection: close\r\nContent-Length: 10\r\n\r\n', part: '12345' }
    ]
    for (const { why, head, part } of cases) {
      for (const way of ['end', 'reset'] as const) {
        const { client, request } = await startUpstream(t, ({ connection }) => {
          connection.write(`HTTP/1.1 200 OK\r\n${head}${part}`)
          setImmediate(() => (way === 'end' ? connection.end() : connection.resetAndDestroy()))
        })
        const result = await client.send(request()).then(
          ({ body }) => collect(body),
          (error: Error) => ({ error })
        )
        t.ok(result.error instanceof UpstreamFault, `${why}, ${way}: ${String(result.error)}`)
        t.equal((result.error as UpstreamFault).maybeExecuted, true)
      }
    }
  })

  t.test('an answer that is not HTTP, or not framed, is malformed', async (t) => {
    const cases = [
      { why: 'not HTTP', answer: 'hello\r\n\r\n' },
      { why: 'ends with the connection', answer: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome bytes' },
      { why: 'unknown transfer coding', answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n' },
      { why: 'two lengths', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy' }
    ]
    for (const { why, answer } of cases) {
      const { client, request } = await startUpstream(t, (exchange) => exchange.reply(answer))
      t.match(await faultOfSend(client, request()), { kind: 'malformed', maybeExecuted: true }, why)
    }
  })

  t.test('a request that HTTP does not allow is not sent', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => exchange.answer(200))
    const cases = [
      ['host', 'a', 'x', 'a\r\nb: c'],
      ['host', 'a', 'x', 'ā'],
      ['host', 'a', 'x y', '1'],
      ['host', 'a', 'expect', '100-continue'],
      ['host', 'a', 'transfer-encoding', 'chunked'],
      ['host', 'a', 'host', 'b']
    ]
    for (const rawHeaders of cases) {
      t.match(await faultOfSend(client, request({ rawHeaders })), { kind: 'malformed', maybeExecuted: false }, JSON.stringify(rawHeaders))
    }
    t.match(await faultOfSend(client, request({ rawTarget: '/a b' })), { kind: 'malformed', maybeExecuted: false })
    t.equal(upstream.exchanges.length, 0)
  })

  t.test('a connection that cannot be made is a fault of connecting', async (t) => {
    const { upstream, client, request } = await startUpstream(t, () => {})
    await upstream.stop()
    const body = new ChunkSource(['hello'])
    t.match(await faultOfSend(client, request({ method: 'PUT', body, bodyLength: 5 })), { kind: 'connect', maybeExecuted: false })
    t.ok(body.cancelled)
    t.equal(body.given, 0, 'the body was not begun')
  })

  t.test('a GET whose idle connection died is sent once more', async (t) => {
    for (const method of ['GET', 'HEAD'] as const) {
      const { upstream, client, request } = await startUpstream(
        t,
        (exchange) => {
          if (exchange.connectionIndex === 0 && exchange.requestIndex === 1) exchange.connection.resetAndDestroy()
          else exchange.answer(200)
        },
        ONE
      )
      await client.send(request())
      t.equal((await client.send(request({ method }))).status, 200, method)
      t.equal(upstream.exchanges.length, 3)
    }
  })

  t.test('a request is not sent twice where its first sending may have had an effect', async (t) => {
    for (const method of ['PUT', 'POST', 'DELETE'] as const) {
      const { upstream, client, request } = await startUpstream(
        t,
        async (exchange) => {
          if (exchange.requestIndex === 0) exchange.answer(200)
          else if (await exchange.wholeBody) exchange.connection.resetAndDestroy()
        },
        ONE
      )
      await client.send(request())
      t.match(await faultOfSend(client, request({ method })), { kind: 'reset', maybeExecuted: true }, method)
      t.equal(upstream.exchanges.length, 2)
    }
  })

  t.test('a GET is sent once more only once, and only on a connection that had answered before', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => void exchange.connection.end(), ONE)
    t.match(await faultOfSend(client, request()), { kind: 'reset' })
    t.equal(upstream.exchanges.length, 1, 'a fresh connection')

    upstream.script = (exchange) => {
      if (exchange.requestIndex === 0 && upstream.exchanges.length === 2) exchange.answer(200)
      else exchange.connection.end()
    }
    await client.send(request())
    t.match(await faultOfSend(client, request()), { kind: 'reset' })
    t.equal(upstream.exchanges.length, 4, 'one request, one repetition')
  })

  t.test('a GET whose answer began is not sent again', async (t) => {
    const { upstream, client, request } = await startUpstream(
      t,
      (exchange) => {
        if (exchange.requestIndex === 0) exchange.answer(200)
        else exchange.connection.end('HTTP/1.1 200')
      },
      ONE
    )
    await client.send(request())
    t.match(await faultOfSend(client, request()), { name: 'UpstreamFault' })
    t.equal(upstream.exchanges.length, 2)
  })

  t.test('an answer that does not come in time is a fault, counted from the end of the body', async (t) => {
    const { client, request } = await startUpstream(t, () => {})
    t.match(await faultOfSend(client, request({ headTimeoutMs: 50 })), { kind: 'timeout', maybeExecuted: true })
    const body = Buffer.from('hello')
    t.match(await faultOfSend(client, request({ method: 'PUT', body, bodyLength: 5, headTimeoutMs: 50 })), {
      kind: 'timeout',
      maybeExecuted: true
    })
  })

  t.test('an answer that stops for too long fails', async (t) => {
    const { client, request } = await startUpstream(t, (exchange) => exchange.reply('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345'), {
      idleBodyTimeoutMs: 50
    })
    const { body } = await client.send(request())
    t.match(await collect(body), { error: { kind: 'timeout', maybeExecuted: true } })
  })

  t.test('an upstream that takes no bytes for too long is given up', async (t) => {
    const { client, request } = await startUpstream(
      t,
      (exchange) => {
        exchange.connection.pause()
      },
      { idleBodyTimeoutMs: 100 }
    )
    const body = new ChunkSource(Array.from({ length: 512 }, () => Buffer.alloc(65_536)))
    const fault = await faultOfSend(client, request({ method: 'PUT', body, bodyLength: 512 * 65_536 }))
    t.match(fault, { kind: 'timeout', maybeExecuted: false })
    t.ok(body.cancelled)
  })

  t.test('a request that is given up', async (t) => {
    const { upstream, client, request } = await startUpstream(t, () => {})

    await t.test('before it is sent is not sent', async (t) => {
      const cancellation = handCancellation()
      cancellation.cancel()
      const body = new ChunkSource(['hello'])
      const fault = await faultOfSend(client, request({ method: 'PUT', body, bodyLength: 5 }), cancellation)
      t.match(fault, { kind: 'cancelled', maybeExecuted: false })
      t.ok(body.cancelled)
      t.equal(upstream.connections, 0)
    })

    await t.test('in the middle of its body is incomplete', async (t) => {
      const cancellation = handCancellation()
      const body = new HandSource(10)
      const fault = faultOfSend(client, request({ method: 'PUT', body, bodyLength: 10 }), cancellation)
      await body.started
      body.sink?.write(Buffer.from('12345'))
      await upstream.seen(1)
      cancellation.cancel()
      t.match(await fault, { kind: 'cancelled', maybeExecuted: false })
      t.ok(body.cancelled)
      t.equal(await upstream.exchanges[0]?.wholeBody, false)
    })

    await t.test('after its body may have been executed', async (t) => {
      const cancellation = handCancellation()
      const fault = faultOfSend(client, request({ method: 'DELETE' }), cancellation)
      await upstream.seen(2)
      cancellation.cancel()
      t.match(await fault, { kind: 'cancelled', maybeExecuted: true })
      await upstream.exchanges.at(-1)?.closed
    })

    await t.test('in the middle of its answer closes the connection', async (t) => {
      upstream.script = (exchange) => exchange.reply('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345')
      const cancellation = handCancellation()
      const { body } = await client.send(request(), cancellation)
      const result = collect(body)
      cancellation.cancel()
      t.match(await result, { error: { kind: 'cancelled' } })
      await upstream.exchanges.at(-1)?.closed
    })

    await t.test('by its sink closes the connection, and tells the sink nothing more', async (t) => {
      const { body } = await client.send(request())
      let told = 0
      body.start({
        write: () => {
          told += 1
          body.cancel(new Error('enough'))
          return true
        },
        end: () => (told += 1),
        fail: () => (told += 1)
      })
      await upstream.exchanges.at(-1)?.closed
      t.equal(told, 1)
    })

    await t.test('before its answer is started closes the connection', async (t) => {
      const { body } = await client.send(request())
      body.cancel(new Error('not wanted'))
      await upstream.exchanges.at(-1)?.closed
      t.pass()
    })
  })

  t.test('clients that leave while their requests wait for a connection', async (t) => {
    const { upstream, client, request } = await startUpstream(t, (exchange) => exchange.answer(200, HOLDING), { connectionsMax: 2 })
    const held = [await client.send(request()), await client.send(request())]
    const body = new ChunkSource(['hello'])
    const left = Array.from({ length: 20 }, (_, index) => {
      const cancellation = handCancellation()
      const target = index === 0 ? request({ method: 'PUT', body, bodyLength: 5 }) : request()
      return { cancellation, fault: faultOfSend(client, target, cancellation) }
    })
    for (const { cancellation } of left) cancellation.cancel()
    for (const { fault } of left) t.match(await fault, { kind: 'cancelled', maybeExecuted: false })
    t.ok(body.cancelled, 'their bodies are given up at once')
    t.equal(upstream.exchanges.length, 2, 'nothing of theirs is sent')
    for (const { body } of held) await collect(body)
    for (let i = 0; i < 6; i += 1)
      t.equal((await collect((await client.send(request())).body)).bytes.length, HOLDING.length, 'the pool goes on')
    t.equal(upstream.connections, 2, 'with the connections it had')
  })

  t.test('a request that waits too long for a connection is a fault', async (t) => {
    const { client, request } = await startUpstream(t, (exchange) => exchange.answer(200, HOLDING), {
      connectionsMax: 1,
      queueTimeoutMs: 50
    })
    const held = await client.send(request())
    t.match(await faultOfSend(client, request()), { kind: 'timeout', maybeExecuted: false })
    await collect(held.body)
  })

  t.test('a body is not begun while its request waits for a connection', async (t) => {
    const { client, request } = await startUpstream(
      t,
      async (exchange) => {
        if (await exchange.wholeBody) exchange.answer(200, HOLDING)
      },
      { connectionsMax: 1 }
    )
    const held = await client.send(request())
    const body = new ChunkSource(['hello'])
    const sent = client.send(request({ method: 'PUT', body, bodyLength: 5 }))
    for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve))
    t.equal(body.given, 0)
    await collect(held.body)
    t.equal((await sent).status, 200)
  })

  t.test('closing ends what is under way', async (t) => {
    const { client, request } = await startUpstream(t, () => {})
    const fault = faultOfSend(client, request())
    await client.close()
    t.match(await fault, { name: 'UpstreamFault' })
  })
}

/** Waits until a number has stopped growing for a while. */
async function settled(read: () => number): Promise<void> {
  for (let same = 0, last = -1; same < 200;) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = read()
    same = now === last ? same + 1 : 0
    last = now
  }
}
