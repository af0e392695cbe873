import type { Socket } from 'node:net'
import { UpstreamFault } from '../transport.ts'
import { idleMsAfter, type AnswerHead } from './answer-head.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { NEVER, type Deadlined } from './deadlines.ts'
import type { Exchange } from './exchange.ts'
import { framingOf, takeFirst, type Framing } from './framing.ts'
import { HeadReader } from './head-reader.ts'
import { Malformed } from './malformed.ts'
import { ReadMemory } from './read-memory.ts'
import { readOnAfterFailedWrite } from './read-on.ts'
import type { Outlet } from './upload.ts'
import { overdue, type Wait } from './waits.ts'
import { writeOut } from './write-out.ts'

/** How long the rest of an answer is waited for after a write failed. It can only be in the kernel already. */
const REST_MS = 50

/**
 * One connection to an upstream, with one request on it at a time. It reads into memory that the pool of buffers lends it for as
 * long as a body flows; heads are read into memory that all connections share, because what is read there is used up at once.
 */
export class UpstreamConnection implements Deadlined, Outlet {
  deadline = NEVER
  /** True once the head of an answer came. */
  proven = false
  #options: ConnectionOptions
  #socket: Socket
  #awaits: Wait = 'connect'
  #state: 'opening' | 'ready' | 'dead' = 'opening'
  #exchange: Exchange | null = null
  #heads: HeadReader
  #head: AnswerHead | null = null
  #framing: Framing | null = null
  #memory: ReadMemory
  /** True while the sink takes no bytes, or the body was not started. */
  #stopped = false
  #reading = true
  #ended = false
  /** Why nothing more can be sent. */
  #writeError: Error | null = null
  #rest: Buffer[] = []

