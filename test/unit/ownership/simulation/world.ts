/** The state that the simulated upstream, the leases, the caches and the processes share. Values are replaced, never changed. */
import type { Ask, CachedOwner, Outcome, Seen } from '../../../../proxy/ownership/steps.ts'
import type { Node } from './behaviour.ts'

export interface Stored {
  readonly body: string
  readonly etag: string
  readonly lm: number
  readonly mark?: string
  readonly tag?: string
  /** The client's own tag `c`. */
  readonly ctag?: string
  readonly nonce?: string
  readonly vid?: string
  readonly marker?: true
  /** Ghosts, which the protocol never sees: which write made it, and whose it truly is. */
  readonly gen: string
  readonly own: string | null
}

export interface Upload {
  readonly key: string
  readonly mark: string
  readonly tag: string
  readonly ctag?: string
  readonly nonce?: string
  readonly own: string
  readonly body: string
  readonly from?: string
  readonly done?: string
  readonly aborted?: boolean
}

export interface Env {
  readonly cls: 'A' | 'B' | 'C' | 'D'
  readonly mode: 'tag' | 'metadata'
  readonly versioned: boolean
  /** Bytes written twice differ in ETag. */
  readonly uniqueEtags?: boolean
  /** A second Complete is 200. */
  readonly completeAgain?: boolean
  /** A 412 on Complete ends the upload. */
  readonly killsUpload?: boolean
  /** copy-source-if-match is ignored. */
  readonly ignoresSource?: boolean
  readonly leases?: 'class' | 'always'
  readonly hasTags?: boolean
}

/** What an operator or a writer around the proxy does to the upstream; not in the language of the protocol. */
export type RawAsk =
  | { readonly ask: 'rawPut'; readonly key: string; readonly body: string }
  | { readonly ask: 'rawDelete'; readonly key: string }
  | { readonly ask: 'rawHead'; readonly key: string }
  | { readonly ask: 'setOwnerTag'; readonly key: string; readonly to: string }
  | { readonly ask: 'transfer'; readonly key: string; readonly to: string; readonly etag: string; readonly newEtag: boolean }

export type AnyAsk = Ask | RawAsk

/** One request of a step. Of a DeleteObjects, each key is one: they take effect one by one. */
export interface Pending {
  readonly ask: AnyAsk
  readonly part: number
  readonly seen: Seen | null
  /** CopyObject reads its source first. */
  readonly snap: Stored | null
}

export interface Process {
  readonly at: number
  readonly tries: number
  readonly replica: number
  readonly run: boolean
  readonly node: Node | null
  readonly pending: readonly Pending[]
  /** Something of the operation was stored. */
  readonly stored: boolean
  readonly results: readonly number[]
}

export interface Late {
  readonly ask: AnyAsk
  readonly i: number
  readonly op: number
  readonly tries: number
  readonly key: string
}

export interface Lock {
  readonly shared: boolean
  readonly by: readonly (number | 'late')[]
}

export interface World {
  now: number
  ticks: number
  faults: number
  store: Readonly<Record<string, readonly Stored[]>>
  uploads: Readonly<Record<string, Upload>>
  locks: Readonly<Record<string, Lock>>
  caches: readonly Readonly<Record<string, CachedOwner>>[]
  late: readonly Late[]
  /** Bytes that each has written itself: to be given them back tells nothing. */
  known: Readonly<Record<string, readonly string[]>>
  owners: readonly (string | null)[]
  procs: readonly Process[]
}

export interface Op {
  readonly op: string
  readonly key?: string
  readonly src?: string
  readonly body?: string
  /** GET: the client's If-None-Match. */
  readonly match?: string
  /** GET: the first byte of the client's range. */
  readonly first?: number
  readonly lookFirst?: boolean
  readonly cinm?: boolean
  /** The client's If-Match. */
  readonly cim?: string
  readonly id?: string
  readonly keys?: readonly string[]
  readonly vid?: string
  readonly ctag?: string
  readonly to?: string
  readonly from?: string
  readonly newEtag?: boolean
  readonly drain?: boolean
}

export interface Script {
  readonly me: string
  readonly ops: readonly Op[]
  readonly replica?: number
  readonly after?: number
  /** Its writes are allowed whatever they hit: the operator, a writer around the proxy, a widened policy. */
  readonly raw?: boolean
  /** Policy: 'own' objects and absent keys, 'all', or those with the tag c=open. */
  readonly admits?: 'own' | 'all' | 'open'
}

export interface Scenario {
  readonly name: string
  readonly env?: Partial<Env>
  readonly procs: readonly Script[]
  readonly init?: Readonly<Record<string, readonly Partial<Stored>[]>>
  readonly uploads?: Readonly<Record<string, Upload>>
  readonly caches?: readonly Readonly<Record<string, CachedOwner>>[]
  readonly faults?: number
  readonly zombies?: boolean
  readonly crashes?: boolean
  readonly retries?: number
  readonly ticks?: number
  readonly strict?: boolean
  readonly nobody?: boolean
  readonly ignore?: readonly string[]
  readonly expect?: (world: World) => string | null
  /** The violation that remains, by its first two letters, and why no protocol closes it. */
  readonly inherent?: readonly [violation: string, why: string]
}

/** What is true of a finished operation, as a client would see it. */
export function statusOf(outcome: Outcome): number {
  switch (outcome.outcome) {
    case 'relay':
      return outcome.seen.status
    case 'computed':
      return outcome.status
    case 'batch': {
      const codes = outcome.items.map((item) => item.code)
      if (codes.some((code) => code === 'SlowDown' || code === 'ServiceUnavailable')) return 503
      return codes.includes('AccessDenied') ? 403 : 204
    }
    case 'refuse':
      return REFUSED[outcome.code] ?? outcome.seen?.status ?? 500
    default:
      return outcome satisfies never
  }
}

const REFUSED: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  SlowDown: 503,
  ServiceUnavailable: 503,
  NoSuchKey: 404,
  NoSuchVersion: 404,
  NoSuchUpload: 404,
  PreconditionFailed: 412,
  InvalidRange: 416,
  MethodNotAllowed: 405
}
