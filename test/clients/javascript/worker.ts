/**
 * The AWS SDK for JavaScript as an application uses it: `new S3Client({})`, told everything by its environment.
 * Reads orders as lines of JSON and answers each with a line.
 */
import { Agent } from 'node:http'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  S3ServiceException,
  type GetObjectCommandOutput
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { bytesOf, digestOf } from '../body.ts'
import type { Order, Outcome } from '../driver.ts'
import { inTurns, serveOrders } from './serve-orders.ts'

const DELETED_AT_ONCE = 1000
const TEXT_BYTES_MAX = 4096

// Names below s3.localhost are looked up by this agent where the machine's resolver does not know them.
const agent = new Agent({ keepAlive: true, lookup: (_name, _options, answer) => answer(null, [{ address: '127.0.0.1', family: 4 }]) })
const client = new S3Client(process.env['LOOK_UP_LOOPBACK'] === '1' ? { requestHandler: { httpAgent: agent } } : {})
const trace = new Map<string, string>()

client.middlewareStack.add(
  (next) => async (args) => {
    const result = await next(args)
    const { query } = args.request as { query: Record<string, string> }
    const { headers } = result.response as { headers: Record<string, string> }
    const id = headers['x-amz-request-id']
    const operation = query['x-id']
    if (id !== undefined && operation !== undefined) trace.set(id, operation)
    return result
  },
  { step: 'deserialize', priority: 'low' }
)

await serveOrders(run, (error) =>
  error instanceof S3ServiceException ? { code: error.name, status: error.$metadata.httpStatusCode ?? 0 } : null
)

async function run(order: Order): Promise<Outcome> {
  switch (order.op) {
    case 'put':
      return put(order)
    case 'putMany':
      await inTurns(Object.entries(order.bodies), ([name, text]) =>
        client.send(new PutObjectCommand({ Bucket: order.bucket, Key: order.prefix + name, Body: text }))
      )
      return {}
    case 'get':
    case 'download':
      return get(order)
    case 'getMany':
      return getMany(order.bucket, order.prefix)
    case 'head': {
      const { ETag, ContentLength, ContentType, Metadata } = await client.send(
        new HeadObjectCommand({ Bucket: order.bucket, Key: order.key })
      )
      return { ...known({ etag: ETag, length: ContentLength, contentType: ContentType }), metadata: Metadata ?? {} }
    }
    case 'list':
      return list(order)
    case 'copy':
      return copied(order)
    case 'delete':
      await client.send(new DeleteObjectCommand({ Bucket: order.bucket, Key: order.key }))
      return {}
    case 'deleteMany':
      return deleteMany(order.bucket, order.keys)
    case 'upload': {
      const params = { Bucket: order.bucket, Key: order.key, Body: bytesOf(order.body) }
      const { ETag, Location } = await new Upload({ client, params }).done()
      return known({ etag: ETag, location: Location })
    }
    case 'getTags': {
      const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket: order.bucket, Key: order.key }))
      return { tags: Object.fromEntries((TagSet ?? []).map(({ Key, Value }) => [Key, Value])) }
    }
    case 'putTags': {
      const TagSet = Object.entries(order.tags).map(([Key, Value]) => ({ Key, Value }))
      await client.send(new PutObjectTaggingCommand({ Bucket: order.bucket, Key: order.key, Tagging: { TagSet } }))
      return {}
    }
    case 'deleteTags':
      await client.send(new DeleteObjectTaggingCommand({ Bucket: order.bucket, Key: order.key }))
      return {}
    case 'buckets': {
      const { Buckets } = await client.send(new ListBucketsCommand({}))
      return { names: (Buckets ?? []).map(({ Name }) => Name ?? '') }
    }
    case 'trace':
      return { trace: Object.fromEntries(trace) }
    case 'managedCopy':
    case 'presign':
    case 'presignFor':
    case 'presignPut':
      throw new Error(`this client has no ${order.op}`)
    default:
      return order satisfies never
  }
}

