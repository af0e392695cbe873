import { bucketOf, OWNER_ID, type Call } from './call.ts'
import { StoreError } from './error.ts'
import { emptyReply, xmlReply, type Reply } from './reply.ts'
import { parameter } from './request.ts'
import { compareUtf8, emptyBucket } from './state.ts'
import { smallBytes } from './stored-bytes.ts'
import { childText, field, group, readXml, xmlDocument } from './xml.ts'

/** ListBuckets. */
export function listBuckets({ request, world }: Call): Reply {
  const prefix = parameter(request, 'prefix') ?? ''
  const names = [...world.buckets.keys()].filter((name) => name.startsWith(prefix)).sort(compareUtf8)
  const buckets = names.map((name) => {
    const { created } = world.buckets.get(name)!
    return group('Bucket', [field('Name', name), field('CreationDate', created.toISOString())])
  })
  return xmlReply(xmlDocument('ListAllMyBucketsResult', [ownerXml('Owner'), group('Buckets', buckets)]))
}

export function ownerXml(name: 'Owner' | 'Initiator'): string {
  return group(name, [field('ID', OWNER_ID), field('DisplayName', 'store')])
}

/** CreateBucket. */
export function createBucket({ request, world }: Call): Reply {
  const name = request.bucket ?? ''
  if (!isBucketName(name)) throw new StoreError('InvalidBucketName', { elements: [['BucketName', name]] })
  if (world.buckets.has(name)) throw new StoreError('BucketAlreadyOwnedByYou', { elements: [['BucketName', name]] })
  const bucket = emptyBucket(name, world.now())
  world.buckets.set(name, bucket)
  world.changed(bucket)
  return emptyReply(200, [['location', `/${name}`]])
}

/** True for a name that S3 takes (bucketnamingrules.html). */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+\.\d+\.\d+\.\d+$/.test(name)
}

/** DeleteBucket. Open uploads do not keep a bucket alive, and vanish with it. */
export function deleteBucket(call: Call): Reply {
  const bucket = bucketOf(call)
  if (!bucket.objects.empty) throw new StoreError('BucketNotEmpty', { elements: [['BucketName', bucket.name]] })
  for (const upload of bucket.uploads.values()) for (const part of upload.parts.values()) call.world.vault.release(part.bytes)
  bucket.uploads.clear()
  call.world.buckets.delete(bucket.name)
  call.world.changed(bucket)
  return emptyReply(204)
}

/** GetBucketLocation; us-east-1 is written as nothing. */
export function getBucketLocation(call: Call): Reply {
  bucketOf(call)
  const { region } = call.world
  return xmlReply(xmlDocument('LocationConstraint', region === 'us-east-1' ? [] : [region]))
}

/** GetBucketVersioning. */
export function getBucketVersioning(call: Call): Reply {
  const { versioning } = bucketOf(call)
  return xmlReply(xmlDocument('VersioningConfiguration', versioning === 'off' ? [] : [field('Status', versioning)]))
}

/** PutBucketVersioning. */
export function putBucketVersioning(call: Call): Reply {
  const bucket = bucketOf(call)
  if (call.world.behavior.versioning === 'refused') throw new StoreError('NotImplemented')
  const status = childText(readXml(smallBytes(call.payload.bytes)), 'Status')
  if (status !== 'Enabled' && status !== 'Suspended') throw new StoreError('MalformedXML')
  bucket.versioning = status
  call.world.changed(bucket)
  return emptyReply(200)
}
