import { createHash, type KeyObject } from 'node:crypto'
import type { Caller } from '../identity/caller.ts'
import type { KeyRing } from '../identity/key-ring.ts'
import type { SessionCache } from '../identity/session-cache.ts'
import { callerOf, openSession, type SessionProblem } from '../identity/session.ts'
import { S3Error, type S3ErrorCode } from '../s3/error.ts'
import { findAuthSource } from '../sigv4/auth-source.ts'
import { checkScope, parseAuthorization, type CredentialScope } from '../sigv4/authorization.ts'
import { payloadMode, type PayloadMode } from '../sigv4/payload/modes.ts'
import { SigV4Problem } from '../sigv4/problem.ts'
import { checkSkew, findDate } from '../sigv4/request-date.ts'
import { checkSignedHeaders } from '../sigv4/signed-headers.ts'
import type { SigningKeyCache } from '../sigv4/signing-key.ts'
import { verifyHeaderSignature } from '../sigv4/verify.ts'
import type { AcceptedRequest } from './accept.ts'

/** Who calls, and how the body that follows is to be verified. */
export interface Authenticated {
  readonly caller: Caller
  readonly payload: PayloadMode
  /** What the chunks of a signed body are chained to. */
  readonly chunkSigning: ChunkSigning
}

export interface ChunkSigning {
  readonly signingKey: KeyObject
  readonly amzDate: string
  readonly scope: CredentialScope
  readonly seedSignature: string
}

export interface IdentityDependencies {
  readonly ring: () => KeyRing
  readonly sessions: SessionCache
  readonly signingKeys: SigningKeyCache
  /** The region that is named to clients that are wrong; `regions` null accepts any. */
  readonly region: string
  readonly regions: ReadonlySet<string> | null
  /** The owner string of a subject, by the issuers as configured now; null when the issuer is gone. */
  ownerOf(issuer: string, subject: string): string | null
}

/** One way to prove who calls. `authenticate` is asked of the only one whose proof the request carries. */
interface WayIn {
  readonly carries: 'header' | 'query'
  authenticate(request: AcceptedRequest, authorization: string, deps: IdentityDependencies, now: Date): Authenticated
}

/** Every way in. Whatever is not listed is refused, and nobody is anonymous. */
const WAYS_IN: readonly WayIn[] = [{ carries: 'header', authenticate: byHeaderSignature }]

/** The proven caller, or a refusal in S3's words. Reads nothing of the body. */
export function authenticate(request: AcceptedRequest, deps: IdentityDependencies, now: Date): Authenticated {
  try {
    const source = findAuthSource(request.head.rawHeaders, request.address.rawQuery)
    if (source.kind === 'none') throw new S3Error('AccessDenied', 'the request is not signed; nobody is anonymous here')
    if (source.kind === 'query') throw queryRefusal(source.scheme)
    const way = WAYS_IN.find((candidate) => candidate.carries === source.kind)
    if (way === undefined) throw new S3Error('AccessDenied', `no way in for ${source.kind}`)
    return way.authenticate(request, source.authorization, deps, now)
  } catch (error) {
    if (error instanceof SigV4Problem) throw refusalOf(error)
    throw error
  }
}

function byHeaderSignature(request: AcceptedRequest, header: string, deps: IdentityDependencies, now: Date): Authenticated {
  const { rawHeaders } = request.head
  const authorization = parseAuthorization(header)
  const date = findDate(rawHeaders)
  const region = deps.regions === null || deps.regions.has(authorization.region) ? authorization.region : deps.region
  checkScope(authorization, { day: date.day, region })
  checkSignedHeaders(authorization.signedHeaders, rawHeaders)
  const payload = payloadMode(request.headers.get('x-amz-content-sha256'))

  const sessionToken = request.headers.get('x-amz-security-token') ?? null
  const opened = openSession({ accessKeyId: authorization.accessKeyId, sessionToken }, { ring: deps.ring(), cache: deps.sessions, now })
  const secretAccessKey = opened.kind === 'session' ? opened.secretAccessKey : opened.decoySecret
  const scope: CredentialScope = { day: authorization.day, region: authorization.region, service: 's3' }
  const signingKey = deps.signingKeys.keyFor({ accessKeyId: authorization.accessKeyId, secretAccessKey }, scope)
  const valid = payloadHashes(request).some((payloadHash) =>
    verifyHeaderSignature({
      method: request.method,
      rawPath: request.address.rawPath,
      rawQuery: request.address.rawQuery,
      rawHeaders,
      payloadHash,
      authorization,
      amzDate: date.text,
      signingKey
    })
  )
  // The refused session is told only now, so that an unknown key costs what a known one costs.
  if (opened.kind === 'refused') throw sessionRefusal(opened.problem)
  if (!valid) throw new S3Error('SignatureDoesNotMatch', 'the signature is not that of this request')
  checkSkew(date, now)
  const { issuer, subject } = opened.claims
  const owner = deps.ownerOf(issuer, subject)
  if (owner === null) throw new S3Error('ExpiredToken', `issuer ${issuer} is no longer configured`)
  return {
    caller: callerOf(opened.claims, owner),
    payload,
    chunkSigning: { signingKey, amzDate: date.text, scope, seedSignature: authorization.signature }
  }
}

const EMPTY_SHA256 = createHash('sha256').digest('hex')

/**
 * What stands for the payload in the canonical request. A client that says nothing of it in a header has not signed its body:
 * it writes UNSIGNED-PAYLOAD there, or, as `curl --aws-sigv4` does, the hash of no body at all, also where one follows.
 */
function payloadHashes({ headers }: AcceptedRequest): readonly string[] {
  const said = headers.get('x-amz-content-sha256')
  return said === undefined ? ['UNSIGNED-PAYLOAD', EMPTY_SHA256] : [said]
}

const SESSION_REFUSALS: Readonly<Record<SessionProblem, S3ErrorCode>> = {
  'unknown-access-key': 'InvalidAccessKeyId',
  'unknown-sealing-key': 'ExpiredToken',
  'token-missing': 'InvalidAccessKeyId',
  'token-invalid': 'InvalidToken',
  'token-of-another-access-key': 'InvalidToken',
  expired: 'ExpiredToken'
}

function sessionRefusal(problem: SessionProblem): S3Error {
  return new S3Error(SESSION_REFUSALS[problem], `session: ${problem}`)
}

function queryRefusal(scheme: 'v4' | 'v2'): S3Error {
  if (scheme === 'v4') return new S3Error('NotImplemented', 'query-signed requests are not served')
  return new S3Error('InvalidRequest', 'SigV2 query', { Message: SIGV2_ADVICE })
}

const SIGV2_ADVICE =
  "Signature version 2 is not supported. Use AWS4-HMAC-SHA256: set signature_version to 's3v4' (boto3: Config(signature_version='s3v4')), " +
  'or AWS_REGION (boto3: AWS_DEFAULT_REGION) to a region that has no version 2, such as the one this endpoint is configured with.'

function refusalOf(problem: SigV4Problem): S3Error {
  const message = problem.kind === 'v2' ? SIGV2_ADVICE : problem.message
  return new S3Error(problem.code, problem.kind, { ...problem.extra, Message: message })
}
