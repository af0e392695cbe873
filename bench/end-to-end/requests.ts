import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { framed, signedChunks, signHeaders, type Credentials, type HeaderList } from '../../test/integration/attacks/signer.ts'
import type { Workload } from './workloads.ts'

const SIGNED_CHUNK_BYTES = 64 * 1024
/** Heads for writes of new keys: more than any subject answers in one sample. */
const NEW_KEYS = { small: 60_000, large: 200 }

/** What an SDK sends besides what it signs with. */
const SDK_HEADERS: HeaderList = [
  ['amz-sdk-invocation-id', '5b1a2c3d-1111-4222-8333-444455556666'],
  ['amz-sdk-request', 'attempt=1; max=3'],
  ['x-amz-user-agent', 'aws-sdk-js/3.1169.0'],
  ['user-agent', 'aws-sdk-js/3.1169.0 ua/2.1 os/linux lang/js md/nodejs#24.21.0 api/s3#3.1169.0'],
  ['accept', '*/*'],
  ['accept-encoding', 'identity']
]

export interface Prepared {
  readonly heads: readonly string[]
  /** What goes after each head; null for none. */
  readonly bodyFile: string | null
}

export interface Signing {
  readonly port: number
  readonly bucket: string
  readonly credentials: Credentials
  readonly folder: string
  /** Distinguishes the keys of one sample from those of all others. */
  readonly round: string
}

/** The requests of one sample, signed now. */
export function prepare(workload: Workload, { port, bucket, credentials, folder, round }: Signing): Prepared {
  const body = workload.method === 'PUT' ? bodyOf(workload.size) : null
  const payload = payloadOf(workload, body)
  const framing: HeaderList =
    workload.payload === 'signed-chunks'
      ? [
          ['content-encoding', 'aws-chunked'],
          ['x-amz-decoded-content-length', String(workload.size)]
        ]
      : []
  const now = new Date()
  const sign = (target: string): ReturnType<typeof signHeaders> =>
    signHeaders({ method: workload.method, target, headers: [['Host', `127.0.0.1:${port}`], ...SDK_HEADERS, ...framing] }, credentials, {
      now,
      payload
    })
  const count = workload.newKeys ? (workload.size > 1_000_000 ? NEW_KEYS.large : NEW_KEYS.small) : 1
  const targets = Array.from(
    { length: count },
    (_, index) => `/${bucket}/${workload.newKeys ? `${round}-${index}-` : ''}${workload.object}`
  )
  const signed = targets.map((target) => ({ target, ...sign(target) }))
  const sent = body === null || signed[0] === undefined || framing.length === 0 ? body : inSignedChunks(body, signed[0].chain)
  return {
    heads: signed.map(({ target, headers }) =>
      headOf(workload.method, target, sent === null ? headers : [...headers, ['content-length', String(sent.length)]])
    ),
    bodyFile: sent === null ? null : fileOf(sent, folder)
  }
}

function payloadOf({ payload }: Workload, body: Buffer | null): string {
  if (payload === 'UNSIGNED-PAYLOAD') return payload
  if (payload === 'signed-chunks') return 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
  return createHash('sha256')
    .update(body ?? '')
    .digest('hex')
}

function bodyOf(size: number): Buffer {
  return Buffer.alloc(size, 'sluice ')
}

function inSignedChunks(body: Buffer, chain: Parameters<typeof signedChunks>[1]): Buffer {
  const parts: Buffer[] = []
  for (let from = 0; from < body.length; from += SIGNED_CHUNK_BYTES) parts.push(body.subarray(from, from + SIGNED_CHUNK_BYTES))
  return framed(signedChunks(parts, chain).chunks)
}

function headOf(method: string, target: string, headers: HeaderList): string {
  return `${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

function fileOf(body: Buffer, folder: string): string {
  const path = join(folder, `body-${createHash('sha256').update(body).digest('hex').slice(0, 16)}`)
  writeFileSync(path, body)
  return path
}