async function put(order: Extract<Order, { op: 'put' }>): Promise<Outcome> {
  const { ETag } = await client.send(
    new PutObjectCommand({
      Bucket: order.bucket,
      Key: order.key,
      Body: 'text' in order.body ? order.body.text : bytesOf(order.body),
      ContentType: order.contentType,
      Metadata: order.metadata,
      Tagging: order.tags === undefined ? undefined : new URLSearchParams(order.tags).toString(),
      IfMatch: order.ifMatch,
      IfNoneMatch: order.ifNoneMatch
    })
  )
  return known({ etag: ETag })
}

async function get(order: Extract<Order, { op: 'get' | 'download' }>): Promise<Outcome> {
  const { op, bucket, key, ...options } = order
  const conditions = op === 'get' ? (options as Extract<Order, { op: 'get' }>) : undefined
  return shown(
    await client.send(
      new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        Range: conditions?.range,
        IfMatch: conditions?.ifMatch,
        IfNoneMatch: conditions?.ifNoneMatch
      })
    )
  )
}

async function shown(answer: GetObjectCommandOutput): Promise<Outcome> {
  const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
  return {
    ...digestOf(bytes),
    ...(bytes.length <= TEXT_BYTES_MAX ? { text: bytes.toString() } : {}),
    ...known({ etag: answer.ETag, contentType: answer.ContentType, contentRange: answer.ContentRange, tagCount: answer.TagCount }),
    metadata: answer.Metadata ?? {}
  }
}

async function getMany(bucket: string, prefix: string): Promise<Outcome> {
  const { keys = [] } = await list({ op: 'list', bucket, version: 2, prefix })
  const texts: Record<string, string> = {}
  await inTurns(keys, async (key) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    texts[key.slice(prefix.length)] = (await Body?.transformToString()) ?? ''
  })
  return { texts }
}

async function list(order: Extract<Order, { op: 'list' }>): Promise<Outcome> {
  const keys: string[] = []
  const prefixes: string[] = []
  const input = { Bucket: order.bucket, Prefix: order.prefix, Delimiter: order.delimiter }
  for await (const page of order.version === 2
    ? paginateListObjectsV2({ client, ...known({ pageSize: order.pageSize }) }, input)
    : pagesOfV1(order)) {
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''))
    prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''))
  }
  return { keys, prefixes }
}

async function* pagesOfV1({ bucket, prefix, delimiter, pageSize }: Extract<Order, { op: 'list' }>) {
  let marker: string | undefined
  for (;;) {
    const page = await client.send(
      new ListObjectsCommand({ Bucket: bucket, Prefix: prefix, Delimiter: delimiter, MaxKeys: pageSize, Marker: marker })
    )
    yield page
    if (page.IsTruncated !== true) return
    // S3 gives NextMarker with a delimiter only; without one the last key is it.
    marker = page.NextMarker ?? page.Contents?.at(-1)?.Key
  }
}

async function copied({ bucket, key, source }: Extract<Order, { op: 'copy' | 'managedCopy' }>): Promise<Outcome> {
  const CopySource = `${bucket}/${source.split('/').map(encodeURIComponent).join('/')}`
  const { CopyObjectResult } = await client.send(new CopyObjectCommand({ Bucket: bucket, Key: key, CopySource }))
  return known({ etag: CopyObjectResult?.ETag })
}

async function deleteMany(bucket: string, keys: readonly string[]): Promise<Outcome> {
  let deleted = 0
  const errors: string[] = []
  for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
    const Objects = keys.slice(at, at + DELETED_AT_ONCE).map((Key) => ({ Key }))
    const answer = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }))
    deleted += answer.Deleted?.length ?? 0
    errors.push(...(answer.Errors ?? []).map(({ Code }) => Code ?? ''))
  }
  return { deleted, errors }
}

function known<Fields extends Record<string, unknown>>(fields: Fields): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
