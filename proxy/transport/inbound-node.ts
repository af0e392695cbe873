import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext } from 'node:tls'
import type { Address, Certificate, Inbound, InboundHandlers, InboundLimits, InboundTimeouts, RefusalReason } from './inbound.ts'
import { ClientConnection, NodeIncoming } from './node-incoming.ts'
import { isRefusal, readFraming, refusalXml, type Refusal } from './request-head.ts'

export interface NodeInboundOptions {
  readonly limits: InboundLimits
  readonly timeouts: InboundTimeouts
  /** Null for plain HTTP. */
  readonly certificate: Certificate | null
  /** What tells clients of a request that is refused before it is read: S3's error document unless given. */
  readonly refusal?: RefusalDocument
}

/** Header lines and body of the answer to a request that was never read. */
export type RefusalDocument = (refusal: Pick<Refusal, 'code' | 'message'>) => {
  readonly rawHeaders: readonly string[]
  readonly body: string
}

const S3_REFUSAL: RefusalDocument = (refusal) => ({ rawHeaders: ['Content-Type', 'application/xml'], body: refusalXml(refusal) })

/** A listener on node:http, or node:https with a certificate. */
export function createNodeInbound(options: NodeInboundOptions, handlers: InboundHandlers): Inbound {
  return new NodeInbound(options, handlers)
}

class NodeInbound implements Inbound {
  #options: NodeInboundOptions
  #handlers: InboundHandlers
  #server: Server
  #connections = new Map<Socket, ClientConnection>()
  /** The TCP connections, with TLS those that still shake hands among them. */
  #sockets = new Set<Socket>()
  #draining = false
  #onEmpty: (() => void)[] = []
  /** Connections are looked at in turns: a timer for each would cost every request two changes of it. */
  #clock = { tick: 1 }
  #ticking: NodeJS.Timeout | null = null

