/** minio-js with the credentials that STS gave. Reads orders as lines of JSON and answers each with a line. */
import { Client, CopyDestinationOptions, CopySourceOptions, S3Error } from 'minio'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { bytesOf, digestOf } from '../body.ts'
import type { Order, Outcome } from '../driver.ts'
import { inTurns, serveOrders } from './serve-orders.ts'

const TEXT_BYTES_MAX = 4096
const PART_BYTES = 16 * 1024 * 1024
const { ENDPOINT = '', ACCESS_KEY_ID = '', SECRET_ACCESS_KEY = '', SESSION_TOKEN = '' } = process.env
const { hostname, port } = new URL(ENDPOINT)
const client = new Client({
  endPoint: hostname,
  port: Number(port),
  useSSL: false,
  accessKey: ACCESS_KEY_ID,
  secretKey: SECRET_ACCESS_KEY,
  sessionToken: SESSION_TOKEN,
  pathStyle: true,
  partSize: PART_BYTES
})

await serveOrders(run, (error) => (error instanceof S3Error ? { code: error.code ?? '', status: 0 } : null))

async function run(order: Order): Promise<Outcome> {
  switch (order.op) {
    case 'put': {
      const headers = {
        ...(order.contentType === undefined ? {} : { 'Content-Type': order.contentType }),
        ...(order.ifNoneMatch === undefined ? {} : { 'If-None-Match': order.ifNoneMatch }),
        ...(order.ifMatch === undefined ? {} : { 'If-Match': order.ifMatch }),
        ...order.metadata
      }
      const { etag } = await client.putObject(order.bucket, order.key, bytesOf(order.body), undefined, headers)
      // It would send a tagging header as metadata.
      if (order.tags !== undefined) await client.setObjectTagging(order.bucket, order.key, { ...order.tags })
      return { etag: quoted(etag) }
    }
    case 'putMany':
      await inTurns(Object.entries(order.bodies), ([name, text]) => client.putObject(order.bucket, order.prefix + name, text))
      return {}
    case 'get':
      return get(order)
    case 'download':
      return shown(await buffer(await client.getObject(order.bucket, order.key)))
    case 'getMany': {
      const { keys = [] } = await list({ op: 'list', bucket: order.bucket, version: 2, prefix: order.prefix })
      const texts: Record<string, string> = {}
      await inTurns(keys, async (key) => {
        texts[key.slice(order.prefix.length)] = (await buffer(await client.getObject(order.bucket, key))).toString()
      })
      return { texts }
    }
    case 'head': {
      const { etag, size, metaData } = await client.statObject(order.bucket, order.key)
      return {
        etag: quoted(etag),
        length: size,
        contentType: String(metaData['content-type']),
        metadata: metaData as Record<string, string>
      }
    }
    case 'list':
      return list(order)
    case 'copy': {
      await client.copyObject(
        new CopySourceOptions({ Bucket: order.bucket, Object: order.source }),
        new CopyDestinationOptions({ Bucket: order.bucket, Object: order.key })
      )
      return {}
    }
    case 'delete':
      await client.removeObject(order.bucket, order.key)
      return {}
    case 'deleteMany': {
      const errors = (await client.removeObjects(order.bucket, [...order.keys])) as { Error?: { Code?: string } }[]
      const codes = errors.map((error) => error.Error?.Code ?? (error as { Code?: string }).Code ?? JSON.stringify(error))
      return { deleted: order.keys.length - codes.length, errors: codes }
    }
    case 'upload': {
      const bytes = bytesOf(order.body)
      return { etag: quoted((await client.putObject(order.bucket, order.key, Readable.from(pieces(bytes)), bytes.length)).etag) }
    }
    case 'getTags': {
      const tags = await client.getObjectTagging(order.bucket, order.key)
      return { tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])) }
    }
    case 'putTags':
      await client.setObjectTagging(order.bucket, order.key, { ...order.tags })
      return {}
    case 'deleteTags':
      await client.removeObjectTagging(order.bucket, order.key, { versionId: '' })
      return {}
    case 'buckets':
      return { names: (await client.listBuckets()).map(({ name }) => name) }
    case 'presign':
      return { url: await client.presignedGetObject(order.bucket, order.key, 60) }
    case 'presignPut':
      return { url: await client.presignedPutObject(order.bucket, order.key, 60) }
    case 'managedCopy':
    case 'presignFor':
    case 'trace':
      throw new Error(`this client has no ${order.op}`)
    default:
      return order satisfies never
  }
}

async function get({ bucket, key, range }: Extract<Order, { op: 'get' }>): Promise<Outcome> {
  if (range === undefined) return shown(await buffer(await client.getObject(bucket, key)))
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? []
  return shown(await buffer(await client.getPartialObject(bucket, key, Number(first), Number(last) - Number(first) + 1)))
}

function shown(bytes: Buffer): Outcome {
  return { ...digestOf(bytes), ...(bytes.length <= TEXT_BYTES_MAX ? { text: bytes.toString() } : {}) }
}

async function list({ bucket, version, prefix = '', delimiter }: Extract<Order, { op: 'list' }>): Promise<Outcome> {
  const recursive = delimiter === undefined
  const stream = version === 2 ? client.listObjectsV2(bucket, prefix, recursive) : client.listObjects(bucket, prefix, recursive)
  const keys: string[] = []
  const prefixes: string[] = []
  for await (const item of stream as AsyncIterable<{ name?: string; prefix?: string }>) {
    if (item.name !== undefined) keys.push(item.name)
    else prefixes.push(item.prefix ?? '')
  }
  return { keys, prefixes }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  const size = 1024 * 1024
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function quoted(etag: string): string {
  return `"${etag}"`
}
