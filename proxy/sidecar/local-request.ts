import { S3Error } from '../s3/error.ts'
import { headerRule } from '../s3/headers.ts'
import type { QueryParameter } from '../s3/query.ts'
import { isSigningParameter } from '../sigv4/query-authorization.ts'
import { payloadMode } from '../sigv4/payload/modes.ts'
import { SigV4Problem } from '../sigv4/problem.ts'
import { acceptRequest, type AcceptedRequest } from '../stages/accept.ts'
import { openBody, preparedFlow } from '../stages/body.ts'
import type { OutboundBody } from '../stages/outbound.ts'
import { withHoistedHeaders } from '../stages/ways-in/hoisted-headers.ts'
import { isForm } from '../sts/form.ts'
import type { Incoming } from '../transport/transport.ts'
import { capabilitiesOf } from '../upstreams/provider.ts'
import { LOCAL_DOMAINS } from './local-caller.ts'

/** What a local process asks for, without anything by which it may have meant to prove who it is. */
export interface LocalRequest {
  readonly accepted: AcceptedRequest
  readonly query: readonly QueryParameter[]
  /** Lower-case names. Without `host` and length, and without what says how the payload was hashed. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: OutboundBody
}

/** Written anew by whoever sends the request on. */
const REPLACED: ReadonlySet<string> = new Set([
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-security-token',
  'x-amz-trailer'
])
/** Signature version 2 in a query. `expires` belongs to it there. */
const VERSION_2: ReadonlySet<string> = new Set(['awsaccesskeyid', 'signature', 'expires'])
/** A Sluice takes a body in every form, and verifies every checksum that is known here. */
const SLUICE = capabilitiesOf('aws', {})

/**
 * Parses what came in, takes the caller's own signature out (it proves nothing here and is not verified), and opens the body
 * without the framing that went with it. A hash or a checksum of the body goes on, so that whoever takes it verifies that.
 */
export function localRequest(incoming: Incoming): LocalRequest {
  const came = acceptRequest(incoming, { domains: LOCAL_DOMAINS })
  refuseForms(came)
  const accepted = came.query.some(({ name }) => isSigningParameter(name.toLowerCase())) ? withHoistedHeaders(came) : came
  const { body, headers } = bodyOf(accepted)
  const described = new Set(headers.map(([name]) => name))
  const kept = [...accepted.headers.entries()].filter(([name]) => isPassedOn(name) && !described.has(name))
  return { accepted, query: accepted.query.filter(withoutSignature(accepted.query)), headers: [...kept, ...headers], body }
}

/** A form carries its own proof in its body, for another party than the one that this pod is. */
function refuseForms({ method, headers }: AcceptedRequest): void {
  const type = headers.get('content-type') ?? null
  if (method !== 'POST' || type === null) return
  if (isForm(type))
    throw new S3Error('NotImplemented', 'STS is not served here', {
      Message:
        'This endpoint acts as the service account of its pod and serves no STS. Leave AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE unset, and give the SDK any access key.'
    })
  if (/^multipart\/form-data\b/i.test(type))
    throw new S3Error('NotImplemented', 'a browser form', { Message: 'POST forms are not served on this endpoint. Use PutObject.' })
}

function withoutSignature(query: readonly QueryParameter[]): (parameter: QueryParameter) => boolean {
  const isVersion2 = query.some(({ name }) => name.toLowerCase() === 'awsaccesskeyid')
  return ({ name }) => {
    const lower = name.toLowerCase()
    return !isSigningParameter(lower) && !(isVersion2 && VERSION_2.has(lower))
  }
}

/** What means something to S3, known here or not: what is sent on to be judged must not lose a part on the way. */
function isPassedOn(name: string): boolean {
  if (REPLACED.has(name)) return false
  return name.startsWith('x-amz-') || name === 'user-agent' || headerRule(name)?.action === 'group'
}

function bodyOf(request: AcceptedRequest): Pick<LocalRequest, 'body' | 'headers'> {
  const { method, headers } = request
  const isCopy = headers.has('x-amz-copy-source')
  if (request.body === null && (method !== 'PUT' || isCopy)) return { body: { kind: 'none' }, headers: [] }
  if (method !== 'PUT' && method !== 'POST') throw new S3Error('UnexpectedContent', `a body on ${method}`)
  const payload = modeOf(headers.get('x-amz-content-sha256'))
  // Only a trailer belongs to the body for certain: the checksums of CompleteMultipartUpload speak of the object.
  const hasTrailer = payload.mode === 'unsigned-trailer' || payload.mode === 'signed-chunks-trailer'
  return preparedFlow(openBody(request, { payload, chunkSigning: 'unverified' }, hasTrailer), SLUICE)
}

function modeOf(contentSha256: string | undefined): ReturnType<typeof payloadMode> {
  try {
    return payloadMode(contentSha256)
  } catch (error) {
    if (!(error instanceof SigV4Problem)) throw error
    throw new S3Error('InvalidArgument', error.kind, { Message: error.message, ArgumentName: 'x-amz-content-sha256' })
  }
}
