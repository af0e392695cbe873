import type { S3ErrorCode } from './error.ts'
import type { HeaderGroup } from './operation-row.ts'

/** What is done with a request header. */
export type HeaderRule =
  /** Passed on where the operation's row lists one of the groups; elsewhere an `x-amz-*` one is refused and others have no effect. */
  | {
      readonly action: 'group'
      readonly groups: readonly [HeaderGroup, ...HeaderGroup[]]
      readonly repeats?: true
      /** The one value that may come elsewhere too, where it has no effect. */
      readonly idle?: string
    }
  /** Read by a stage of this proxy, never passed on. */
  | { readonly action: 'consume'; readonly repeats?: true }
  /** Without effect here, never passed on. */
  | { readonly action: 'drop'; readonly repeats?: true }
  /** Without effect and not passed on if it has one of these values (in lower case), else refused. */
  | { readonly action: 'accept'; readonly values: readonly string[]; readonly code: S3ErrorCode }
  | { readonly action: 'refuse'; readonly code: S3ErrorCode }

const CONSUME = { action: 'consume' } as const
const DROP = { action: 'drop' } as const
/** For headers whose values are lists by their own grammar, so that a second line means no more than a comma. */
const DROP_LIST = { action: 'drop', repeats: true } as const
const REFUSE = { action: 'refuse', code: 'NotImplemented' } as const
const NO_ACLS = { action: 'refuse', code: 'AccessControlListNotSupported' } as const
const group = (...groups: [HeaderGroup, ...HeaderGroup[]]): Extract<HeaderRule, { action: 'group' }> => ({ action: 'group', groups })
const listGroup = (...groups: [HeaderGroup, ...HeaderGroup[]]): HeaderRule => ({ action: 'group', groups, repeats: true })

/** Checksum algorithms that S3 knows, as they stand in header names. */
export const CHECKSUM_ALGORITHMS = [
  'crc32',
  'crc32c',
  'crc64nvme',
  'md5',
  'sha1',
  'sha256',
  'sha512',
  'xxhash3',
  'xxhash64',
  'xxhash128'
] as const

