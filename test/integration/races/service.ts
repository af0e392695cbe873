import { createHash } from 'node:crypto'
import type { Call, Caller, Reply } from '../faults/caller.ts'
import { completeXml, deleteXml, tagXml } from '../faults/site.ts'
import type { Expectation, Histories } from './history.ts'

export interface ServiceOptions {
  readonly name: string
  /** One per replica that lives. */
  readonly replicas: () => readonly Caller[]
  readonly keys: readonly string[]
  readonly tenant: string
  readonly random: () => number
  readonly histories: Histories
  readonly tagging: boolean
  /** Told of every broken promise. */
  readonly violated: (what: string) => void
}

/** One service that reads, writes, copies, tags and deletes a few keys as fast as it can, and checks what it gets. */
export class RacingService {
  readonly tally = new Map<string, number>()
  #options: ServiceOptions
  #written = 0

  constructor(options: ServiceOptions) {
    this.#options = options
  }

  /** One random operation. */
  async act(): Promise<void> {
    const { random, tagging } = this.#options
    const lot = random()
    if (lot < 0.26) return this.#put()
    if (lot < 0.56) return this.#read(this.#key())
    if (lot < 0.72) return this.#delete()
    if (lot < 0.78) return this.#deleteBatch()
    if (lot < 0.84) return this.#copy()
    if (lot < 0.9) return this.#join()
    return tagging ? this.#tag() : this.#put()
  }

  #key(): string {
    const { keys, random } = this.#options
    return keys[Math.floor(random() * keys.length)] ?? ''
  }

  /** Bytes that nobody else writes and that are never written twice: an ETag names one write. */
  #body(): string {
    const { name, random } = this.#options
    this.#written += 1
    return `${name}|${this.#written}|${'x'.repeat(Math.floor(random() * 120))}`
  }

  async #send(call: Call): Promise<Reply | null> {
    const { replicas, random } = this.#options
    const living = replicas()
    try {
      return (await living[Math.floor(random() * living.length)]?.send(call)) ?? null
    } catch {
      return null
    }
  }

  /** A change of one key, whose acknowledgement is what the service relies on from then on. */
  async #change(operation: string, key: string, call: Call, etagOf: (reply: Reply) => string | null): Promise<void> {
    const { histories, name, random } = this.#options
    const change = histories.begin(name, key)
    const reply = await this.#send(call)
    this.#count(operation, reply)
    // SlowDown is answered only where nothing was done, or where it is known not to have been.
    const isUnknown = reply === null || (reply.status >= 500 && reply.code !== 'SlowDown')
    if (isUnknown) histories.end(change, 'unknown')
    else if (reply.status >= 300) histories.end(change, 'nothing')
    else histories.end(change, { etag: etagOf(reply) })
    if (random() < 0.5) await this.#read(key)
  }

  async #put(): Promise<void> {
    const key = this.#key()
    const body = this.#body()
    await this.#change('put', key, { method: 'PUT', key, body }, (reply) => String(reply.headers['etag']))
  }

  async #delete(): Promise<void> {
    const key = this.#key()
    await this.#change('delete', key, { method: 'DELETE', key }, () => null)
  }

  async #copy(): Promise<void> {
    const { tenant } = this.#options
    const key = this.#key()
    const source = this.#key()
    // Onto itself nothing would change, which S3 refuses.
    if (source === key) return
    const headers = { 'x-amz-copy-source': `/${tenant}/${source}` }
    await this.#change('copy', key, { method: 'PUT', key, headers }, etagInXml)
  }

  async #join(): Promise<void> {
    const key = this.#key()
    const begun = await this.#send({ method: 'POST', key, query: { uploads: '' } })
    const uploadId = /<UploadId>([^<]+)/.exec(begun?.text ?? '')?.[1]
    if (uploadId === undefined) return
    const part = await this.#send({ method: 'PUT', key, query: { uploadId, partNumber: '1' }, body: this.#body() })
    if (part?.status !== 200) return
    const body = completeXml([String(part.headers['etag'])])
    await this.#change('complete', key, { method: 'POST', key, query: { uploadId }, body }, etagInXml)
  }

  async #deleteBatch(): Promise<void> {
    const { histories, name, keys, random } = this.#options
    const chosen = keys.filter(() => random() < 0.6)
    if (chosen.length === 0) return
    const changes = chosen.map((key) => histories.begin(name, key))
    const body = deleteXml(chosen.toSorted(() => random() - 0.5))
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') }
    const reply = await this.#send({ method: 'POST', query: { delete: '' }, body, headers })
    this.#count('batch', reply)
    for (const change of changes) {
      const { key } = change
      const isDeleted = reply?.text.includes(`<Deleted><Key>${key}</Key>`) === true
      const code = new RegExp(`<Error><Key>${key}</Key><Code>([^<]+)`).exec(reply?.text ?? '')?.[1]
      if (isDeleted) histories.end(change, { etag: null })
      else histories.end(change, code === 'AccessDenied' || code === 'SlowDown' ? 'nothing' : 'unknown')
    }
  }

  async #tag(): Promise<void> {
    const { name, random } = this.#options
    const key = this.#key()
    if (random() < 0.5) {
      this.#count('tag', await this.#send({ method: 'PUT', key, query: { tagging: '' }, body: tagXml('by', name) }))
      return
    }
    const reply = await this.#send({ method: 'GET', key, query: { tagging: '' } })
    this.#count('tags', reply)
    const by = /<Key>by<\/Key><Value>([^<]*)/.exec(reply?.text ?? '')?.[1]
    if (by !== undefined && by !== name) this.#options.violated(`S1: ${name} was given the tags of ${by} at ${key}`)
  }

  async #read(key: string): Promise<void> {
    const { histories, name, violated } = this.#options
    const expected = histories.expect(name, key)
    const reply = await this.#send({ method: 'GET', key })
    this.#count('get', reply)
    if (reply === null || !reply.whole) return
    if (reply.status === 200 && !reply.text.startsWith(`${name}|`)) violated(`S1: ${name} was given ${reply.text.slice(0, 40)} at ${key}`)
    if (expected !== null && histories.stands(name, key, expected)) this.#compare(key, expected, reply)
  }

  #compare(key: string, { etag }: Expectation, reply: Reply): void {
    const { name, violated } = this.#options
    if (reply.status >= 500) return
    const got = reply.status === 200 ? String(reply.headers['etag']) : null
    this.tally.set('compared', (this.tally.get('compared') ?? 0) + 1)
    if (got === etag) return
    if (etag !== null) violated(`S2/S4: ${name} was acknowledged ${etag} at ${key} and finds ${got ?? `${reply.status} ${reply.code}`}`)
    else violated(`S4: ${name} was told that ${key} is deleted and finds ${got}`)
  }

  #count(operation: string, reply: Reply | null): void {
    const status = reply === null ? 'lost' : reply.status < 300 ? 'done' : String(reply.status)
    const name = `${operation} ${status}`
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1)
    if (reply !== null && reply.status === 500) this.#options.violated(`${operation} was answered 500: ${reply.text}`)
  }
}

function etagInXml({ text }: Reply): string | null {
  const etag = /<ETag>(?:&quot;|&#34;|")?([^<&"]+)/.exec(text)?.[1]
  return etag === undefined ? null : `"${etag}"`
}
