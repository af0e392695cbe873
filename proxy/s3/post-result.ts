import { textElement, xmlDocument } from './xml.ts'

/** What a form stored. */
export interface PostedObject {
  readonly location: string
  readonly bucket: string
  readonly key: string
  readonly etag: string
}

/** Writes the document that a form gets which asks for 201 (RESTObjectPOST). */
export function writePostResult({ location, bucket, key, etag }: PostedObject): string {
  return xmlDocument(
    'PostResponse',
    textElement('Location', location),
    textElement('Bucket', bucket),
    textElement('Key', key),
    textElement('ETag', etag)
  )
}
