import { openUploadId, sealUploadId } from '../identity/upload-id.ts'
import { readLocationConstraint, writeAcl, writeBuckets, writeLocation } from '../s3/buckets.ts'
import { S3Error } from '../s3/error.ts'
import { readListUploads } from '../s3/list-request.ts'
import { writeUploadPage } from '../s3/multipart.ts'
import { queryValue } from '../s3/query.ts'
import type { Assignment } from '../tenants/keys.ts'
import type { Answer } from '../transport/transport.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Grant } from './authorize.ts'
import type { Dependencies } from './dependencies.ts'
import { requiredPlace } from './exchange.ts'
import { clientOwner } from './owner-id.ts'
import { xmlAnswer } from './rewrite-response.ts'

/** What the operations on buckets need besides the rest: a tenant is a row, not a bucket of the upstream. */
export interface BucketDependencies {
  /** The region that clients are told. */
  readonly region: string
  /** Recorded tenants, by name. */
  recorded(): readonly { readonly tenant: string; readonly createdAt: Date }[]
  /** True when the caller's role names the tenant and policy lets it list there. */
  mayList(grant: Grant, tenant: string): boolean
  /** Records a tenant; 'exists' when it was recorded before. Throws when there is no database. */
  create(tenant: string): Promise<'created' | 'exists' | 'unavailable' | 'invalid'>
  remove(tenant: string): Promise<'removed' | 'assigned' | 'unavailable'>
  /** True when the tenant has an object, a version or an open upload. */
  hasData(assignment: Assignment): Promise<boolean>
}

const BUCKETS_MAX = 10_000

/** Answers what needs no upstream, or only its view of whether a tenant is empty. */
export async function answerHere(request: AcceptedRequest, grant: Grant, deps: Dependencies): Promise<Answer> {
  const { buckets } = deps
  switch (grant.operation.name) {
    case 'ListBuckets':
      return listBuckets(request, grant, buckets)
    case 'CreateBucket':
      return createBucket(request, grant, buckets)
    case 'DeleteBucket':
      return deleteBucket(grant, buckets)
    case 'HeadBucket':
      requiredPlace(grant)
      return { status: 200, rawHeaders: ['x-amz-bucket-region', buckets.region, 'content-type', 'application/xml'], body: null }
    case 'GetBucketLocation':
      requiredPlace(grant)
      return xmlAnswer(writeLocation(buckets.region))
    case 'GetBucketAcl':
    case 'GetObjectAcl':
      return xmlAnswer(writeAcl(clientOwner(grant.caller)))
    case 'GetObjectLockConfiguration':
      throw new S3Error('ObjectLockConfigurationNotFoundError', 'there is no object lock here')
    case 'GetBucketPolicy':
      throw new S3Error('NoSuchBucketPolicy', 'tenants have no bucket policy')
    case 'GetBucketCors':
      throw new S3Error('NoSuchCORSConfiguration', 'tenants have no CORS configuration')
    case 'ListMultipartUploads':
      return listUploads(request, grant, deps)
    default:
      throw new Error(`${grant.operation.name} is not answered here`)
  }
}

function listBuckets(request: AcceptedRequest, grant: Grant, buckets: BucketDependencies): Answer {
  const prefix = queryValue(request.query, 'prefix')
  const max = Math.min(Number(queryValue(request.query, 'max-buckets') ?? BUCKETS_MAX), BUCKETS_MAX)
  const after = queryValue(request.query, 'continuation-token') ?? ''
  const listed = buckets
    .recorded()
    .filter(({ tenant }) => tenant > after && tenant.startsWith(prefix ?? '') && buckets.mayList(grant, tenant))
  const page = listed.slice(0, max)
  const last = page.at(-1)
  return xmlAnswer(
    writeBuckets({
      owner: clientOwner(grant.caller),
      buckets: page.map(({ tenant, createdAt }) => ({ name: tenant, createdAt })),
      prefix,
      // Names of tenants that the caller may list are no secret to it, so the token is the last of them.
      continuationToken: listed.length > page.length && last !== undefined ? last.tenant : undefined
    })
  )
}

