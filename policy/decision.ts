import type { ContextKey } from './condition-keys.ts'

/**
 * What a policy is asked: may this principal do this action on this resource, in this context?
 * All names are AWS's where AWS has one.
 */
export interface Question {
  /** e.g. `s3:GetObject`. */
  readonly action: string
  /** `arn:aws:s3:::<tenant>` or `arn:aws:s3:::<tenant>/<tenant key>`, or `*` for actions without a resource. */
  readonly resource: string
  readonly context: Context
}

/**
 * The condition keys that the request itself answers; a `Map` is one, and so is anything that works values out when
 * they are asked for. The names are a closed type in their own space, so no client header can pose as a derived key.
 */
export interface Context {
  /** The key's values. `undefined` and the empty list both mean that the key is missing. */
  get(key: ContextKey): readonly string[] | undefined
}

/** Facts a policy may ask for that are not in the request itself. */
export type Fact = 'objectOwner' | 'existingObjectTags'

/** The object as it was looked at. */
export interface ObjectFacts {
  /** `sluice:ObjectOwner`: '' when the object has no owner. */
  readonly owner: string
  /** `s3:ExistingObjectTag/<key>`; null when they were not read, and then a statement that asks for one is unknown. */
  readonly tags: ReadonlyMap<string, string> | null
}

/**
 * `undefined`: not looked at yet. `null`: looked at, there is none, and every key of the object is missing.
 * A resource without a key (a bucket, `*`) has no object whatever is said here.
 */
export type Facts = { readonly object?: ObjectFacts | null }

export type Decision =
  | { readonly effect: 'allow'; readonly statement: string }
  | { readonly effect: 'deny'; readonly statement: string | null; readonly reason: DenyReason }
  /** Neither, until the object has been looked at: `needs` lists what the statements in play read of it. */
  | { readonly effect: 'undecided'; readonly needs: readonly [Fact, ...Fact[]] }

/** The closed list of reasons for a denial, for the audit record. `session-policy` covers its explicit Deny (then a statement is named) and its silence. */
export type DenyReason = 'explicit-deny' | 'no-statement-allows' | 'session-policy'

/** Three-valued: `unknown` until a fact is fetched. */
export type Truth = 'yes' | 'no' | 'unknown'
