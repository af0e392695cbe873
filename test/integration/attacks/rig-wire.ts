import type { CryptoKey } from 'jose'
import { formBody, formType, signedFields } from '../../helpers/post-form.ts'
import { RawClient, type RawResponse } from '../../helpers/raw-http.ts'
import type { RecordedRequest } from '../../../proxy/dev/store/request-log.ts'
import type { TestDatabase, TestPostgres } from '../../helpers/postgres.ts'
import { strayed } from './inside.ts'
import { leaksIn, secretsOf } from './leaks.ts'
import type { Call, Caller, Outcome, Rig } from './rig.ts'
import { EMPTY_SHA256, sha256, signHeaders, type HeaderList } from './signer.ts'

/** What all proxies of one rig have in common. */
export interface Shared {
  readonly postgres: TestPostgres
  readonly database: TestDatabase
  readonly stores: Rig['stores']
  readonly jwks: string
  readonly privateKey: CryptoKey
  readonly findings: string[]
  readonly windows: { seen: number }
}

export interface Wire {
  readonly port: number
  readonly shared: Shared
}

/** Sends a call, and notes what its answer and the requests to the stores should not hold. */
export async function send(call: Call, { port, shared }: Wire): Promise<Outcome> {
  const { bytes } = bytesOf(call, port)
  const { result: response, upstream } = await watching(async () => {
    const client = new RawClient(port)
    try {
      client.send(bytes)
      return await client.readResponse({ bodiless: call.method === 'HEAD' })
    } finally {
      client.destroy()
    }
  }, shared)
  const text = response.body.toString('latin1')
  const speaker = call.as ?? call.onBehalfOf ?? null
  const what = `${call.method} ${call.target} as ${speaker?.service ?? 'nobody'}`
  noteLeaks(what, { bytes, response, as: speaker }, shared)
  for (const stray of strayed(upstream, speaker)) shared.findings.push(`${what}: ${stray}`)
  return { response, status: response.status, code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? null, text, upstream }
}

export interface Answered {
  /** What the client sent. */
  readonly bytes: Buffer
  readonly response: RawResponse
  /** `several`: the callers of one connection. */
  readonly as: Caller | null | 'several'
}

/** Notes what an answer holds that is not its caller's to know. */
export function noteLeaks(
  what: string,
  { bytes, response, as }: Answered,
  { stores, findings }: Pick<Shared, 'stores' | 'findings'>
): void {
  const answer = `${response.rawHeaders.join('\n')}\n\n${response.body.toString('latin1')}`
  const leaks = leaksIn(answer, { asked: bytes.toString('latin1'), secrets: secretsOf(as, stores) })
  for (const leak of leaks) findings.push(`${what}: ${leak}`)
}

/** The bytes of a request as they go on the wire. */
export function bytesOf(given: Call, port: number): { readonly bytes: Buffer } {
  const call = given.form === undefined ? given : asForm(given, given.form)
  const host = call.host ?? `127.0.0.1:${port}`
  const headersGiven = call.headers ?? []
  const body = call.body === undefined ? null : Buffer.from(call.body as Uint8Array)
  const payload = call.payload === undefined ? (body === null ? EMPTY_SHA256 : sha256(body)) : call.payload
  const withHost: HeaderList = headersGiven.some(([name]) => name.toLowerCase() === 'host')
    ? headersGiven
    : [['Host', host], ...headersGiven]
  const signed =
    call.as === null
      ? null
      : signHeaders({ method: call.method, target: call.target, headers: withHost }, call.as.credentials, {
          now: call.now ?? new Date(),
          payload,
          ...(call.region !== undefined && { region: call.region }),
          ...(call.leaveUnsigned !== undefined && { leaveUnsigned: call.leaveUnsigned }),
          ...(call.editAuthorization !== undefined && { edit: call.editAuthorization })
        })
  const content = signed !== null && call.bodyFrom !== undefined ? Buffer.from(call.bodyFrom(signed.chain)) : body
  const headers: [string, string][] = (signed?.headers ?? withHost).map(([name, value]) => [name, value])
  const isFramed = headers.some(([name]) => ['content-length', 'transfer-encoding'].includes(name.toLowerCase()))
  if (content !== null && !isFramed) headers.push(['Content-Length', String(content.length)])
  const lines = [`${call.method} ${call.target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  const head = `${(call.editHead?.(lines) ?? lines).join('\r\n')}\r\n\r\n`
  return { bytes: Buffer.concat([Buffer.from(head, 'latin1'), content ?? Buffer.alloc(0)]) }
}

/** The call with its body as the file of a form; what proves who calls stands in the form alone. */
function asForm(call: Call, { bucket, key }: NonNullable<Call['form']>): Call {
  const fields = call.as === null ? [] : signedFields({ credentials: call.as.credentials, bucket, at: new Date(), fields: [['key', key]] })
  return {
    ...call,
    as: null,
    headers: [...(call.headers ?? []), ['content-type', formType()]],
    body: formBody({ fields, file: call.body ?? '' })
  }
}

/** What the stores are asked while `work` runs. */
export async function watching<Result>(
  work: () => Promise<Result>,
  { stores, windows }: Shared
): Promise<{ result: Result; upstream: readonly RecordedRequest[] }> {
  const all = Object.values(stores)
  const before = all.map((store) => store.requests.all.length)
  // Requests that came when nobody watched belong to an answer that was out already.
  const stray = before.reduce((sum, count) => sum + count, 0) - windows.seen
  if (stray !== 0) throw new Error(`${stray} upstream requests came after the answer that they belong to`)
  const result = await work()
  const upstream = all.flatMap((store, index) => store.requests.all.slice(before[index]))
  windows.seen = all.reduce((sum, store) => sum + store.requests.all.length, 0)
  return { result, upstream }
}
