/**
 * An upstream with an event loop of its own, which answers as soon as a head is there and closes at once: what it has not read
 * by then makes the kernel reset the connection. `workerData`: the answer, how long it waits before it closes, and a certificate.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface Resetting {
  readonly answer: string
  readonly lingerMs: number
  readonly certificate: { readonly key: string; readonly cert: string } | null
}

const { answer, lingerMs, certificate } = workerData as Resetting

function serve(socket: Socket): void {
  socket.on('error', () => undefined)
  socket.once('data', () => {
    socket.pause()
    socket.write(answer, 'latin1', () => setTimeout(() => socket.destroy(), lingerMs))
  })
}

const server: Server = certificate === null ? createServer(serve) : createTlsServer(certificate, serve)
server.listen(0, 'localhost', () => parentPort?.postMessage((server.address() as AddressInfo).port))