  constructor(options: NodeInboundOptions, handlers: InboundHandlers) {
    this.#options = options
    this.#handlers = handlers
    this.#server = createHardenedServer(options)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.on(options.certificate === null ? 'connection' : 'secureConnection', (socket: Socket) => this.#accept(socket))
    this.#server.on('tlsClientError', () => this.#handlers.onRefused('tls-handshake'))
    this.#server.on('request', (request, response) => this.#receive(request, response, false))
    this.#server.on('checkContinue', (request, response) => this.#receive(request, response, true))
    // S3 ignores an Expect it does not know; node would answer 417.
    this.#server.on('checkExpectation', (request, response) => this.#receive(request, response, false))
    this.#server.on('connect', (_request, socket) => this.#refuseConnect(socket))
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuseBytes(error, socket))
  }

  #document(refusal: Pick<Refusal, 'code' | 'message'>): ReturnType<RefusalDocument> {
    return (this.#options.refusal ?? S3_REFUSAL)(refusal)
  }

  get connections(): number {
    return this.#connections.size
  }

  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port: address.port, host: address.host, backlog: BACKLOG }, () => {
        this.#server.off('error', reject)
        this.#tick()
        const bound = this.#server.address() as AddressInfo
        resolve({ host: bound.address, port: bound.port })
      })
    })
  }

  /** Closes the connections that have been idle for too long, now and from now on. */
  #tick(): void {
    const { keepAliveMs, checkMs } = this.#options.timeouts
    const tickMs = Math.max(10, Math.min(checkMs, keepAliveMs / 8))
    const idleTicksMax = Math.ceil(keepAliveMs / tickMs)
    this.#ticking = setInterval(() => {
      this.#clock.tick += 1
      for (const [socket, { live, idleSince }] of this.#connections)
        if (live.size === 0 && idleSince > 0 && this.#clock.tick - idleSince > idleTicksMax) socket.destroy()
    }, tickMs)
    this.#ticking.unref()
  }

  drain(): void {
    this.#draining = true
  }

  async close(): Promise<void> {
    this.#draining = true
    const stopped = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeIdleConnections()
    await stopped
    clearInterval(this.#ticking ?? undefined)
    // The server counts a connection as gone before the connection itself says so.
    if (this.#connections.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  renew(certificate: Certificate): void {
    if (!(this.#server instanceof SecureServer)) throw new Error('the listener has no TLS')
    // Judged on its own first: a half-set context would refuse every handshake.
    createSecureContext(certificate)
    this.#server.setSecureContext({ ...certificate, ...TLS_OPTIONS })
  }

  #accept(socket: Socket): void {
    const secure = this.#options.certificate !== null
    const keepAlive = `timeout=${Math.floor(this.#options.timeouts.keepAliveMs / 1000)}`
    this.#connections.set(
      socket,
      new ClientConnection(socket, { secure, keepAlive, clock: this.#clock, reset: () => this.#tcpOf(socket)?.resetAndDestroy() })
    )
    socket.once('close', () => {
      this.#connections.delete(socket)
      if (this.#connections.size === 0) for (const tell of this.#onEmpty.splice(0)) tell()
    })
  }

  /** A TLS connection cannot be reset itself, and does not show what it is carried by. */
  #tcpOf(socket: Socket): Socket | undefined {
    if (this.#sockets.has(socket)) return socket
    return [...this.#sockets].find((tcp) => tcp.remotePort === socket.remotePort && tcp.remoteAddress === socket.remoteAddress)
  }

  #receive(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const connection = this.#connections.get(request.socket)
    if (connection === undefined) {
      request.socket.destroy()
      return
    }
    if (connection.closing) return
    lowerNames(request.rawHeaders)
    const framing = readFraming(request.httpVersion, request.rawHeaders, this.#options.limits.headersMax)
    const incoming = new NodeIncoming({
      ...this.#options,
      request,
      response,
      connection,
      bodyLength: isRefusal(framing) ? null : framing.length,
      expectsContinue,
      draining: () => this.#draining
    })
    if (isRefusal(framing)) this.#refuse(incoming, framing)
    else this.#handlers.onRequest(incoming)
  }

  /** The body's extent is unknown or in doubt, so it counts as unread and the connection ends. */
  #refuse(incoming: NodeIncoming, refusal: Refusal): void {
    this.#handlers.onRefused(refusal.reason)
    const { rawHeaders, body } = this.#document(refusal)
    void incoming.answer({ status: refusal.status, rawHeaders, body: Buffer.from(body) })
  }

  #refuseConnect(socket: Duplex): void {
    this.#handlers.onRefused('connect')
    const message = 'The specified method is not allowed against this resource.'
    closeWith(socket, '405 Method Not Allowed', this.#document({ code: 'MethodNotAllowed', message }))
  }

  /** Bytes that are no request, or not any more. */
  #refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
    const refusal = refusalOf(error.code)
    // A connection opened in advance that was not used: an answer to nothing would be taken for the first request's.
    const unused = (socket as Socket).bytesRead === 0
    if (refusal === null || unused) {
      socket.destroy()
      return
    }
    const connection = this.#connections.get(socket as Socket)
    if (connection === undefined || connection.closing) {
      // Its last answer is on its way.
      connection?.socket.destroySoon()
      return
    }
    connection.closing = true
    const live = [...connection.live]
    const [only] = live
    this.#handlers.onRefused(refusal.reason)
    // With an earlier request still unanswered, an answer now would be taken for the answer to that one.
    const answersItself = only === undefined || (live.length === 1 && !only.headSent && only.body !== null && !only.body.ended)
    if (answersItself) closeWith(socket, refusal.status, this.#document(refusal))
    else socket.destroy()
  }
}

/** Connections that may wait to be accepted: more than a thousand clients of a service open at once when it starts. */
const BACKLOG = 4096

/** Names in lower case, once for all who compare them. */
function lowerNames(rawHeaders: string[]): void {
  for (let i = 0; i < rawHeaders.length; i += 2) rawHeaders[i] = (rawHeaders[i] ?? '').toLowerCase()
}

const TLS_OPTIONS = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const

function createHardenedServer({ limits, timeouts, certificate }: NodeInboundOptions): Server {
  const options = {
    insecureHTTPParser: false,
    maxHeaderSize: limits.headerBytesMax,
    // A missing Host is refused with an S3 error like the other faults of a head.
    requireHostHeader: false,
    // Node's 300 s cuts off every upload that takes longer; flows have their own idle limit.
    requestTimeout: 0,
    headersTimeout: timeouts.headersMs,
    // Kept by the listener itself.
    keepAliveTimeout: 0,
    connectionsCheckingInterval: timeouts.checkMs,
    noDelay: true
  }
  const server =
    certificate === null
      ? createServer(options)
      : createSecureServer({ ...options, ...certificate, ...TLS_OPTIONS, handshakeTimeout: timeouts.headersMs })
  // Node drops headers beyond a count without a word, signed ones among them. `readFraming` refuses such a request.
  server.maxHeadersCount = 0
  if (limits.connectionsMax > 0) server.maxConnections = limits.connectionsMax
  // As a worker of a cluster: closed as elsewhere, and not handed from one full worker to the next and back for ever.
  Object.assign(server, { dropMaxConnection: true })
  return server
}

interface RawRefusal {
  readonly status: string
  readonly code: string
  readonly message: string
}

function refusalOf(code: string | undefined): (RawRefusal & { reason: RefusalReason }) | null {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: '400 Bad Request',
        code: 'RequestHeaderSectionTooLarge',
        message: 'Your request header section exceeds the maximum allowed size.',
        reason: 'headers-too-large'
      }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: '400 Bad Request',
        code: 'RequestTimeout',
        message: 'Your socket connection to the server was not read from or written to within the timeout period.',
        reason: 'headers-too-slow'
      }
    default:
      if (code?.startsWith('HPE_') !== true) return null
      return { status: '400 Bad Request', code: 'BadRequest', message: 'The request is not valid HTTP.', reason: 'malformed' }
  }
}

function closeWith(socket: Duplex, status: string, { rawHeaders, body }: ReturnType<RefusalDocument>): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  let lines = ''
  for (let i = 0; i < rawHeaders.length; i += 2) lines += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  socket.once('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1', () =>
    socket.destroy()
  )
}
