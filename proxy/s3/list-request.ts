import { queryValue, type QueryParameter } from './query.ts'

/** S3 gives at most this many entries on a page, and echoes it where more were asked for. */
export const PAGE_MAX = 1000

interface PageRequest {
  readonly prefix: string
  /** Undefined where none came or an empty one, which S3 treats alike. */
  readonly delimiter: string | undefined
  /** At most PAGE_MAX. */
  readonly maxKeys: number
  /** True when the client asked for `encoding-type=url`. */
  readonly encodeUrl: boolean
}

export interface ListV1Request extends PageRequest {
  readonly marker: string
}

export interface ListV2Request extends PageRequest {
  readonly continuationToken: string | undefined
  readonly startAfter: string | undefined
  readonly fetchOwner: boolean
}

export interface ListVersionsRequest extends PageRequest {
  readonly keyMarker: string
  readonly versionIdMarker: string
}

export interface ListUploadsRequest extends PageRequest {
  readonly keyMarker: string
  readonly uploadIdMarker: string
}

export interface ListPartsRequest {
  readonly partNumberMarker: number
  /** At most PAGE_MAX. */
  readonly maxParts: number
  readonly encodeUrl: boolean
}

// The values were checked when the operation was recognized.

/** What ListObjects asks for. */
export function readListV1(query: readonly QueryParameter[]): ListV1Request {
  return { ...pageOf(query, 'max-keys'), marker: queryValue(query, 'marker') ?? '' }
}

/** What ListObjectsV2 asks for. */
export function readListV2(query: readonly QueryParameter[]): ListV2Request {
  return {
    ...pageOf(query, 'max-keys'),
    continuationToken: queryValue(query, 'continuation-token'),
    startAfter: queryValue(query, 'start-after'),
    fetchOwner: queryValue(query, 'fetch-owner')?.toLowerCase() === 'true'
  }
}

/** What ListObjectVersions asks for. */
export function readListVersions(query: readonly QueryParameter[]): ListVersionsRequest {
  return {
    ...pageOf(query, 'max-keys'),
    keyMarker: queryValue(query, 'key-marker') ?? '',
    versionIdMarker: queryValue(query, 'version-id-marker') ?? ''
  }
}

/** What ListMultipartUploads asks for; `maxKeys` is `max-uploads` here. */
export function readListUploads(query: readonly QueryParameter[]): ListUploadsRequest {
  return {
    ...pageOf(query, 'max-uploads'),
    keyMarker: queryValue(query, 'key-marker') ?? '',
    uploadIdMarker: queryValue(query, 'upload-id-marker') ?? ''
  }
}

/** What ListParts asks for. */
export function readListParts(query: readonly QueryParameter[]): ListPartsRequest {
  return {
    partNumberMarker: Number(queryValue(query, 'part-number-marker') ?? 0),
    maxParts: limitOf(query, 'max-parts'),
    encodeUrl: queryValue(query, 'encoding-type') === 'url'
  }
}

function pageOf(query: readonly QueryParameter[], limitName: string): PageRequest {
  return {
    prefix: queryValue(query, 'prefix') ?? '',
    delimiter: queryValue(query, 'delimiter') || undefined,
    maxKeys: limitOf(query, limitName),
    encodeUrl: queryValue(query, 'encoding-type') === 'url'
  }
}

function limitOf(query: readonly QueryParameter[], name: string): number {
  const value = queryValue(query, name)
  return value === undefined ? PAGE_MAX : Math.min(Number(value), PAGE_MAX)
}