async function createBucket(request: AcceptedRequest, grant: Grant, buckets: BucketDependencies): Promise<Answer> {
  const { tenant } = request
  if (tenant === null) throw new Error('CreateBucket without a bucket')
  const region = readLocationConstraint(grant.operation.bucketConfiguration ?? new Uint8Array(0))
  if (region !== undefined && region !== buckets.region)
    throw new S3Error('InvalidLocationConstraint', `location constraint ${region}; this endpoint is ${buckets.region}`)
  switch (await buckets.create(tenant)) {
    case 'created':
      return { status: 200, rawHeaders: ['location', `/${tenant}`], body: null }
    case 'exists':
      throw new S3Error('BucketAlreadyOwnedByYou', 'the tenant is recorded already')
    case 'invalid':
      throw new S3Error('InvalidBucketName', 'not a possible tenant id')
    case 'unavailable':
      throw new S3Error('ServiceUnavailable', 'tenants cannot be recorded: the database does not answer')
  }
}

async function deleteBucket(grant: Grant, buckets: BucketDependencies): Promise<Answer> {
  const { assignment } = requiredPlace(grant)
  if (await buckets.hasData(assignment)) throw new S3Error('BucketNotEmpty', 'the tenant has objects, versions or open uploads')
  switch (await buckets.remove(assignment.tenant)) {
    case 'removed':
      return { status: 204, rawHeaders: [], body: null }
    case 'assigned':
      throw new S3Error('AccessDenied', 'the tenant has a place of its own, which only the operator takes away')
    case 'unavailable':
      throw new S3Error('ServiceUnavailable', 'tenants cannot be removed: the database does not answer')
  }
}

/** The caller's own open uploads, from the ledger: some upstreams list uploads only for a whole key. */
async function listUploads(request: AcceptedRequest, grant: Grant, deps: Dependencies): Promise<Answer> {
  const { assignment } = requiredPlace(grant)
  const { owner } = grant.caller
  const asked = readListUploads(request.query)
  const page = await deps.ledger.list({
    tenant: assignment.tenant,
    owner,
    prefix: asked.prefix,
    delimiter: asked.delimiter ?? '',
    keyMarker: asked.keyMarker,
    uploadIdMarker: upstreamMarker(asked, grant, deps),
    max: asked.maxKeys
  })
  const sealed = (upload: { account: string; upstreamBucket: string; uploadId: string; nonce: string; key: string }): string =>
    sealUploadId(deps.ring(), upload, { tenant: assignment.tenant, key: upload.key, owner })
  const last = page.uploads.at(-1)
  return xmlAnswer(
    writeUploadPage(asked, {
      uploads: page.uploads.map((upload) => ({
        key: upload.key,
        uploadId: sealed(upload),
        initiated: upload.createdAt.toISOString(),
        storageClass: 'STANDARD'
      })),
      commonPrefixes: page.commonPrefixes,
      isTruncated: page.isTruncated,
      nextKeyMarker: page.isTruncated ? (page.nextKeyMarker ?? undefined) : undefined,
      nextUploadIdMarker: page.isTruncated && page.nextUploadIdMarker !== null && last !== undefined ? sealed(last) : undefined,
      bucket: assignment.tenant,
      owner: clientOwner(grant.caller)
    })
  )
}

/** The client's marker is a sealed id; one that is not its own marks nothing. */
function upstreamMarker(
  asked: { readonly keyMarker: string; readonly uploadIdMarker: string },
  grant: Grant,
  deps: Dependencies
): string | null {
  if (asked.uploadIdMarker === '' || asked.keyMarker === '') return null
  const { assignment } = requiredPlace(grant)
  const upload = openUploadId(deps.ring(), asked.uploadIdMarker, {
    tenant: assignment.tenant,
    key: asked.keyMarker,
    owner: grant.caller.owner
  })
  return upload?.uploadId ?? null
}
