import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** The way to an upstream: it can be cut, mended, or made to swallow everything. */
export interface Relay {
  readonly port: number
  /** Connections that came in and have ended, in all. */
  readonly ended: number
  /** Connections that came in, in all. */
  readonly accepted: number
  /** Where connections go. */
  target(port: number): void
  /** Ends every connection; new ones are refused, or taken and never answered. */
  cut(how: 'refused' | 'silent'): Promise<void>
  mend(): Promise<void>
  stop(): Promise<void>
}

/** A relay on loopback. */
export async function startRelay(): Promise<Relay> {
  const sockets = new Set<Socket>()
  let target = 0
  let silent = false
  let accepted = 0
  let ended = 0
  const server: Server = createServer({ allowHalfOpen: false }, (inner) => {
    accepted += 1
    track(inner)
    inner.once('close', () => (ended += 1))
    if (silent) {
      inner.resume()
      return
    }
    const outer = connect({ port: target, host: '127.0.0.1' })
    track(outer)
    inner.pipe(outer).pipe(inner)
    // A reset on one side is one on the other: the store sees a client that left, and the client a store that did.
    inner.once('close', () => outer.destroy())
    outer.once('close', () => inner.destroy())
  })
  const track = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  }
  const destroyAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      destroyAll()
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    get ended() {
      return ended
    },
    get accepted() {
      return accepted
    },
    target: (to) => void (target = to),
    async cut(how) {
      silent = how === 'silent'
      if (how === 'refused') await close()
      else destroyAll()
    },
    async mend() {
      silent = false
      destroyAll()
      if (!server.listening) await listen(port)
    },
    stop: async () => {
      if (server.listening) await close()
      else destroyAll()
    }
  }
}
