import type { ContextKey } from '../../policy/condition-keys.ts'
import type { Context } from '../../policy/decision.ts'
import type { Caller } from '../identity/caller.ts'
import type { CopySource } from '../s3/copy-source.ts'
import type { AcceptedRequest } from './accept.ts'

/** Headers that are condition keys under their own name, as on AWS ("Condition keys for Amazon S3"). */
const HEADER_KEYS = ['x-amz-storage-class', 'x-amz-server-side-encryption'] as const
const QUERY_KEYS: ReadonlyMap<string, ContextKey> = new Map<string, ContextKey>([
  ['prefix', 's3:prefix'],
  ['delimiter', 's3:delimiter'],
  ['max-keys', 's3:max-keys']
])

export interface ContextSources {
  /** Null where a question is not about the request at hand. */
  readonly request: AcceptedRequest | null
  readonly caller: Caller
  /** The tags that the client asks for; null where the operation sets none. */
  readonly requestTags: ReadonlyMap<string, string> | null
  readonly copySource: CopySource | null
  readonly now: Date
}

/** What the question is about: of a copy's source it is the source's own tenant and version, of a batch each key's own version. */
export interface ContextSubject {
  readonly tenant: string | null
  readonly versionId: string | null
}

/** Everything a policy may ask of the request and its caller. What it asks of the object comes from a look. */
export function questionContext(sources: ContextSources, { tenant, versionId }: ContextSubject): Context {
  const { request, caller, requestTags, copySource, now } = sources
  const context = new Map<ContextKey, readonly string[]>([
    ['aws:CurrentTime', [now.toISOString()]],
    ['aws:EpochTime', [String(Math.floor(now.getTime() / 1000))]],
    ['sluice:Service', [caller.owner]],
    ['sluice:Issuer', [caller.issuer]],
    ['sluice:Role', [caller.role]]
  ])
  addProof(context, caller)
  if (tenant !== null) context.set('sluice:Tenant', [tenant])
  if (versionId !== null) context.set('s3:VersionId', [versionId])
  // Decoded and without the slash before it: a Deny must not be a matter of how the client writes the name.
  if (copySource !== null) context.set('s3:x-amz-copy-source', [`${copySource.bucket}/${copySource.key}`])
  if (caller.namespace !== null) context.set('sluice:Namespace', [caller.namespace])
  if (caller.serviceAccount !== null) context.set('sluice:ServiceAccount', [caller.serviceAccount])
  if (request !== null) addRequest(context, request)
  if (requestTags !== null) {
    context.set('s3:RequestObjectTagKeys', [...requestTags.keys()])
    for (const [tag, value] of requestTags) context.set(`s3:RequestObjectTag/${tag}`, [value])
  }
  return context
}

/** A bearer token is no signature of S3's, so all three keys are missing then, as they are for anything that AWS does not know. */
function addProof(context: Map<ContextKey, readonly string[]>, { proof }: Caller): void {
  if (proof.authType === null) return
  context.set('s3:authType', [proof.authType])
  context.set('s3:signatureversion', ['AWS4-HMAC-SHA256'])
  if (proof.signatureAgeMs !== null) context.set('s3:signatureAge', [String(proof.signatureAgeMs)])
}

function addRequest(context: Map<ContextKey, readonly string[]>, request: AcceptedRequest): void {
  context.set('aws:SourceIp', [request.head.remoteAddress])
  context.set('aws:SecureTransport', [String(request.head.secure)])
  const userAgent = request.headers.get('user-agent')
  if (userAgent !== undefined) context.set('aws:UserAgent', [userAgent])
  for (const name of HEADER_KEYS) {
    const value = request.headers.get(name)
    if (value !== undefined) context.set(`s3:${name}`, [value])
  }
  const directive = request.headers.get('x-amz-metadata-directive')
  // Taken in either case, so asked about in one.
  if (directive !== undefined) context.set('s3:x-amz-metadata-directive', [directive.toUpperCase()])
  for (const { name, value } of request.query) {
    const key = QUERY_KEYS.get(name)
    if (key !== undefined) context.set(key, [value])
  }
}
