import { openPageToken, type PageBinding } from '../identity/page-token.ts'
import type { KeyRing } from '../identity/key-ring.ts'
import { S3Error } from '../s3/error.ts'
import {
  readListV1,
  readListV2,
  readListVersions,
  type ListV1Request,
  type ListV2Request,
  type ListVersionsRequest
} from '../s3/list-request.ts'
import type { Exchange } from './exchange.ts'
import { bucketRequest, type Outbound } from './outbound.ts'

/** A listing as the client asked for it, and what its page tokens are bound to. */
export type Listing = (
  | { readonly kind: 'v1'; readonly asked: ListV1Request }
  | { readonly kind: 'v2'; readonly asked: ListV2Request }
  | { readonly kind: 'versions'; readonly asked: ListVersionsRequest }
) & { readonly binding: PageBinding }

/** Sorts after every key that begins with the text before it. */
const AFTER_ALL = '\u{10FFFF}'

/**
 * The upstream's listing of the tenant's own prefix. It is always asked with `encoding-type=url`, and version 1 is served
 * from version 2: some upstreams refuse a marker outside the prefix, which S3 takes.
 */
export function planListing(exchange: Exchange, ring: KeyRing): { readonly listing: Listing; readonly outbound: Outbound } {
  const { request, grant, place } = exchange
  const { assignment } = place
  const at = (prefix: string, kind: string): PageBinding => {
    refuseDotSegments(prefix)
    return {
      tenant: assignment.tenant,
      account: assignment.account,
      upstreamBucket: assignment.upstreamBucket,
      prefix: `${assignment.keyPrefix}${prefix}`,
      kind
    }
  }
  switch (grant.operation.name) {
    case 'ListObjects': {
      const asked = readListV1(request.query)
      const startAfter = asked.marker === '' ? null : afterMarker(asked)
      return {
        listing: { kind: 'v1', asked, binding: at(asked.prefix, 'v1') },
        outbound: listRequest(exchange, asked, { startAfter, token: null })
      }
    }
    case 'ListObjectsV2': {
      const asked = readListV2(request.query)
      const binding = at(asked.prefix, 'v2')
      const token = asked.continuationToken === undefined ? null : opened(asked.continuationToken, ring, binding)
      const startAfter = asked.startAfter === undefined || asked.startAfter === '' ? null : asked.startAfter
      return { listing: { kind: 'v2', asked, binding }, outbound: listRequest(exchange, asked, { startAfter, token }) }
    }
    case 'ListObjectVersions': {
      const asked = readListVersions(request.query)
      return { listing: { kind: 'versions', asked, binding: at(asked.prefix, 'versions') }, outbound: versionsRequest(exchange, asked) }
    }
    default:
      throw new Error(`${grant.operation.name} is not a listing`)
  }
}

/** No key has a dot segment here, and an upstream that is a file system would look into another folder, perhaps another tenant's. */
function refuseDotSegments(prefix: string): void {
  if (!/(?:^|\/)\.\.?\//.test(prefix)) return
  throw new S3Error('InvalidArgument', 'the prefix of a listing has a dot segment', {
    Message: 'A prefix must not have a segment of dots.',
    ArgumentName: 'prefix'
  })
}

function opened(token: string, ring: KeyRing, binding: PageBinding): string {
  const upstreamToken = openPageToken(ring, token, binding)
  if (upstreamToken !== null) return upstreamToken
  throw new S3Error('InvalidArgument', 'the continuation token was not sealed for this listing', {
    Message: 'The continuation token provided is incorrect',
    ArgumentName: 'continuation-token'
  })
}

/** A marker that is a common prefix stands for all that lies under it: the page after it must not name it again. */
function afterMarker({ marker, prefix, delimiter }: ListV1Request): string {
  const isCommonPrefix =
    delimiter !== undefined &&
    marker.startsWith(prefix) &&
    marker.indexOf(delimiter, prefix.length) === marker.length - delimiter.length &&
    marker.length > prefix.length
  return isCommonPrefix ? `${marker}${AFTER_ALL}` : marker
}

interface From {
  readonly startAfter: string | null
  readonly token: string | null
}

function listRequest({ place, request }: Exchange, asked: ListV1Request | ListV2Request, { startAfter, token }: From): Outbound {
  const { assignment } = place
  const query: [string, string | null][] = [
    ['list-type', '2'],
    ['encoding-type', 'url'],
    ['prefix', `${assignment.keyPrefix}${asked.prefix}`],
    ['max-keys', String(asked.maxKeys)]
  ]
  if (asked.delimiter !== undefined) query.push(['delimiter', asked.delimiter])
  // Both may come; the token wins at the upstream too, but some refuse the pair.
  if (token !== null) query.push(['continuation-token', token])
  else if (startAfter !== null) query.push(['start-after', `${assignment.keyPrefix}${startAfter}`])
  const optional = request.headers.get('x-amz-optional-object-attributes')
  return bucketRequest(place, query, optional === undefined ? {} : { headers: [['x-amz-optional-object-attributes', optional]] })
}

function versionsRequest({ place }: Exchange, asked: ListVersionsRequest): Outbound {
  const { assignment } = place
  const query: [string, string | null][] = [
    ['versions', null],
    ['encoding-type', 'url'],
    ['prefix', `${assignment.keyPrefix}${asked.prefix}`],
    ['max-keys', String(asked.maxKeys)]
  ]
  if (asked.delimiter !== undefined) query.push(['delimiter', asked.delimiter])
  if (asked.keyMarker !== '') query.push(['key-marker', `${assignment.keyPrefix}${asked.keyMarker}`])
  if (asked.versionIdMarker !== '') query.push(['version-id-marker', asked.versionIdMarker])
  return bucketRequest(place, query)
}
