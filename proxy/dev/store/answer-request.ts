import { createHash } from 'node:crypto'
import type { Behavior } from './behavior.ts'
import { bucketOf, type Call, type World } from './call.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { DigestDemand, Digests } from './digest-demand.ts'
import { StoreError } from './error.ts'
import type { FaultAction } from './faults.ts'
import { judgeComplete } from './multipart.ts'
import { operationOf, type Operation } from './operations.ts'
import { NO_PAYLOAD, readPayload, type Payload } from './payload.ts'
import type { Reply } from './reply.ts'
import { parameter, parseRequest, type RequestLine, type StoreRequest } from './request.ts'
import type { OpenRecord } from './request-log.ts'
import { verifySignature, type Credentials, type Signing } from './signature.ts'
import { smallBytes } from './stored-bytes.ts'
import { judgePut } from './write-object.ts'

const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024
const HASHED_BODY_BYTES_MAX = 8 * 1024 * 1024

export interface Service {
  readonly world: World
  readonly credentials: () => readonly Credentials[]
  readonly virtualHostDomain: string | null
  /** False: signatures are not looked at, for tests of the store by hand. */
  readonly verifyEvery: boolean
  /** The time against which signatures are judged. */
  signatureTime(): Date
}

/** A request whose head proved right. */
export interface Admitted {
  readonly request: StoreRequest
  readonly operation: Operation
  readonly signing: Signing
}

/** Parses and recognizes the head, and judges its signature. */
export async function admit(line: RequestLine, service: Service, record: OpenRecord): Promise<Admitted> {
  const request = parseRequest(line, service.virtualHostDomain)
  record.bucket = request.bucket
  record.key = request.key
  const behavior: Behavior = service.world.behavior
  const check = { credentials: service.credentials(), region: service.world.region, now: service.signatureTime(), behavior }
  const signing = service.verifyEvery ? await verifySignature(request, check) : unverified(request)
  const operation = operationOf(request)
  record.operation = operation.name
  return { request, operation, signing }
}

function unverified(request: StoreRequest): Signing {
  const payloadHash = request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD'
  return { key: new Uint8Array(32), longDate: '', scope: '', seed: '', payloadHash }
}

/** Reads the body, waits where a fault says so, and takes effect. The caller releases the payload's bytes through the world's vault. */
export async function act(
  admitted: Admitted,
  body: AsyncIterable<Uint8Array>,
  context: { service: Service; record: OpenRecord; fault: FaultAction | null }
): Promise<Reply> {
  const { service, record, fault } = context
  const { world } = service
  const { request, operation } = admitted
  const before: Call = { request, payload: NO_PAYLOAD, world, digests: new Digests(), conditionJudged: false }
  const conditionJudged = !world.behavior.atomicConditions && judgeEarly(before, operation)
  const payload = await receive(admitted, body, world)
  try {
    noteBody(record, operation, payload)
    if ((fault?.kind === 'hold' && fault.at === 'effect') || fault?.kind === 'late') await fault.gate.pass(record)
    if (fault?.kind === 'refuse' && fault.afterEffect !== true) throw new StoreError(fault.code)
    const reply = await handleWithDigests(operation, { ...before, payload, conditionJudged })
    record.effective = true
    return reply
  } finally {
    world.vault.release(payload.bytes)
  }
}

async function handleWithDigests(operation: Operation, call: Call): Promise<Reply> {
  for (;;) {
    try {
      return operation.handle(call)
    } catch (error) {
      if (!(error instanceof DigestDemand)) throw error
      await call.digests.supply(error.span, call.world.vault)
    }
  }
}

async function receive({ request, operation, signing }: Admitted, body: AsyncIterable<Uint8Array>, world: World): Promise<Payload> {
  if (operation.body === 'none') {
    for await (const piece of body) void piece
    return NO_PAYLOAD
  }
  const small = operation.body === 'document'
  if (small && request.headers.get('content-length') === null && request.headers.get('transfer-encoding') === null) return NO_PAYLOAD
  const bytesMax = small ? DOCUMENT_BYTES_MAX : world.limits.bodyBytesMax
  return readPayload(request, body, {
    signing,
    behavior: world.behavior,
    vault: world.vault,
    alsoCompute: partAlgorithm(request, world),
    bytesMax,
    small
  })
}

// The parts of an upload that promised a checksum carry it, announced or not.
function partAlgorithm(request: StoreRequest, world: World): ChecksumAlgorithm[] {
  const uploadId = parameter(request, 'uploadId')
  if (uploadId === null || request.method !== 'PUT') return []
  const algorithm = world.buckets.get(request.bucket ?? '')?.uploads.get(uploadId)?.checksumAlgorithm ?? null
  const other = [...request.headers.names()].some((name) => /^x-amz-checksum-(crc|sha)/.test(name)) || request.headers.has('x-amz-trailer')
  return algorithm === null || other ? [] : [algorithm]
}

function judgeEarly(call: Call, operation: Operation): boolean {
  if (operation.name === 'PutObject') judgePut(call, bucketOf(call))
  else if (operation.name === 'CompleteMultipartUpload') judgeComplete(call, bucketOf(call))
  else return false
  return true
}

function noteBody(record: OpenRecord, operation: Operation, payload: Payload): void {
  record.bodyLength = payload.bytes.length
  if (payload.bytes.length > HASHED_BODY_BYTES_MAX || payload.bytes.slices.some(({ segment }) => segment.chunks === null)) {
    record.bodySha256 = payload.sha256
    return
  }
  const bytes = smallBytes(payload.bytes)
  record.bodySha256 = payload.sha256 ?? createHash('sha256').update(bytes).digest('hex')
  if (operation.body === 'document') record.document = bytes.toString()
}
