import { createHash } from 'node:crypto'
import type { Call, Caller, Rig } from './rig.ts'
import { contentOf } from './leaks.ts'
import type { HeaderList } from './signer.ts'

export const md5 = (body: string | Uint8Array): string => createHash('md5').update(body).digest('base64')

/** DeleteObjects of keys, each XML already. */
export function deleteBody(...objects: readonly string[]): string {
  return `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects.map((object) => `<Object>${object}</Object>`).join('')}</Delete>`
}

export const taggingBody = (...tags: readonly (readonly [string, string])[]): string =>
  `<Tagging><TagSet>${tags.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`).join('')}</TagSet></Tagging>`

export const partsBody = (etag: string): string =>
  `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`

export type Shape = Pick<Call, 'method' | 'target' | 'headers' | 'body'>

/** Every operation that changes something, on one key of one tenant. */
export function writes(
  tenant: string,
  key: string,
  { uploadId, source }: { uploadId: string; source: string }
): readonly (readonly [name: string, shape: Shape])[] {
  const object = `/${tenant}/${key}`
  const remove = deleteBody(`<Key>${key}</Key>`)
  const tagging = taggingBody(['colour', 'red'])
  const copy: HeaderList = [['x-amz-copy-source', source]]
  return [
    ['PutObject', { method: 'PUT', target: object, body: 'overwritten' }],
    ['CopyObject', { method: 'PUT', target: object, headers: copy }],
    ['DeleteObject', { method: 'DELETE', target: object }],
    ['DeleteObjects', { method: 'POST', target: `/${tenant}?delete`, body: remove, headers: [['content-md5', md5(remove)]] }],
    ['PutObjectTagging', { method: 'PUT', target: `${object}?tagging`, body: tagging, headers: [['content-md5', md5(tagging)]] }],
    ['DeleteObjectTagging', { method: 'DELETE', target: `${object}?tagging` }],
    ['CreateMultipartUpload', { method: 'POST', target: `${object}?uploads` }],
    ['UploadPart', { method: 'PUT', target: `${object}?partNumber=1&uploadId=${uploadId}`, body: 'a part' }],
    ['UploadPartCopy', { method: 'PUT', target: `${object}?partNumber=1&uploadId=${uploadId}`, headers: copy }],
    ['CompleteMultipartUpload', { method: 'POST', target: `${object}?uploadId=${uploadId}`, body: partsBody('"x"') }],
    ['AbortMultipartUpload', { method: 'DELETE', target: `${object}?uploadId=${uploadId}` }],
    ['CreateBucket', { method: 'PUT', target: `/${tenant}-new` }],
    ['DeleteBucket', { method: 'DELETE', target: `/${tenant}` }]
  ]
}

/** Puts an object whose content, metadata and tags name its service. */
export async function seed(rig: Rig, as: Caller, target: string): Promise<void> {
  const word = contentOf(as.service)
  const { status, text } = await rig.send({
    method: 'PUT',
    target,
    as,
    body: `the bytes of ${word}`,
    headers: [
      ['content-type', 'text/plain'],
      ['x-amz-meta-note', word],
      ['x-amz-tagging', `note=${word}`]
    ]
  })
  if (status !== 200) throw new Error(`seeding ${target} as ${as.service}: ${status} ${text}`)
}

/** Begins an upload with one part; its id as the client knows it. */
export async function beginUpload(rig: Rig, as: Caller, target: string): Promise<{ readonly uploadId: string; readonly etag: string }> {
  const begun = await rig.send({ method: 'POST', target: `${target}?uploads`, as })
  const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(begun.text)?.[1]
  if (uploadId === undefined) throw new Error(`beginning an upload of ${target}: ${begun.status} ${begun.text}`)
  const part = await rig.send({
    method: 'PUT',
    target: `${target}?partNumber=1&uploadId=${uploadId}`,
    as,
    body: `part of ${contentOf(as.service)}`
  })
  const etag = part.response.headers.get('etag')
  if (etag === undefined) throw new Error(`uploading a part of ${target}: ${part.status} ${part.text}`)
  return { uploadId, etag }
}

/** The bytes that a store holds under a key; null where it holds none. */
export async function stored(rig: Rig, store: 'aws' | 'minio', { bucket, key }: { bucket: string; key: string }): Promise<string | null> {
  const [version] = rig.stores[store].objects(bucket).get(key) ?? []
  return version === undefined || version.isMarker ? null : (await version.read()).toString('latin1')
}
