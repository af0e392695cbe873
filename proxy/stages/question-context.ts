import type { ContextKey } from '../../policy/condition-keys.ts'
import type { Context } from '../../policy/decision.ts'
import type { Caller } from '../identity/caller.ts'
import type { AcceptedRequest } from './accept.ts'

/** Headers that are condition keys under their own name, as on AWS ("Condition keys for Amazon S3"). */
const HEADER_KEYS = ['x-amz-storage-class', 'x-amz-server-side-encryption', 'x-amz-metadata-directive', 'x-amz-copy-source'] as const
const QUERY_KEYS: ReadonlyMap<string, ContextKey> = new Map<string, ContextKey>([
  ['prefix', 's3:prefix'],
  ['delimiter', 's3:delimiter'],
  ['max-keys', 's3:max-keys'],
  ['versionId', 's3:VersionId']
])

export interface ContextSources {
  /** Null where a question is not about the request at hand. */
  readonly request: AcceptedRequest | null
  readonly caller: Caller
  /** The tags that the client asks for; null where the operation sets none. */
  readonly requestTags: ReadonlyMap<string, string> | null
  readonly now: Date
}

/** Everything a policy may ask of the request and its caller. What it asks of the object comes from a look. */
export function questionContext({ request, caller, requestTags, now }: ContextSources, tenant: string | null): Context {
  const context = new Map<ContextKey, readonly string[]>([
    ['aws:CurrentTime', [now.toISOString()]],
    ['aws:EpochTime', [String(Math.floor(now.getTime() / 1000))]],
    ['s3:authType', ['REST-HEADER']],
    ['s3:signatureversion', ['AWS4-HMAC-SHA256']],
    ['sluice:Service', [caller.owner]],
    ['sluice:Issuer', [caller.issuer]],
    ['sluice:Role', [caller.role]]
  ])
  if (tenant !== null) context.set('sluice:Tenant', [tenant])
  if (caller.namespace !== null) context.set('sluice:Namespace', [caller.namespace])
  if (caller.serviceAccount !== null) context.set('sluice:ServiceAccount', [caller.serviceAccount])
  if (request !== null) addRequest(context, request)
  if (requestTags !== null) {
    context.set('s3:RequestObjectTagKeys', [...requestTags.keys()])
    for (const [tag, value] of requestTags) context.set(`s3:RequestObjectTag/${tag}`, [value])
  }
  return context
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
  for (const { name, value } of request.query) {
    const key = QUERY_KEYS.get(name)
    if (key !== undefined) context.set(key, [value])
  }
}
