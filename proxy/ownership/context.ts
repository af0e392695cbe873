/** What the protocol is told: who asks, what policy makes of an object, and what the upstream honours. */
import type { Looked, ObjectRef } from './steps.ts'

/** The tag that says whose an object is. */
export const SERVICE_TAG = 'service'

/** An object as policy sees it. */
export interface ObjectFacts {
  /** null: nobody's. */
  readonly owner: string | null
  /** null where nothing asked for them. */
  readonly tags: ReadonlyMap<string, string> | null
}

/** Which effects the upstream makes conditional. Class A: all. Class B: put and complete. Class C: put. Class D: none. */
export interface Closed {
  readonly put: boolean
  readonly complete: boolean
  readonly copy: boolean
  readonly delete: boolean
}

export interface OwnershipContext {
  /** The owner that the caller's objects carry in mark and tag. */
  readonly me: string
  /** Whether policy lets the caller do what it asks to the object as looked at; null: to a key that holds none. */
  readonly admits: (object: ObjectFacts | null, at: ObjectRef) => boolean
  /** 'tag': tag and mark must agree. 'metadata': the mark alone decides. */
  readonly mode: 'tag' | 'metadata'
  readonly closed: Closed
  /** `x-amz-copy-source-if-match` is honoured on CopyObject and UploadPartCopy. */
  readonly sourceConditions: boolean
  /** Equal bytes written twice get different ETags. */
  readonly uniqueEtags: boolean
  /** 'always': deletes, tag changes and writes over another's object take the lease in every class. */
  readonly leases: 'class' | 'always'
  /** Whether a missing key may be told from one that is not the caller's. */
  readonly mayList: () => boolean
  /** A statement in play reads the object's tags. */
  readonly needsTags: boolean
  /** The provider has object tags. */
  readonly hasTags: boolean
  /** Rounds that a write takes before it answers 503. */
  readonly retries: number
  /** What a lease must still have when an effect is sent: the longest upstream request and a margin. */
  readonly leaseMarginMs: number
  readonly newNonce: () => string
}

/** True when policy admits the object as it was looked at. */
export function admitsLooked(context: OwnershipContext, looked: Looked): boolean {
  return context.admits({ owner: looked.owner, tags: looked.tags }, looked.at)
}

/** True when what ends or changes ownership must hold the key's lease, because no condition guards it. */
export function takesLeases(context: OwnershipContext): boolean {
  return context.leases === 'always' || !context.closed.delete
}