  constructor(options: ConnectionOptions) {
    const { deadlines, limits, secure, open, buffers } = options
    this.#options = options
    this.#heads = new HeadReader(limits.headerBytesMax)
    this.#memory = new ReadMemory(buffers)
    this.#await('connect', limits.connectTimeoutMs)
    deadlines.watch(this)
    this.#socket = open(
      { buffer: () => this.#nextMemory(), callback: (count, memory) => this.#onRead(count, memory as Buffer) },
      (problem) => this.#onReady(problem)
    )
    if (secure) this.#socket.once('connect', () => this.#await('tls', limits.tlsTimeoutMs))
    readOnAfterFailedWrite(this.#socket, (error) => this.#onWriteFailed(error))
    this.#socket.on('error', (error) => this.#die(error))
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('close', () => this.#onClose())
  }

  /** Gives the connection to an exchange, until its answer is complete. */
  give(exchange: Exchange): void {
    this.deadline = NEVER
    this.#exchange = exchange
    exchange.begin(this)
  }

  write(bytes: Uint8Array | null, head: string | null): boolean {
    return writeOut(this.#socket, { head, bytes }, this.#onWritten)
  }

  /** The request is out. */
  awaitHead(): void {
    if (this.#exchange !== null && this.#head === null && this.#writeError === null) this.#await('head', this.#exchange.headTimeoutMs)
  }

  awaitRoom(blocked: boolean): void {
    if (this.#head !== null || this.#writeError !== null) return
    if (blocked) this.#await('room', this.#options.limits.idleBodyTimeoutMs)
    else this.deadline = NEVER
  }

  /** Reads on after the sink of the body wants more. */
  goOn(): void {
    if (!this.#stopped || this.#state === 'dead') return
    const exchange = this.#exchange
    this.#stopped = false
    this.#memory.held = false
    try {
      for (let bytes = this.#rest.shift(); bytes !== undefined; bytes = this.#rest.shift()) {
        if (!this.#deliver(bytes) || this.#exchange !== exchange) return
      }
    } catch (error) {
      this.#die(error as Error)
      return
    }
    if (this.#ended) this.#onEnd()
    else {
      this.#awaitBytes()
      this.#read()
    }
  }

  /** The exchange is over before its answer is: the connection is of no more use. */
  abandon(): void {
    this.#exchange = null
    this.#die(new Error('the request was given up'))
  }

  close(): void {
    this.#die(new UpstreamFault('cancelled', 'the engine was closed', { maybeExecuted: this.#exchange?.sentWhole ?? false }))
  }

  onDeadline(): void {
    this.#die(this.#writeError ?? overdue(this.#awaits, this.#exchange?.sentWhole === true))
  }

  #await(what: Wait, ms: number): void {
    this.#awaits = what
    this.deadline = this.#options.deadlines.after(ms)
  }

  #awaitBytes(): void {
    this.#await('bytes', this.#writeError === null ? this.#options.limits.idleBodyTimeoutMs : REST_MS)
  }

  #onReady(problem: string | null): void {
    if (this.#state !== 'opening') return
    if (problem === null) {
      this.#state = 'ready'
      this.#await('idle', this.#options.limits.keepAliveMs)
      this.#options.owner.onReady(this)
    } else this.#die(new Error(problem))
  }

  #onWritten = (error?: Error | null): void => {
    if (!error && this.#socket.writableLength === 0) this.#exchange?.onWritten()
  }

  /** True: an answer may have come before the write failed, and is read first. */
  #onWriteFailed(error: Error): boolean {
    if (this.#state !== 'ready' || this.#exchange?.stopSending(error) !== true) return false
    this.#writeError = error
    if (!this.#stopped) this.#awaitBytes()
    return true
  }

  /** Where the next read goes. Node asks once at the beginning and then after each read. */
  #nextMemory(): Buffer {
    const framing = this.#framing
    if (framing === null) this.#memory.release()
    // A TLS socket may hand over more after it was told to stop: not into memory that a sink reads from.
    const wait = framing === null || this.#state === 'dead' || (this.#options.secure && this.#stopped)
    return wait ? this.#memory.shared() : this.#memory.own(framing.expected)
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    this.#socket.resume()
  }

  #onRead(count: number, memory: Buffer): boolean {
    if (this.#exchange === null) {
      this.#die(new Malformed('the upstream sent bytes that nobody asked for'))
      return false
    }
    try {
      this.#reading = this.#framing === null ? this.#readHead(memory.subarray(0, count)) : this.#readBody(memory, count)
    } catch (error) {
      this.#die(error as Error)
      return false
    }
    return this.#reading
  }

  #readHead(bytes: Buffer): boolean {
    const read = this.#heads.read(bytes, this.#exchange?.method ?? '')
    return read === null || this.#begin(read.head, read.rest)
  }

  /** The answer has begun. Its bytes wait until its body is started, unless all of it is there. */
  #begin(head: AnswerHead, bytes: Buffer): boolean {
    const framing = framingOf(head)
    const first = takeFirst(framing, bytes)
    this.#head = head
    this.#framing = framing
    this.deadline = NEVER
    this.#stopped = !framing.complete
    this.#exchange?.onHead(head, first)
    if (!this.proven) {
      this.proven = true
      this.#options.owner.onProven(this)
    }
    if (framing.complete) this.#complete(false)
    return !this.#stopped && this.#state !== 'dead'
  }

  #readBody(memory: Buffer, count: number): boolean {
    this.#awaitBytes()
    const bytes = memory.subarray(0, count)
    if (this.#stopped) {
      this.#rest.push(Buffer.from(bytes))
      return false
    }
    // Only a TLS socket gets here with memory that others read into too.
    return this.#deliver(this.#memory.isShared(memory) ? Buffer.from(bytes) : bytes)
  }

  /** Hands over what is body in these bytes. False: the rest has to wait. */
  #deliver(bytes: Buffer): boolean {
    const exchange = this.#exchange
    const framing = this.#framing
    if (exchange === null || framing === null) return false
    for (let at = 0; at < bytes.length;) {
      framing.scan(bytes, at, bytes.length)
      at = framing.next
      if (framing.complete && at < bytes.length) throw new Malformed('the answer is longer than its framing says')
      const more = framing.from === framing.to || exchange.onBytes(bytes.subarray(framing.from, framing.to))
      // The sink may have given the exchange up.
      if (this.#exchange !== exchange) return false
      if (framing.complete) {
        this.#complete(!more && this.#memory.isOwn(bytes))
        return this.#state !== 'dead'
      }
      if (!more) {
        this.#stopped = true
        this.#memory.held = this.#memory.isOwn(bytes)
        this.deadline = NEVER
        if (at < bytes.length) this.#rest.unshift(bytes.subarray(at))
        return false
      }
    }
    return true
  }

  /** The answer is at its end. `lent`: its last bytes are in the buffer and the sink still needs them. */
  #complete(lent: boolean): void {
    const exchange = this.#exchange
    const idleMs = this.#idleMs(exchange)
    const lend = lent ? this.#memory.leave() : this.#memory.settle()
    this.#exchange = this.#head = this.#framing = null
    this.#stopped = false
    this.#heads.reset()
    if (idleMs > 0) {
      this.#await('idle', idleMs)
      this.#read()
      this.#options.owner.onReleased(this)
    } else {
      this.#die(new Error('the connection is not used again'))
    }
    exchange?.onEnd(lend)
  }

  /** How long the connection may wait for its next request; 0 when it must not have one. */
  #idleMs(exchange: Exchange | null): number {
    const head = this.#head
    const sent = exchange?.sentWhole === true && this.#writeError === null
    const clean = sent && this.#socket.writableLength === 0 && this.#rest.length === 0 && !this.#ended
    return head === null || !clean ? 0 : idleMsAfter(head, this.#options.limits.keepAliveMs)
  }

  /** The upstream sends nothing more. */
  #onEnd(): void {
    this.#ended = true
    if (this.#stopped && this.#rest.length > 0) return
    if (this.#exchange !== null && this.#framing?.endsWithConnection === true) {
      if (!this.#stopped) this.#complete(false)
      return
    }
    this.#die(new Error('the upstream closed the connection'))
  }

  /** What a TLS socket handed over before its end may still wait for its sink. */
  #onClose(): void {
    const undelivered = this.#stopped && (this.#rest.length > 0 || this.#framing?.endsWithConnection === true)
    if (!this.#ended || !undelivered) this.#die(new Error('the upstream closed the connection'))
  }

  #die(error: Error): void {
    if (this.#state === 'dead') return
    const exchange = this.#exchange
    const unanswered = exchange !== null && !this.proven
    const when = this.#state === 'opening' ? 'opening' : unanswered ? 'unanswered' : 'over'
    const { deadlines, owner } = this.#options
    this.#state = 'dead'
    this.deadline = NEVER
    deadlines.unwatch(this)
    this.#exchange = null
    this.#rest = []
    this.#socket.destroy()
    this.#memory.release()
    owner.onLost(this, error, when)
    exchange?.onLost(error, this.proven && !this.#heads.began)
  }
}
