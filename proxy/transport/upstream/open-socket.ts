import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type ConnectionOptions, type SecureContext } from 'node:tls'
import type { UpstreamOrigin } from '../transport.ts'
import type { Address } from './addresses.ts'

/** Opens a socket that reads as `onread` says. `onReady` is told null, or why the connection cannot be used. */
export type OpenSocket = (onread: OnReadOpts, onReady: (problem: string | null) => void) => Socket

const TCP_KEEP_ALIVE_MS = 60_000

/** How sockets to one origin are opened. TLS sessions are used again, and the authority is read once. */
export class SocketOpener {
  #origin: UpstreamOrigin
  #context: SecureContext | null = null
  #session: Buffer | null = null

  constructor(origin: UpstreamOrigin) {
    this.#origin = origin
  }

  to(address: Address): OpenSocket {
    return this.#origin.secure ? this.#tls(address) : this.#tcp(address)
  }

  #tcp({ address: host }: Address): OpenSocket {
    const { port } = this.#origin
    return (onread, onReady) => {
      const socket = connectTcp({ host, port, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS })
      socket.once('connect', () => onReady(null))
      return socket
    }
  }

  #tls({ address: host }: Address): OpenSocket {
    const { port, hostname, ca } = this.#origin
    this.#context ??= createSecureContext({ minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) })
    const secureContext = this.#context
    return (onread, onReady) => {
      // `onread` is documented for tls.connect and missing from its type.
      const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
        host,
        port,
        onread,
        secureContext,
        ALPNProtocols: ['http/1.1'],
        // An address has no name to ask for; it is checked against the certificate all the same.
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        ...(this.#session === null ? {} : { session: this.#session })
      }
      const socket = connectTls(options)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
      let session: Buffer | null = null
      socket.on('session', (given: Buffer) => {
        session = given
        if (socket.authorized) this.#session = given
      })
      socket.once('secureConnect', () => {
        const { alpnProtocol } = socket
        if (!socket.authorized) onReady(`the certificate is not believed: ${String(socket.authorizationError)}`)
        else if (alpnProtocol !== false && alpnProtocol !== 'http/1.1') onReady(`the upstream chose the protocol ${String(alpnProtocol)}`)
        else {
          this.#session = session ?? this.#session
          onReady(null)
        }
      })
      // A session that the upstream did not take must not stand in the way of the next attempt.
      const forget = (): unknown => (this.#session = null)
      socket.once('error', forget)
      socket.once('secureConnect', () => socket.off('error', forget))
      return socket
    }
  }
}
