import { S3Error } from './error.ts'
import { checkHeaderValues } from './header-values.ts'
import type { HeaderView } from './header-view.ts'
import { headerRule } from './headers.ts'
import { OPERATIONS, OPERATION_NAMES, type OperationName } from './operations.ts'
import type { OperationRow, Resource } from './operation-row.ts'
import { checkParameters } from './parameters.ts'
import type { QueryParameter } from './query.ts'

export interface AddressedRequest {
  /** As sent: any token, not only a method of S3. */
  readonly method: string
  readonly resource: Resource
  readonly query: readonly QueryParameter[]
  readonly headers: HeaderView
}

export interface RecognizedOperation {
  readonly name: OperationName
  readonly row: OperationRow
  /** Headers that nobody here knows and that the operator chose to drop; for the log. */
  readonly dropped: readonly string[]
}

export interface Recognition {
  /** Where the signature stands. Only a query-signed request may carry the parameters of signing, and only a form is PostObject. */
  readonly signedBy: 'header' | 'query' | 'form'
  /** Names, in lower case, of `x-amz-*` headers that are dropped though unknown. */
  readonly dropHeaders: ReadonlySet<string>
}

const STRICT: Recognition = { signedBy: 'header', dropHeaders: new Set() }

/** Query parameters that turn one S3 operation into another. `list-type` does so by its value. */
export const DISCRIMINATING_QUERY: ReadonlySet<string> = new Set([
  ...['abac', 'accelerate', 'acl', 'analytics', 'annotation', 'annotationName', 'attributes', 'cors', 'delete', 'encryption', 'id'],
  ...['intelligent-tiering', 'inventory', 'legal-hold', 'lifecycle', 'list-type', 'location', 'logging'],
  ...['metadataAnnotationTable', 'metadataConfiguration', 'metadataInventoryTable', 'metadataJournalTable', 'metadataTable', 'metrics'],
  ...['notification', 'object-lock', 'ownershipControls', 'policy', 'policyStatus', 'publicAccessBlock', 'renameObject', 'replication'],
  ...['requestPayment', 'restore', 'retention', 'select', 'select-type', 'session', 'tagging', 'torrent', 'uploadId', 'uploads'],
  ...['versioning', 'versions', 'website']
])
const VALUED: ReadonlySet<string> = new Set(['list-type', 'select-type'])
const COPY_SOURCE = 'x-amz-copy-source'

/** Parameters that sign a request. Exact names: any other `X-Amz-*` is a header in disguise. */
const SIGNING_QUERY: ReadonlySet<string> = new Set([
  ...['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'],
  ...['X-Amz-Security-Token', 'X-Amz-Content-Sha256']
])
/** SDKs write the operation's name here. It is signed and means nothing. */
const LABEL = 'x-id'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])

const NAME_BY_SHAPE: ReadonlyMap<string, OperationName> = indexByShape()
const NOTHING_DROPPED: readonly string[] = []

/**
 * The one operation that a request is, by exact shape; refused when it is none, or when it carries a parameter or an
 * `x-amz-*` header that its row does not list. HOT: bench/recognize.ts
 */
export function recognizeOperation(request: AddressedRequest, recognition: Recognition = STRICT): RecognizedOperation {
  refuseStrayCopySource(request)
  const shape = requestShape(request)
  const name = NAME_BY_SHAPE.get(shape)
  if (name === undefined) throw unknownShape(request.method, shape)
  const row: OperationRow = OPERATIONS[name]
  // What tells a form from other bodies stands in the body, so no discriminator of the head can.
  if ((row.requestBody === 'form') !== (recognition.signedBy === 'form')) throw unknownShape(request.method, shape)
  refuseUnlistedParameters(request, row, recognition)
  const dropped = refuseUnlistedHeaders(request, row, recognition)
  checkParameters(request, row)
  if (row.headers.includes('metadata')) checkHeaderValues(request.headers)
  return { name, row, dropped }
}

/** Method, resource and sorted discriminators, as rows write them. */
export function requestShape(request: AddressedRequest): string {
  const plain = `${request.method} ${request.resource}`
  let found: string[] | undefined
  if (request.headers.has(COPY_SOURCE)) found = [`+${COPY_SOURCE}`]
  for (const { name, value } of request.query) {
    if (DISCRIMINATING_QUERY.has(name)) (found ??= []).push(VALUED.has(name) ? `?${name}=${value}` : `?${name}`)
  }
  return found === undefined ? plain : `${plain} ${found.sort().join(' ')}`
}

function unknownShape(method: string, shape: string): S3Error {
  if (!METHODS.has(method)) return new S3Error('MethodNotAllowed', `method ${method} is not one of S3`, { Method: method })
  return new S3Error('NotImplemented', `no operation has the shape "${shape}"`)
}

function refuseStrayCopySource({ method, resource, headers }: AddressedRequest): void {
  if ((method === 'PUT' && resource === 'object') || !headers.has(COPY_SOURCE)) return
  throw new S3Error('InvalidArgument', `a copy source on ${method} ${resource}`, {
    Message: 'You can only specify a copy source header for copy requests.',
    ArgumentName: COPY_SOURCE
  })
}

function refuseUnlistedParameters({ query }: AddressedRequest, row: OperationRow, { signedBy }: Recognition): void {
  for (const { name } of query) {
    if (DISCRIMINATING_QUERY.has(name) || name === LABEL || row.query.includes(name)) continue
    if (signedBy === 'query' && SIGNING_QUERY.has(name)) continue
    throw new S3Error('NotImplemented', `query parameter "${name}" is not listed for this operation`)
  }
}

function refuseUnlistedHeaders({ headers }: AddressedRequest, row: OperationRow, { dropHeaders }: Recognition): readonly string[] {
  let dropped: string[] | undefined
  for (const [name, value] of headers.entries()) {
    if (!name.startsWith('x-amz-')) continue
    const rule = headerRule(name)
    if (rule === undefined) {
      if (!dropHeaders.has(name)) throw new S3Error('NotImplemented', `header ${name} is not known`, { Header: name })
      ;(dropped ??= []).push(name)
      continue
    }
    switch (rule.action) {
      case 'consume':
      case 'drop':
        break
      case 'group':
        if (rule.groups.some((group) => row.headers.includes(group)) || rule.idle === value) break
        throw new S3Error('NotImplemented', `header ${name} is not listed for this operation`, { Header: name })
      case 'accept':
        if (rule.values.includes(value.toLowerCase())) break
        throw new S3Error(rule.code, `header ${name} has a value with an effect`, { Header: name })
      case 'refuse':
        throw new S3Error(rule.code, `header ${name} is refused`, { Header: name })
      default:
        return rule satisfies never
    }
  }
  return dropped ?? NOTHING_DROPPED
}

function indexByShape(): ReadonlyMap<string, OperationName> {
  const index = new Map<string, OperationName>()
  for (const name of OPERATION_NAMES) {
    const { shape } = OPERATIONS[name]
    const taken = index.get(shape)
    if (taken !== undefined) throw new Error(`${name} and ${taken} have the same shape "${shape}"`)
    index.set(shape, name)
  }
  return index
}
