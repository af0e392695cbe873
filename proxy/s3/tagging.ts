import { S3Error } from './error.ts'
import { encodeQueryValue, percentDecode } from './encode.ts'
import {
  childText,
  childrenOf,
  element,
  readClientXml,
  readUpstreamXml,
  requiredText,
  textElement,
  xmlDocument,
  XmlProblem,
  type XmlElement
} from './xml.ts'

/** Tags of one object, in the order in which they came. */
export type Tags = ReadonlyMap<string, string>

/** S3's limits: tags of an object, characters of a key and of a value. */
export const TAGS_MAX = 10
export const TAG_KEY_CHARACTERS_MAX = 128
export const TAG_VALUE_CHARACTERS_MAX = 256
/** Markup of a tag set that is far too large, so that one that is a little too large is told so in S3's words. */
const TAGGING_TAGS_MAX = 1000

/** Reads the body of PutObjectTagging. Keys and values are checked; how many are too many, `checkTagCount` says. */
export function readTaggingRequest(bytes: Uint8Array): Tags {
  const root = readClientXml(bytes, 'Tagging', TAGGING_TAGS_MAX)
  const [set, ...others] = childrenOf(root, 'TagSet')
  if (set === undefined || others.length > 0 || root.children.length !== 1) throw new S3Error('MalformedXML', 'Tagging without one TagSet')
  return checkedTags(set.children.map(readTag))
}

function readTag(tag: XmlElement): readonly [string, string] {
  const key = childText(tag, 'Key')
  const value = childText(tag, 'Value')
  if (tag.name !== 'Tag' || key === undefined || value === undefined || tag.children.length !== 2) {
    throw new S3Error('MalformedXML', 'a TagSet holds something that is no Tag of Key and Value')
  }
  return [key, value]
}

/**
 * Reads `x-amz-tagging`: form-encoded, so `+` is a space, decoded once. A key that comes twice, in whatever encoding,
 * is refused: which of the two counts would be up to the upstream (attack S-10).
 */
export function parseTaggingHeader(value: string): Tags {
  const pairs = value.split('&').filter((part) => part !== '')
  return checkedTags(
    pairs.map((part) => {
      const equals = part.indexOf('=')
      if (equals < 1) throw notQueryString()
      return [formDecode(part.slice(0, equals)), formDecode(part.slice(equals + 1))] as const
    })
  )
}

function formDecode(text: string): string {
  const decoded = percentDecode(text.replaceAll('+', ' '))
  if (decoded === null) throw notQueryString()
  return decoded
}

function notQueryString(): S3Error {
  return new S3Error('InvalidArgument', 'x-amz-tagging is not a query string', {
    Message: "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    ArgumentName: 'x-amz-tagging'
  })
}

function checkedTags(pairs: readonly (readonly [string, string])[]): Tags {
  const tags = new Map<string, string>()
  for (const [key, value] of pairs) {
    if (tags.has(key)) throw invalidTag('Cannot provide multiple Tags with the same key', key)
    checkTag(key, value)
    tags.set(key, value)
  }
  return tags
}

/** What S3 allows in keys and values: letters, digits and spaces of any script, and these signs. */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

function checkTag(key: string, value: string): void {
  const keyLength = [...key].length
  if (keyLength === 0 || keyLength > TAG_KEY_CHARACTERS_MAX || !TAG_TEXT.test(key))
    throw invalidTag('The TagKey you have provided is invalid', key)
  if ([...value].length > TAG_VALUE_CHARACTERS_MAX || !TAG_TEXT.test(value))
    throw invalidTag('The TagValue you have provided is invalid', key)
  if (/^aws:/i.test(key)) throw invalidTag('System tags cannot be added/updated by requester', key)
}

function invalidTag(message: string, key: string): S3Error {
  return new S3Error('InvalidTag', message, { Message: message, TagKey: key })
}

/** Refuses more tags than the client may set, which is fewer than S3's ten where the proxy adds its own. */
export function checkTagCount(tags: Tags, countMax: number): void {
  if (tags.size <= countMax) return
  throw new S3Error('BadRequest', `${tags.size} tags, ${countMax} allowed`, { Message: `Object tags cannot be greater than ${countMax}` })
}

/** Writes `x-amz-tagging` for the upstream. */
export function encodeTaggingHeader(tags: Tags): string {
  return [...tags].map(([key, value]) => `${encodeQueryValue(key)}=${encodeQueryValue(value)}`).join('&')
}

/** Reads an upstream's answer to GetObjectTagging. A key named twice is a fault: no verdict can stand on it. */
export function readTaggingResult(bytes: Uint8Array): Tags {
  const root = readUpstreamXml(bytes, 'Tagging')
  const tags = new Map<string, string>()
  for (const tag of childrenOf(root, 'TagSet').flatMap((set) => childrenOf(set, 'Tag'))) {
    const key = requiredText(tag, 'Key')
    if (tags.has(key)) throw new XmlProblem('a tag set names a key twice')
    tags.set(key, childText(tag, 'Value') ?? '')
  }
  return tags
}

/** Writes a Tagging document, for the client or for the upstream. */
export function writeTagging(tags: Tags): string {
  const written = [...tags].map(([key, value]) => element('Tag', textElement('Key', key), textElement('Value', value)))
  return xmlDocument('Tagging', element('TagSet', ...written))
}
