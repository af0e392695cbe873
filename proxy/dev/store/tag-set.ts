import type { Behavior } from './behavior.ts'
import { StoreError } from './error.ts'
import { utf8OfLatin1, type StoreRequest } from './request.ts'
import { childrenOf, childText, field, group, readXml, xmlDocument } from './xml.ts'

const TAGS_MAX = 10

/** The tags of `x-amz-tagging`, a query string in which `+` is a space; null when the header is absent or the provider ignores it. */
export function tagsOfHeader(request: StoreRequest, behavior: Behavior): Map<string, string> | null {
  const header = request.headers.get('x-amz-tagging')
  if (header === null || behavior.taggingHeader === 'ignored') return null
  if (behavior.taggingHeader === 'refused') {
    throw new StoreError('NotImplemented', { message: "Header 'x-amz-tagging' is not implemented" })
  }
  const pairs = header
    .split('&')
    .filter((part) => part !== '')
    .map((part): [string, string] => {
      const equals = part.indexOf('=')
      return equals === -1 ? [decodeForm(part), ''] : [decodeForm(part.slice(0, equals)), decodeForm(part.slice(equals + 1))]
    })
  return tagSet(pairs, behavior)
}

function decodeForm(text: string): string {
  try {
    return decodeURIComponent((utf8OfLatin1(text) ?? '%').replaceAll('+', ' '))
  } catch {
    throw new StoreError('InvalidArgument', {
      message: "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
    })
  }
}

/** The tags of a Tagging document. */
export function tagsOfDocument(bytes: Uint8Array, behavior: Behavior): Map<string, string> {
  const root = readXml(bytes)
  const [set] = childrenOf(root, 'TagSet')
  if (root.name !== 'Tagging' || set === undefined) throw new StoreError('MalformedXML')
  return tagSet(
    childrenOf(set, 'Tag').map((tag) => {
      const [key, value] = [childText(tag, 'Key'), childText(tag, 'Value')]
      if (key === null || value === null) throw new StoreError('MalformedXML')
      return [key, value]
    }),
    behavior
  )
}

export function taggingDocument(tags: ReadonlyMap<string, string>): Buffer {
  return xmlDocument('Tagging', [
    group(
      'TagSet',
      [...tags].map(([key, value]) => group('Tag', [field('Key', key), field('Value', value)]))
    )
  ])
}

function tagSet(pairs: readonly (readonly [string, string])[], { minioQuirks }: Behavior): Map<string, string> {
  const text = minioQuirks ? MINIO_TAG_TEXT : TAG_TEXT
  if (pairs.length > TAGS_MAX) throw new StoreError('BadRequest', { message: `Object tags cannot be greater than ${TAGS_MAX}` })
  const tags = new Map<string, string>()
  for (const [key, value] of pairs) {
    if (tags.has(key)) throw new StoreError('InvalidTag', { message: 'Cannot provide multiple Tags with the same key' })
    if (key === '' || [...key].length > 128 || !text.test(key))
      throw new StoreError('InvalidTag', { message: 'The TagKey you have provided is invalid' })
    if ([...value].length > 256 || !text.test(value))
      throw new StoreError('InvalidTag', { message: 'The TagValue you have provided is invalid' })
    tags.set(key, value)
  }
  return tags
}

// object-tagging.html: letters, spaces and numbers of any script, and + - = . _ : / @
// Measured on MinIO: ASCII letters only.
const MINIO_TAG_TEXT = /^[A-Za-z0-9 _.:/=+\-@]*$/
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u
