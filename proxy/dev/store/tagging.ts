import { bucketOf, versionHeader, versionOf, type Call } from './call.ts'
import { StoreError } from './error.ts'
import { emptyReply, xmlReply, type Reply } from './reply.ts'
import type { Bucket, Version } from './state.ts'
import { smallBytes } from './stored-bytes.ts'
import { taggingDocument, tagsOfDocument } from './tag-set.ts'

function taggedVersion(call: Call): { bucket: Bucket; version: Version } {
  if (call.world.behavior.tagging === 'refused') throw new StoreError('NotImplemented')
  const bucket = bucketOf(call)
  return { bucket, version: versionOf(call, bucket) }
}

// Neither ETag nor Last-Modified changes with the tags.
function retag(call: Call, { bucket, version }: { bucket: Bucket; version: Version }, tags: ReadonlyMap<string, string>): void {
  const versions = bucket.objects.versions(version.key)
  bucket.objects.set(
    version.key,
    versions.map((one) => (one === version ? { ...one, tags } : one))
  )
  call.world.changed(bucket)
}

/** GetObjectTagging. */
export function getObjectTagging(call: Call): Reply {
  const { bucket, version } = taggedVersion(call)
  return xmlReply(taggingDocument(version.tags), versionHeader(bucket, version))
}

/** PutObjectTagging replaces the whole set. */
export function putObjectTagging(call: Call): Reply {
  const tagged = taggedVersion(call)
  retag(call, tagged, tagsOfDocument(smallBytes(call.payload.bytes), call.world.behavior))
  return emptyReply(200, versionHeader(tagged.bucket, tagged.version))
}

/** DeleteObjectTagging. */
export function deleteObjectTagging(call: Call): Reply {
  const tagged = taggedVersion(call)
  retag(call, tagged, new Map())
  return emptyReply(204, versionHeader(tagged.bucket, tagged.version))
}
