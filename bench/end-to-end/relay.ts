import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to an upstream that is far away. */
export interface Relay {
  readonly port: number
  close(): void
}

/** Carries bytes to a port of this machine and back, each piece so many milliseconds late. */
export async function startRelay(upstreamPort: number, delayMs: number): Promise<Relay> {
  const open = new Set<Socket>()
  const carry = (from: Socket, to: Socket): void => {
    open.add(from)
    from.setNoDelay(true)
    from.on('data', (bytes) => void setTimeout(() => void (to.destroyed || to.write(bytes)), delayMs))
    from.once('end', () => void setTimeout(() => to.end(), delayMs))
    from.on('error', () => to.destroy())
    from.once('close', () => open.delete(from))
  }
  const server = createServer((near) => {
    const far = connect(upstreamPort, '127.0.0.1')
    carry(near, far)
    carry(far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of open) socket.destroy()
      server.close()
    }
  }
}
