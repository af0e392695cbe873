/** The scripted upstream: a real socket that answers each request, in the order in which they were sent, as the file says. */
import { RawUpstream, type UpstreamExchange } from '../helpers/raw-http.ts'
import { createUpstream, UPSTREAM_LIMITS } from '../../proxy/transport/upstream/engine.ts'
import type { UpstreamClient, UpstreamRequest } from '../../proxy/transport/transport.ts'
import { pairs } from './client.ts'
import { parseMessage, type Event, type Message } from './exchange-file.ts'

/** What the file says instead of an answer where the upstream goes away. */
const NO_ANSWER = '(closes without an answer)'
/** What a request is answered that the file does not expect. */
export const UNFORESEEN = 'HTTP/1.1 599 Unforeseen'
const CUT = '(closes here)'

interface Expected {
  readonly name: string
  readonly answer: string
  readonly atOnce: boolean
  readonly index: number
}

export class ScriptedUpstream {
  readonly #server: RawUpstream
  /** New for each file, so that no connection has a past. */
  client: UpstreamClient
  /** What happened, in the order in which it began. */
  events: Event[] = []
  #answers: string[] = []
  #expected: Expected[] = []
  #unanswered = 0

  private constructor(server: RawUpstream) {
    this.#server = server
    this.client = this.#connect()
  }

  /** Begins a file. */
  async renew(): Promise<void> {
    await this.client.close()
    this.client = this.#connect()
  }

  #connect(): UpstreamClient {
    const real = createUpstream({ ...UPSTREAM_LIMITS, onError: () => {} })
    return {
      send: async (request, cancellation) => {
        this.#expect(request)
        try {
          return await real.send(request, cancellation)
        } finally {
          this.#unanswered -= 1
        }
      },
      close: () => real.close()
    }
  }

  static async start(): Promise<ScriptedUpstream> {
    let upstream: ScriptedUpstream | null = null
    const server = await RawUpstream.start((exchange) => upstream?.serve(exchange))
    upstream = new ScriptedUpstream(server)
    return upstream
  }

  get port(): number {
    return this.#server.port
  }

  /** Begins a request of the client: what the upstream will answer. */
  begin(answers: readonly string[]): void {
    this.events = []
    this.#answers = [...answers]
    this.#expected = []
    this.#unanswered = 0
  }

  /** The client was told something before its answer. */
  interim(status: number): void {
    this.events.push({ kind: 'interim', status })
  }

  note(text: string): void {
    this.events.push({ kind: 'note', text })
  }

  /** Answers of the file that nothing was sent for. */
  get answersLeft(): number {
    return this.#answers.length
  }

  async stop(): Promise<void> {
    await this.client.close()
    await this.#server.stop()
  }

  /** The order of `send` is that of the protocol, so it is always the same, whatever order the connections bring. */
  #expect(request: UpstreamRequest): void {
    const answer = this.#answers.shift() ?? UNFORESEEN
    this.#expected.push({ name: `${request.method} ${request.rawTarget}`, answer, atOnce: this.#unanswered > 0, index: this.events.length })
    this.#unanswered += 1
    // Its place in the order; filled in when it has come over the wire.
    this.events.push({ kind: 'note', text: `${request.method} ${request.rawTarget}: never sent whole` })
  }

  async serve(exchange: UpstreamExchange): Promise<void> {
    const name = `${exchange.method} ${exchange.target}`
    const at = this.#expected.findIndex((candidate) => candidate.name === name)
    const [expected] = at === -1 ? [] : this.#expected.splice(at, 1)
    if (expected === undefined) {
      this.note(`${name}: came once more than it was sent`)
      exchange.connection.destroy()
      return
    }
    const whole = await exchange.wholeBody
    const { answer, atOnce, index } = expected
    this.events[index] = { kind: 'upstream', request: messageOf(exchange), answer, atOnce }
    if (!whole) this.events[index] = { kind: 'note', text: `${name}: never sent whole` }
    else if (answer === NO_ANSWER) exchange.connection.destroy()
    else if (!reply(exchange, answer)) this.note(`${name}: the answer of the file is shorter than it says`)
  }
}

function messageOf(exchange: UpstreamExchange): Message {
  return { first: `${name(exchange)} HTTP/1.1`, rawHeaders: exchange.rawHeaders, body: exchange.body }
}

const name = ({ method, target }: UpstreamExchange): string => `${method} ${target}`

/** Sends an answer of the file; false for one that nobody could read to its end. */
function reply(exchange: UpstreamExchange, text: string): boolean {
  const isCut = text.endsWith(`\n${CUT}`)
  const { first, rawHeaders, body } = parseMessage((isCut ? text.slice(0, -CUT.length - 1) : text).split('\n'))
  const declared = pairs(rawHeaders).find(([name]) => /^content-length$/i.test(name))?.[1]
  const isFramed = declared !== undefined || /^HTTP\/1.1 (204|304) /.test(first) || rawHeaders.includes('Transfer-Encoding')
  const lines = [first, ...pairs(rawHeaders).map(([name, value]) => `${name}: ${value}`)]
  if (!isFramed) lines.push(`Content-Length: ${body.length}`)
  const isHead = exchange.method === 'HEAD'
  exchange.reply(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), isHead ? Buffer.alloc(0) : body]))
  const isShort = !isHead && Number(declared ?? body.length) > body.length
  if (isShort || isCut) exchange.connection.end()
  return isCut || !isShort
}
