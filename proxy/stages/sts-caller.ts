import { hash } from 'node:crypto'
import type { Caller } from '../identity/caller.ts'
import { S3Error } from '../s3/error.ts'
import { findAuthSource } from '../sigv4/auth-source.ts'
import { checkScope, parseAuthorization } from '../sigv4/authorization.ts'
import { canonicalQuery } from '../sigv4/canonical-query.ts'
import { SigV4Problem } from '../sigv4/problem.ts'
import { checkSkew, findDate } from '../sigv4/request-date.ts'
import { checkSignedHeaders } from '../sigv4/signed-headers.ts'
import { StsError, type StsErrorCode } from '../sts/error.ts'
import type { AcceptedRequest } from './accept.ts'
import { refuseRevoked } from './refuse-revoked.ts'
import { expectedRegion, proveSigner } from './ways-in/signed-request.ts'
import type { IdentityDependencies } from './ways-in/way-in.ts'

interface Context {
  readonly deps: IdentityDependencies
  readonly now: Date
}

/** Who signed a request to STS; null when nobody did, and an StsError when it is not to be believed. */
export function stsCaller(request: AcceptedRequest, body: Uint8Array, context: Context): Caller | null {
  try {
    const credential = findAuthSource(request.head.rawHeaders, request.address.rawQuery)
    // A query is refused where the form is read, signed or not.
    return credential.kind === 'header' ? provenCaller(request, body, { ...context, authorization: credential.authorization }) : null
  } catch (error) {
    throw stsRefusal(error)
  }
}

function provenCaller(
  request: AcceptedRequest,
  body: Uint8Array,
  { deps, now, authorization: header }: Context & { readonly authorization: string }
): Caller {
  const { rawHeaders } = request.head
  // The scope's service keeps a signature that was made for S3 from being sent here, and the other way round.
  const authorization = parseAuthorization(header, 'sts')
  const date = findDate(rawHeaders)
  checkScope(authorization, { day: date.day, region: expectedRegion(authorization, deps) })
  checkSignedHeaders(authorization.signedHeaders, rawHeaders)
  // SDKs name the hash to S3 alone; here the body itself is the last line of what was signed.
  const payloadHash = hash('sha256', body, 'hex')
  if ((request.headers.get('x-amz-content-sha256') ?? payloadHash) !== payloadHash)
    throw new StsError('SignatureDoesNotMatch', 'x-amz-content-sha256 is not the hash of the form')
  const claimed = {
    ...{ method: request.method, rawPath: request.address.rawPath, canonicalQuery: canonicalQuery(request.address.rawQuery) },
    ...{ rawHeaders, authorization, amzDate: date.text }
  }
  const sessionToken = request.headers.get('x-amz-security-token') ?? null
  const proof = { authType: 'REST-HEADER', signatureAgeMs: null } as const
  const { caller } = proveSigner({ claimed, payloadHashes: [payloadHash], sessionToken, proof }, deps, now)
  checkSkew(date, now)
  refuseRevoked(caller, deps.revocations, now)
  return caller
}

const CODES: ReadonlyMap<string, StsErrorCode> = new Map<string, StsErrorCode>([
  ['InvalidAccessKeyId', 'InvalidClientTokenId'],
  ['InvalidToken', 'InvalidClientTokenId'],
  ['ExpiredToken', 'ExpiredToken'],
  ['SignatureDoesNotMatch', 'SignatureDoesNotMatch'],
  // STS has no code for the clock: it says so in the text, by which SDKs know.
  ['RequestTimeTooSkewed', 'SignatureDoesNotMatch'],
  ['AccessDenied', 'AccessDenied']
])

/** A refusal in STS's words; what is no refusal stays what it is. */
function stsRefusal(error: unknown): unknown {
  if (!(error instanceof S3Error) && !(error instanceof SigV4Problem)) return error
  const reason = error instanceof S3Error ? error.reason : error.kind
  const code = CODES.get(error.code) ?? 'IncompleteSignature'
  if (error.code === 'RequestTimeTooSkewed')
    return new StsError(code, reason, 'Signature expired: the time of the request differs too much.')
  return code === 'IncompleteSignature' ? new StsError(code, reason, error.message) : new StsError(code, reason)
}
