/**
 * How each provider answers where it is not AWS. This table is the store's own: the proxy has another one that says what
 * it believes of a provider, and a test that plays a row here shows whether that belief is enough.
 */

export const PROVIDERS = [
  'aws',
  'minio',
  'r2',
  'gcs',
  'b2',
  'wasabi',
  'spaces',
  'hetzner',
  'tigris',
  'ceph',
  'seaweedfs',
  'rustfs',
  'versitygw',
  'garage'
] as const
export type ProviderName = (typeof PROVIDERS)[number]

/** What becomes of a condition: obeyed, answered 200 as if it were not there, or 501. */
export type Honor = 'honored' | 'ignored' | 'refused'

export interface Behavior {
  readonly provider: ProviderName
  /** `If-Match` and `If-None-Match` on PutObject. */
  readonly putCondition: Honor
  readonly completeCondition: Honor
  /** `If-Match` and `If-None-Match` on CopyObject, about the destination. */
  readonly copyCondition: Honor
  /** `x-amz-copy-source-if-*` on CopyObject. */
  readonly sourceCondition: Honor
  /** `x-amz-copy-source-if-*` on UploadPartCopy. */
  readonly partSourceCondition: Honor
  /** `If-Match` on DeleteObject and `ETag` per key of DeleteObjects. */
  readonly deleteCondition: Honor
  /** False: a write's condition is judged before its body is read, so two writers can both pass it. */
  readonly atomicConditions: boolean
  /** True: `If-None-Match` takes ETags on a write; AWS takes `*` only. */
  readonly noneMatchTakesEtags: boolean
  /** Put, get and delete of the tagging sub-resource. */
  readonly tagging: 'supported' | 'refused'
  /** `x-amz-tagging` on a write. */
  readonly taggingHeader: Honor
  /** True: GetObject and HeadObject show the tags when asked by `x-amz-tagging-directive: ACCESS`. */
  readonly tagsOnRead: boolean
  /** True: every write gets an ETag of its own, also with equal bytes. */
  readonly uniqueEtags: boolean
  /** True: an `x-amz-*` header that the signature does not cover is obeyed. */
  readonly acceptsUnsignedHeaders: boolean
  readonly signedChunks: 'supported' | 'refused'
  readonly unsignedTrailer: 'supported' | 'refused'
  /** `x-amz-checksum-*` on writes. */
  readonly checksums: Honor
  readonly uploadPartCopy: 'supported' | 'refused'
  /** True: all parts but the last must have one size. */
  readonly equalParts: boolean
  /** What a second CompleteMultipartUpload gets. */
  readonly completeTwice: 'sameAnswer' | 'NoSuchUpload'
  readonly deleteObjects: 'supported' | 'refused'
  readonly versioning: 'supported' | 'refused'
  readonly expectedOwner: 'checked' | 'ignored'
  readonly metadataBytesMax: number
  /** How a space is written in a listing with encoding-type=url. */
  readonly listedSpace: '%20' | '+'
  /** True: plays the measured oddities of the MinIO build of 2026-02-12 in listings, keys, ranges and error texts. */
  readonly minioQuirks: boolean
}

const AWS: Behavior = {
  provider: 'aws',
  putCondition: 'honored',
  completeCondition: 'honored',
  copyCondition: 'honored',
  sourceCondition: 'honored',
  partSourceCondition: 'honored',
  deleteCondition: 'honored',
  atomicConditions: true,
  noneMatchTakesEtags: false,
  tagging: 'supported',
  taggingHeader: 'honored',
  tagsOnRead: false,
  uniqueEtags: false,
  acceptsUnsignedHeaders: false,
  signedChunks: 'supported',
  unsignedTrailer: 'supported',
  checksums: 'honored',
  uploadPartCopy: 'supported',
  equalParts: false,
  completeTwice: 'sameAnswer',
  deleteObjects: 'supported',
  versioning: 'supported',
  expectedOwner: 'checked',
  metadataBytesMax: 2048,
  listedSpace: '%20',
  minioQuirks: false
}

/** Nothing conditional works and nothing says so: the whole of class D. */
const ALL_IGNORED = {
  putCondition: 'ignored',
  completeCondition: 'ignored',
  copyCondition: 'ignored',
  deleteCondition: 'ignored'
} as const

/** Only PutObject is conditional: class C. */
const PUT_ONLY = { ...ALL_IGNORED, putCondition: 'honored' } as const

/** PutObject and CompleteMultipartUpload are conditional, copies and deletes are not: class B. */
const PUT_AND_COMPLETE = { ...PUT_ONLY, completeCondition: 'honored' } as const

const NO_TAGS = { tagging: 'refused', taggingHeader: 'refused' } as const

const ROWS: Readonly<Record<ProviderName, Partial<Behavior>>> = {
  aws: {},
  minio: {
    ...PUT_AND_COMPLETE,
    noneMatchTakesEtags: true,
    tagsOnRead: true,
    acceptsUnsignedHeaders: true,
    completeTwice: 'NoSuchUpload',
    expectedOwner: 'ignored',
    listedSpace: '+',
    minioQuirks: true
  },
  r2: {
    ...PUT_AND_COMPLETE,
    ...NO_TAGS,
    noneMatchTakesEtags: true,
    signedChunks: 'refused',
    equalParts: true,
    versioning: 'refused',
    metadataBytesMax: 8192
  },
  gcs: {
    ...ALL_IGNORED,
    ...NO_TAGS,
    signedChunks: 'refused',
    unsignedTrailer: 'refused',
    checksums: 'ignored',
    uploadPartCopy: 'refused',
    versioning: 'refused',
    metadataBytesMax: 8192
  },
  b2: {
    ...NO_TAGS,
    putCondition: 'refused',
    completeCondition: 'refused',
    copyCondition: 'refused',
    deleteCondition: 'ignored',
    metadataBytesMax: 7000
  },
  wasabi: { ...ALL_IGNORED },
  spaces: { ...PUT_ONLY },
  hetzner: { ...PUT_ONLY, ...NO_TAGS },
  tigris: { ...PUT_AND_COMPLETE, versioning: 'refused' },
  ceph: { noneMatchTakesEtags: true, metadataBytesMax: 8192 },
  seaweedfs: {},
  rustfs: { ...PUT_AND_COMPLETE },
  versitygw: { copyCondition: 'ignored', atomicConditions: false },
  garage: { ...ALL_IGNORED, tagging: 'refused', taggingHeader: 'ignored', versioning: 'refused' }
}

/** The provider's row with AWS's answer wherever the row is silent; `overrides` replaces single answers. */
export function behaviorOf(provider: ProviderName, overrides: Partial<Behavior> = {}): Behavior {
  return { ...AWS, ...ROWS[provider], provider, ...overrides }
}
