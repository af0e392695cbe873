import type { OperationRow } from './operation-row.ts'

const TAGS_REPLACED = 'header x-amz-tagging-directive=REPLACE' as const
const NO_BODY = { requestBody: 'none' } as const
const RESPONSE_OVERRIDES = [
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires'
] as const

/** Operations on one object. */
export const OBJECT_OPERATIONS = {
  GetObject: {
    shape: 'GET object',
    permissions: [
      { action: 's3:GetObject', on: 'object', unless: 'query versionId' },
      { action: 's3:GetObjectVersion', on: 'object', when: 'query versionId' }
    ],
    query: ['partNumber', 'versionId', ...RESPONSE_OVERRIDES],
    headers: ['readConditions', 'range', 'checksumMode'],
    ...NO_BODY,
    responseBody: 'stream',
    protocol: 'read'
  },
  HeadObject: {
    shape: 'HEAD object',
    permissions: [
      { action: 's3:GetObject', on: 'object', unless: 'query versionId' },
      { action: 's3:GetObjectVersion', on: 'object', when: 'query versionId' }
    ],
    query: ['partNumber', 'versionId', ...RESPONSE_OVERRIDES],
    headers: ['readConditions', 'range', 'checksumMode'],
    ...NO_BODY,
    responseBody: 'none',
    protocol: 'head'
  },
  GetObjectAttributes: {
    shape: 'GET object ?attributes',
    permissions: [
      { action: 's3:GetObject', on: 'object', unless: 'query versionId' },
      { action: 's3:GetObjectAttributes', on: 'object', unless: 'query versionId' },
      { action: 's3:GetObjectVersion', on: 'object', when: 'query versionId' },
      { action: 's3:GetObjectVersionAttributes', on: 'object', when: 'query versionId' }
    ],
    query: ['versionId'],
    headers: ['attributes'],
    ...NO_BODY,
    responseBody: 'attributesXml',
    protocol: 'attributes'
  },
  GetObjectAcl: {
    shape: 'GET object ?acl',
    permissions: [
      { action: 's3:GetObjectAcl', on: 'object', unless: 'query versionId' },
      { action: 's3:GetObjectVersionAcl', on: 'object', when: 'query versionId' }
    ],
    query: ['versionId'],
    headers: [],
    ...NO_BODY,
    responseBody: 'aclXml',
    protocol: 'none',
    answeredBy: 'proxy'
  },
  PutObject: {
    shape: 'PUT object',
    permissions: [
      { action: 's3:PutObject', on: 'object' },
      // S3 wants it, because If-Match tells whether the object has that content.
      { action: 's3:GetObject', on: 'object', when: 'header if-match' },
      { action: 's3:PutObjectTagging', on: 'object', when: 'header x-amz-tagging' }
    ],
    query: [],
    headers: ['entity', 'metadata', 'writeConditions', 'checksum', 'storage', 'encryption', 'tagging'],
    requestBody: 'stream',
    responseBody: 'none',
    protocol: 'put'
  },
  PostObject: {
    shape: 'POST bucket',
    permissions: [
      { action: 's3:PutObject', on: 'object' },
      { action: 's3:PutObjectTagging', on: 'object', when: 'header x-amz-tagging' }
    ],
    query: [],
    headers: ['entity', 'metadata', 'checksum', 'storage', 'encryption', 'tagging'],
    requestBody: 'form',
    responseBody: 'postXml',
    protocol: 'put'
  },
  CopyObject: {
    shape: 'PUT object +x-amz-copy-source',
    permissions: [
      { action: 's3:PutObject', on: 'object' },
      { action: 's3:GetObject', on: 'copySource', when: 'copySource current' },
      { action: 's3:GetObjectVersion', on: 'copySource', when: 'copySource versionId' },
      // Tags are copied unless they are replaced, and then whoever reads the copy reads the tags of the source.
      { action: 's3:GetObjectTagging', on: 'copySource', when: 'copySource current', unless: TAGS_REPLACED },
      { action: 's3:GetObjectVersionTagging', on: 'copySource', when: 'copySource versionId', unless: TAGS_REPLACED },
      { action: 's3:GetObject', on: 'object', when: 'header if-match' },
      { action: 's3:PutObjectTagging', on: 'object', when: 'header x-amz-tagging' }
    ],
    query: [],
    headers: ['entity', 'metadata', 'writeConditions', 'checksum', 'copySource', 'copyDirectives', 'storage', 'encryption', 'tagging'],
    ...NO_BODY,
    responseBody: 'copyXml',
    protocol: 'copy'
  },
  DeleteObject: {
    shape: 'DELETE object',
    permissions: [
      { action: 's3:DeleteObject', on: 'object', unless: 'query versionId' },
      { action: 's3:DeleteObjectVersion', on: 'object', when: 'query versionId' }
    ],
    query: ['versionId'],
    headers: ['writeConditions'],
    ...NO_BODY,
    responseBody: 'none',
    protocol: 'delete'
  },
  GetObjectTagging: {
    shape: 'GET object ?tagging',
    permissions: [
      { action: 's3:GetObjectTagging', on: 'object', unless: 'query versionId' },
      { action: 's3:GetObjectVersionTagging', on: 'object', when: 'query versionId' }
    ],
    query: ['versionId'],
    headers: [],
    ...NO_BODY,
    responseBody: 'taggingXml',
    protocol: 'getTagging'
  },
  PutObjectTagging: {
    shape: 'PUT object ?tagging',
    permissions: [
      { action: 's3:PutObjectTagging', on: 'object', unless: 'query versionId' },
      { action: 's3:PutObjectVersionTagging', on: 'object', when: 'query versionId' }
    ],
    query: ['versionId'],
    headers: ['checksum'],
    requestBody: 'taggingXml',
    responseBody: 'none',
    protocol: 'putTagging'
  },
  DeleteObjectTagging: {
    shape: 'DELETE object ?tagging',
    permissions: [
      { action: 's3:DeleteObjectTagging', on: 'object', unless: 'query versionId' },
      { action: 's3:DeleteObjectVersionTagging', on: 'object', when: 'query versionId' }
    ],
    query: ['versionId'],
    headers: [],
    ...NO_BODY,
    responseBody: 'none',
    protocol: 'putTagging'
  }
} as const satisfies Record<string, OperationRow>
