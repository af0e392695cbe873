/**
 * The language between the ownership protocol and whoever drives it. The protocol is generators that yield `Step`s and
 * are given what came back; they hold no socket and no SQL, so the same code runs against the real upstream and against
 * a simulated one under a deterministic scheduler.
 */
import type { UpstreamKey } from '../tenants/keys.ts'

/** One object, or one version of it. `place` tells source and destination of a copy apart. */
export interface ObjectRef {
  readonly place: 'target' | 'source'
  readonly key: UpstreamKey
  /** Pins one version. Never 'null' and never '': those pin nothing. */
  readonly versionId?: string
  /** The client named `versionId=null`: it goes out on the wire, but what it names can be replaced, so nothing is pinned. */
  readonly nullVersion?: true
}

/** What an effect carries on the wire so that it does nothing unless the look still holds. */
export type WireCondition =
  | { readonly kind: 'absent' } // If-None-Match: *
  | { readonly kind: 'match'; readonly etag: string } // If-Match
  | { readonly kind: 'none' }

/** One request to the upstream, in the protocol's words. The driver turns it into bytes. */
export type Ask =
  /** HeadObject without the client's conditions or range. */
  | { readonly ask: 'head'; readonly at: ObjectRef }
  /** GetObjectTagging. */
  | { readonly ask: 'tags'; readonly at: ObjectRef }
  /**
   * The client's own read (GetObject, HeadObject with a range or part, GetObjectAttributes), held by the driver until it
   * is released by the outcome or discarded. `conditions`: send the client's own conditions too. `pin`: an ETag that was
   * looked at, sent as If-Match in place of the client's own If-Match, so that an error answer speaks of that content.
   */
  | { readonly ask: 'read'; readonly at: ObjectRef; readonly conditions: boolean; readonly pin?: string }
  /** The client's own write of a body (PutObject), with our mark and tag. A replayable body may be sent again. */
  | { readonly ask: 'put'; readonly at: ObjectRef; readonly condition: WireCondition }
  /**
   * A write at the target of what `from` (a held read of the source) carries. It may be asked again with the same `from`
   * when the request said that the source is small: the driver keeps those bytes until `from` is discarded.
   */
  | { readonly ask: 'putRead'; readonly at: ObjectRef; readonly from: Seen; readonly source: Looked; readonly condition: WireCondition }
  /** CopyObject: source pinned to its ETag and version, both directives REPLACE, metadata and tags re-sent from `source`, our mark and tag set. */
  | {
      readonly ask: 'copy'
      readonly at: ObjectRef
      readonly source: Looked
      readonly directives: 'REPLACE'
      readonly condition: WireCondition
    }
  /** CreateMultipartUpload with our mark, tag and nonce. `source`: an internal upload for a large copy. */
  | { readonly ask: 'createUpload'; readonly at: ObjectRef; readonly nonce: string; readonly source?: Looked }
  /** UploadPartCopy of one range of the source, pinned to the looked-at ETag and version. No range header when it is the whole object. */
  | {
      readonly ask: 'partCopy'
      readonly at: ObjectRef
      readonly uploadId: string
      readonly source: Looked
      readonly partNumber: number
      readonly first: number
      readonly last: number
    }
  /** GET of one range of the source, held, then sent as UploadPart by `partPut`: where copy-source conditions are ignored or source and target lie in different accounts. */
  | { readonly ask: 'readRange'; readonly at: ObjectRef; readonly first: number; readonly last: number }
  | {
      readonly ask: 'partPut'
      readonly at: ObjectRef
      readonly uploadId: string
      readonly partNumber: number
      readonly from: Seen
      readonly length: number
    }
  /** The client's CompleteMultipartUpload, or that of an internal upload (`parts`). */
  | {
      readonly ask: 'complete'
      readonly at: ObjectRef
      readonly uploadId: string
      readonly parts?: readonly PartDone[]
      readonly condition: WireCondition
    }
  | { readonly ask: 'abort'; readonly at: ObjectRef; readonly uploadId: string }
  | { readonly ask: 'delete'; readonly at: ObjectRef; readonly condition: WireCondition }
  /** DeleteObjects of keys that were looked at; `etag` per key where the upstream honours it. */
  | { readonly ask: 'deleteBatch'; readonly items: readonly { readonly at: ObjectRef; readonly etag: string | null }[] }
  /** PutObjectTagging. `tags` is the whole set, `service` in it. */
  | { readonly ask: 'putTags'; readonly at: ObjectRef; readonly tags: ReadonlyMap<string, string> }
  /** ListObjectVersions of one key: the entry directly under `versionId`. */
  | { readonly ask: 'below'; readonly at: ObjectRef; readonly versionId: string }

export interface PartDone {
  readonly partNumber: number
  readonly etag: string
}

/**
 * What one ask brought back. An error inside the body of a 200 (CopyObject, UploadPartCopy, Complete) is reported with
 * the status that belongs to its code. Every field is a fact read from the answer; absent means that the answer did not say.
 */
