import type { Capabilities, ClosedOperations, ProviderRow } from './provider.ts'

/**
 * What each kind of upstream can be relied upon for, one row per provider. "Unsupported" usually means *ignored with 200*,
 * so a row says true only where the effect of a condition was documented, read in the source or seen on a live account;
 * everything unknown is false until it is probed or overridden by `accounts[].capabilities`.
 */

export const CHECKSUMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const

const NOTHING_CLOSED: ClosedOperations = { put: false, complete: false, copy: false, delete: false }
const PUT_CLOSED: ClosedOperations = { ...NOTHING_CLOSED, put: true }
const WRITES_CLOSED: ClosedOperations = { ...PUT_CLOSED, complete: true }
const ALL_CLOSED: ClosedOperations = { put: true, complete: true, copy: true, delete: true }

// S3 counts the bytes of names and values together: UsingMetadata.html, "2 KB".
const S3_METADATA_BYTES_MAX = 2048

/** What is assumed of an upstream nobody has looked at: the least that still lets objects be stored. */
const UNKNOWN: Capabilities = {
  tags: false,
  closed: NOTHING_CLOSED,
  batchDelete: false,
  batchDeleteEtags: false,
  sourceConditions: false,
  partCopy: true,
  uniqueEtags: false,
  payload: { hash: false, unsigned: true, trailer: false },
  checksums: [],
  omitHeaders: [],
  listUploads: 'prefix',
  v1Markers: true,
  batchDeleteFolds: false,
  foldsLeadingSlash: false,
  normalizesKeys: false,
  metadataBytesMax: S3_METADATA_BYTES_MAX,
  partSizesEqual: false,
  versions: 'optional',
  bucketsMax: null
}

/** What implementations that follow S3 closely share; conditions are each row's own. */
const LIKE_S3: Capabilities = {
  ...UNKNOWN,
  tags: true,
  batchDelete: true,
  payload: { hash: true, unsigned: true, trailer: true },
  checksums: CHECKSUMS
}

