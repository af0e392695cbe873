/**
 * A load generator for what wrk cannot do right: it reads large bodies 8 KiB at a time, so that it and not the proxy is the
 * limit; it waits for the body that the answer to a HEAD does not have; and it sends one and the same head, while a new key
 * needs a signature of its own.
 * Bodies that come are thrown away in one reused buffer; bodies that go are one buffer, again and again.
 * `node load.ts FILE` reads its order from a JSON file and prints its result as JSON.
 */
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { LoadOrder, LoadResult } from './load-order.ts'

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LoadOrder
const heads = order.heads.map((head) => Buffer.from(head, 'latin1'))
const body = order.bodyFile === null ? null : readFileSync(order.bodyFile)
const SLICE = 1024 * 1024
const requestsMax = order.requestsMax ?? Infinity

const latenciesMs: number[] = []
let requests = 0
let bytes = 0
let failures = 0
let firstFailure: string | null = null
let next = 0
let ended = false

const started = performance.now()
const endAt = started + order.seconds * 1000

/** One connection, one request at a time. */
class Connection {
  #socket = new Socket()
  #head = ''
  #remaining = -1
  #sentAt = 0
  #onIdle: (connection: Connection) => void

  constructor(onIdle: (connection: Connection) => void) {
    this.#onIdle = onIdle
    this.#open()
  }

  #open(): void {
    this.#socket = order.ca === null ? this.#plain() : this.#secured(order.ca)
    this.#socket.setNoDelay(true)
    this.#socket.once('error', (error) => this.#fail(error.message))
    this.#socket.once('close', () => this.#fail('the connection was closed'))
  }

  #plain(): Socket {
    // One read buffer per connection: what is read is only counted.
    const buffer = Buffer.allocUnsafe(order.method === 'GET' ? 512 * 1024 : 16 * 1024)
    const onread = { buffer, callback: (count: number, data: Uint8Array) => (this.#read(count, data), true) }
    const socket = new Socket({ onread } as ConstructorParameters<typeof Socket>[0])
    return socket.connect(order.port, '127.0.0.1', () => this.#onIdle(this))
  }

  #secured(ca: string): Socket {
    const socket = connectTls({ host: '127.0.0.1', port: order.port, servername: 'localhost', ca }, () => this.#onIdle(this))
    return socket.on('data', (data: Buffer) => this.#read(data.length, data))
  }

  send(at: number): void {
    this.#sentAt = at
    this.#head = ''
    this.#remaining = -1
    const head = heads[next % heads.length] as Buffer
    next += 1
    if (order.once && next > heads.length) this.#note(`all ${heads.length} signed heads were used`)
    if (body === null) this.#socket.write(head)
    else if (body.length <= SLICE) this.#socket.write(Buffer.concat([head, body]))
    else {
      this.#socket.write(head)
      this.#writeBody(body, 0)
    }
  }

  #writeBody(whole: Buffer, from: number): void {
    if (from >= whole.length || this.#socket.destroyed) return
    const to = Math.min(from + SLICE, whole.length)
    this.#socket.write(whole.subarray(from, to), () => this.#writeBody(whole, to))
  }

  #read(count: number, data: Uint8Array): void {
    let rest = count
    if (this.#remaining < 0) {
      this.#head += Buffer.from(data.buffer, data.byteOffset, count).toString('latin1')
      const end = this.#head.indexOf('\r\n\r\n')
      if (end < 0) return
      const status = Number(this.#head.slice(9, 12))
      if (status === 100) {
        this.#head = this.#head.slice(end + 4)
        return
      }
      if (status < 200 || status > 299) this.#note(this.#head)
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head.slice(0, end + 2))?.[1]
      rest = this.#head.length - end - 4
      this.#remaining = order.method === 'HEAD' || status === 204 ? 0 : Number(length ?? 0)
    }
    this.#remaining -= rest
    bytes += rest
    if (this.#remaining > 0) return
    if (this.#remaining < 0) this.#note('more bytes than declared')
    requests += 1
    if (order.perSecond !== null) latenciesMs.push(performance.now() - this.#sentAt)
    if (order.method === 'PUT') bytes += body?.length ?? 0
    this.#onIdle(this)
  }

  #note(what: string): void {
    failures += 1
    firstFailure ??= what.slice(0, 400)
  }

  #fail(what: string): void {
    if (ended) return
    this.#note(what)
    this.#socket.removeAllListeners()
    this.#socket.on('error', () => undefined).destroy()
    if (failures > 1000) finish()
    else this.#open()
  }
}

/** As many requests as the connections bring. */
function closedLoop(): void {
  let open = order.connections
  for (let i = 0; i < order.connections; i += 1) {
    new Connection((connection) => {
      const now = performance.now()
      if (now < endAt && next < requestsMax) connection.send(now)
      else if (--open === 0) finish()
    })
  }
}

/**
 * A request each so many milliseconds, whatever the answers take. A latency counts from when the request was due where it
 * had to wait for a connection, else from when it was sent: this clock ticks in whole milliseconds.
 */
function openLoop(perSecond: number): void {
  const idle: Connection[] = []
  let due = started + 100
  let starved = false
  for (let i = 0; i < order.connections; i += 1) new Connection((connection) => void idle.push(connection))
  const tick = (): void => {
    const now = performance.now()
    if (now > endAt) {
      // What was asked is waited for, so that questions and answers are as many.
      if (idle.length === order.connections) return finish()
      setTimeout(tick, 1)
      return
    }
    while (due <= now && idle.length > 0) {
      idle.pop()?.send(starved ? due : performance.now())
      due += 1000 / perSecond
    }
    starved = due <= now
    setTimeout(tick, 1)
  }
  setTimeout(tick, 100)
}

function finish(): void {
  if (ended) return
  ended = true
  const result: LoadResult = { requests, bytes, seconds: (performance.now() - started) / 1000, failures, firstFailure, latenciesMs }
  process.stdout.write(JSON.stringify(result), () => process.exit(0))
}

// An answer that never comes must not keep the bench, and is a failure.
setTimeout(
  () => {
    failures += 1
    firstFailure ??= 'an answer never came'
    finish()
  },
  (order.seconds + 30) * 1000
).unref()
if (order.perSecond === null) closedLoop()
else openLoop(order.perSecond)
