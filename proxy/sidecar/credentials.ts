import { hash, timingSafeEqual } from 'node:crypto'
import { CONTAINER_CREDENTIALS_PATH, credentialsDocument, rawToken } from '../api/container-credentials.ts'
import { answerApiError, ApiError } from '../api/error.ts'
import { answerRoute, splitTarget, type ApiRequest } from '../api/route.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import { headerValue } from '../s3/response-headers.ts'
import { StsError } from '../sts/error.ts'
import type { Answer, Incoming, RequestHead } from '../transport/transport.ts'
import { CredentialsFault } from '../upstreams/credentials.ts'
import type { FetchedCredentials } from '../upstreams/fetched-credentials.ts'

/** The session that a sidecar has of its pod's service account. */
export interface OwnSession {
  /** The pod's token, as its file has it now. */
  readToken(): Promise<string>
  /** Rejects with `CredentialsFault` while there is none. */
  current(): Promise<FetchedCredentials>
}

const TENANT_HOST = /\.localhost(?::\d+)?$/i

/** True for a request for credentials. In path style it cannot be one for an object: no bucket has a name of two characters. */
export function isCredentialsRequest({ rawTarget, rawHeaders }: Pick<RequestHead, 'rawTarget' | 'rawHeaders'>): boolean {
  return splitTarget(rawTarget).path === CONTAINER_CREDENTIALS_PATH && !TENANT_HOST.test(headerValue(rawHeaders, 'host') ?? '')
}

/**
 * The sidecar's own session, for SDKs of the pod that mean to sign by themselves and perhaps elsewhere. Only for the pod's token:
 * whoever can make a process of the pod send a request of its choice must not get away with what outlives it.
 */
export async function answerCredentials(incoming: Incoming, record: AccessRecord, session: OwnSession | null): Promise<Answer> {
  const answer = (request: ApiRequest): Promise<object> => credentialsFor(request, session)
  const route = { path: CONTAINER_CREDENTIALS_PATH, operation: 'GetContainerCredentials', wayIn: 'container-credentials', answer } as const
  try {
    return named(await answerRoute(route, incoming, record), record)
  } catch (error) {
    const refusal = answerApiError(error)
    record.errorCode = refusal.code
    record.reason = refusal.reason
    return named(refusal.answer, record)
  }
}

async function credentialsFor(request: ApiRequest, session: OwnSession | null): Promise<object> {
  const token = rawToken(request)
  if (session === null) {
    const detail = 'This sidecar gives no credentials: it signs what it sends by itself. Sign with any access key.'
    throw new ApiError('NotFound', 'there is no central Sluice that could give a session', { detail })
  }
  if (!isSame(token, await session.readToken())) throw new StsError('InvalidIdentityToken', "the token is not the pod's own")
  try {
    const { accessKeyId, secretAccessKey, sessionToken = '', expiration } = await session.current()
    if (expiration === undefined) throw new Error('a session without end')
    return credentialsDocument({ accessKeyId, secretAccessKey, sessionToken, expiration })
  } catch (error) {
    if (error instanceof CredentialsFault) throw new ApiError('ServiceUnavailable', error.message)
    throw error
  }
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'))
}

function named(answer: Answer, { requestId }: AccessRecord): Answer {
  return { ...answer, rawHeaders: [...answer.rawHeaders, 'x-amzn-requestid', requestId] }
}
