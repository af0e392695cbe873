import type { Caller } from '../identity/caller.ts'
import { whyRevoked, type Revocations } from '../identity/revocations.ts'
import { S3Error } from '../s3/error.ts'

/** Refuses a caller whose session, subject, pod, service account or key was cut off, whichever way it came in. */
export function refuseRevoked(caller: Caller, revocations: Revocations, now: Date): void {
  const why = whyRevoked(revocations, { ...caller, accessKeyId: caller.proof.accessKeyId }, now)
  if (why !== null) throw new S3Error('AccessDenied', why)
}
