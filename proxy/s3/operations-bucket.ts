import type { OperationRow } from './operation-row.ts'

const NO_BODY = { requestBody: 'none' } as const
const LIST_V1 = ['delimiter', 'encoding-type', 'marker', 'max-keys', 'prefix'] as const
const LIST_V2 = ['continuation-token', 'delimiter', 'encoding-type', 'fetch-owner', 'max-keys', 'prefix', 'start-after'] as const
const LIST_VERSIONS = ['delimiter', 'encoding-type', 'key-marker', 'max-keys', 'prefix', 'version-id-marker'] as const

/** Operations on the service and on buckets. */
export const BUCKET_OPERATIONS = {
  ListBuckets: {
    shape: 'GET service',
    permissions: [{ action: 's3:ListAllMyBuckets', on: 'service' }],
    query: ['bucket-region', 'continuation-token', 'max-buckets', 'prefix'],
    headers: [],
    ...NO_BODY,
    responseBody: 'bucketsXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  CreateBucket: {
    shape: 'PUT bucket',
    permissions: [{ action: 's3:CreateBucket', on: 'bucket' }],
    query: [],
    headers: ['checksum'],
    requestBody: 'locationXml',
    responseBody: 'none',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  HeadBucket: {
    shape: 'HEAD bucket',
    permissions: [{ action: 's3:ListBucket', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'none',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  DeleteBucket: {
    shape: 'DELETE bucket',
    permissions: [{ action: 's3:DeleteBucket', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'none',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  GetBucketLocation: {
    shape: 'GET bucket ?location',
    permissions: [{ action: 's3:GetBucketLocation', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'locationXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  GetBucketVersioning: {
    shape: 'GET bucket ?versioning',
    permissions: [{ action: 's3:GetBucketVersioning', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'versioningXml',
    protocol: 'none'
  },
  GetBucketAcl: {
    shape: 'GET bucket ?acl',
    permissions: [{ action: 's3:GetBucketAcl', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'aclXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  GetBucketCors: {
    shape: 'GET bucket ?cors',
    permissions: [{ action: 's3:GetBucketCORS', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'errorXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  GetBucketPolicy: {
    shape: 'GET bucket ?policy',
    permissions: [{ action: 's3:GetBucketPolicy', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'errorXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  GetObjectLockConfiguration: {
    shape: 'GET bucket ?object-lock',
    permissions: [{ action: 's3:GetBucketObjectLockConfiguration', on: 'bucket' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'errorXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  ListObjects: {
    shape: 'GET bucket',
    permissions: [{ action: 's3:ListBucket', on: 'bucket' }],
    query: LIST_V1,
    headers: ['listing'],
    ...NO_BODY,
    responseBody: 'listXml',
    protocol: 'list'
  },
  ListObjectsV2: {
    shape: 'GET bucket ?list-type=2',
    permissions: [{ action: 's3:ListBucket', on: 'bucket' }],
    query: LIST_V2,
    headers: ['listing'],
    ...NO_BODY,
    responseBody: 'listXml',
    protocol: 'list'
  },
  ListObjectVersions: {
    shape: 'GET bucket ?versions',
    permissions: [{ action: 's3:ListBucketVersions', on: 'bucket' }],
    query: LIST_VERSIONS,
    headers: ['listing'],
    ...NO_BODY,
    responseBody: 'versionsXml',
    protocol: 'list'
  },
  ListMultipartUploads: {
    shape: 'GET bucket ?uploads',
    permissions: [{ action: 's3:ListBucketMultipartUploads', on: 'bucket' }],
    query: ['delimiter', 'encoding-type', 'key-marker', 'max-uploads', 'prefix', 'upload-id-marker'],
    headers: [],
    ...NO_BODY,
    responseBody: 'uploadsXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  DeleteObjects: {
    shape: 'POST bucket ?delete',
    permissions: [
      { action: 's3:DeleteObject', on: 'eachKeyInBody', unless: 'eachKeyInBody versionId' },
      { action: 's3:DeleteObjectVersion', on: 'eachKeyInBody', when: 'eachKeyInBody versionId' }
    ],
    query: [],
    headers: ['checksum'],
    requestBody: 'deleteXml',
    responseBody: 'deleteXml',
    protocol: 'deleteMany'
  }
} as const satisfies Record<string, OperationRow>
