import type { ByteMeter, LimitName, LoadLimits } from '../limits/load-limits.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import { S3Error } from '../s3/error.ts'
import { Transform } from '../sigv4/payload/transform.ts'
import type { Answer, ByteSource } from '../transport/transport.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Grant } from './authorize.ts'
import type { UpstreamObserver } from './ports.ts'

export interface LimitDependencies {
  /** Null where nothing is limited. */
  readonly load: LoadLimits | null
  readonly observe: Pick<UpstreamObserver, 'elapsedMs'>
}

/** SlowDown, and when it is worth trying again. */
export class OverLimitError extends S3Error {
  readonly retryAfterSeconds: number

  constructor(reason: string, waitMs: number) {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000))
    super('SlowDown', `${reason}; retry after ${seconds} s`)
    this.retryAfterSeconds = seconds
  }
}

const SETTINGS: Readonly<Record<LimitName, string>> = {
  'tenant-concurrency': 'limits.tenant.requestsMax',
  'tenant-requests': 'limits.tenant.requestsPerSecond',
  'tenant-bytes': 'limits.tenant.bytesPerSecond',
  'bucket-requests': 'bucketLimits.requestsPerSecond of the account'
}

/** Up to this size a body is counted when its request ends: a meter on the way would cost more than it tells. */
const UNMETERED_BYTES_MAX = 256 * 1024

/**
 * Begins a request within its tenant's limits, and those of the buckets it goes to, or refuses it with SlowDown. That takes a
 * grant: whom nobody knows, or who may not do this in this tenant, uses up nothing of the tenant's. The request that goes on
 * has its body metered. A request on the service itself names no tenant and has no limit here.
 */
export function limitLoad(
  request: AcceptedRequest,
  { grant, record }: { readonly grant: Grant; readonly record: AccessRecord },
  { load, observe }: LimitDependencies
): AcceptedRequest {
  if (load === null || request.tenant === null) return request
  const goesOut = grant.operation.row.answeredBy !== 'proxy'
  const source = grant.source === null ? null : grant.source.place
  const over = load.enter(record, request.tenant, goesOut ? grant.place : null, source, observe.elapsedMs())
  if (over !== null) throw new OverLimitError(`over ${SETTINGS[over.limit]}`, over.waitMs)
  const { body } = request
  if (body === null || !isLarge(body.length)) return request
  const meter = load.meterOf(record)
  return meter === null ? request : { ...request, body: new Metered(body, meter, observe) }
}

/** The answer, metered where its body is large. */
export function meterAnswer(answer: Answer, record: AccessRecord, { load, observe }: LimitDependencies): Answer {
  const { body } = answer
  if (load === null || body === null || !('start' in body) || !isLarge(body.length)) return answer
  const meter = load.meterOf(record)
  return meter === null ? answer : { ...answer, body: new Metered(body, meter, observe) }
}

function isLarge(length: number | null): boolean {
  return length === null || length > UNMETERED_BYTES_MAX
}

/** The same flow, whose meter is told of every piece as it passes. */
class Metered extends Transform {
  readonly length: number | null
  readonly #meter: ByteMeter
  readonly #clock: LimitDependencies['observe']

  constructor(source: ByteSource, meter: ByteMeter, clock: LimitDependencies['observe']) {
    super(source)
    this.length = source.length
    this.#meter = meter
    this.#clock = clock
  }

  protected take(bytes: Uint8Array): void {
    this.#meter.flowed(bytes.length, this.#clock.elapsedMs())
    this.emit(bytes)
  }

  protected finish(): void {}
}
