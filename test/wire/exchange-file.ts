/**
 * The file format of wire exchanges; README.md says how to read one. A file is comment lines, settings, and parts whose
 * lines all begin with one mark: `>` client to proxy, `>>` proxy to upstream, `<<` upstream to proxy, `<` proxy to client,
 * `==` what the proxy asked of its leases and its ledger meanwhile.
 */

import { STATUS_CODES } from 'node:http'

export interface Message {
  /** Request line or status line. */
  readonly first: string
  /** Flat, as on the wire: latin1, one character per byte. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** One line of what happened between a request and its answer. */
export type Event =
  /** `atOnce`: sent while the request before it was still unanswered. */
  | { readonly kind: 'upstream'; readonly request: Message; readonly answer: string; readonly atOnce: boolean }
  | { readonly kind: 'note'; readonly text: string }
  /** An answer before the answer: 100 Continue. */
  | { readonly kind: 'interim'; readonly status: number }

/** One request of the client, with the upstream's answers as written. */
export interface Exchange {
  readonly request: Message
  /** The text of the `<<` parts, marks taken off, in order. */
  readonly answers: readonly string[]
}

export interface ExchangeFile {
  /** Lines of the comment at the top, without `#`. */
  readonly comment: readonly string[]
  readonly settings: ReadonlyMap<string, string>
  readonly exchanges: readonly Exchange[]
}

/** What one exchange came to. */
export interface Played {
  readonly request: Message
  readonly events: readonly Event[]
  readonly answer: Message
}

const MARKS = ['>>', '<<', '==', '>', '<'] as const
type Mark = (typeof MARKS)[number]

interface Part {
  readonly mark: Mark
  readonly lines: string[]
}

/** Reads a file, or throws with the line that cannot be read. */
export function parseExchangeFile(text: string): ExchangeFile {
  const comment: string[] = []
  const settings = new Map<string, string>()
  const parts: Part[] = []
  let open = null as Part | null
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') open = null
    else if (line.startsWith('#')) comment.push(line.slice(1).trimStart())
    else if (line.startsWith('@')) {
      const [, name = '', value = ''] = /^@ ([a-z ]+)(?:: (.*))?$/.exec(line) ?? []
      if (name === '' || settings.has(name)) throw new Error(`line ${index + 1} is no setting, or repeats one: ${line}`)
      settings.set(name, value)
    } else {
      const mark = MARKS.find((candidate) => line === candidate || line.startsWith(`${candidate} `))
      if (mark === undefined) throw new Error(`line ${index + 1} has no mark: ${line}`)
      if (open?.mark !== mark) parts.push((open = { mark, lines: [] }))
      open.lines.push(line.slice(mark.length + 1))
    }
  }
  return { comment, settings, exchanges: exchangesOf(parts) }
}

function exchangesOf(parts: readonly Part[]): Exchange[] {
  const exchanges: { request: Message; answers: string[] }[] = []
  for (const { mark, lines } of parts) {
    if (mark === '>') exchanges.push({ request: parseMessage(lines), answers: [] })
    if (mark !== '<<') continue
    const current = exchanges.at(-1)
    if (current === undefined) throw new Error('an answer of the upstream stands before any request')
    current.answers.push(lines.join('\n'))
  }
  if (exchanges.length === 0) throw new Error('the file has no request')
  return exchanges
}

/** A message from its lines. Body lines follow each other without anything between them: a line break is written `\n`. */
export function parseMessage(lines: readonly string[]): Message {
  const [first = '', ...rest] = lines
  const end = rest.indexOf('')
  const head = end === -1 ? rest : rest.slice(0, end)
  const rawHeaders = head.flatMap((line) => {
    const colon = line.indexOf(':')
    if (colon <= 0) throw new Error(`no header: ${line}`)
    return [line.slice(0, colon), unescape(line.slice(colon + 1).trimStart()).toString('latin1')]
  })
  const body = end === -1 ? [] : rest.slice(end + 1).map(bodyLine)
  return { first, rawHeaders, body: Buffer.concat(body) }
}

const FILLER = /^\{(\d+) bytes\}$/

function bodyLine(line: string): Buffer {
  const filler = FILLER.exec(line)
  return filler === null ? unescape(line) : fillerBytes(Number(filler[1]))
}

