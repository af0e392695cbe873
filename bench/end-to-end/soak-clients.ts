/**
 * The clients of a soak: `node soak-clients.ts FILE` reads a SoakOrder and prints a SoakOutcome. Each reads or writes, one request
 * after another, of a random size; some leave in the middle and come back over another connection, some read slowly.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { SoakOrder, SoakOutcome } from './soak-order.ts'

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as SoakOrder
const KIB = 1024
/** Sizes of what is written, with how often each is chosen. */
const SIZES: readonly (readonly [bytes: number, share: number])[] = [
  [KIB, 0.4],
  [16 * KIB, 0.3],
  [256 * KIB, 0.2],
  [1024 * KIB, 0.08],
  [8192 * KIB, 0.02]
]
const content = Buffer.alloc(8192 * KIB, 'soak ')
const SLICE = 256 * KIB
const ABORT_SHARE = 0.1
const ABORT_WITHIN_MS = 80
const SLOW_SHARE = 0.05
const SLOW_BYTES = 64 * KIB
/** Between the first connections of two clients: all at once they would only fill the queue of the listener. */
const APART_MS = 3
/** What is under way may still take so long at the end. */
const DRAIN_MS = 30_000

const outcome = { reads: 0, writes: 0, slowReads: 0, aborted: 0, failures: 0, firstFailure: null as string | null, bytes: 0 }
const endAt = performance.now() + order.seconds * 1000
let nextWrite = 0

function fail(what: string): void {
  outcome.failures += 1
  outcome.firstFailure ??= what.slice(0, 800)
}

function randomSize(): number {
  let at = Math.random()
  for (const [bytes, share] of SIZES) {
    at -= share
    if (at < 0) return bytes
  }
  return KIB
}

class Client {
  #socket: Socket | null = null
  #onEnd: () => void
  #reading: { head: string; left: number; isWrite: boolean; isSlow: boolean } | null = null
  #leaving: NodeJS.Timeout | null = null
  #pace: NodeJS.Timeout | null = null
  /** For the report of a failure. */
  #size = 0
  #sentAt = 0
  #answers = 0
  #lastHead = ''

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
    this.#next()
  }

  #next(): void {
    if (performance.now() > endAt) {
      this.#drop()
      return this.#onEnd()
    }
    if (this.#socket === null) this.#open()
    const socket = this.#socket
    if (socket === null) return
    const isWrite = Math.random() < 0.4
    const size = randomSize()
    this.#size = size
    this.#sentAt = performance.now()
    const isSlow = !isWrite && Math.random() < SLOW_SHARE
    this.#reading = { head: '', left: -1, isWrite, isSlow }
    if (isSlow) this.#pace = setInterval(() => this.#read(socket.read(Math.min(SLOW_BYTES, socket.readableLength)) as Buffer | null), 100)
    if (Math.random() < ABORT_SHARE) this.#leaving = setTimeout(() => this.#abort(), Math.random() * ABORT_WITHIN_MS)
    if (!isWrite) return void socket.write(order.reads.find((read) => read.size === size)?.head ?? '', 'latin1')
    const head = order.writes[nextWrite++ % order.writes.length] ?? ''
    socket.write(`${head.trimEnd()}\r\ncontent-length: ${size}\r\n\r\n`, 'latin1')
    this.#write(socket, size)
  }

  #write(socket: Socket, left: number): void {
    if (left <= 0 || socket.destroyed) return
    const count = Math.min(SLICE, left)
    socket.write(content.subarray(0, count), () => this.#write(socket, left - count))
  }

  #open(): void {
    const socket = connect(order.port, '127.0.0.1')
    this.#socket = socket
    this.#answers = 0
    this.#lastHead = ''
    socket.setNoDelay(true)
    socket.on('readable', () => {
      if (this.#socket === socket && this.#reading?.isSlow !== true) this.#read(socket.read() as Buffer | null)
    })
    socket.on('error', (error) => this.#broke(socket, error.message))
    socket.once('close', () => this.#broke(socket, 'the connection was closed'))
  }

  #broke(socket: Socket, what: string): void {
    if (this.#socket !== socket) return
    const { isWrite, head } = this.#reading ?? { isWrite: false, head: '' }
    const sent = `${isWrite ? 'a write' : 'a read'} of ${this.#size} bytes, answer ${this.#answers + 1} of its connection after ${Math.round(performance.now() - this.#sentAt)} ms`
    this.#drop()
    fail(
      `${what}: ${sent}; of the answer came: ${JSON.stringify(head.slice(0, 200))}; before it: ${JSON.stringify(this.#lastHead.slice(0, 300))}`
    )
    setTimeout(() => this.#next(), 10)
  }

  #abort(): void {
    if (this.#reading === null) return
    outcome.aborted += 1
    this.#drop()
    this.#next()
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = null
    this.#settle()
    socket?.removeAllListeners()
    socket?.on('error', () => undefined).destroy()
  }

  #settle(): void {
    clearTimeout(this.#leaving ?? undefined)
    clearInterval(this.#pace ?? undefined)
    this.#reading = this.#leaving = this.#pace = null
  }

  #read(bytes: Buffer | null): void {
    const reading = this.#reading
    if (bytes === null || reading === null) return
    let rest = bytes.length
    if (reading.left < 0) {
      reading.head += bytes.toString('latin1')
      const end = reading.head.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!/^HTTP\/1\.1 2/.test(reading.head)) {
        fail(reading.head)
        this.#drop()
        return void setTimeout(() => this.#next(), 10)
      }
      reading.left = Number(/\r\ncontent-length: *(\d+)/i.exec(reading.head.slice(0, end + 2))?.[1] ?? 0)
      rest = reading.head.length - end - 4
    }
    reading.left -= rest
    outcome.bytes += rest
    if (reading.left > 0) return
    if (reading.left < 0) fail('more bytes than declared')
    outcome[reading.isWrite ? 'writes' : 'reads'] += 1
    if (reading.isSlow) outcome.slowReads += 1
    this.#answers += 1
    this.#lastHead = reading.head
    this.#settle()
    this.#next()
  }
}

function finish(): void {
  process.stdout.write(JSON.stringify(outcome satisfies SoakOutcome), () => process.exit(0))
}

let open = order.clients
for (let i = 0; i < order.clients; i += 1) setTimeout(() => new Client(() => void (--open === 0 && finish())), i * APART_MS)
setTimeout(
  () => {
    fail(`${open} answers never came`)
    finish()
  },
  order.seconds * 1000 + DRAIN_MS
).unref()
