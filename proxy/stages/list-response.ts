import { sealPageToken } from '../identity/page-token.ts'
import { readObjectPage, writeListV1, writeListV2, type ObjectPage } from '../s3/list-result.ts'
import { readVersionPage, writeVersionPage } from '../s3/version-list.ts'
import { keyInAnswer, toTenantKey, type Assignment } from '../tenants/keys.ts'
import type { Answer } from '../transport/transport.ts'
import type { Dependencies } from './dependencies.ts'
import { clientOwner } from './owner-id.ts'
import { xmlAnswer, type Leaving } from './rewrite-response.ts'

/** MinIO appends the id of a cached listing to the markers that it gives. */
const MINIO_CACHE_ID = /\[minio_cache:[^\]]*\]$/

/** A page of the tenant's own names. A name outside the tenant's prefix is a fault: nothing of the page is shown. */
export function answerListing(document: Uint8Array, { grant, plan }: Leaving, deps: Dependencies): Answer {
  const { listing, exchange } = plan
  if (listing === null) throw new Error('a listing without its request')
  const { assignment } = exchange.place
  const owner = clientOwner(grant.caller)
  const name = (text: string): string => tenantName(assignment, text, deps)
  const bucket = assignment.tenant
  if (listing.kind === 'versions') {
    const page = readVersionPage(document)
    const nextKeyMarker = page.nextKeyMarker === undefined ? undefined : name(page.nextKeyMarker.replace(MINIO_CACHE_ID, ''))
    const versions = page.versions.map((version) => ({ ...version, key: name(version.key) }))
    return xmlAnswer(
      writeVersionPage(listing.asked, { ...page, versions, commonPrefixes: page.commonPrefixes.map(name), nextKeyMarker, bucket, owner })
    )
  }
  const page = readObjectPage(document)
  const objects = page.objects.map((object) => ({ ...object, key: name(object.key) }))
  const commonPrefixes = page.commonPrefixes.map(name)
  // With max-keys=0 S3 never says that there is more.
  const isTruncated = page.isTruncated && listing.asked.maxKeys > 0
  const own = { bucket, objects, commonPrefixes, isTruncated, owner }
  if (listing.kind === 'v1')
    return xmlAnswer(writeListV1(listing.asked, { ...own, nextMarker: lastName({ ...page, objects, commonPrefixes }) }))
  const { nextContinuationToken } = page
  const token =
    !isTruncated || nextContinuationToken === undefined ? undefined : sealPageToken(deps.sealer, nextContinuationToken, listing.binding)
  return xmlAnswer(writeListV2(listing.asked, { ...own, nextContinuationToken: token }))
}

function tenantName(assignment: Assignment, text: string, deps: Dependencies): string {
  if (!text.startsWith(assignment.keyPrefix)) deps.observe.prefixViolated(assignment.tenant)
  return toTenantKey(assignment, keyInAnswer(text))
}

/** Version 1 goes on after the last name of the page, key or common prefix, in the order of bytes. */
function lastName({ objects, commonPrefixes }: Pick<ObjectPage, 'objects' | 'commonPrefixes'>): string | undefined {
  const lastKey = objects.at(-1)?.key
  const lastPrefix = commonPrefixes.at(-1)
  if (lastKey === undefined || lastPrefix === undefined) return lastKey ?? lastPrefix
  return Buffer.compare(Buffer.from(lastKey), Buffer.from(lastPrefix)) > 0 ? lastKey : lastPrefix
}
