import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A response as it came over the wire. Text is latin1, one character per byte. */
export interface RawResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** True when the framing says that the body is complete. */
  readonly whole: boolean
}

export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly headers: ReadonlyMap<string, string>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** False where the connection ended before the body did. */
  readonly whole: boolean
}

/** A client that sends exact bytes. */
export class RawClient {
  readonly socket: Socket
  /** Resolves when the server has closed its side or the connection is lost. */
  readonly closed: Promise<void>
  #bytes: Buffer = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.setNoDelay(true)
    this.closed = new Promise((resolve) => {
      this.socket.once('end', resolve).once('close', () => resolve())
    })
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.#ended = true
        this.#wake()
      })
    }
  }

  /** Sends text as latin1, or bytes. */
  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    return this
  }

  /** What has been received and not read yet. */
  get received(): string {
    return this.#bytes.toString('latin1')
  }

  /** True once the server ended its side. */
  get ended(): boolean {
    return this.#ended
  }

  /** Reads up to and with `text`. */
  async readUntil(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.#ended) throw new Error(`the connection ended before ${JSON.stringify(text)}: ${JSON.stringify(this.received)}`)
      await this.#more()
    }
    return this.#take(this.received.indexOf(text) + text.length).toString('latin1')
  }

  /** Reads one response. `bodiless`: the request was HEAD. Interim responses are read over unless asked for. */
  async readResponse({ bodiless = false, interim = false } = {}): Promise<RawResponse> {
    const head = parseHead(await this.readUntil('\r\n\r\n'))
    const status = Number(head.first.split(' ')[1])
    if (status < 200 && !interim) return this.readResponse({ bodiless })
    const parts = { status, headers: head.headers, rawHeaders: head.rawHeaders }
    if (bodiless || status < 200 || status === 204 || status === 304) return { ...parts, body: Buffer.alloc(0), whole: true }
    if (head.headers.get('transfer-encoding') === 'chunked') return { ...parts, ...(await this.#readChunks()) }
    return { ...parts, ...(await this.#readBytes(Number(head.headers.get('content-length') ?? 0))) }
  }

  /** Waits until the server closed its side; gives back what came before. */
  async readToEnd(): Promise<string> {
    while (!this.#ended) await this.#more()
    return this.#take(this.#bytes.length).toString('latin1')
  }

  destroy(): void {
    this.socket.destroy()
  }

  async #readBytes(length: number): Promise<{ body: Buffer; whole: boolean }> {
    while (this.#bytes.length < length && !this.#ended) await this.#more()
    const body = this.#take(length)
    return { body, whole: body.length === length }
  }

  async #readChunks(): Promise<{ body: Buffer; whole: boolean }> {
    const chunks: Buffer[] = []
    for (;;) {
      while (!this.received.includes('\r\n') && !this.#ended) await this.#more()
      const line = /^([0-9a-fA-F]+)\r\n/.exec(this.received)
      if (line === null) return { body: Buffer.concat(chunks), whole: false }
      this.#take(line[0].length)
      const size = parseInt(line[1] ?? '', 16)
      const { body, whole } = await this.#readBytes(size + 2)
      chunks.push(body.subarray(0, size))
      if (!whole) return { body: Buffer.concat(chunks), whole: false }
      if (size === 0) return { body: Buffer.concat(chunks), whole: true }
    }
  }

  #take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(taken.length)
    return taken
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }
}

interface Head {
  readonly first: string
  readonly headers: Map<string, string>
  readonly rawHeaders: string[]
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.slice(0, -4).split('\r\n')
  const headers = new Map<string, string>()
  const rawHeaders: string[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    headers.set(name.toLowerCase(), value)
    rawHeaders.push(name, value)
  }
  return { first, headers, rawHeaders }
}

/** What a recording upstream does with a request whose head has come. */
export type Script = (exchange: UpstreamExchange) => void | Promise<void>

/** One request at the recording upstream. */
export class UpstreamExchange {
  readonly method: string
  readonly target: string
  readonly headers: ReadonlyMap<string, string>
  readonly rawHeaders: readonly string[]
  readonly connection: Socket
  /** Number of the connection, from 0, and of the request on it. */
  readonly connectionIndex: number
  readonly requestIndex: number
  readonly declared: number
  /** Body bytes so far. */
  bodyBytes = 0
  #chunks: Buffer[] = []
  /** Resolves with true when the whole body has come, with false when the connection ended before. */
  readonly wholeBody: Promise<boolean>
  /** Resolves when its connection is closed. */
  readonly closed: Promise<void>
  #settle: (whole: boolean) => void = () => {}
  whole = false

  constructor(head: Head, connection: Socket, at: { connectionIndex: number; requestIndex: number }) {
    const [method = '', target = ''] = head.first.split(' ')
    this.method = method
    this.target = target
    this.headers = head.headers
    this.rawHeaders = head.rawHeaders
    this.connection = connection
    this.connectionIndex = at.connectionIndex
    this.requestIndex = at.requestIndex
    this.declared = Number(head.headers.get('content-length') ?? 0)
    this.wholeBody = new Promise((resolve) => (this.#settle = resolve))
    this.closed = new Promise((resolve) => connection.once('close', () => resolve()))
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Takes body bytes; gives back what belongs to the next request. */
  take(bytes: Buffer): Buffer {
    const own = bytes.subarray(0, this.declared - this.bodyBytes)
    this.#chunks.push(own)
    this.bodyBytes += own.length
    if (this.bodyBytes === this.declared) {
      this.whole = true
      this.#settle(true)
    }
    return bytes.subarray(own.length)
  }

  connectionEnded(): void {
    this.#settle(false)
  }

  reply(text: string | Uint8Array): void {
    this.connection.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** Replies with a whole response of known length. */
  answer(status: number, body = '', headers: readonly string[] = []): void {
    const lines = headers.map((line) => `${line}\r\n`).join('')
    this.reply(`HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n${lines}\r\n${body}`)
  }
}

/** An upstream that records every request it sees and answers as it is told, byte for byte. */
export class RawUpstream {
  readonly exchanges: UpstreamExchange[] = []
  script: Script
  connections = 0
  port = 0
  #server: Server
  #sockets = new Set<Socket>()
  #waiting: { count: number; resolve: () => void }[] = []

  constructor(script: Script) {
    this.script = script
    this.#server = createServer((socket) => this.#serve(socket))
  }

  static async start(script: Script, { host = '127.0.0.1', port = 0 } = {}): Promise<RawUpstream> {
    const upstream = new RawUpstream(script)
    await new Promise<void>((resolve, reject) => upstream.#server.once('error', reject).listen(port, host, resolve))
    upstream.port = (upstream.#server.address() as AddressInfo).port
    return upstream
  }

  /** Open connections. */
  get open(): number {
    return this.#sockets.size
  }

  /** Resolves when as many requests have been seen in all. */
  async seen(count: number): Promise<void> {
    if (this.exchanges.length >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    const connectionIndex = this.connections
    this.connections += 1
    this.#sockets.add(socket)
    let requestIndex = 0
    let pending: Buffer = Buffer.alloc(0)
    let current: UpstreamExchange | null = null
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      current?.connectionEnded()
    })
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        if (current !== null) {
          pending = current.take(pending)
          if (!current.whole) return
          current = null
        }
        const end = pending.indexOf('\r\n\r\n')
        if (end < 0) return
        current = new UpstreamExchange(parseHead(pending.toString('latin1', 0, end + 4)), socket, { connectionIndex, requestIndex })
        requestIndex += 1
        pending = pending.subarray(end + 4)
        this.#record(current)
      }
    })
  }

  #record(exchange: UpstreamExchange): void {
    this.exchanges.push(exchange)
    exchange.take(Buffer.alloc(0))
    void this.script(exchange)
    for (const { count, resolve } of this.#waiting) if (this.exchanges.length >= count) resolve()
  }
}
