import { S3Error } from '../s3/error.ts'
import { findAuthSource } from '../sigv4/auth-source.ts'
import { SigV4Problem } from '../sigv4/problem.ts'
import type { AcceptedRequest } from './accept.ts'
import { refusalOf as refusalOfBody } from './body.ts'
import { refuseRevoked } from './refuse-revoked.ts'
import { BEARER_WAY } from './ways-in/bearer.ts'
import { HEADER_SIGNATURE } from './ways-in/header-signature.ts'
import { isPostForm, POST_POLICY_WAY } from './ways-in/post-policy.ts'
import { QUERY_SIGNATURE_WAY } from './ways-in/query-signature.ts'
import type { Authenticated, Credential, IdentityDependencies, WayIn } from './ways-in/way-in.ts'

/** Every way in. Whatever is not listed is refused, and nobody is anonymous. */
const WAYS_IN: readonly WayIn[] = [HEADER_SIGNATURE, QUERY_SIGNATURE_WAY, BEARER_WAY, POST_POLICY_WAY]

/** The one way by which a request comes in, and what it carries for it. */
export interface ChosenWayIn {
  readonly way: WayIn
  readonly credential: Credential
}

/** The only way in whose proof the request carries; a request with none or with two is refused. */
export function chooseWayIn(request: AcceptedRequest): ChosenWayIn {
  try {
    const credential = credentialOf(request)
    if (credential.kind === 'none') throw new S3Error('AccessDenied', 'the request is not signed; nobody is anonymous here')
    if (credential.kind === 'query' && credential.scheme === 'v2')
      throw new S3Error('InvalidRequest', 'SigV2 query', { Message: SIGV2_ADVICE })
    const way = WAYS_IN.find((candidate) => candidate.takes(credential))
    if (way === undefined) throw new S3Error('AccessDenied', `no way in for ${credential.kind}`)
    return { way, credential }
  } catch (error) {
    throw refusalOf(error)
  }
}

/**
 * The proven caller, or a refusal in S3's words. Reads nothing of the body but the fields of a form, in which the proof stands.
 * A promise only where something has to be asked or read.
 */
export function authenticate(
  request: AcceptedRequest,
  { way, credential }: ChosenWayIn,
  context: { readonly deps: IdentityDependencies; readonly now: Date }
): Authenticated | Promise<Authenticated> {
  const admitted = (proof: Authenticated): Authenticated => {
    refuseRevoked(proof.caller, context.deps.revocations, context.now)
    return proof
  }
  try {
    const proof = way.authenticate(request, credential, context)
    if (!(proof instanceof Promise)) return admitted(proof)
    return proof.then(admitted).catch((error: unknown) => {
      throw refusalOf(error)
    })
  } catch (error) {
    throw refusalOf(error)
  }
}

/** What the request carries in its head; where that is nothing, a form carries its own in its body. */
function credentialOf(request: AcceptedRequest): Credential | { readonly kind: 'none' } {
  const found = findAuthSource(request.head.rawHeaders, request.address.rawQuery)
  if (!isPostForm(request)) return found
  if (found.kind === 'none') return { kind: 'form' }
  // With a query it is another operation, whose body is no form to anybody.
  if (found.kind === 'header' && request.address.rawQuery !== '') return found
  throw new SigV4Problem('duplicate-auth', 'Only one auth mechanism allowed; a form carries its own signature')
}

const SIGV2_ADVICE =
  "Signature version 2 is not supported. Use AWS4-HMAC-SHA256: set signature_version to 's3v4' (boto3: Config(signature_version='s3v4')), " +
  'or AWS_REGION (boto3: AWS_DEFAULT_REGION) to a region that has no version 2, such as the one this endpoint is configured with.'

function refusalOf(error: unknown): unknown {
  // A form is read here, and its sender may have stopped.
  if (!(error instanceof SigV4Problem)) return refusalOfBody(error)
  const message = error.kind === 'v2' ? SIGV2_ADVICE : error.message
  return new S3Error(error.code, error.kind, { ...error.extra, Message: message })
}