/** The bytes that `{N bytes}` stands for. */
export function fillerBytes(count: number): Buffer {
  return Buffer.alloc(count, 'All work and no play makes Jack a dull boy. ')
}

/** The file as it should stand, from what was played. Comment and settings, and what the client and the upstream send, stay as written. */
export function writeExchangeFile(text: string, played: readonly Played[]): string {
  const head = text.split('\n').filter((line) => line.startsWith('#') || line.startsWith('@'))
  return `${[head.join('\n'), ...played.map(writeExchange)].join('\n\n')}\n`
}

function writeExchange({ request, events, answer }: Played): string {
  const parts: string[] = [marked('>', writeMessage(request))]
  for (const event of events) {
    if (event.kind === 'note') parts.push('\n', `== ${event.text}\n`)
    else if (event.kind === 'interim') parts.push('\n', `< HTTP/1.1 ${event.status} ${STATUS_CODES[event.status] ?? ''}\n`)
    else parts.push(event.atOnce ? '' : '\n', marked('>>', writeMessage(event.request)), marked('<<', event.answer.split('\n')))
  }
  parts.push('\n', marked('<', writeMessage(answer)))
  return parts.join('').replaceAll(/\n\n+/g, '\n\n').replaceAll(/(^==.*\n)\n(?===)/gm, '$1').trimEnd()
}

function marked(mark: Mark, lines: readonly string[]): string {
  return lines.map((line) => (line === '' ? `${mark}\n` : `${mark} ${line}\n`)).join('')
}

/** A message as lines. */
export function writeMessage({ first, rawHeaders, body }: Message): string[] {
  const lines = [first]
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    lines.push(`${rawHeaders[index] ?? ''}: ${escape(Buffer.from(rawHeaders[index + 1] ?? '', 'latin1'))}`)
  }
  return body.length === 0 ? lines : [...lines, '', ...bodyLines(body)]
}

/** Bodies beyond this are filler, and nobody reads filler. */
const SHOWN_BYTES_MAX = 8192

function bodyLines(body: Buffer): string[] {
  if (body.length > 256 && body.equals(fillerBytes(body.length))) return [`{${body.length} bytes}`]
  const filler = fillerInside(body)
  if (filler !== null) return filler
  if (body.length > SHOWN_BYTES_MAX) throw new Error(`a body of ${body.length} bytes that is not filler`)
  // An element begins a line of the file, and so does what follows a line break of the body.
  return escape(body).split(/(?<=\\n)|(?<=>)(?=<(?!\/))/)
}

/** A framed body: its frame in full, the filler within by its length. */
function fillerInside(body: Buffer): string[] | null {
  const start = body.indexOf('\r\n') + 2
  const size = Number.parseInt(body.toString('latin1', 0, 16), 16)
  if (start < 2 || !(size > 256) || !body.subarray(start, start + size).equals(fillerBytes(size))) return null
  return [escape(body.subarray(0, start)), `{${size} bytes}`, ...bodyLines(body.subarray(start + size))]
}

/** Printable UTF-8 stands as it is; everything else, and the backslash, is escaped. */
function escape(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  const shown = Buffer.from(text, 'utf8').equals(bytes) ? text : bytes.toString('latin1')
  const isUtf8 = shown === text
  return shown
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replace(/ $/, '\\x20')
    .replaceAll(isUtf8 ? /[\u0000-\u001f\u007f\u0080-\u009f]/g : /[^\x20-\x7e]/g, (character) =>
      [...Buffer.from(character, isUtf8 ? 'utf8' : 'latin1')].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
    )
}

function unescape(text: string): Buffer {
  const parts = text.split(/(\\(?:x[0-9a-f]{2}|.))/)
  return Buffer.concat(parts.map((part) => (part.startsWith('\\') ? Buffer.from([byteOf(part)]) : Buffer.from(part, 'utf8'))))
}

function byteOf(escaped: string): number {
  if (escaped.startsWith('\\x')) return Number.parseInt(escaped.slice(2), 16)
  const code = { n: 10, r: 13, t: 9, '\\': 92 }[escaped.slice(1)]
  if (code === undefined) throw new Error(`unknown escape ${escaped}`)
  return code
}
