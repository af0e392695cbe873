export const REVOCATION_KINDS = ['session', 'subject', 'pod', 'service-account', 'key'] as const
export type RevocationKind = (typeof REVOCATION_KINDS)[number]

/** Something that is cut off until a moment. */
export interface Revocation {
  readonly kind: RevocationKind
  /** Of a subject; '' for everything else. */
  readonly issuer: string
  /** The session, the subject, the uid of the pod or the service account, the access key id. */
  readonly value: string
  readonly reason: string
  readonly expiresAt: Date
}

/** What of a caller can be revoked. */
export interface Revocable {
  readonly issuer: string
  readonly subject: string
  readonly session: string | null
  readonly podUid: string | null
  readonly serviceAccountUid: string | null
  readonly accessKeyId: string | null
}

/** The list of revocations in memory. */
export interface Revocations {
  /** The entry that cuts the caller off now, or null. */
  find(caller: Revocable, now: Date): Revocation | null
  replaceAll(entries: readonly Revocation[]): void
  hasExpired(now: Date): boolean
}

/** Why the caller is cut off now, for the log; null when it is not. */
export function whyRevoked(revocations: Pick<Revocations, 'find'>, caller: Revocable, now: Date): string | null {
  const found = revocations.find(caller, now)
  return found === null ? null : `${found.kind} ${found.value} is revoked: ${found.reason}`
}

type ByValue = ReadonlyMap<string, Revocation>
interface State {
  readonly byKind: ReadonlyMap<RevocationKind, ByValue>
  /** By issuer, then by subject. */
  readonly subjects: ReadonlyMap<string, ByValue>
}

/** A list that is empty until it is loaded. */
export function createRevocations(): Revocations {
  let all: readonly Revocation[] = []
  let state = indexed(all)
  return {
    find({ issuer, subject, session, podUid, serviceAccountUid, accessKeyId }, now) {
      if (all.length === 0) return null
      const { byKind, subjects } = state
      const candidates = [
        subjects.get(issuer)?.get(subject),
        session === null ? undefined : byKind.get('session')?.get(session),
        podUid === null ? undefined : byKind.get('pod')?.get(podUid),
        serviceAccountUid === null ? undefined : byKind.get('service-account')?.get(serviceAccountUid),
        accessKeyId === null ? undefined : byKind.get('key')?.get(accessKeyId)
      ]
      return candidates.find((entry) => entry !== undefined && entry.expiresAt > now) ?? null
    },
    replaceAll(entries) {
      all = entries
      state = indexed(entries)
    },
    hasExpired: (now) => all.some(({ expiresAt }) => expiresAt <= now)
  }
}

function indexed(entries: readonly Revocation[]): State {
  const byValue = (some: readonly Revocation[]): ByValue => new Map(some.map((entry) => [entry.value, entry]))
  const subjects = Map.groupBy(
    entries.filter(({ kind }) => kind === 'subject'),
    ({ issuer }) => issuer
  )
  return {
    byKind: new Map([...Map.groupBy(entries, ({ kind }) => kind)].map(([kind, some]) => [kind, byValue(some)])),
    subjects: new Map([...subjects].map(([issuer, some]) => [issuer, byValue(some)]))
  }
}
