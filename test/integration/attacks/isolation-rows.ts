import type { OperationName } from '../../../proxy/s3/operations.ts'
import { deleteBody, md5, partsBody, taggingBody } from './calls.ts'
import type { Call } from './rig.ts'

/** Somebody's object, and an upload of it. */
export interface Scene {
  readonly tenant: string
  readonly key: string
  readonly uploadId: string
  readonly etag: string
}

export type Shape = Pick<Call, 'method' | 'target' | 'headers' | 'body' | 'form'>

/** One request of every row, on somebody's object. */
export const ROWS: Readonly<Record<OperationName, (scene: Scene) => Shape>> = {
  ListBuckets: () => ({ method: 'GET', target: '/' }),
  CreateBucket: ({ tenant }) => ({ method: 'PUT', target: `/${tenant}` }),
  HeadBucket: ({ tenant }) => ({ method: 'HEAD', target: `/${tenant}` }),
  DeleteBucket: ({ tenant }) => ({ method: 'DELETE', target: `/${tenant}` }),
  GetBucketLocation: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?location` }),
  GetBucketVersioning: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?versioning` }),
  GetBucketAcl: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?acl` }),
  GetBucketCors: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?cors` }),
  GetBucketPolicy: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?policy` }),
  GetObjectLockConfiguration: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?object-lock` }),
  ListObjects: ({ tenant }) => ({ method: 'GET', target: `/${tenant}` }),
  ListObjectsV2: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?list-type=2&fetch-owner=true` }),
  ListObjectVersions: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?versions` }),
  ListMultipartUploads: ({ tenant }) => ({ method: 'GET', target: `/${tenant}?uploads` }),
  DeleteObjects: ({ tenant, key }) => batch(tenant, `<Key>${key}</Key>`),
  GetObject: ({ tenant, key }) => ({ method: 'GET', target: `/${tenant}/${key}` }),
  HeadObject: ({ tenant, key }) => ({ method: 'HEAD', target: `/${tenant}/${key}` }),
  GetObjectAttributes: ({ tenant, key }) => ({
    method: 'GET',
    target: `/${tenant}/${key}?attributes`,
    headers: [['x-amz-object-attributes', 'ETag,ObjectSize,StorageClass']]
  }),
  GetObjectAcl: ({ tenant, key }) => ({ method: 'GET', target: `/${tenant}/${key}?acl` }),
  PutObject: ({ tenant, key }) => ({ method: 'PUT', target: `/${tenant}/${key}`, body: 'overwritten' }),
  PostObject: ({ tenant, key }) => ({ method: 'POST', target: `/${tenant}`, body: 'overwritten', form: { bucket: tenant, key } }),
  CopyObject: ({ tenant, key }) => ({ method: 'PUT', target: `/${tenant}/stolen`, headers: [['x-amz-copy-source', `${tenant}/${key}`]] }),
  DeleteObject: ({ tenant, key }) => ({ method: 'DELETE', target: `/${tenant}/${key}` }),
  GetObjectTagging: ({ tenant, key }) => ({ method: 'GET', target: `/${tenant}/${key}?tagging` }),
  PutObjectTagging: ({ tenant, key }) => ({
    method: 'PUT',
    target: `/${tenant}/${key}?tagging`,
    body: taggingBody(['a', 'b']),
    headers: [['content-md5', md5(taggingBody(['a', 'b']))]]
  }),
  DeleteObjectTagging: ({ tenant, key }) => ({ method: 'DELETE', target: `/${tenant}/${key}?tagging` }),
  CreateMultipartUpload: ({ tenant, key }) => ({ method: 'POST', target: `/${tenant}/${key}?uploads` }),
  UploadPart: ({ tenant, key, uploadId }) => ({ method: 'PUT', target: `/${tenant}/${key}?partNumber=1&uploadId=${uploadId}`, body: 'x' }),
  UploadPartCopy: ({ tenant, key, uploadId }) => ({
    method: 'PUT',
    target: `/${tenant}/${key}?partNumber=1&uploadId=${uploadId}`,
    headers: [['x-amz-copy-source', `${tenant}/${key}`]]
  }),
  CompleteMultipartUpload: ({ tenant, key, uploadId, etag }) => ({
    method: 'POST',
    target: `/${tenant}/${key}?uploadId=${uploadId}`,
    body: partsBody(etag)
  }),
  AbortMultipartUpload: ({ tenant, key, uploadId }) => ({ method: 'DELETE', target: `/${tenant}/${key}?uploadId=${uploadId}` }),
  ListParts: ({ tenant, key, uploadId }) => ({ method: 'GET', target: `/${tenant}/${key}?uploadId=${uploadId}` })
}

/** Rows that a service of the tenant may use on the tenant as a whole: they show names and nothing of contents. */
export const OF_THE_TENANT: ReadonlySet<OperationName> = new Set<OperationName>([
  'ListBuckets',
  'CreateBucket',
  'HeadBucket',
  'GetBucketLocation',
  'GetBucketVersioning',
  'GetBucketAcl',
  'GetBucketCors',
  'GetBucketPolicy',
  'GetObjectLockConfiguration',
  'ListObjects',
  'ListObjectsV2',
  'ListObjectVersions',
  'ListMultipartUploads'
])
export const OF_AN_UPLOAD: ReadonlySet<OperationName> = new Set<OperationName>([
  'UploadPart',
  'UploadPartCopy',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
  'ListParts'
])

export function batch(tenant: string, ...objects: readonly string[]): Shape {
  const body = deleteBody(...objects)
  return { method: 'POST', target: `/${tenant}?delete`, body, headers: [['content-md5', md5(body)]] }
}
