import type { Breaker } from './breaker.ts'
import { UnexpectedStatus, type FetchJson } from './fetch-json.ts'
import { TokenProblem } from './token-problem.ts'
import type { WebIdentity } from './web-identity.ts'

/** Asks whether a token that was verified still counts. Throws a TokenProblem when it does not, or when nobody could say. */
export type ReviewToken = (token: string, identity: WebIdentity) => Promise<void>

export interface TokenReviewOptions {
  /** The API server of the cluster whose tokens are reviewed. */
  readonly apiServer: string
  /** Our audiences: the token must be meant for one of them. */
  readonly audiences: readonly string[]
  /** The authority of the API server's certificate, and the proxy's own token. Read at each review: kubelet exchanges them. */
  readonly credentials: () => Promise<{ readonly ca: string | null; readonly bearer: string }>
  readonly fetchJson: FetchJson
  readonly breaker: Breaker
}

/**
 * Reviews tokens by the TokenReview API of Kubernetes (authentication.k8s.io/v1). A signature says what was true when the token
 * was made; the API server also knows that its pod or service account was deleted since.
 */
export function createTokenReview({ apiServer, audiences, credentials, fetchJson, breaker }: TokenReviewOptions): ReviewToken {
  const url = `${apiServer.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`
  const ask = async (token: string): Promise<ReviewStatus> => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } }
    const { ca, bearer } = await credentials()
    return statusOf(await fetchJson(url, { ca, bearer, post: review }))
  }
  return async (token, identity) => {
    const status = await breaker.run(() => ask(token)).catch(unavailable)
    if (!status.authenticated) throw new TokenProblem('review-refused', `the API server does not accept the token: ${status.error}`)
    // A server that does not know of audiences names none, and has judged the token by its own.
    if (!audiences.some((audience) => status.audiences.includes(audience)))
      throw new TokenProblem('wrong-audience', 'the API server accepts the token, but for none of our audiences')
    if (status.username !== identity.subject || status.uid !== identity.serviceAccountUid)
      throw new TokenProblem('bad-subject', 'the API server knows the token as that of another account')
  }
}

/** The status of a TokenReview; what is missing in the document is empty here. */
interface ReviewStatus {
  readonly authenticated: boolean
  readonly audiences: readonly unknown[]
  readonly username: string | null
  readonly uid: string | null
  /** The server's own words, for the log. */
  readonly error: string
}

const ERROR_CHARS_MAX = 200

function statusOf(document: unknown): ReviewStatus {
  const { kind, status } = (document ?? {}) as { readonly kind?: unknown; readonly status?: Readonly<Record<string, unknown>> | null }
  if (kind !== 'TokenReview' || typeof status !== 'object' || status === null) throw new Error('the answer is not a TokenReview')
  const { authenticated, audiences, error } = status
  const { username, uid } = (status['user'] ?? {}) as Readonly<Record<string, unknown>>
  return {
    authenticated: authenticated === true,
    audiences: Array.isArray(audiences) ? audiences : [],
    username: typeof username === 'string' ? username : null,
    uid: typeof uid === 'string' ? uid : null,
    error: typeof error === 'string' ? error.slice(0, ERROR_CHARS_MAX) : 'no reason given'
  }
}

/** Whatever kept the API server from answering is an outage: it says nothing about the token. */
function unavailable(error: unknown): never {
  const hint =
    error instanceof UnexpectedStatus && error.status === 403 ? ': the account of the proxy needs the right to create tokenreviews' : ''
  throw new TokenProblem('review-unavailable', `the API server could not be asked to review the token: ${String(error)}${hint}`)
}
