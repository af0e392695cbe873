/** Every refusal that is promised, with the exchanges that show it. A promise without an exchange fails a test. */
import type { S3ErrorCode } from '../../proxy/s3/error.ts'

export interface Refusal {
  readonly refusal: string
  readonly code: S3ErrorCode
  readonly files: readonly [string, ...string[]]
  /** Requests to the upstream that the last request of a file may have caused; 0 where nothing is said. */
  readonly sent?: number
}

const refused = (...names: [string, ...string[]]): [string, ...string[]] => {
  const [first, ...others] = names
  return [`refused/${first}.http`, ...others.map((name) => `refused/${name}.http`)]
}

/** What the request alone decides: nothing is ever sent. */
const OF_THE_REQUEST: readonly Refusal[] = [
  { refusal: 'unknown operation', code: 'NotImplemented', files: refused('unknown-sub-resource', 'object-restore', 'object-select') },
  { refusal: 'a bucket sub-resource that would change a shared bucket', code: 'NotImplemented', files: refused('bucket-lifecycle', 'bucket-put-policy') },
  { refusal: 'two sub-resources', code: 'NotImplemented', files: refused('two-sub-resources', 'upload-id-and-tagging') },
  { refusal: 'unknown parameter', code: 'NotImplemented', files: refused('unknown-parameter', 'parameter-of-another-operation', 'parameter-semicolon') },
  { refusal: 'a header hoisted into the query', code: 'NotImplemented', files: refused('hoisted-tagging', 'hoisted-copy-source', 'hoisted-acl-other-case') },
  { refusal: 'a parameter twice', code: 'InvalidArgument', files: refused('parameter-twice', 'parameter-twice-encoded') },
  { refusal: 'unknown x-amz-* header', code: 'NotImplemented', files: refused('unknown-header', 'header-of-another-operation') },
  {
    refusal: 'a header with an effect that nobody may have',
    code: 'NotImplemented',
    files: refused('header-object-lock', 'header-legal-hold', 'header-sse-c', 'header-website-redirect', 'header-mfa', 'header-snowball', 'header-rename')
  },
  { refusal: 'access control lists', code: 'AccessControlListNotSupported', files: refused('header-acl', 'header-grant') },
  { refusal: 'another method', code: 'MethodNotAllowed', files: refused('method') },
  { refusal: 'a body where none belongs', code: 'UnexpectedContent', files: refused('body-on-get') },
  { refusal: 'a key that some hop would read another way', code: 'InvalidURI', files: refused('key-dot-dot', 'key-dot-dot-encoded', 'key-backslash', 'key-hash', 'key-not-utf8', 'key-bad-escape') },
  { refusal: 'a key with a NUL', code: 'InvalidArgument', files: refused('key-nul') },
  { refusal: 'a key that is too long', code: 'KeyTooLongError', files: [...refused('key-too-long'), 'put-object/key-too-long-with-prefix.http'] },
  { refusal: 'not signed', code: 'AccessDenied', files: refused('not-signed') },
  { refusal: 'bad signature', code: 'SignatureDoesNotMatch', files: refused('signature-wrong', 'signature-wrong-streaming-unsigned') },
  { refusal: 'unknown key', code: 'InvalidAccessKeyId', files: refused('access-key-unknown', 'access-key-without-token') },
  { refusal: 'a token that is not the key’s', code: 'InvalidToken', files: refused('token-changed', 'token-of-another') },
  { refusal: 'skew', code: 'RequestTimeTooSkewed', files: refused('skew-past', 'skew-future') },
  { refusal: 'expired session', code: 'ExpiredToken', files: refused('session-expired') },
  { refusal: 'wrong region', code: 'AuthorizationHeaderMalformed', files: refused('region-wrong', 'authorization-service', 'authorization-date', 'authorization-component') },
  { refusal: 'no date', code: 'AccessDenied', files: refused('date-missing') },
  { refusal: 'SigV2', code: 'InvalidRequest', files: refused('authorization-v2', 'query-signed-v2') },
  { refusal: 'query-signed with an unknown key', code: 'InvalidAccessKeyId', files: refused('query-signed') },
  { refusal: 'bad signature in the query', code: 'SignatureDoesNotMatch', files: refused('query-signature-wrong') },
  { refusal: 'signature in the query that is malformed', code: 'AuthorizationQueryParametersError', files: refused('query-signed-no-expires') },
  { refusal: 'a URL whose time is over', code: 'AccessDenied', files: refused('query-signed-elapsed') },
  { refusal: 'a bearer token that is none', code: 'AccessDenied', files: refused('authorization-bearer') },
  { refusal: 'a form that is not signed, or whose request says more than the form', code: 'AccessDenied', files: refused('post-not-signed', 'post-header') },
  { refusal: 'a false signature of a form', code: 'SignatureDoesNotMatch', files: refused('post-signature-wrong') },
  { refusal: 'a form for a key that some hop would read another way', code: 'InvalidURI', files: refused('post-key-dot-dot') },
  { refusal: 'a form with a query, or with another proof', code: 'InvalidArgument', files: refused('post-with-query', 'post-and-header') },
  { refusal: 'a preflight where nothing is open to other origins', code: 'AccessForbidden', files: refused('preflight') },
  { refusal: 'two proofs', code: 'InvalidArgument', files: refused('two-proofs') },
  { refusal: 'an x-amz-* header that is not signed', code: 'AccessDenied', files: refused('header-not-signed', 'tagging-not-signed', 'authorization-host-not-signed') },
  { refusal: 'tenant outside the role', code: 'AccessDenied', files: [...refused('tenant-outside-role', 'tenant-virtual-outside-role'), 'copy-object/source-outside-role.http'] },
  { refusal: 'unknown tenant where tenants are registered', code: 'NoSuchBucket', files: refused('tenant-unregistered', 'tenant-unregistered-put') },
  { refusal: 'no snapshot yet', code: 'ServiceUnavailable', files: refused('snapshot-missing') },
  { refusal: 'denied by policy', code: 'AccessDenied', files: ['put-object/read-only-role.http', 'get-object/session-policy-outside.http', 'delete-object/viewer.http'] },
  { refusal: 'another account expected', code: 'AccessDenied', files: ['get-object/expected-owner-other.http', 'refused/expected-source-owner.http'] },
  { refusal: 'the tag of another service', code: 'AccessDenied', files: ['put-object/tags-other-service.http', 'tagging/put-other-service.http'] },
  { refusal: 'the hidden mark', code: 'AccessDenied', files: ['put-object/metadata-mark.http'] },
  { refusal: 'a tag twice', code: 'InvalidTag', files: ['put-object/tags-twice.http', 'tagging/put-twice.http'] },
  { refusal: 'an upload id that is not the caller’s', code: 'NoSuchUpload', files: ['multipart/part-of-another.http', 'multipart/part-other-key.http', 'multipart/part-other-tenant.http', 'multipart/part-upstream-id.http', 'multipart/complete-other-caller.http'] },
  { refusal: 'a page token of another listing', code: 'InvalidArgument', files: ['list/v2-token-of-another-listing.http', 'list/v2-token-of-upstream.http'] }
]

