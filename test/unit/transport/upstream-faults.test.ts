import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { UpstreamFault, type ByteSource } from '../../../proxy/transport/transport.ts'
import type { UpstreamExchange } from '../../helpers/raw-http.ts'
import { selfSigned } from './certificate.ts'
import { ChunkSource, createOwn, handCancellation, startUpstreamFor, until } from './rig.ts'

/** `SLUICE_TEST_FAULTS=10000` for the long run. */
const COUNT = Number(process.env['SLUICE_TEST_FAULTS'] ?? 1_000)
const SEED = Number(process.env['SLUICE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const AT_ONCE = 24
const CONNECTIONS = 8
const BODY_MAX = 200_000

type Random = (below: number) => number

/** mulberry32: the run can be repeated by its seed. */
function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** The bytes of answer or request number `id`. */
function contentOf(id: number, length: number): Buffer {
  return Buffer.alloc(length, `<${id}>`)
}

function chunked(content: Buffer, random: Random): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length;) {
    const size = 1 + random(Math.min(70_000, content.length - at))
    parts.push(
      Buffer.from(`${size.toString(16)}${random(3) === 0 ? ';a=b' : ''}\r\n`),
      content.subarray(at, at + size),
      Buffer.from('\r\n')
    )
    at += size
  }
  parts.push(Buffer.from(random(2) === 0 ? '0\r\n\r\n' : '0\r\nx-trailer: a\r\n\r\n'))
  return Buffer.concat(parts)
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Under TLS it is the bytes left unread that make the kernel reset. */
function reset(connection: Socket): void {
  if (connection instanceof TLSSocket) connection.destroy()
  else connection.resetAndDestroy()
}

/** How the upstream treats one request, by number. */
const UPSTREAM: readonly ((exchange: UpstreamExchange, whole: Buffer, random: Random) => unknown)[] = [
  ...Array.from({ length: 6 }, () => async (exchange: UpstreamExchange, whole: Buffer, random: Random) => {
    if (!(await exchange.wholeBody)) return
    if (random(4) === 0) exchange.reply('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n')
    for (let at = 0; at < whole.length;) {
      const size = random(3) === 0 ? 1 + random(4_000) : 1 + random(100_000)
      exchange.reply(whole.subarray(at, at + size))
      at += size
      if (random(4) === 0) await turns(random(3))
    }
  }),
  ({ connection }) => reset(connection),
  ({ connection }) => connection.end(),
  ({ connection }) => connection.pause(),
  () => {},
  ({ connection }, whole, random) => connection.end(whole.subarray(0, random(60))),
  ({ connection }, whole, random) => connection.end(whole.subarray(0, random(whole.length))),
  async (exchange, whole, random) => {
    exchange.reply(whole.subarray(0, random(whole.length)))
    await turns(random(4))
    reset(exchange.connection)
  },
  (exchange, whole, random) => exchange.reply(whole.subarray(0, random(whole.length))),
  ({ connection }, whole) => connection.end(Buffer.concat([whole, Buffer.from('more')])),
  (exchange) => exchange.reply('HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied'),
  ({ connection }) => connection.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno'),
  // Answered early, and closed with the body unread.
  ({ connection }) => {
    connection.pause()
    connection.write('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 6\r\n\r\ndenied', () => reset(connection))
  },
  // Half-closed: it reads on, and answers nothing.
  ({ connection }) => connection.end('HTTP/1.1 100 Continue\r\n\r\n'),
  // Stalls in the body that it sends, and in the one that it takes.
  (exchange, whole, random) => {
    exchange.connection.pause()
    exchange.reply(whole.subarray(0, random(whole.length)))
  },
  (exchange) => exchange.reply('HTTP/1.1 200 OK\nContent-Length: 0\n\n'),
  (exchange) => exchange.reply('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
  (exchange) => exchange.reply('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
]

/** Reads a body as the client of the moment does: at once, slowly, or not to its end. */
function read(body: ByteSource, random: Random): Promise<{ bytes: Buffer; ended: boolean; error: Error | null }> {
  const manner = random(6)
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const done = (ended: boolean, error: Error | null): void => resolve({ bytes: Buffer.concat(chunks), ended, error })
    if (manner === 0) {
      body.cancel(new Error('not wanted'))
      done(false, null)
      return
    }
    body.start({
      write: (bytes) => {
        if (manner === 1 && random(3) === 0) {
          body.cancel(new Error('enough'))
          done(false, null)
          return true
        }
        if (manner > 3) {
          chunks.push(Buffer.from(bytes))
          return true
        }
        // Copied late: what was lent must not change until it is given back.
        void turns(random(5)).then(() => {
          chunks.push(Buffer.from(bytes))
          body.resume()
        })
        return false
      },
      end: () => done(true, null),
      fail: (error) => done(false, error)
    })
  })
}

t.setTimeout(60_000 + COUNT * 40)
for (const secure of [false, true]) {
  t.test(`random faults: ${COUNT} requests, seed ${SEED}, ${secure ? 'TLS' : 'TCP'}`, (t) => randomFaults(t, secure))
}

async function randomFaults(t: Test, secure: boolean): Promise<void> {
  const random = randomFrom(SEED)
  const mayBeStored = new Set<number>()
  const lengths = new Map<number, number>()
  const client = createOwn({ connectionsMax: CONNECTIONS, idleBodyTimeoutMs: 150, keepAliveMs: 300, bufferBytesMax: 2 * 1024 * 1024 })
  const problems: string[] = []
  const { upstream, request } = await startUpstreamFor(
    t,
    (exchange) => {
      upstream.exchanges.length = 0
      const id = Number(exchange.target.slice(1))
      const content = contentOf(id, lengths.get(id) ?? 0)
      const head = random(2) === 0 ? `Content-Length: ${content.length}` : 'Transfer-Encoding: chunked'
      const framed = head.startsWith('C') ? content : chunked(content, random)
      const whole = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`), framed])
      void exchange.wholeBody.then((stored) => {
        if (stored && exchange.method === 'PUT' && !mayBeStored.has(id)) problems.push(`${id}: an incomplete body came whole`)
      })
      void UPSTREAM[random(UPSTREAM.length)]?.(exchange, whole, random)
    },
    client,
    secure ? selfSigned('127.0.0.1') : null
  )
  const outcomes = { whole: 0, faults: 0, refused: 0, left: 0 }

  async function one(id: number): Promise<void> {
    lengths.set(id, random(3) === 0 ? random(BODY_MAX) : random(2_000))
    const cancellation = handCancellation()
    if (random(10) === 0) setTimeout(() => cancellation.cancel(), random(30))
    const put = random(3) === 0
    const content = contentOf(id, random(2) === 0 ? random(BODY_MAX) : random(2_000))
    const fails = put && random(6) === 0
    if (!fails) mayBeStored.add(id)
    const pieces = [content.subarray(0, content.length >> 1), content.subarray(content.length >> 1)]
    const flow = new ChunkSource(pieces, fails ? { error: new Error('wrong hash') } : {})
    const body = !put ? null : random(3) === 0 && !fails ? content : flow
    const method = put ? 'PUT' : random(5) === 0 ? 'HEAD' : 'GET'
    try {
      const response = await client.send(
        request({
          method,
          rawTarget: `/${id}`,
          body,
          bodyLength: put ? content.length : 0,
          headTimeoutMs: 150
        }),
        cancellation
      )
      const { bytes, ended, error } = await read(response.body, random)
      if (error !== null && !(error instanceof UpstreamFault)) problems.push(`${id}: ${String(error)}`)
      if (response.status !== 200) outcomes.refused += 1
      else if (!ended) outcomes[error === null ? 'left' : 'faults'] += 1
      else {
        outcomes.whole += 1
        const expected = contentOf(id, lengths.get(id) ?? 0)
        if (method !== 'HEAD' && !bytes.equals(expected))
          problems.push(`${id}: ${bytes.length} of ${expected.length} bytes looked complete`)
      }
    } catch (fault) {
      outcomes.faults += 1
      if (!(fault instanceof UpstreamFault)) problems.push(`${id}: ${String(fault)}`)
    }
  }

  let next = 0
  const worker = async (): Promise<void> => {
    while (next < COUNT) await one((next += 1))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  t.same(problems.slice(0, 5), [])
  t.comment(JSON.stringify(outcomes))
  t.ok(outcomes.whole > COUNT / 20 && outcomes.faults > COUNT / 10, 'both ends are met')

  await until(() => client.counts.dialing === 0)
  // A reader that was slow when its flow failed gives back what it was lent some turns later.
  await turns(10)
  const { open, idle, queued, lentBytes } = client.counts
  t.same({ queued, busy: open - idle }, { queued: 0, busy: 0 }, 'the pool is whole')
  // A connection whose body ended while its reader was slow keeps its buffer until it reads again.
  t.ok(lentBytes <= idle * 512 * 1024, `${lentBytes} bytes are lent to ${idle} idle connections`)
  upstream.script = (exchange) => exchange.answer(200, 'ok')
  const after = await Promise.all(Array.from({ length: CONNECTIONS * 3 }, () => client.send(request())))
  t.ok(
    after.every(({ status }) => status === 200),
    'and serves'
  )
  await client.close()
  const { open: left, deadlines, lentBytes: kept } = client.counts
  t.same({ left, deadlines, kept }, { left: 0, deadlines: 0, kept: 0 }, 'and leaves nothing behind')
}
