import type { OperationRow, Permission, RequestFact } from '../../../proxy/s3/operation-row.ts'
import { OPERATIONS, OPERATION_NAMES, type OperationName } from '../../../proxy/s3/operations.ts'
import { code, table } from './markdown.ts'

/** What a client of S3 could expect of each operation and does not get. An operation that is added does not compile before it says so. */
const NOT_SUPPORTED: Readonly<Record<OperationName, string>> = {
  ListBuckets: 'tenants that nobody recorded (by CreateBucket or `sluice assign`) are not listed; `bucket-region` has no effect',
  CreateBucket:
    'records the tenant and creates nothing upstream; object lock, ACLs, tags and any region but the configured one are refused; who may only list is told 409 for a tenant that is there',
  HeadBucket: '',
  DeleteBucket: 'only of an empty tenant; one with a place of its own is the operator’s to remove',
  GetBucketLocation: 'always the configured region',
  GetBucketVersioning: 'the state of the upstream bucket; it cannot be set here',
  GetBucketAcl: 'always: the caller has full control; ACLs cannot be set',
  GetBucketCors: 'always: there is none',
  GetBucketPolicy: 'always: there is none',
  GetObjectLockConfiguration: 'always: there is none',
  ListObjects: 'the owner shown is always the caller',
  ListObjectsV2: 'the owner shown is always the caller',
  ListObjectVersions: 'the owner shown is always the caller',
  ListMultipartUploads: 'the caller’s own uploads alone, from Postgres',
  DeleteObjects: 'conditions on `Size` and `LastModifiedTime`; `x-amz-mfa`; bypassing retention',
  GetObject: 'SSE-C; several ranges at once (answered whole, as S3 does)',
  HeadObject: 'SSE-C',
  GetObjectAttributes: 'SSE-C',
  GetObjectAcl: 'always: the caller has full control; ACLs cannot be set',
  PutObject: 'SSE-C, object lock, website redirects, appending; ACLs but `private`; `If-None-Match` other than `*`; 9 tags instead of 10',
  PostObject:
    'a form with the file `file` ([forms](docs/browsers.md)); as PutObject, and any field that S3 gives no meaning; over 1 MiB the file must be the last field',
  CopyObject: 'as PutObject; sources that are access points',
  DeleteObject: '`x-amz-mfa`; bypassing retention; conditions but `If-Match`',
  GetObjectTagging: 'the `service` tag is not shown',
  PutObjectTagging: '9 tags instead of 10; accounts without object tags',
  DeleteObjectTagging: 'the `service` tag stays',
  CreateMultipartUpload: 'as PutObject',
  UploadPart: 'SSE-C; a part whose length nobody declares',
  UploadPartCopy: 'SSE-C; sources that are access points',
  CompleteMultipartUpload: '`If-None-Match` other than `*`',
  AbortMultipartUpload: '',
  ListParts: ''
}

const FACTS: ReadonlyMap<RequestFact, string> = new Map<RequestFact, string>([
  ['query versionId', 'with `versionId`'],
  ['header if-match', 'with `If-Match`'],
  ['header x-amz-tagging', 'with tags'],
  ['header x-amz-tagging-directive=REPLACE', 'if tags are replaced'],
  ['copySource versionId', 'with `versionId`'],
  ['eachKeyInBody versionId', 'with `versionId`']
])
/** Said the other way round, because the fact itself is a denial. */
const DENIALS: ReadonlyMap<RequestFact, RequestFact> = new Map<RequestFact, RequestFact>([['copySource current', 'copySource versionId']])

/** One row per operation, in the order of the table of the code. */
export function operationsTable(): string {
  return table(
    ['Operation', 'Request', 'Answered by', 'Permission asked', 'Not supported, or different'],
    OPERATION_NAMES.map((name) => {
      const row: OperationRow = OPERATIONS[name]
      return [
        name,
        code(row.shape),
        row.answeredBy === 'proxy' ? 'Sluice' : 'upstream',
        row.permissions.map(permissionText).join('<br>'),
        NOT_SUPPORTED[name]
      ]
    })
  )
}

function permissionText({ action, on, when, unless }: Permission): string {
  const conditions = [
    on === 'copySource' ? 'on the source' : '',
    on === 'eachKeyInBody' ? 'on each key' : '',
    when === undefined ? '' : conditionText(when, false),
    unless === undefined ? '' : conditionText(unless, true)
  ].filter((text) => text !== '')
  return conditions.length === 0 ? code(action) : `${code(action)} (${conditions.join(', ')})`
}

function conditionText(fact: RequestFact, denied: boolean): string {
  const denial = DENIALS.get(fact)
  const text = FACTS.get(denial ?? fact)
  if (text === undefined) throw new Error(`the documentation has no words for ${fact}`)
  return (denial !== undefined) === denied ? text : text.replace(/^with /, 'without ').replace(/^if /, 'unless ')
}
