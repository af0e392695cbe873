import { readPartsRequest, type CompletedPart } from '../s3/complete-upload.ts'
import { parseCopySource, type CopySource } from '../s3/copy-source.ts'
import { readDeleteRequest, type DeleteRequest } from '../s3/delete-objects.ts'
import { S3Error } from '../s3/error.ts'
import type { OperationName } from '../s3/operations.ts'
import type { OperationRow } from '../s3/operation-row.ts'
import { queryValue } from '../s3/query.ts'
import { recognizeOperation } from '../s3/recognize.ts'
import { parseTaggingHeader, readTaggingRequest, type Tags } from '../s3/tagging.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Authenticated } from './ways-in/way-in.ts'
import { collectVerified, openBody } from './body.ts'

/** What the request is, with everything that decides about it read once. */
export interface Operation {
  readonly name: OperationName
  readonly row: OperationRow
  /** The client's `versionId`; null where it names none. */
  readonly versionId: string | null
  readonly copySource: CopySource | null
  readonly deletes: DeleteRequest | null
  readonly parts: readonly CompletedPart[] | null
  /** The tags that the request wants on its object; null where it says nothing of tags. */
  readonly tags: Tags | null
  /** The body of CreateBucket. */
  readonly bucketConfiguration: Uint8Array | null
  readonly dropped: readonly string[]
}

export interface RecognitionDependencies {
  readonly dropHeaders: ReadonlySet<string>
  readonly limits: { readonly xmlBytesMax: number; readonly completeXmlBytesMax: number }
}

/** The one operation that the request is. Reads a small XML body, verified, where keys, parts or tags stand in it: only then a promise. */
export function recognize(request: AcceptedRequest, proof: Authenticated, deps: RecognitionDependencies): Operation | Promise<Operation> {
  const { name, row, dropped } = recognizeOperation(request, { signedBy: proof.signedBy, dropHeaders: deps.dropHeaders })
  const copySource = request.headers.get('x-amz-copy-source')
  const tagging = request.headers.get('x-amz-tagging')
  const operation = {
    name,
    row,
    dropped,
    versionId: queryValue(request.query, 'versionId') ?? null,
    copySource: copySource === undefined ? null : parseCopySource(copySource),
    deletes: null,
    parts: null,
    tags: tagging === undefined ? null : parseTaggingHeader(tagging),
    bucketConfiguration: null
  }
  switch (row.requestBody) {
    case 'none':
      refuseBody(request)
      return operation
    case 'stream':
    case 'form':
      return operation
    default:
      return withDocument(operation, request, { proof, limits: deps.limits })
  }
}

/** The operation with what stands in its body. */
async function withDocument(
  operation: Operation,
  request: AcceptedRequest,
  { proof, limits }: { readonly proof: Authenticated; readonly limits: RecognitionDependencies['limits'] }
): Promise<Operation> {
  const { xmlBytesMax, completeXmlBytesMax } = limits
  switch (operation.row.requestBody) {
    case 'deleteXml':
      return { ...operation, deletes: await readDeletes(request, proof, xmlBytesMax) }
    case 'partsXml':
      return {
        ...operation,
        parts: readPartsRequest(await readXmlBody(request, proof, { bytesMax: completeXmlBytesMax, describesBody: false }))
      }
    case 'taggingXml':
      return { ...operation, tags: readTaggingRequest(await readXmlBody(request, proof, { bytesMax: xmlBytesMax, describesBody: true })) }
    case 'locationXml':
      return { ...operation, bucketConfiguration: await readXmlBody(request, proof, { bytesMax: xmlBytesMax, describesBody: true }) }
    default:
      throw new Error(`${operation.name} has no document`)
  }
}

async function readXmlBody(
  request: AcceptedRequest,
  proof: Authenticated,
  { bytesMax, describesBody }: { bytesMax: number; describesBody: boolean }
): Promise<Uint8Array> {
  const open = openBody(request, proof, describesBody)
  if (open.length > bytesMax) throw new S3Error('MalformedXML', `an XML body of ${open.length} bytes; ${bytesMax} are allowed`)
  return collectVerified(open, bytesMax)
}

async function readDeletes(request: AcceptedRequest, proof: Authenticated, bytesMax: number): Promise<DeleteRequest> {
  const { headers } = request
  const isProtected =
    headers.has('content-md5') ||
    headers.has('x-amz-trailer') ||
    [...headers.names()].some((name) => /^x-amz-checksum-(?!algorithm|mode|type)/.test(name))
  if (!isProtected) {
    throw new S3Error('InvalidRequest', 'DeleteObjects without Content-MD5 or checksum', {
      Message: 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*'
    })
  }
  return readDeleteRequest(await readXmlBody(request, proof, { bytesMax, describesBody: true }))
}

/** A body where the operation has none would be read by nobody, and its bytes would be taken for the next request by a lax hop. */
function refuseBody(request: AcceptedRequest): void {
  if (request.body !== null) throw new S3Error('UnexpectedContent', 'a body on an operation that has none')
}