export const ROWS = {
  // Documented by AWS: conditional writes on PutObject and CompleteMultipartUpload since 2024, on CopyObject and DeleteObject
  // (DeleteObjects by ETag) since 2025; a race ends in 412 or 409. Path style still works but is not the way of new regions.
  aws: {
    assumes: null,
    region: 'us-east-1',
    pathStyle: false,
    capabilities: { ...LIKE_S3, closed: ALL_CLOSED, batchDeleteEtags: true, sourceConditions: true, bucketsMax: 10_000 }
  },
  // Read in the source and seen on the community build of 2026-02-12: put and complete hold the key's lock while they judge
  // the condition; If-None-Match on CopyObject and If-Match on DeleteObject are ignored with success. Source conditions are judged
  // by the copy handlers. ListMultipartUploads wants a whole key; a v1 marker outside the prefix is 501 and NextMarker holds
  // a cache id; one DeleteObjects naming `t/b` and `t/b/` hangs; `/lead` becomes `lead`.
  minio: {
    assumes: 'MinIO RELEASE.2025-09-07 or later',
    region: 'us-east-1',
    pathStyle: true,
    capabilities: {
      ...LIKE_S3,
      closed: WRITES_CLOSED,
      sourceConditions: true,
      listUploads: 'exact-key',
      v1Markers: false,
      batchDeleteFolds: true,
      foldsLeadingSlash: true
    }
  },
  // Documented and seen on a live account: put and complete are conditional; the copy destination's If-None-Match is ignored;
  // the tagging header is refused with 501; signed chunks are not taken and parts must have equal sizes. Keys are NFC-normalised.
  // Checksums other than CRC64NVME are composite only, so only that one is handed on.
  r2: {
    assumes: null,
    region: 'auto',
    pathStyle: true,
    capabilities: {
      ...LIKE_S3,
      tags: false,
      closed: WRITES_CLOSED,
      sourceConditions: true,
      payload: { hash: true, unsigned: true, trailer: false },
      checksums: ['crc64nvme'],
      omitHeaders: ['x-amz-tagging', 'x-amz-tagging-directive'],
      normalizesKeys: true,
      metadataBytesMax: 8192,
      partSizesEqual: true,
      versions: 'never'
    }
  },
  // Seen on a live account: If-None-Match is ignored on every write in the S3 dialect, a wrong CRC is taken silently, and
  // checksum headers may be refused as excess; there is no UploadPartCopy and no tagging, and a sub-resource it does not know
  // may be dropped. Deleting many keys by one POST is documented only recently, so single deletes are used.
  gcs: {
    assumes: null,
    region: 'auto',
    pathStyle: true,
    capabilities: {
      ...UNKNOWN,
      partCopy: false,
      payload: { hash: false, unsigned: true, trailer: false },
      omitHeaders: ['x-amz-tagging', 'x-amz-tagging-directive', 'x-amz-checksum-*', 'x-amz-sdk-checksum-algorithm'],
      metadataBytesMax: 8192
    }
  },
  // Documented and seen on a live account: the only upstream that refuses conditions loudly (501), and tags as well; copy-source
  // conditions are enforced; versioning cannot be switched off; names and values of metadata count into 7,000 bytes.
  b2: {
    assumes: null,
    region: 'us-west-004',
    pathStyle: true,
    capabilities: {
      ...LIKE_S3,
      tags: false,
      sourceConditions: true,
      payload: { hash: true, unsigned: true, trailer: false },
      omitHeaders: ['x-amz-tagging', 'x-amz-tagging-directive'],
      metadataBytesMax: 7000,
      versions: 'always',
      bucketsMax: 100
    }
  },
  // Seen on a live account: conditions are ignored on every write. Tags exist by API since late 2023; whether the header on
  // PutObject is honoured is not known, so the mark alone decides unless overridden. CRC64NVME is refused by its documentation.
  wasabi: {
    assumes: null,
    region: 'us-east-1',
    pathStyle: true,
    capabilities: {
      ...LIKE_S3,
      tags: false,
      payload: { hash: true, unsigned: true, trailer: false },
      checksums: ['crc32', 'crc32c', 'sha1', 'sha256']
    }
  },
  // Seen on a live account: PutObject alone honours If-None-Match. Tags are documented. 100 buckets per account.
  spaces: {
    assumes: null,
    region: 'us-east-1',
    pathStyle: true,
    capabilities: { ...UNKNOWN, tags: true, batchDelete: true, closed: PUT_CLOSED, bucketsMax: 100 }
  },
  // Seen on a live account: PutObject alone honours If-None-Match, and there are no object tags. 100 buckets per account.
  hetzner: {
    assumes: null,
    region: 'fsn1',
    pathStyle: true,
    capabilities: { ...UNKNOWN, batchDelete: true, closed: PUT_CLOSED, bucketsMax: 100 }
  },
  // Its documentation gives 412 on writes; a public conformance run shows source conditions on copies and none for the destination.
  // Only single-region and multi-region buckets are strongly consistent.
  tigris: {
    assumes: 'buckets of the single-region or multi-region type, the only ones that are strongly consistent',
    region: 'auto',
    pathStyle: true,
    capabilities: {
      ...UNKNOWN,
      tags: true,
      batchDelete: true,
      closed: WRITES_CLOSED,
      sourceConditions: true,
      versions: 'never'
    }
  },
  // From its release notes and its own S3 test-suite: put, complete and delete are conditional in Tentacle. No published test
  // covers the destination of CopyObject. Older releases ignore conditions on complete and delete.
  ceph: {
    assumes: 'Ceph Tentacle 20.2.4 or later, with conditions honoured at the destination of CopyObject (no published test covers that)',
    region: 'default',
    pathStyle: true,
    capabilities: { ...LIKE_S3, closed: ALL_CLOSED, sourceConditions: true, metadataBytesMax: 8192 }
  },
  // Read in the source: the most complete conditional implementation of the self-hosted ones, batch deletes by ETag included.
  seaweedfs: {
    assumes: 'SeaweedFS 4.18 or later',
    region: 'us-east-1',
    pathStyle: true,
    capabilities: { ...LIKE_S3, closed: ALL_CLOSED, batchDeleteEtags: true, sourceConditions: true }
  },
  // Read in the source: put takes the key's lock before the body; its own suite leaves the delete condition out, and nothing is
  // known of the copy destination or of copy sources, so sources are read through the proxy.
  rustfs: {
    assumes: null,
    region: 'us-east-1',
    pathStyle: true,
    capabilities: { ...LIKE_S3, closed: WRITES_CLOSED }
  },
  // Read in the source and seen in a run: conditions are judged before the body and the rename comes after, so two racers
  // both win. The region of a signature must be the configured one.
  versitygw: {
    assumes: null,
    region: 'us-east-1',
    pathStyle: true,
    capabilities: { ...LIKE_S3 }
  },
  // Read in the source and seen in a run: conditions and the tagging header are ignored, the tagging API is 501, there is no versioning.
  garage: {
    assumes: null,
    region: 'garage',
    pathStyle: true,
    capabilities: {
      ...LIKE_S3,
      tags: false,
      checksums: ['crc32', 'crc32c', 'sha1', 'sha256'],
      omitHeaders: ['x-amz-tagging', 'x-amz-tagging-directive'],
      versions: 'never'
    }
  },
  // Any other upstream: nothing is known, so nothing is relied upon.
  generic: { assumes: null, region: 'us-east-1', pathStyle: true, capabilities: UNKNOWN }
} as const satisfies Record<string, ProviderRow>
