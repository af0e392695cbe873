import { createBucket, deleteBucket, getBucketLocation, getBucketVersioning, listBuckets, putBucketVersioning } from './buckets.ts'
import type { Handler } from './call.ts'
import { copyObject } from './copy-object.ts'
import { deleteObject, deleteObjects } from './delete-object.ts'
import { StoreError } from './error.ts'
import { listObjects, listObjectsV2 } from './list-objects.ts'
import { listParts, listUploads } from './list-uploads.ts'
import { listObjectVersions } from './list-versions.ts'
import { abortUpload, completeUpload, createUpload, uploadPart, uploadPartCopy } from './multipart.ts'
import { getObjectAttributes } from './object-attributes.ts'
import { headBucket, readObject } from './read-object.ts'
import { parameter, type StoreRequest } from './request.ts'
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './tagging.ts'
import { putObject } from './write-object.ts'

/** What a request's body is: bytes of an object, a document, or nothing that is read. */
export type BodyKind = 'object' | 'document' | 'none'

export interface Operation {
  /** AWS's own name. */
  readonly name: string
  readonly method: string
  readonly resource: 'service' | 'bucket' | 'object'
  /** Parameters that must all be there; the first row whose shape fits is the operation. */
  readonly parameters: readonly string[]
  /** True: the request names a copy source. */
  readonly copies?: boolean
  readonly body: BodyKind
  readonly handle: Handler
}

const row = (
  name: string,
  shape: readonly [string, Operation['resource'], ...string[]],
  rest: Pick<Operation, 'handle'> & { body?: BodyKind; copies?: boolean }
): Operation => {
  const [method, resource, ...parameters] = shape
  return { name, method, resource, parameters, body: 'none', ...rest }
}

/** Longer shapes stand before the shapes they contain. */
export const OPERATIONS: readonly Operation[] = [
  row('ListBuckets', ['GET', 'service'], { handle: listBuckets }),
  row('GetBucketLocation', ['GET', 'bucket', 'location'], { handle: getBucketLocation }),
  row('GetBucketVersioning', ['GET', 'bucket', 'versioning'], { handle: getBucketVersioning }),
  row('PutBucketVersioning', ['PUT', 'bucket', 'versioning'], { handle: putBucketVersioning, body: 'document' }),
  row('ListMultipartUploads', ['GET', 'bucket', 'uploads'], { handle: listUploads }),
  row('ListObjectVersions', ['GET', 'bucket', 'versions'], { handle: listObjectVersions }),
  row('DeleteObjects', ['POST', 'bucket', 'delete'], { handle: deleteObjects, body: 'document' }),
  row('ListObjectsV2', ['GET', 'bucket', 'list-type'], { handle: listObjectsV2 }),
  row('ListObjects', ['GET', 'bucket'], { handle: listObjects }),
  row('HeadBucket', ['HEAD', 'bucket'], { handle: headBucket }),
  row('CreateBucket', ['PUT', 'bucket'], { handle: createBucket, body: 'document' }),
  row('DeleteBucket', ['DELETE', 'bucket'], { handle: deleteBucket }),
  row('GetObjectTagging', ['GET', 'object', 'tagging'], { handle: getObjectTagging }),
  row('PutObjectTagging', ['PUT', 'object', 'tagging'], { handle: putObjectTagging, body: 'document' }),
  row('DeleteObjectTagging', ['DELETE', 'object', 'tagging'], { handle: deleteObjectTagging }),
  row('GetObjectAttributes', ['GET', 'object', 'attributes'], { handle: getObjectAttributes }),
  row('CreateMultipartUpload', ['POST', 'object', 'uploads'], { handle: createUpload }),
  row('UploadPartCopy', ['PUT', 'object', 'uploadId', 'partNumber'], { handle: uploadPartCopy, copies: true }),
  row('UploadPart', ['PUT', 'object', 'uploadId', 'partNumber'], { handle: uploadPart, body: 'object' }),
  row('CompleteMultipartUpload', ['POST', 'object', 'uploadId'], { handle: completeUpload, body: 'document' }),
  row('AbortMultipartUpload', ['DELETE', 'object', 'uploadId'], { handle: abortUpload }),
  row('ListParts', ['GET', 'object', 'uploadId'], { handle: listParts }),
  row('HeadObject', ['HEAD', 'object'], { handle: readObject }),
  row('GetObject', ['GET', 'object'], { handle: readObject }),
  row('CopyObject', ['PUT', 'object'], { handle: copyObject, copies: true }),
  row('PutObject', ['PUT', 'object'], { handle: putObject, body: 'object' }),
  row('DeleteObject', ['DELETE', 'object'], { handle: deleteObject })
]

// A sub-resource that is ignored would turn `DELETE /key?legal-hold` into DeleteObject.
const OTHER_SUBRESOURCES = new Set(
  (
    'accelerate acl analytics annotation cors encryption intelligent-tiering inventory legal-hold lifecycle logging metrics ' +
    'notification object-lock ownershipControls policy policyStatus publicAccessBlock replication renameObject requestPayment ' +
    'restore retention select session torrent website'
  ).split(' ')
)

/** The operation that the request is; a shape that nothing fits is refused. */
export function operationOf(request: StoreRequest): Operation {
  const resource = request.bucket === null ? 'service' : request.key === null ? 'bucket' : 'object'
  const names = new Set(request.query.map(({ name }) => name))
  for (const name of names) if (OTHER_SUBRESOURCES.has(name)) throw new StoreError('NotImplemented')
  const copies = request.headers.has('x-amz-copy-source')
  const found = OPERATIONS.find(
    (operation) =>
      operation.method === request.method &&
      operation.resource === resource &&
      operation.parameters.every((name) => names.has(name)) &&
      (operation.copies !== true || copies)
  )
  if (found === undefined) throw new StoreError('MethodNotAllowed')
  if (copies && found.copies !== true) throw new StoreError('InvalidArgument', { message: 'x-amz-copy-source is not allowed here' })
  if (found.name === 'ListObjectsV2' && parameter(request, 'list-type') !== '2') throw new StoreError('InvalidArgument')
  if (names.has('tagging') && resource === 'bucket') throw new StoreError('NotImplemented')
  return found
}
