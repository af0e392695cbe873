import type { AccessRecord } from '../observe/access-record.ts'
import { readErrorCode } from '../s3/error-xml.ts'
import { S3Error } from '../s3/error.ts'
import { headerValue, releasedHeaders, TAGGING_COUNT } from '../s3/response-headers.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import { sourceOfBytes } from '../sigv4/payload/memory-source.ts'
import { refusalOf } from '../stages/body.ts'
import type { Outbound } from '../stages/outbound.ts'
import { sendSigned, type SendDependencies } from '../stages/send-signed.ts'
import { toUpstreamKey } from '../tenants/keys.ts'
import { whenGone, type Answer, type Incoming, type UpstreamResponse } from '../transport/transport.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import { localRequest, type LocalRequest } from './local-request.ts'

export interface ForwardDependencies extends SendDependencies {
  /** The central Sluice, as the place that requests are sent to. */
  readonly central: UpstreamAccount
  /** Told of each request to the central Sluice; the status is null where no answer came. */
  forwarded(request: { readonly status: number | null; readonly seconds: number }): void
  readonly elapsedMs: () => number
}

/** What an answer of a Sluice has beyond what an upstream's may have. */
const OF_SLUICE: ReadonlySet<string> = new Set([
  'content-security-policy',
  'location',
  'retry-after',
  'x-amz-bucket-region',
  'x-amz-id-2',
  'x-amz-request-id',
  'x-content-type-options',
  TAGGING_COUNT
])
/** What is wrong with the sidecar's own credentials or clock. The local process has neither, and could not mend them. */
const OWN_REFUSALS: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch'
])
const REFUSAL_BYTES_MAX = 1024 * 1024

/** Sends a local process's request on to the central Sluice, in the name of this pod; everything that is to be judged is judged there. */
export async function forwardRequest(incoming: Incoming, record: AccessRecord, deps: ForwardDependencies): Promise<Answer> {
  const request = localRequest(incoming)
  record.tenant = request.accepted.tenant
  record.key = request.accepted.key
  record.account = deps.central.id
  const response = await send(outboundOf(request, deps.central), { incoming, record }, deps)
  record.upstreamRequestId = headerValue(response.rawHeaders, 'x-amz-request-id') ?? null
  const { status, body } = response.status === 400 || response.status === 403 ? await withoutOwnRefusal(response) : response
  return { status, rawHeaders: releasedHeaders(response.rawHeaders, OF_SLUICE), body }
}

async function send(
  outbound: Outbound,
  { incoming, record }: { readonly incoming: Incoming; readonly record: AccessRecord },
  deps: ForwardDependencies
): Promise<UpstreamResponse> {
  const startedAt = deps.elapsedMs()
  record.upstreamRequests += 1
  let status: number | null = null
  try {
    const onAgain = (): void => void (record.upstreamRequests += 1)
    const response = await sendSigned(outbound, deps, { cancellation: whenGone(incoming), onAgain })
    status = response.status
    return response
  } catch (error) {
    throw refusalOf(error)
  } finally {
    deps.forwarded({ status, seconds: (deps.elapsedMs() - startedAt) / 1000 })
  }
}

/** The same request, in path style. The central Sluice knows tenants by the names that the local process uses. */
function outboundOf({ accepted, query, headers, body }: LocalRequest, central: UpstreamAccount): Outbound {
  const tenant = accepted.tenant ?? ''
  const here = { tenant, account: central.id, upstreamBucket: tenant, keyPrefix: '', dedicated: false }
  return {
    account: central,
    bucket: tenant,
    method: accepted.method,
    key: accepted.key === null ? null : toUpstreamKey(here, accepted.key),
    query: query.map(({ name, value }) => [name, value] as const),
    headers,
    body,
    slow: accepted.method === 'POST' || accepted.headers.has('x-amz-copy-source')
  }
}

/** The refusal as it came; one of the sidecar's own credentials is an outage to the local process, which tries again. */
async function withoutOwnRefusal(response: UpstreamResponse): Promise<UpstreamResponse> {
  const document = await collectBody(response.body, { bytesMax: REFUSAL_BYTES_MAX })
  const code = readErrorCode(document)
  if (code !== null && OWN_REFUSALS.has(code))
    throw new S3Error('ServiceUnavailable', `the central Sluice refuses the credentials that it gave to this pod: ${code}`)
  return { ...response, body: sourceOfBytes(document) }
}
