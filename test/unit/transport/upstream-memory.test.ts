import t from 'tap'
import type { ByteSink, ByteSource } from '../../../proxy/transport/transport.ts'
import { createOwn, startInbound, startUpstreamFor, until } from './rig.ts'

const AT_ONCE = 64
const LARGE = 512 * 1024
const SMALL = 64 * 1024
const BODY = 8 * 1024 * 1024
const UPLOADS = 16

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Takes one piece and then nothing, until it is let go. */
class StalledReader implements ByteSink {
  received = 0
  ended = false
  #body: ByteSource
  #goes = false

  constructor(body: ByteSource) {
    this.#body = body
    body.start(this)
  }

  write(bytes: Uint8Array): boolean {
    this.received += bytes.length
    return this.#goes
  }

  end(): void {
    this.ended = true
  }

  fail(error: Error): void {
    throw error
  }

  go(): void {
    this.#goes = true
    this.#body.resume()
  }
}

for (const { why, bufferBytesMax, most } of [
  { why: 'a slow reader holds one buffer', bufferBytesMax: AT_ONCE * LARGE, most: AT_ONCE * LARGE },
  { why: 'above the budget a slow reader holds a small buffer', bufferBytesMax: 4 * LARGE, most: 4 * LARGE + (AT_ONCE - 4) * SMALL }
]) {
  for (const framing of ['Content-Length', 'chunked']) {
    t.test(`${why} (${framing})`, async (t) => {
      const client = createOwn({ connectionsMax: AT_ONCE, bufferBytesMax })
      const { upstream, request } = await startUpstreamFor(
        t,
        ({ connection }) => {
          const content = Buffer.alloc(BODY, 'x')
          const isChunked = framing === 'chunked'
          connection.write(`HTTP/1.1 200 OK\r\n${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${BODY}`}\r\n\r\n`)
          if (isChunked) connection.write(`${BODY.toString(16)}\r\n`)
          connection.write(content)
          if (isChunked) connection.write('\r\n0\r\n\r\n')
        },
        client
      )
      const responses = await Promise.all(Array.from({ length: AT_ONCE }, () => client.send(request())))
      t.ok(client.counts.lentBytes <= most, 'before they read')
      const readers = responses.map(({ body }) => new StalledReader(body))
      let peak = 0
      const watch = setInterval(() => (peak = Math.max(peak, client.counts.lentBytes)), 1)
      await until(() => readers.every(({ received }) => received > 0))
      await sleep(200)
      const held = readers.map(({ received }) => received)
      peak = Math.max(peak, client.counts.lentBytes)
      t.ok(Math.max(...held) <= LARGE, `${Math.max(...held)} bytes came after the first no`)
      t.ok(peak <= most, `${peak} bytes are lent to ${AT_ONCE} readers, at most ${most}`)
      for (const reader of readers) reader.go()
      await until(() => readers.every(({ ended }) => ended))
      clearInterval(watch)
      t.ok(peak <= most, `${peak} at the most`)
      t.ok(readers.every(({ received }) => received === BODY))
      await until(() => client.counts.idle === client.counts.open)
      t.equal(upstream.exchanges.length, AT_ONCE)
      await client.close()
      t.match(client.counts, { open: 0, lentBytes: 0, deadlines: 0 })
    })
  }
}

/** A source as the engine sees it, with what it gave counted. */
class Counted implements ByteSource {
  readonly length: number | null
  given = 0
  largest = 0
  /** What came although the sink had said no. */
  unasked = 0
  #source: ByteSource
  #stopped = false

  constructor(source: ByteSource) {
    this.#source = source
    this.length = source.length
  }

  get stopped(): boolean {
    return this.#stopped
  }

  start(sink: ByteSink): void {
    this.#source.start({
      write: (bytes) => {
        if (this.#stopped) this.unasked += bytes.length
        this.given += bytes.length
        this.largest = Math.max(this.largest, bytes.length)
        const more = sink.write(bytes)
        if (!more) this.#stopped = true
        return more
      },
      end: () => sink.end(),
      fail: (error) => sink.fail(error)
    })
  }

  resume(): void {
    this.#stopped = false
    this.#source.resume()
  }

  cancel(reason: Error): void {
    this.#source.cancel(reason)
  }
}

t.test('of an upload that its upstream does not take, one piece is held', async (t) => {
  const client = createOwn({ connectionsMax: UPLOADS })
  const { upstream, request } = await startUpstreamFor(t, ({ connection }) => void connection.pause(), client)
  const bodies: Counted[] = []
  const { connect } = await startInbound(t, (incoming) => {
    const body = new Counted(incoming.body as ByteSource)
    bodies.push(body)
    const sent = client.send(request({ method: 'PUT', body, bodyLength: BODY }))
    void sent.then(({ status }) => incoming.answer({ status, rawHeaders: [], body: null }))
  })
  const clients = Array.from({ length: UPLOADS }, () => connect())
  for (const sender of clients) {
    sender.send(`PUT /b/k HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY}\r\n\r\n`)
    sender.send(Buffer.alloc(BODY, 'y'))
  }
  await until(() => bodies.length === UPLOADS && bodies.every(({ stopped }) => stopped))
  await sleep(300)
  const largest = Math.max(...bodies.map((body) => body.largest))
  t.ok(
    bodies.every(({ stopped, unasked }) => stopped && unasked === 0),
    'nothing more is taken from the client'
  )
  t.ok(largest <= SMALL, `a piece is ${largest} bytes`)
  upstream.script = () => undefined
  for (const exchange of upstream.exchanges) {
    exchange.connection.resume()
    void exchange.wholeBody.then(() => exchange.answer(200))
  }
  const statuses = await Promise.all(clients.map(async (sender) => (await sender.readResponse()).status))
  t.ok(statuses.every((status) => status === 200))
  t.ok(upstream.exchanges.every(({ whole, body }) => whole && body.equals(Buffer.alloc(BODY, 'y'))))
  t.match(client.counts, { queued: 0, lentBytes: 0 })
})
