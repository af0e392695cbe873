import { Agent, request } from 'undici'
import type { FetchJson } from './jwks-source.ts'

const TIMEOUT_MS = 5_000
const ANSWER_BYTES_MAX = 256 * 1024

/** Gets a small JSON document, once: no redirect is followed (it could lead into the metadata service), nothing but 200 is taken. */
export const fetchJson: FetchJson = async (url, { ca, bearer }) => {
  // An agent per fetch: fetches are minutes apart, and the CA file may have been exchanged since the last one.
  const agent = new Agent({ connect: { timeout: TIMEOUT_MS, ...(ca === null ? {} : { ca }) } })
  try {
    const answer = await request(url, {
      dispatcher: agent,
      headers: { accept: 'application/json', ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }) },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    if (answer.statusCode !== 200) throw new Error(`the key source answered ${answer.statusCode}`)
    return JSON.parse(await readBounded(answer.body)) as unknown
  } finally {
    await agent.destroy()
  }
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the key source sent more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