/** Every request header that this proxy knows. A row of the operation table says by group which of them it passes on. */
const RULES: readonly (readonly [name: string, rule: HeaderRule])[] = [
  // Authentication, addressing and framing.
  ['authorization', CONSUME],
  ['host', CONSUME],
  ['date', CONSUME],
  ['x-amz-date', CONSUME],
  ['x-amz-content-sha256', CONSUME],
  ['x-amz-security-token', CONSUME],
  ['content-length', CONSUME],
  ['expect', CONSUME],
  ['transfer-encoding', CONSUME],
  ['x-amz-decoded-content-length', CONSUME],
  ['x-amz-trailer', CONSUME],
  ['x-amz-expected-bucket-owner', CONSUME],
  ['x-amz-source-expected-bucket-owner', CONSUME],
  ['x-forwarded-for', { action: 'consume', repeats: true }],
  ['x-forwarded-proto', { action: 'consume', repeats: true }],
  ['forwarded', { action: 'consume', repeats: true }],
  // Hop by hop, and what clients say about themselves.
  ['connection', DROP_LIST],
  ['keep-alive', DROP_LIST],
  ['te', DROP_LIST],
  ['trailer', DROP_LIST],
  ['upgrade', DROP_LIST],
  ['accept', DROP_LIST],
  ['accept-encoding', DROP_LIST],
  ['x-amz-user-agent', DROP_LIST],
  // The SDKs for C++ and Java always say which version of the API they speak, and that trailers would be welcome.
  ['x-amz-api-version', DROP],
  ['x-amz-te', DROP_LIST],
  ['x-amz-request-payer', DROP],
  // What the object is.
  ['cache-control', listGroup('entity')],
  ['content-disposition', group('entity')],
  ['content-encoding', listGroup('entity')],
  ['content-language', listGroup('entity')],
  ['content-type', group('entity')],
  ['expires', group('entity')],
  ['x-amz-storage-class', group('storage')],
  ['x-amz-tagging', group('tagging')],
  ['x-amz-server-side-encryption', group('encryption')],
  ['x-amz-server-side-encryption-aws-kms-key-id', group('encryption')],
  ['x-amz-server-side-encryption-context', group('encryption')],
  ['x-amz-server-side-encryption-bucket-key-enabled', group('encryption')],
  // What is read.
  ['range', group('range')],
  ['if-match', listGroup('readConditions', 'writeConditions')],
  ['if-none-match', listGroup('readConditions', 'writeConditions')],
  ['if-modified-since', group('readConditions')],
  ['if-unmodified-since', group('readConditions')],
  ['x-amz-checksum-mode', group('checksumMode')],
  ['x-amz-object-attributes', listGroup('attributes')],
  ['x-amz-max-parts', group('attributes')],
  ['x-amz-part-number-marker', group('attributes')],
  ['x-amz-optional-object-attributes', listGroup('listing')],
  // The integrity of a body.
  ['content-md5', group('checksum')],
  // The SDK for Java gives a GET the checksum of the body that it does not have.
  ['x-amz-checksum-crc32', { ...group('checksum'), idle: 'AAAAAA==' }],
  ...CHECKSUM_ALGORITHMS.filter((algorithm) => algorithm !== 'crc32').map(
    (algorithm) => [`x-amz-checksum-${algorithm}`, group('checksum')] as const
  ),
  ['x-amz-checksum-algorithm', group('checksum')],
  ['x-amz-checksum-type', group('checksum')],
  ['x-amz-sdk-checksum-algorithm', group('checksum')],
  ['x-amz-mp-object-size', group('uploadSize')],
  // Copies.
  ['x-amz-copy-source', group('copySource')],
  ['x-amz-copy-source-if-match', listGroup('copySource')],
  ['x-amz-copy-source-if-none-match', listGroup('copySource')],
  ['x-amz-copy-source-if-modified-since', group('copySource')],
  ['x-amz-copy-source-if-unmodified-since', group('copySource')],
  ['x-amz-copy-source-range', group('copyRange')],
  ['x-amz-metadata-directive', group('copyDirectives')],
  ['x-amz-tagging-directive', group('copyDirectives')],
  // aws cli 2.38 sends EXCLUDE with copies; the object has no annotations here.
  ['x-amz-object-annotation-directive', { action: 'accept', values: ['exclude'], code: 'NotImplemented' }],
  // Access control lists do not exist here. Some clients always send the one that grants nothing.
  ['x-amz-acl', { action: 'accept', values: ['private', 'bucket-owner-full-control'], code: 'AccessControlListNotSupported' }],
  ['x-amz-grant-full-control', NO_ACLS],
  ['x-amz-grant-read', NO_ACLS],
  ['x-amz-grant-read-acp', NO_ACLS],
  ['x-amz-grant-write', NO_ACLS],
  ['x-amz-grant-write-acp', NO_ACLS],
  // Bucket creation: what turns nothing on may come.
  ['x-amz-bucket-object-lock-enabled', { action: 'accept', values: ['false'], code: 'NotImplemented' }],
  ['x-amz-object-ownership', { action: 'accept', values: ['bucketownerenforced'], code: 'NotImplemented' }],
  // A client could make objects that nobody can delete, or change more than the object it may change.
  ...[
    'x-amz-bucket-namespace',
    'x-amz-bucket-object-lock-token',
    'x-amz-bypass-governance-retention',
    'x-amz-client-token',
    'x-amz-confirm-remove-self-bucket-access',
    'x-amz-copy-source-server-side-encryption-customer-algorithm',
    'x-amz-copy-source-server-side-encryption-customer-key',
    'x-amz-copy-source-server-side-encryption-customer-key-md5',
    'x-amz-create-session-mode',
    'x-amz-if-match-initiated-time',
    'x-amz-if-match-last-modified-time',
    'x-amz-if-match-size',
    'x-amz-mfa',
    'x-amz-object-if-match',
    'x-amz-object-lock-event-hold',
    'x-amz-object-lock-event-hold-duration-days',
    'x-amz-object-lock-event-hold-duration-years',
    'x-amz-object-lock-legal-hold',
    'x-amz-object-lock-mode',
    'x-amz-object-lock-retain-until-date',
    'x-amz-object-version-id',
    'x-amz-rename-source',
    'x-amz-rename-source-if-match',
    'x-amz-rename-source-if-modified-since',
    'x-amz-rename-source-if-none-match',
    'x-amz-rename-source-if-unmodified-since',
    'x-amz-request-route',
    'x-amz-request-token',
    'x-amz-restore-output-path',
    'x-amz-s3session-token',
    'x-amz-server-side-encryption-customer-algorithm',
    'x-amz-server-side-encryption-customer-key',
    'x-amz-server-side-encryption-customer-key-md5',
    'x-amz-skip-destination-validation',
    'x-amz-transition-default-minimum-object-size',
    'x-amz-website-redirect-location',
    'x-amz-write-offset-bytes',
    // MinIO does not store it as metadata: it unpacks the body, an archive, to any key (attack S-19).
    'x-amz-meta-snowball-auto-extract'
  ].map((name) => [name, REFUSE] as const)
]

