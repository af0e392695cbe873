import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { framed, signedChunks, signHeaders, type HeaderList } from '../../test/integration/attacks/signer.ts'
import type { Party } from './party.ts'
import { askedTenants } from './tenants.ts'
import type { Workload } from './workloads.ts'

const SIGNED_CHUNK_BYTES = 64 * 1024
/** Heads of new keys where nobody can tell whether they are new. */
const UNCHECKED_HEADS = 500

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
  /** Whether a head may be sent only once. */
  readonly once: boolean
  /** What goes after each head; null for none. */
  readonly bodyFile: string | null
}

export interface Signing {
  readonly folder: string
  readonly bucket: string
  /** Distinguishes the keys of one sample from those of all others. */
  readonly round: string
  /** How many keys are signed where each is to be new. */
  readonly newKeys: number
}

/** The requests of one sample, signed now. */
export function prepare(workload: Workload, party: Party, { folder, bucket, round, newKeys }: Signing): Prepared {
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
  const host: HeaderList = [['Host', `127.0.0.1:${party.subject.port}`]]
  const signed = targetsOf(workload, party, { bucket, round, newKeys }).map((target) => ({
    target,
    ...signHeaders({ method: workload.method, target, headers: [...host, ...SDK_HEADERS, ...framing] }, party.credentials, {
      ...{ now, payload, region: party.region }
    })
  }))
  const sent = body === null || signed[0] === undefined || framing.length === 0 ? body : inSignedChunks(body, signed[0].chain)
  return {
    heads: signed.map(({ target, headers }) =>
      headOf(workload.method, target, sent === null ? headers : [...headers, ['content-length', String(sent.length)]])
    ),
    once: workload.keys === 'new' && party.verifies,
    bodyFile: sent === null ? null : fileOf(sent, folder)
  }
}

function targetsOf(workload: Workload, { verifies }: Party, { bucket, round, newKeys }: Omit<Signing, 'folder'>): readonly string[] {
  const { keys, object } = workload
  if (keys === 'one') return [`/${bucket}/${object}`]
  if (keys === 'tenants') return askedTenants().map((tenant) => `/${tenant}/${object}`)
  return Array.from({ length: verifies ? newKeys : UNCHECKED_HEADS }, (_, index) => `/${bucket}/${round}-${index}/${object}`)
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
