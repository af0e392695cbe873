import { ROWS, type CHECKSUMS } from './provider-rows.ts'

export type Checksum = (typeof CHECKSUMS)[number]

/** Writes that have no effect unless the condition sent with them holds at the moment of the effect. */
export interface ClosedOperations {
  /** PutObject honours `If-None-Match: *` and `If-Match`, also under a race. */
  readonly put: boolean
  /** CompleteMultipartUpload honours both. */
  readonly complete: boolean
  /** CopyObject honours both for its destination. */
  readonly copy: boolean
  /** DeleteObject honours `If-Match`. */
  readonly delete: boolean
}

export interface Capabilities {
  /** Objects can have tags, by header on a write and by PutObjectTagging. */
  readonly tags: boolean
  readonly closed: ClosedOperations
  /** DeleteObjects takes many keys in one request. */
  readonly batchDelete: boolean
  /** DeleteObjects honours `<ETag>` per key. */
  readonly batchDeleteEtags: boolean
  /** `x-amz-copy-source-if-match` is honoured on CopyObject and UploadPartCopy; where not, sources are read through the proxy. */
  readonly sourceConditions: boolean
  /** UploadPartCopy exists. */
  readonly partCopy: boolean
  /** Equal bytes written twice get different ETags. Only a probe may say so. */
  readonly uniqueEtags: boolean
  readonly payload: {
    /** The upstream verifies a hex `x-amz-content-sha256` and refuses a body that does not match. */
    readonly hash: boolean
    /** Takes UNSIGNED-PAYLOAD. */
    readonly unsigned: boolean
    /** Takes STREAMING-UNSIGNED-PAYLOAD-TRAILER and verifies the trailer. */
    readonly trailer: boolean
  }
  /** Checksums the upstream verifies and keeps; others are verified by the proxy and not sent. */
  readonly checksums: readonly Checksum[]
  /** Request headers that are left out, in lower case; a trailing `*` stands for any rest. */
  readonly omitHeaders: readonly string[]
  /** `exact-key`: ListMultipartUploads answers only for a whole key and ignores delimiter, markers and limit. */
  readonly listUploads: 'prefix' | 'exact-key'
  /** False: a ListObjects (v1) marker outside the prefix is refused, and NextMarker is not a key. */
  readonly v1Markers: boolean
  /** DeleteObjects hangs on keys that its file system would fold together (`t/b` with `t/b/`): such keys go in separate requests. */
  readonly batchDeleteFolds: boolean
  /** `/lead` is stored as `lead`: such a key is refused where the prefix does not keep it apart. */
  readonly foldsLeadingSlash: boolean
  /** Keys are stored NFC-normalised, so two names of a client may be one object. */
  readonly normalizesKeys: boolean
  /** Bytes of user metadata, names included, the upstream takes with one object. */
  readonly metadataBytesMax: number
  /** All parts of an upload but the last must have one size. */
  readonly partSizesEqual: boolean
  /** `never`: the upstream has no versioning. `always`: every bucket has it. */
  readonly versions: 'never' | 'optional' | 'always'
  /** Buckets an account may have without asking the provider; null where no bound stands in the way. */
  readonly bucketsMax: number | null
}

export interface ProviderRow {
  /** What the row takes for granted, printed by check-config; null when nothing. */
  readonly assumes: string | null
  readonly region: string
  readonly pathStyle: boolean
  readonly capabilities: Capabilities
}

/** The part of `Capabilities` an operator may override, each field on its own. */
export type CapabilityOverrides = {
  readonly [Name in keyof Capabilities]?: Capabilities[Name] extends boolean | string | number | null | readonly unknown[]
    ? Capabilities[Name]
    : Partial<Capabilities[Name]>
}

/**
 * A: put, complete, copy and delete are closed by conditions. B: put and complete are; deletes need a lease.
 * C: put alone. D: nothing that could be relied upon.
 */
export type ProviderClass = 'A' | 'B' | 'C' | 'D'

export type ProviderName = keyof typeof ROWS

export const PROVIDERS: ReadonlyMap<string, ProviderRow> = new Map<string, ProviderRow>(Object.entries(ROWS))

export const PROVIDER_NAMES: readonly ProviderName[] = Object.keys(ROWS) as ProviderName[]

/** The row of a provider that config has checked to exist. */
export function providerRow(name: ProviderName): ProviderRow {
  return ROWS[name]
}

/** The row's capabilities with the operator's own findings over them. */
export function capabilitiesOf(name: ProviderName, overrides: CapabilityOverrides): Capabilities {
  const base = ROWS[name].capabilities as Capabilities
  return {
    ...base,
    ...overrides,
    closed: { ...base.closed, ...overrides.closed },
    payload: { ...base.payload, ...overrides.payload }
  }
}

/** How far races between services are closed by conditions alone: the weakest link decides. */
export function classOf({ closed }: Pick<Capabilities, 'closed'>): ProviderClass {
  if (!closed.put) return 'D'
  if (!closed.complete) return 'C'
  return closed.copy && closed.delete ? 'A' : 'B'
}
