import { readObjectPage } from '../s3/list-result.ts'
import { readVersionPage } from '../s3/version-list.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import type { Assignment } from '../tenants/keys.ts'
import { UpstreamFault } from '../transport/transport.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import { bucketRequest, type Outbound } from './outbound.ts'
import { sendSigned, type SendDependencies } from './send-signed.ts'

const DOCUMENT_BYTES_MAX = 1024 * 1024

/** True when a place holds an object of the tenant, or a version or delete marker of one. Throws when the upstream does not say. */
export async function hasObjects(
  { assignment, account }: { readonly assignment: Assignment; readonly account: UpstreamAccount },
  deps: SendDependencies
): Promise<boolean> {
  const ask = (query: Outbound['query']): Promise<Uint8Array | null> => listOne({ assignment, account, query }, deps)
  const paging: Outbound['query'] = [
    ['encoding-type', 'url'],
    ['prefix', assignment.keyPrefix],
    ['max-keys', '1']
  ]
  const objects = await ask([['list-type', '2'], ...paging])
  if (objects === null) return false
  if (readObjectPage(objects).objects.length > 0) return true
  if (account.capabilities.versions === 'never') return false
  const versions = await ask([['versions', null], ...paging])
  return versions !== null && readVersionPage(versions).versions.length > 0
}

/** One page of a listing; null where the bucket does not exist. */
async function listOne(
  { assignment, account, query }: { readonly assignment: Assignment; readonly account: UpstreamAccount; readonly query: Outbound['query'] },
  deps: SendDependencies
): Promise<Uint8Array | null> {
  const response = await sendSigned(bucketRequest({ account, assignment }, query), deps)
  const document = await collectBody(response.body, { bytesMax: DOCUMENT_BYTES_MAX })
  if (response.status === 200) return document
  if (response.status === 404) return null
  const refused = `account ${account.id} answered ${response.status} to a listing of bucket ${assignment.upstreamBucket}`
  throw new UpstreamFault('refused', refused, { maybeExecuted: false })
}
