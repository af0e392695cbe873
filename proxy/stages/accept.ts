import { addressOf, type Address } from '../s3/address.ts'
import type { PostAnswer } from '../post-form/fields.ts'
import { S3Error } from '../s3/error.ts'
import { HeaderView } from '../s3/header-view.ts'
import type { Method, Resource } from '../s3/operation-row.ts'
import { parseQuery, type QueryParameter } from '../s3/query.ts'
import type { TenantKey } from '../tenants/keys.ts'
import type { ByteSource, Incoming, RequestHead } from '../transport/transport.ts'

/** The request, parsed once: everything after this reads these values and never the raw ones again. */
export interface AcceptedRequest {
  readonly method: Method
  readonly resource: Resource
  readonly address: Address
  /** The virtual bucket; null for the service itself. */
  readonly tenant: string | null
  readonly key: TenantKey | null
  readonly query: readonly QueryParameter[]
  readonly headers: HeaderView
  readonly head: RequestHead
  readonly body: ByteSource | null
  /** Set for the file of a form: how its sender wants to be answered. */
  readonly postAnswer?: PostAnswer
}

export interface AcceptLimits {
  /** Lower-case names under which `<tenant>.<domain>` is virtual-hosted style. */
  readonly domains: readonly string[]
}

const METHODS: ReadonlySet<string> = new Set<Method>(['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])

/** Parses what came in, or refuses it. Nothing is normalised: the path that was signed is the path that is looked at. */
export function acceptRequest(incoming: Incoming, limits: AcceptLimits): AcceptedRequest {
  const { head, body } = incoming
  if (!METHODS.has(head.method)) throw new S3Error('MethodNotAllowed', `method ${head.method}`)
  const headers = new HeaderView(head.rawHeaders)
  const address = addressOf(head.rawTarget, headers.get('host'), limits.domains)
  return {
    method: head.method as Method,
    resource: address.resource,
    address,
    tenant: address.bucket,
    // The address was decoded once and checked there; from here on it is the tenant's key.
    key: address.key as TenantKey | null,
    query: parseQuery(address.rawQuery),
    headers,
    head,
    body
  }
}
