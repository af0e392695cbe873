import { S3Error } from '../s3/error.ts'
import { asHeaderValue } from '../s3/header-values.ts'
import { CHECKSUM_ALGORITHMS } from '../s3/headers.ts'
import { encodeTaggingHeader, readTaggingRequest } from '../s3/tagging.ts'
import { IGNORED_PREFIX } from './check-policy.ts'

/** How the client wants to be told that its file is there (RESTObjectPOST). */
export interface PostAnswer {
  readonly status: 200 | 201 | 204
  /** Where its browser is sent instead; null for nowhere. */
  readonly redirect: string | null
}

export interface ReadFields {
  /** What the fields mean as headers of PutObject, as a flat list. */
  readonly rawHeaders: readonly string[]
  readonly answer: PostAnswer
}

/** Fields that are headers of the object, under the same name. */
const HEADERS: ReadonlySet<string> = new Set([
  ...['cache-control', 'content-disposition', 'content-encoding', 'content-type', 'expires'],
  ...['x-amz-storage-class', 'x-amz-checksum-algorithm', 'x-amz-server-side-encryption', 'x-amz-server-side-encryption-aws-kms-key-id'],
  ...['x-amz-server-side-encryption-context', 'x-amz-server-side-encryption-bucket-key-enabled'],
  ...CHECKSUM_ALGORITHMS.map((algorithm) => `x-amz-checksum-${algorithm}`)
])
const METADATA = 'x-amz-meta-'
/** Fields that others read: who calls, what is addressed, what is allowed. */
const READ_ELSEWHERE: ReadonlySet<string> = new Set([
  ...['bucket', 'key', 'policy', 'success_action_redirect', 'success_action_status'],
  ...['x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-security-token', 'x-amz-signature']
])
const STATUSES: ReadonlyMap<string, PostAnswer['status']> = new Map([
  ['200', 200],
  ['201', 201]
])

/** What the fields of a form ask for; one that has no meaning here is refused, since its effect would be missing. */
export function readFields(fields: ReadonlyMap<string, string>): ReadFields {
  const rawHeaders: string[] = []
  for (const [name, value] of fields) {
    if (READ_ELSEWHERE.has(name) || name.startsWith(IGNORED_PREFIX)) continue
    if (name === 'tagging') rawHeaders.push('x-amz-tagging', encodeTaggingHeader(readTaggingRequest(Buffer.from(value, 'utf8'))))
    else if (name === 'acl') rawHeaders.push('x-amz-acl', asHeaderValue(name, value))
    else if (HEADERS.has(name) || name.startsWith(METADATA)) rawHeaders.push(name, asHeaderValue(name, value))
    else throw new S3Error('NotImplemented', `form field ${JSON.stringify(name)} has no meaning here`, { ArgumentName: name })
  }
  return {
    rawHeaders,
    answer: {
      // Anything else is 204, as on S3.
      status: STATUSES.get(fields.get('success_action_status') ?? '') ?? 204,
      redirect: readRedirect(fields.get('success_action_redirect'))
    }
  }
}

/** A browser follows it, so nothing may stand there that is more than a page of the web. */
function readRedirect(value: string | undefined): string | null {
  if (value === undefined || value === '') return null
  if (/^https?:\/\/[!-~]+$/i.test(value) && URL.canParse(value)) return value
  throw new S3Error('InvalidArgument', 'success_action_redirect is no http or https URL', {
    Message: 'success_action_redirect must be an http or https URL.',
    ArgumentName: 'success_action_redirect'
  })
}

/** The redirect with what was stored in its query (RESTObjectPOST): before a fragment, behind a query of its own. */
export function redirectTo(redirect: string, stored: { readonly bucket: string; readonly key: string; readonly etag: string }): string {
  const hash = redirect.indexOf('#')
  const [page, fragment] = hash < 0 ? [redirect, ''] : [redirect.slice(0, hash), redirect.slice(hash)]
  const query = Object.entries(stored).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `${page}${page.includes('?') ? '&' : '?'}${query.join('&')}${fragment}`
}
