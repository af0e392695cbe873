export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
export type Resource = 'service' | 'bucket' | 'object'

/**
 * How a request is told apart from all others: its method, what it addresses, and every
 * discriminator it carries, sorted. `PUT object +x-amz-copy-source ?uploadId` is UploadPartCopy.
 */
export type RequestShape = `${Method} ${Resource}` | `${Method} ${Resource} ${string}`

export type S3Action = `s3:${string}`

/** What a permission is asked for. */
export type Target = 'service' | 'bucket' | 'object' | 'copySource' | 'eachKeyInBody'

/**
 * A fact of the request that a permission depends on. `copySource versionId`: the copy source names a version;
 * `copySource current`: it names none. `eachKeyInBody versionId`: the key in the body names a version.
 * `header name=value` compares the value without case.
 */
export type RequestFact = `header ${string}` | `query ${string}` | 'copySource versionId' | 'copySource current' | 'eachKeyInBody versionId'

export interface Permission {
  readonly action: S3Action
  readonly on: Target
  /** Asked only of requests of which this is true. */
  readonly when?: RequestFact
  /** Not asked of requests of which this is true. */
  readonly unless?: RequestFact
}

export type HeaderGroup =
  | 'entity'
  | 'metadata'
  | 'readConditions'
  | 'writeConditions'
  | 'range'
  | 'checksum'
  | 'checksumMode'
  | 'copySource'
  | 'copyDirectives'
  | 'copyRange'
  | 'storage'
  | 'encryption'
  | 'tagging'
  | 'attributes'
  | 'listing'
  | 'uploadSize'

/** `form`: a file behind the fields of a form, which are read by the way in and stand among the headers. */
export type RequestBody = 'none' | 'form' | 'stream' | 'deleteXml' | 'partsXml' | 'taggingXml' | 'locationXml'
export type ResponseBody =
  | 'none'
  | 'stream'
  | 'listXml'
  | 'versionsXml'
  | 'uploadXml'
  | 'partsXml'
  | 'uploadsXml'
  | 'completeXml'
  | 'copyXml'
  /** A document or nothing, as the form asks. */
  | 'postXml'
  | 'deleteXml'
  | 'taggingXml'
  | 'attributesXml'
  | 'bucketsXml'
  | 'locationXml'
  | 'versioningXml'
  | 'aclXml'
  /** Always an error: the thing asked for never exists here. */
  | 'errorXml'

/**
 * Which run of the ownership protocol the operation is. `upload`: the sealed upload id decides.
 * `list`: names only, nothing of an object is released. `none`: no object is touched.
 */
export type OwnershipProtocol =
  | 'none'
  | 'list'
  | 'read'
  | 'head'
  | 'attributes'
  | 'getTagging'
  | 'putTagging'
  | 'put'
  | 'copy'
  | 'createUpload'
  | 'upload'
  | 'complete'
  | 'delete'
  | 'deleteMany'

export interface OperationRow {
  readonly shape: RequestShape
  /** What the caller must be permitted. A row with no permission does not compile. */
  readonly permissions: readonly [Permission, ...Permission[]]
  /** Query parameters that are passed on, besides those in `shape`. All others are refused. */
  readonly query: readonly string[]
  /** Those of `query` without which the request has no meaning. */
  readonly requiredQuery?: readonly string[]
  /** Header groups that are passed on. Any other x-amz-* header is refused. */
  readonly headers: readonly HeaderGroup[]
  readonly requestBody: RequestBody
  readonly responseBody: ResponseBody
  readonly protocol: OwnershipProtocol
  /** Set where the answer is made here; an upstream is asked at most for the state of a bucket. */
  readonly answeredBy?: 'proxy'
}
