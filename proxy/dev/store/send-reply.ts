import type { ServerResponse } from 'node:http'
import type { World } from './call.ts'
import type { StoreError } from './error.ts'
import type { FaultAction } from './faults.ts'
import type { Reply } from './reply.ts'
import type { OpenRecord } from './request-log.ts'
import { readBytes, type StoredBytes } from './stored-bytes.ts'
import { errorDocument, field } from './xml.ts'

export interface Answering {
  readonly response: ServerResponse
  readonly record: OpenRecord
  readonly world: World
  readonly fault: FaultAction | null
}

/** Sends a reply and lets go of the bytes that it held. */
export async function sendReply(reply: Reply, { response, record, world, fault }: Answering): Promise<void> {
  const cut = fault?.kind === 'truncate' ? fault.bytes : Infinity
  const length = reply.body?.length ?? reply.contentLength ?? 0
  const bodiless = reply.status === 204 || reply.status === 304
  record.status = reply.status
  response.writeHead(
    reply.status,
    flatHeaders([...commonHeaders(world), ...reply.headers, ...(bodiless ? [] : [['content-length', String(length)] as const])])
  )
  try {
    if (reply.body === null) return void response.end()
    const pieces = Buffer.isBuffer(reply.body) ? [reply.body] : readBytes(reply.body)
    // Ended, not reset: a reset would also take back bytes that the client has not read yet.
    if (!(await sendPieces(response, pieces, cut))) return void response.socket?.destroySoon()
    response.end()
  } finally {
    discardReply(reply, world)
  }
}

/** Lets go of the bytes of a reply that is not sent. */
export function discardReply(reply: Reply, world: World): void {
  if (reply.body !== null && !Buffer.isBuffer(reply.body)) world.vault.release(reply.body as StoredBytes)
}

// False when the body was cut or its reader went away.
async function sendPieces(
  response: ServerResponse,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  cut: number
): Promise<boolean> {
  let left = cut
  for await (const piece of pieces) {
    const sent = piece.subarray(0, Math.min(piece.length, left))
    left -= sent.length
    const flowing = response.write(sent)
    if (left === 0) return false
    if (!flowing) await drained(response)
    if (response.destroyed) return false
  }
  return true
}

// One listener of each kind at a time: a body of gigabytes waits thousands of times.
function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

export interface Refusing extends Omit<Answering, 'fault'> {
  /** True when the rest of the request's body will not be read. */
  readonly close: boolean
}

/** Sends a refusal; one of HEAD has no body. */
export function sendError(error: StoreError, { response, record, world, close }: Refusing): void {
  record.status = error.status
  record.errorCode = error.code
  const requestId = world.newId().slice(0, 16).toUpperCase()
  const path = record.rawTarget.replace(/\?.*$/s, '')
  const document = errorDocument([
    field('Code', error.code),
    field('Message', error.message),
    ...error.elements.map(([name, value]) => field(name, value)),
    ...(world.behavior.minioQuirks ? [field('BucketName', record.bucket ?? ''), field('Resource', path)] : []),
    field('RequestId', requestId),
    field('HostId', 'c3RvcmU=')
  ])
  const headers: (readonly [string, string])[] = [...commonHeaders(world, requestId), ...error.headers, ['content-type', 'application/xml']]
  if (world.behavior.minioQuirks && record.method === 'HEAD') {
    headers.push(['x-minio-error-code', error.code], ['x-minio-error-desc', JSON.stringify(error.message)])
  }
  if (close) headers.push(['connection', 'close'])
  if (record.method === 'HEAD') return void response.writeHead(error.status, flatHeaders(headers)).end()
  response.writeHead(error.status, flatHeaders([...headers, ['content-length', String(document.length)]])).end(document)
}

function commonHeaders(world: World, requestId = world.newId().slice(0, 16).toUpperCase()): (readonly [string, string])[] {
  return [
    ['x-amz-request-id', requestId],
    ['x-amz-id-2', 'c3RvcmU='],
    ['date', world.now().toUTCString()],
    ['server', world.behavior.minioQuirks ? 'MinIO' : 'AmazonS3']
  ]
}

function flatHeaders(headers: readonly (readonly [string, string])[]): string[] {
  return headers.flatMap(([name, value]) => [name, value])
}
