import type { ContextKey, FixedContextKey } from '../../policy/condition-keys.ts'
import type { Context } from '../../policy/decision.ts'
import type { Caller } from '../identity/caller.ts'
import type { CopySource } from '../s3/copy-source.ts'
import { queryValue } from '../s3/query.ts'
import type { AcceptedRequest } from './accept.ts'

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

/** Everything a policy may ask of the request and its caller, worked out when it is asked. What it asks of the object comes from a look. */
export function questionContext(sources: ContextSources, subject: ContextSubject): Context {
  return new QuestionContext(sources, subject)
}

class QuestionContext implements Context {
  readonly #sources: ContextSources
  readonly #subject: ContextSubject

  constructor(sources: ContextSources, subject: ContextSubject) {
    this.#sources = sources
    this.#subject = subject
  }

  get(key: ContextKey): readonly string[] | undefined {
    if (key.startsWith(REQUEST_TAG)) return listOf(this.#sources.requestTags?.get(key.slice(REQUEST_TAG.length)))
    if (key === 's3:RequestObjectTagKeys') {
      const { requestTags } = this.#sources
      return requestTags === null ? undefined : [...requestTags.keys()]
    }
    return listOf(this.#value(key as FixedContextKey))
  }

  #value(key: FixedContextKey): string | null | undefined {
    const { caller, now, copySource } = this.#sources
    switch (key) {
      case 'aws:CurrentTime':
        return now.toISOString()
      case 'aws:EpochTime':
        return String(Math.floor(now.getTime() / 1000))
      case 'sluice:Service':
        return caller.owner
      case 'sluice:Issuer':
        return caller.issuer
      case 'sluice:Role':
        return caller.role
      case 'sluice:Namespace':
        return caller.namespace
      case 'sluice:ServiceAccount':
        return caller.serviceAccount
      case 'sluice:Tenant':
        return this.#subject.tenant
      case 's3:VersionId':
        return this.#subject.versionId
      case 's3:x-amz-copy-source':
        // Decoded and without the slash before it: a Deny must not be a matter of how the client writes the name.
        return copySource === null ? null : `${copySource.bucket}/${copySource.key}`
      case 's3:authType':
      case 's3:signatureversion':
      case 's3:signatureAge':
        return proofValue(key, caller)
      default:
        return this.#sources.request === null ? null : requestValue(key, this.#sources.request)
    }
  }
}

const REQUEST_TAG = 's3:RequestObjectTag/'

function listOf(value: string | null | undefined): readonly string[] | undefined {
  return value === null || value === undefined ? undefined : [value]
}

/** A bearer token is no signature of S3's, so all three keys are missing then, as they are for anything that AWS does not know. */
function proofValue(key: 's3:authType' | 's3:signatureversion' | 's3:signatureAge', { proof }: Caller): string | null {
  if (proof.authType === null) return null
  switch (key) {
    case 's3:authType':
      return proof.authType
    case 's3:signatureversion':
      return 'AWS4-HMAC-SHA256'
    case 's3:signatureAge':
      return proof.signatureAgeMs === null ? null : String(proof.signatureAgeMs)
    default:
      return key satisfies never
  }
}

type RequestKey = Exclude<
  FixedContextKey,
  | `sluice:${string}`
  | 'aws:CurrentTime'
  | 'aws:EpochTime'
  | 's3:VersionId'
  | 's3:x-amz-copy-source'
  | 's3:authType'
  | 's3:signatureversion'
  | 's3:signatureAge'
>

function requestValue(key: RequestKey, { head, headers, query }: AcceptedRequest): string | undefined {
  switch (key) {
    case 'aws:SourceIp':
      return head.remoteAddress
    case 'aws:SecureTransport':
      return String(head.secure)
    case 'aws:UserAgent':
      return headers.get('user-agent')
    // Under their own name, as on AWS ("Condition keys for Amazon S3").
    case 's3:x-amz-storage-class':
    case 's3:x-amz-server-side-encryption':
      return headers.get(key.slice(SERVICE.length))
    case 's3:x-amz-metadata-directive':
      // Taken in either case, so asked about in one.
      return headers.get('x-amz-metadata-directive')?.toUpperCase()
    case 's3:prefix':
    case 's3:delimiter':
    case 's3:max-keys':
      return queryValue(query, key.slice(SERVICE.length))
    case 's3:RequestObjectTagKeys':
    case 's3:TlsVersion':
      return undefined
    default:
      return key satisfies never
  }
}

const SERVICE = 's3:'
