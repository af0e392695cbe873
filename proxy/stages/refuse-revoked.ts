import type { Caller } from '../identity/caller.ts'
import { whyRevoked, type Revocations } from '../identity/revocations.ts'
import { S3Error } from '../s3/error.ts'

/** Refuses a caller whose session, subject, pod, service account or key was cut off, whichever way it came in. */
export function refuseRevoked(caller: Caller, revocations: Revocations, now: Date): void {
  const reason = revocationOf(caller, revocations, now)
  if (reason !== null) throw new S3Error('AccessDenied', reason)
}

/** What of the caller was cut off and why, for the log; null for a caller who was not. */
export function revocationOf(caller: Caller, revocations: Revocations, now: Date): string | null {
  return whyRevoked(revocations, { ...caller, accessKeyId: caller.proof.accessKeyId }, now)
}
