import type { OperationRow } from './operation-row.ts'

const NO_BODY = { requestBody: 'none' } as const

/** Operations of one multipart upload. */
export const UPLOAD_OPERATIONS = {
  CreateMultipartUpload: {
    shape: 'POST object ?uploads',
    permissions: [
      { action: 's3:PutObject', on: 'object' },
      { action: 's3:PutObjectTagging', on: 'object', when: 'header x-amz-tagging' }
    ],
    query: [],
    headers: ['entity', 'metadata', 'checksum', 'storage', 'encryption', 'tagging'],
    ...NO_BODY,
    responseBody: 'uploadXml',
    protocol: 'createUpload'
  },
  UploadPart: {
    shape: 'PUT object ?uploadId',
    permissions: [{ action: 's3:PutObject', on: 'object' }],
    query: ['partNumber'],
    requiredQuery: ['partNumber'],
    headers: ['checksum'],
    requestBody: 'stream',
    responseBody: 'none',
    protocol: 'upload'
  },
  UploadPartCopy: {
    shape: 'PUT object +x-amz-copy-source ?uploadId',
    permissions: [
      { action: 's3:PutObject', on: 'object' },
      { action: 's3:GetObject', on: 'copySource', when: 'copySource current' },
      { action: 's3:GetObjectVersion', on: 'copySource', when: 'copySource versionId' }
    ],
    query: ['partNumber'],
    requiredQuery: ['partNumber'],
    headers: ['copySource', 'copyRange'],
    ...NO_BODY,
    responseBody: 'copyXml',
    protocol: 'upload'
  },
  CompleteMultipartUpload: {
    shape: 'POST object ?uploadId',
    permissions: [
      { action: 's3:PutObject', on: 'object' },
      { action: 's3:GetObject', on: 'object', when: 'header if-match' }
    ],
    query: [],
    headers: ['writeConditions', 'checksum', 'uploadSize'],
    requestBody: 'partsXml',
    responseBody: 'completeXml',
    protocol: 'complete'
  },
  AbortMultipartUpload: {
    shape: 'DELETE object ?uploadId',
    permissions: [{ action: 's3:AbortMultipartUpload', on: 'object' }],
    query: [],
    headers: [],
    ...NO_BODY,
    responseBody: 'none',
    protocol: 'upload'
  },
  ListParts: {
    shape: 'GET object ?uploadId',
    permissions: [{ action: 's3:ListMultipartUploadParts', on: 'object' }],
    query: ['encoding-type', 'max-parts', 'part-number-marker'],
    headers: [],
    ...NO_BODY,
    responseBody: 'partsXml',
    protocol: 'upload'
  }
} as const satisfies Record<string, OperationRow>
