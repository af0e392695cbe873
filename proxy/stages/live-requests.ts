import { parseAccessKeyId } from '../identity/access-key-id.ts'
import type { AccessKeys } from '../identity/access-keys.ts'
import type { Caller } from '../identity/caller.ts'
import type { Revocations } from '../identity/revocations.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import { S3Error } from '../s3/error.ts'
import type { Incoming } from '../transport/transport.ts'
import { revocationOf } from './refuse-revoked.ts'

/** Requests under way and who makes them, so that those of a caller who is cut off can be ended. */
export interface LiveRequests {
  /** Enters a request; refuses it where its caller was cut off while it was being proven. */
  enter(live: LiveRequest): void
  /** Takes a request out whose answer is over, and says in its record if it was cut. */
  leave(record: AccessRecord): void
  /** Ends every request of a caller who is cut off now, both its sides. */
  cut(): void
}

export interface LiveRequest {
  readonly incoming: Pick<Incoming, 'cut'>
  readonly record: AccessRecord
  readonly caller: Caller
}

export interface LiveOptions {
  readonly revocations: Revocations
  readonly accessKeys: AccessKeys
  readonly now: () => Date
}

/** Replicas and Postgres differ by seconds in what time it is: a key that is gone by so little may have ended by itself, which cuts nothing. */
const CLOCKS_DIFFER_MS = 60_000

/** Holds no request yet. */
export function createLiveRequests(options: LiveOptions): LiveRequests {
  const live = new Map<AccessRecord, LiveRequest>()
  const reasons = new Map<AccessRecord, string>()
  return {
    enter(request) {
      const reason = cutOff(request.caller, options)
      if (reason !== null) throw new S3Error('AccessDenied', reason)
      live.set(request.record, request)
    },
    leave(record) {
      live.delete(record)
      const reason = reasons.get(record)
      if (reason === undefined) return
      reasons.delete(record)
      record.reason = record.reason === null ? reason : `${reason}; ${record.reason}`
    },
    cut() {
      for (const { incoming, record, caller } of live.values()) {
        const reason = reasons.has(record) ? null : cutOff(caller, options)
        if (reason === null) continue
        reasons.set(record, `cut while under way: ${reason}`)
        incoming.cut()
      }
    }
  }
}

/** Why the caller is cut off; null for one who is not, and for one whose credential has only expired. */
function cutOff(caller: Caller, { revocations, accessKeys, now }: LiveOptions): string | null {
  const revoked = revocationOf(caller, revocations, now())
  if (revoked !== null) return revoked
  const { accessKeyId } = caller.proof
  if (accessKeyId === null || parseAccessKeyId(accessKeyId) === null || accessKeys.find(accessKeyId) !== null) return null
  return caller.expiresAt.getTime() > now().getTime() + CLOCKS_DIFFER_MS ? `access key ${accessKeyId} is revoked` : null
}
