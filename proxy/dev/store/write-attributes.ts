import type { Behavior } from './behavior.ts'
import { StoreError } from './error.ts'
import type { StoreRequest } from './request.ts'
import type { Attributes } from './state.ts'
import { tagsOfHeader } from './tag-set.ts'

const ENCRYPTION_HEADERS = ['x-amz-server-side-encryption', 'x-amz-server-side-encryption-aws-kms-key-id'] as const

const SYSTEM_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  ...ENCRYPTION_HEADERS
] as const

/** The encryption headers of a version, which the answer to a write shows too. */
export function encryptionHeaders({ system }: Pick<Attributes, 'system'>): readonly (readonly [string, string])[] {
  return [...system].filter(([name]) => name.startsWith('x-amz-server-side-encryption'))
}

const STORAGE_CLASSES = new Set(['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'])

/** What a write says of its object in headers. */
export function readAttributes(request: StoreRequest, behavior: Behavior): Attributes {
  return {
    system: systemHeaders(request, behavior),
    metadata: metadataOf(request, behavior),
    tags: tagsOfHeader(request, behavior) ?? new Map(),
    storageClass: storageClassOf(request)
  }
}

function systemHeaders(request: StoreRequest, behavior: Behavior): Map<string, string> {
  const system = new Map<string, string>()
  for (const name of SYSTEM_HEADERS) {
    const value = request.headers.get(name)
    if (value !== null) system.set(name, value)
  }
  const encoding = system.get('content-encoding')
  if (encoding !== undefined) {
    const stored = withoutChunked(encoding, behavior)
    if (stored === '') system.delete('content-encoding')
    else system.set('content-encoding', stored)
  }
  return system
}

// `aws-chunked` says how the body travelled and is no property of the object, wherever it stands in the list.
function withoutChunked(encoding: string, behavior: Behavior): string {
  // Measured on MinIO: the list is not trimmed, so ` aws-chunked` behind a space stays.
  const tokens = encoding.split(',').map((token) => (behavior.minioQuirks ? token : token.trim()))
  if (!tokens.includes('aws-chunked')) return encoding
  return tokens.filter((token) => token !== 'aws-chunked').join(',')
}

function metadataOf(request: StoreRequest, behavior: Behavior): Map<string, string> {
  const metadata = new Map<string, string>()
  let bytes = 0
  for (const header of request.headers.names()) {
    if (!header.startsWith('x-amz-meta-')) continue
    const name = header.slice('x-amz-meta-'.length)
    const value = request.headers.get(header)!
    bytes += name.length + value.length
    metadata.set(name, value)
  }
  if (bytes > behavior.metadataBytesMax) throw new StoreError('MetadataTooLarge')
  return metadata
}

function storageClassOf(request: StoreRequest): string {
  const storageClass = request.headers.get('x-amz-storage-class') ?? 'STANDARD'
  if (!STORAGE_CLASSES.has(storageClass))
    throw new StoreError('InvalidArgument', { message: 'The storage class you specified is not valid' })
  return storageClass
}