const PREFIX_RULES: readonly (readonly [prefix: string, rule: HeaderRule])[] = [
  // The marks of this proxy on objects. Clients neither set nor see them.
  ['x-amz-meta-sluice-', { action: 'refuse', code: 'AccessDenied' }],
  ['x-amz-meta-', listGroup('metadata')],
  ['x-amz-fwd-', REFUSE],
  ['x-amz-grant-', NO_ACLS],
  ['x-amz-object-lock-', REFUSE]
]

const RULE_BY_NAME: ReadonlyMap<string, HeaderRule> = indexByName()

function indexByName(): ReadonlyMap<string, HeaderRule> {
  const index = new Map<string, HeaderRule>()
  for (const [name, rule] of RULES) {
    if (index.has(name)) throw new Error(`header ${name} has two rules`)
    index.set(name, rule)
  }
  return index
}

/** The rule of a header, by lower-case name; undefined for a header that this proxy does not know. */
export function headerRule(name: string): HeaderRule | undefined {
  const rule = RULE_BY_NAME.get(name)
  if (rule !== undefined || !name.startsWith('x-amz-')) return rule
  // Some upstreams (Ceph) read `_` as `-`, so a name of metadata is judged by what either writing of it means (attack S-8).
  const spelled = name.includes('_') ? name.replaceAll('_', '-') : name
  return RULE_BY_NAME.get(spelled) ?? PREFIX_RULES.find(([prefix]) => spelled.startsWith(prefix))?.[1]
}

/** True for a header that any rule knows: `compat.dropHeaders` cannot name it. */
export function isKnownHeader(name: string): boolean {
  return headerRule(name.toLowerCase()) !== undefined
}

/** True for a header that must not come twice. */
export function isSingleHeader(name: string): boolean {
  const rule = headerRule(name)
  if (rule === undefined) return false
  return rule.action === 'accept' || rule.action === 'refuse' || rule.repeats !== true
}

/** The headers of these groups, in the order in which they came. What a row does not list is not among them. */
export function headersInGroups(
  headers: Iterable<readonly [name: string, value: string]>,
  groups: readonly HeaderGroup[]
): [name: string, value: string][] {
  const selected: [string, string][] = []
  for (const [name, value] of headers) {
    const rule = headerRule(name)
    if (rule?.action === 'group' && rule.groups.some((group) => groups.includes(group))) selected.push([name, value])
  }
  return selected
}
