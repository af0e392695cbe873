import { UpstreamFault, type UpstreamOrigin } from '../transport.ts'
import { Addresses, type Address, type Lookup } from './addresses.ts'
import type { BufferPool } from './buffers.ts'
import type { ConnectionLimits, ConnectionOwner, LostWhen } from './connection-options.ts'
import { UpstreamConnection } from './connection.ts'
import { NEVER, type Deadlines } from './deadlines.ts'
import type { Dispatcher, Exchange } from './exchange.ts'
import { Malformed } from './malformed.ts'
import { SocketOpener } from './open-socket.ts'

export interface PoolOptions {
  readonly limits: ConnectionLimits & { readonly connectionsMax: number; readonly queueTimeoutMs: number }
  readonly buffers: BufferPool
  readonly deadlines: Deadlines
  readonly lookup: Lookup
  /** Told of what belongs to no request. */
  readonly onError: (error: Error) => void
}

/** One attempt to add a connection, through the addresses of the host until one answers. */
interface Dial {
  readonly tried: Set<Address>
  address: Address | null
}

/** The connections to one origin, and the requests that wait for one. The connection used last is used first. */
export class OriginPool implements ConnectionOwner, Dispatcher {
  #origin: UpstreamOrigin
  #options: PoolOptions
  #addresses: Addresses
  #opener: SocketOpener
  #idle: UpstreamConnection[] = []
  /** Every connection that came about, with its address. */
  #open = new Map<UpstreamConnection, Address>()
  #opening = new Map<UpstreamConnection, Dial>()
  #dials = 0
  #queue = new Set<Exchange>()
  #closed = false
  #onEmpty: (() => void)[] = []

  constructor(origin: UpstreamOrigin, options: PoolOptions) {
    this.#origin = origin
    this.#options = options
    this.#addresses = new Addresses(origin.hostname, options)
    this.#opener = new SocketOpener(origin)
  }

  /** Connections and requests, for tests and for drawing. */
  get counts(): { readonly open: number; readonly idle: number; readonly dialing: number; readonly queued: number } {
    return { open: this.#open.size, idle: this.#idle.length, dialing: this.#dials, queued: this.#queue.size }
  }

  /** Gives the exchange a connection, at once where one is free. */
  submit(exchange: Exchange): void {
    const connection = this.#idle.pop()
    if (connection !== undefined) connection.give(exchange)
    else this.#wait(exchange)
  }

  retry(exchange: Exchange): void {
    // The other idle connections may be as dead as the one that failed.
    if (this.#size >= this.#options.limits.connectionsMax) this.#idle[0]?.close()
    this.#wait(exchange)
  }

  withdraw(exchange: Exchange): void {
    this.#queue.delete(exchange)
    this.#options.deadlines.unwatch(exchange)
  }

  onReady(connection: UpstreamConnection): void {
    const dial = this.#opening.get(connection)
    if (dial === undefined || dial.address === null) return
    this.#opening.delete(connection)
    this.#dials -= 1
    this.#open.set(connection, dial.address)
    this.onReleased(connection)
  }

  onProven(connection: UpstreamConnection): void {
    const address = this.#open.get(connection)
    if (address === undefined) return
    address.unproven -= 1
    this.#addresses.answered(address)
  }

  onReleased(connection: UpstreamConnection): void {
    const [next] = this.#queue
    if (next !== undefined) {
      this.#take(next)
      connection.give(next)
    } else if (this.#closed) {
      connection.close()
    } else {
      this.#idle.push(connection)
    }
  }

  onLost(connection: UpstreamConnection, error: Error, when: LostWhen): void {
    if (when === 'opening') {
      this.#dialFailed(connection, error)
      return
    }
    const address = this.#open.get(connection)
    if (address !== undefined) {
      address.open -= 1
      if (!connection.proven) address.unproven -= 1
      if (when === 'unanswered' && !this.#closed) this.#addresses.unanswered(address)
    }
    this.#open.delete(connection)
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) {
      this.#idle.splice(at, 1)
      if (error instanceof Malformed) this.#options.onError(error)
    }
    this.#dialForQueue()
    this.#tellIfEmpty()
  }

  /** Ends what is idle or waits; resolves when the last request is over. */
  async drain(): Promise<void> {
    this.#close()
    for (const connection of [...this.#idle]) connection.close()
    for (const exchange of [...this.#queue]) exchange.cancel()
    if (this.#size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  /** Ends everything. */
  destroy(): void {
    this.#close()
    for (const exchange of [...this.#queue]) exchange.cancel()
    for (const connection of [...this.#open.keys(), ...this.#opening.keys()]) connection.close()
  }

  #close(): void {
    this.#closed = true
    this.#addresses.close()
  }

  get #size(): number {
    return this.#open.size + this.#dials
  }

  #wait(exchange: Exchange): void {
    const { deadlines, limits } = this.#options
    exchange.deadline = deadlines.after(limits.queueTimeoutMs)
    deadlines.watch(exchange)
    this.#queue.add(exchange)
    this.#dialForQueue()
  }

  #take(exchange: Exchange): void {
    exchange.deadline = NEVER
    this.withdraw(exchange)
  }

  #dialForQueue(): void {
    while (!this.#closed && this.#queue.size > this.#dials && this.#size < this.#options.limits.connectionsMax) {
      this.#dials += 1
      const dial: Dial = { tried: new Set(), address: null }
      this.#addresses.whenKnown((error) => {
        if (error === null) this.#dialNext(dial, new Error('the host has no address'))
        else this.#giveUpDial(error)
      })
    }
  }

  #dialNext(dial: Dial, last: Error): void {
    const address = this.#closed ? null : this.#addresses.pick(dial.tried)
    if (address === null) {
      this.#giveUpDial(last)
      return
    }
    dial.tried.add(address)
    dial.address = address
    address.open += 1
    address.unproven += 1
    const { limits, buffers, deadlines } = this.#options
    const connection = new UpstreamConnection({
      open: this.#opener.to(address),
      secure: this.#origin.secure,
      // An address that does not answer must not use up the time of the others.
      limits: { ...limits, connectTimeoutMs: Math.ceil(limits.connectTimeoutMs / this.#addresses.size) },
      buffers,
      deadlines,
      owner: this
    })
    this.#opening.set(connection, dial)
  }

  #dialFailed(connection: UpstreamConnection, error: Error): void {
    const dial = this.#opening.get(connection)
    if (dial === undefined || dial.address === null) return
    this.#opening.delete(connection)
    dial.address.open -= 1
    dial.address.unproven -= 1
    this.#addresses.failed(dial.address)
    this.#dialNext(dial, error)
  }

  /** No address answered: the request that waits longest is told. */
  #giveUpDial(error: Error): void {
    this.#dials -= 1
    const [first] = this.#queue
    first?.fail(new UpstreamFault('connect', error.message, { maybeExecuted: false, cause: error }))
    this.#dialForQueue()
    this.#tellIfEmpty()
  }

  #tellIfEmpty(): void {
    if (this.#size === 0) for (const tell of this.#onEmpty.splice(0)) tell()
  }
}
