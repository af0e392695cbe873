import type { Caller } from '../identity/caller.ts'
import type { Revocations } from '../identity/revocations.ts'
import { S3Error } from '../s3/error.ts'

/** Refuses a caller whose session, subject, pod, service account or key was cut off, whichever way it came in. */
export function refuseRevoked(caller: Caller, revocations: Revocations, now: Date): void {
  const found = revocations.find({ ...caller, accessKeyId: caller.proof.accessKeyId }, now)
  if (found === null) return
  throw new S3Error('AccessDenied', `${found.kind} ${found.value} is revoked: ${found.reason}`)
}
