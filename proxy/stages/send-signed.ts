import { readErrorCode } from '../s3/error-xml.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import { sourceOfBytes } from '../sigv4/payload/memory-source.ts'
import { UpstreamFault, type ByteSource, type Cancellation, type UpstreamClient, type UpstreamResponse } from '../transport/transport.ts'
import { CredentialsFault, type CredentialSource, type UpstreamCredentials } from '../upstreams/credentials.ts'
import type { Outbound } from './outbound.ts'
import { signOutbound, type SigningDependencies } from './sign.ts'

export interface SendDependencies extends SigningDependencies {
  readonly upstream: UpstreamClient
  readonly now: () => Date
}

export interface SendOptions {
  readonly cancellation?: Cancellation | undefined
  /** Told when the request goes out a second time. */
  readonly onAgain?: () => void
}

/** Codes that other credentials may cure. `InvalidTokenId` is what MinIO calls a session token that it does not take. */
const CURABLE: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'InvalidTokenId'
])
const REFUSAL_BYTES_MAX = 1024 * 1024

/**
 * Signs and sends one request. When the upstream refuses its credentials and others are there by now, it is signed with those
 * and sent once more, if its body can go out again. The upstream did nothing of what it refused in this way.
 */
export async function sendSigned(outbound: Outbound, deps: SendDependencies, options: SendOptions = {}): Promise<UpstreamResponse> {
  const taken = takeFrom(outbound.account.credentials)
  const credentials = taken instanceof Promise ? await taken : taken
  const first = await transmit(outbound, credentials, { deps, options })
  if (first.status !== 400 && first.status !== 403) return first
  return againIfCurable(first, { outbound, credentials }, { deps, options })
}

async function againIfCurable(
  first: UpstreamResponse,
  { outbound, credentials }: { readonly outbound: Outbound; readonly credentials: UpstreamCredentials },
  { deps, options }: { readonly deps: SendDependencies; readonly options: SendOptions }
): Promise<UpstreamResponse> {
  const source = outbound.account.credentials
  const { response, code } = await readRefusal(first)
  // The answer to a HEAD has no body that could name the code.
  const isCurable = code === null ? outbound.method === 'HEAD' : CURABLE.has(code)
  if (!isCurable) return response
  const renewed = source.renew(credentials)
  if (outbound.body.kind === 'flow' || !(await renewed)) return response
  options.onAgain?.()
  return transmit(outbound, await takeFrom(source), { deps, options })
}

/** What signs now; none is an outage of the proxy's own, in which nothing was sent. */
function takeFrom(source: CredentialSource): UpstreamCredentials | Promise<UpstreamCredentials> {
  const taken = source.take()
  if (!(taken instanceof Promise)) return taken
  return taken.catch((error: unknown) => {
    if (!(error instanceof CredentialsFault)) throw error
    throw new UpstreamFault('connect', error.message, { maybeExecuted: false, cause: error })
  })
}

function transmit(
  outbound: Outbound,
  credentials: UpstreamCredentials,
  { deps, options }: { readonly deps: SendDependencies; readonly options: SendOptions }
): Promise<UpstreamResponse> {
  return deps.upstream.send(signOutbound(outbound, deps, { credentials, now: deps.now() }), options.cancellation)
}

/** The refusal with its code read, and its body there to be read again. */
async function readRefusal(response: UpstreamResponse): Promise<{ readonly response: UpstreamResponse; readonly code: string | null }> {
  try {
    const document = await collectBody(response.body, { bytesMax: REFUSAL_BYTES_MAX })
    return { response: { ...response, body: sourceOfBytes(document) }, code: readErrorCode(document) }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { response: { ...response, body: brokenSource(error) }, code: null }
  }
}

/** A flow that breaks off at once, as the one it stands for did. */
function brokenSource(error: Error): ByteSource {
  return {
    length: null,
    start: (sink) => queueMicrotask(() => sink.fail(error)),
    resume: () => undefined,
    cancel: () => undefined
  }
}