/** What the body decides: nothing is stored. */
const OF_THE_BODY: readonly Refusal[] = [
  { refusal: 'not the signed body', code: 'XAmzContentSHA256Mismatch', files: refused('body-changed') },
  { refusal: 'not the signed body, when it flows', code: 'XAmzContentSHA256Mismatch', files: refused('body-changed-flow'), sent: 2 },
  { refusal: 'bad chunk', code: 'SignatureDoesNotMatch', files: refused('chunk-changed', 'chunk-signature-wrong', 'trailer-signature-wrong') },
  { refusal: 'bad chunk, when it flows', code: 'SignatureDoesNotMatch', files: refused('chunk-changed-flow'), sent: 3 },
  { refusal: 'bad checksum', code: 'BadDigest', files: [...refused('content-md5-wrong', 'checksum-wrong', 'trailer-wrong'), 'delete-objects/wrong-digest.http'] },
  { refusal: 'malformed digest', code: 'InvalidDigest', files: refused('content-md5-malformed') },
  { refusal: 'missing length', code: 'MissingContentLength', files: refused('length-missing', 'decoded-length-missing') },
  { refusal: 'a cut body', code: 'IncompleteBody', files: refused('chunks-cut-short') },
  { refusal: 'chunks that are too small', code: 'InvalidChunkSizeError', files: refused('chunks-too-small') },
  { refusal: 'a missing trailer', code: 'MalformedTrailerError', files: refused('trailer-missing') },
  { refusal: 'XML that is none', code: 'MalformedXML', files: ['delete-objects/doctype.http', 'delete-objects/other-root.http', 'multipart/complete-no-parts.http'] }
]

/** What a look decides: only the look is sent. */
const OF_THE_OBJECT: readonly Refusal[] = [
  { refusal: 'wrong owner, read', code: 'AccessDenied', files: ['get-object/another.http', 'head-object/another.http', 'tagging/get-another.http'], sent: 2 },
  { refusal: 'wrong owner, read where the mark alone decides', code: 'AccessDenied', files: ['get-object/metadata-mode-another.http'], sent: 1 },
  { refusal: 'wrong owner, write', code: 'AccessDenied', files: ['put-object/over-another.http'], sent: 3 },
  { refusal: 'wrong owner, delete', code: 'AccessDenied', files: ['delete-object/another.http', 'tagging/put-another.http'], sent: 2 },
  { refusal: 'wrong owner, copy', code: 'AccessDenied', files: ['copy-object/source-another.http', 'copy-object/class-a-over-another.http'], sent: 4 },
  { refusal: 'missing object, caller may list', code: 'NoSuchKey', files: ['get-object/missing.http', 'head-object/missing.http'], sent: 2 },
  { refusal: 'missing object, caller may not list', code: 'AccessDenied', files: ['get-object/missing-may-not-list.http', 'head-object/missing-may-not-list.http'], sent: 2 },
  { refusal: 'upstream down', code: 'ServiceUnavailable', files: ['get-object/upstream-down.http', 'get-object/upstream-closes.http'], sent: 2 },
  { refusal: 'a malformed answer of the upstream', code: 'BadGateway', files: ['get-object/upstream-malformed.http'], sent: 2 },
  { refusal: 'a malformed answer of the upstream to one request', code: 'BadGateway', files: ['put-object/upstream-malformed.http', 'list/v2-not-xml.http'], sent: 1 },
  { refusal: 'upstream redirects', code: 'ServiceUnavailable', files: ['get-object/upstream-redirects.http'], sent: 2 },
  { refusal: 'database down, and a lease is needed', code: 'ServiceUnavailable', files: ['delete-object/no-lease.http', 'delete-objects/no-lease.http', 'tagging/put-no-lease.http'] }
]

export const REFUSALS: readonly Refusal[] = [...OF_THE_REQUEST, ...OF_THE_BODY, ...OF_THE_OBJECT]
