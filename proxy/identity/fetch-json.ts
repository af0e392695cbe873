import type { LookupFunction } from 'node:net'
import { Agent, request } from 'undici'

export interface JsonRequest {
  /** PEM text that replaces the system's roots; null for those. */
  readonly ca: string | null
  /** A token to send, or null. */
  readonly bearer: string | null
  /** A document to post; without one the request is a GET. */
  readonly post?: unknown
}

/** Asks for a JSON document. */
export type FetchJson = (url: string, request: JsonRequest) => Promise<unknown>

/** The server answered, but with something else than success. */
export class UnexpectedStatus extends Error {
  readonly status: number

  constructor(status: number) {
    super(`it answered ${status}`)
    this.name = 'UnexpectedStatus'
    this.status = status
  }
}

const TIMEOUT_MS = 5_000
const ANSWER_BYTES_MAX = 256 * 1024
const CONNECTIONS_MAX = 16
// A kube-apiserver answers 406 to whoever does not take its key set by its own type (RFC 7517 §8.5).
const ACCEPT = 'application/json, application/jwk-set+json'

export interface FetchJsonOptions {
  readonly timeoutMs?: number
  /** Finds addresses in the place of the system's name service, to refuse some. */
  readonly lookup?: LookupFunction
}

/**
 * Asks for small JSON documents, each once and within a time that waiting for a connection counts in: no redirect is followed
 * (it could lead into the metadata service), nothing but 200 is taken, and 201 where something was posted.
 */
export function createFetchJson({ timeoutMs = TIMEOUT_MS, lookup }: FetchJsonOptions = {}): FetchJson {
  let held: { readonly ca: string | null; readonly agent: Agent } | null = null
  const agentFor = (ca: string | null): Agent => {
    if (held === null || held.ca !== ca) {
      // What is under way on the connections of the exchanged authority comes to its end.
      void held?.agent.close()
      const connect = { timeout: timeoutMs, ...(ca === null ? {} : { ca }), ...(lookup === undefined ? {} : { lookup }) }
      held = { ca, agent: new Agent({ connections: CONNECTIONS_MAX, connect }) }
    }
    return held.agent
  }
  return async (url, { ca, bearer, post }) => {
    const answer = await request(url, {
      dispatcher: agentFor(ca),
      headers: {
        accept: ACCEPT,
        ...(post === undefined ? {} : { 'content-type': 'application/json' }),
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` })
      },
      ...(post === undefined ? {} : { method: 'POST', body: JSON.stringify(post) }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs)
    })
    if (answer.statusCode !== 200 && !(post !== undefined && answer.statusCode === 201)) {
      await answer.body.dump({ limit: ANSWER_BYTES_MAX })
      throw new UnexpectedStatus(answer.statusCode)
    }
    return JSON.parse(await readBounded(answer.body)) as unknown
  }
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