export interface Seen {
  /** HTTP status; 0 when no answer came and the outcome is unknown; 503 when the request never reached the upstream. */
  readonly status: number
  /** True when something came that is no valid answer. */
  readonly malformed?: true
  /** S3 error code of an answer of 300 or above (for HEAD: derived from the status, NoSuchKey for 404). */
  readonly code?: string
  readonly etag?: string
  /** The Last-Modified value as sent, compared as text. */
  readonly lastModified?: string
  /** Size of the object in bytes (for a range: of the whole object). */
  readonly size?: number
  /** The hidden mark, decoded. */
  readonly mark?: string
  /** The hidden upload nonce. */
  readonly nonce?: string
  /** `x-amz-version-id`; undefined when absent or 'null', which pins nothing. */
  readonly versionId?: string
  readonly deleteMarker?: boolean
  /** `x-amz-tagging-count`. */
  readonly tagCount?: number
  /** For `tags`: the whole set, ours included. */
  readonly tags?: ReadonlyMap<string, string>
  /** For `createUpload`. */
  readonly uploadId?: string
  /** For `deleteBatch`: one per item, in order. */
  readonly items?: readonly {
    readonly status: number
    readonly malformed?: true
    readonly code?: string
    readonly versionId?: string
    readonly deleteMarker?: boolean
  }[]
  /** For `below`: the version id of the entry under it if that is a version (not a marker). `found` false: no such entry. */
  readonly below?: { readonly found: boolean; readonly versionId?: string }
  /** The answer itself, known to the driver alone. */
  readonly reply: unknown
}

/** A present object as judged by `look`. */
export interface Looked {
  readonly at: ObjectRef
  /** null: nobody's. */
  readonly owner: string | null
  readonly etag: string
  readonly size: number
  readonly lastModified: string
  readonly mark: string | null
  readonly nonce: string | null
  readonly versionId?: string
  /** The tags of the verdict; null where the mode does not read them. */
  readonly tags: ReadonlyMap<string, string> | null
  /** The answer that `tags` were read from. */
  readonly tagged: Seen | null
  /** The answer that showed the object: of a HEAD, or of a held read. Its head stays readable after a `discard`. */
  readonly head: Seen
}

/** What a `lease` step gives back: 'lingers' means that a request of unknown outcome still has it. */
export type LeaseState = 'held' | 'lingers' | 'unavailable'

export type Step =
  /** Sends all of them at once; the driver gives back `Seen[]` in the same order. */
  | { readonly step: 'ask'; readonly asks: readonly Ask[] }
  /** Takes the key's lease. Gives back 'held', 'lingers' (a request of unknown outcome: look only) or 'unavailable' (no Postgres, or the bounded wait is over). */
  | { readonly step: 'lease'; readonly key: UpstreamKey; readonly shared: boolean }
  /** Gives the lease back, or (`unknown`) leaves it to expire. Gives back nothing. */
  | { readonly step: 'release'; readonly key: UpstreamKey; readonly unknown: boolean }
  /** Milliseconds that the held lease still has, asked right before an effect. */
  | { readonly step: 'leaseLeft'; readonly key: UpstreamKey }
  | { readonly step: 'cacheGet'; readonly at: ObjectRef }
  | { readonly step: 'cacheSet'; readonly at: ObjectRef; readonly value: CachedOwner | null }
  /**
   * Gives up a held answer (a `read` or `readRange` of status 2xx): its connection is freed. Every held answer is either
   * released by a `relay` outcome or discarded, exactly once. `release` and `discard` also come after `throw` or `return`
   * of the generator, which has to be driven to its end then, and must not fail.
   */
  | { readonly step: 'discard'; readonly seen: Seen }

export interface CachedOwner {
  readonly owner: string
  readonly etag: string
  readonly mark: string
}

/** How a protocol run ends. Only `stages/verify-owner.ts` turns one into a Release. */
export type Outcome =
  /** The upstream's own answer may leave. `proof` is what was looked at; null where the policy asked nothing of the object (a new key). */
  | {
      readonly outcome: 'relay'
      readonly seen: Seen
      readonly proof: Looked | null
      /** For copies: the source as looked at. */
      readonly source?: Looked
      /** For CreateMultipartUpload: the nonce that the upload's object will carry. */
      readonly nonce?: string
    }
  /** An answer that is computed here from a look, or from nothing (204 to a delete of an absent key). */
  | { readonly outcome: 'computed'; readonly status: 200 | 204 | 304 | 412 | 416; readonly proof: Looked | null; readonly source?: Looked }
  /** DeleteObjects: one result per key of the request, in order. */
  | { readonly outcome: 'batch'; readonly items: readonly BatchItem[] }
  | { readonly outcome: 'refuse'; readonly code: RefusalCode; readonly reason: string; readonly seen?: Seen }

export type RefusalCode =
  | 'AccessDenied'
  | 'SlowDown'
  | 'ServiceUnavailable'
  /** What the upstream sent is no valid answer. */
  | 'BadGateway'
  | 'NoSuchKey'
  | 'NoSuchVersion'
  | 'NoSuchUpload'
  | 'PreconditionFailed'
  | 'InvalidRange'
  | 'MethodNotAllowed'
  /** The upstream refused the ask in its own words: `seen` holds the code. For 404 and 405, `seen` may tell of a delete marker. */
  | 'Upstream'

export interface BatchItem {
  readonly index: number
  readonly code: 'Deleted' | RefusalCode | string
  readonly versionId?: string
  readonly deleteMarker?: boolean
  /** For 'Upstream': what the upstream said of the key. */
  readonly seen?: Seen
}

export type Protocol<Result = Outcome> = Generator<Step, Result, unknown>
