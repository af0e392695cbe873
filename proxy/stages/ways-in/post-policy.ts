import { formBoundary, isMultipartForm } from '../../post-form/boundary.ts'
import { checkPostPolicy } from '../../post-form/check-policy.ts'
import { readFields } from '../../post-form/fields.ts'
import { fileOf } from '../../post-form/file-source.ts'
import { parsePostPolicy } from '../../post-form/policy.ts'
import { readForm, type PostForm } from '../../post-form/read-form.ts'
import { checkKey } from '../../s3/address.ts'
import { S3Error } from '../../s3/error.ts'
import { HeaderView } from '../../s3/header-view.ts'
import { checkFormScope, isFormSigned, parseFormAuthorization } from '../../sigv4/form-authorization.ts'
import { checkSignedHeaders } from '../../sigv4/signed-headers.ts'
import type { TenantKey } from '../../tenants/keys.ts'
import type { AcceptedRequest } from '../accept.ts'
import { expectedRegion, proveHolder } from './signed-request.ts'
import type { Authenticated, Credential, IdentityDependencies, WayIn } from './way-in.ts'

/** SigV4 over the policy of a form: what a service lets a browser upload. */
export const POST_POLICY_WAY: WayIn = {
  name: 'post-policy',
  takes: (credential) => credential.kind === 'form',
  authenticate: byPostPolicy
}

/** True for a request that can only be a form with a file: there is nothing else that is posted to a bucket without a query. */
export function isPostForm({ method, resource, headers }: AcceptedRequest): boolean {
  return method === 'POST' && resource === 'bucket' && isMultipartForm(headers.get('content-type'))
}

async function byPostPolicy(
  accepted: AcceptedRequest,
  _credential: Credential,
  { deps, now }: { readonly deps: IdentityDependencies; readonly now: Date }
): Promise<Authenticated> {
  const { rawHeaders } = accepted.head
  if (accepted.address.rawQuery !== '') throw withQuery()
  // A header is covered by no policy; what a form says of its object stands in its fields.
  checkSignedHeaders(['host'], rawHeaders)
  const form = await readForm(bodyOf(accepted), formBoundary(accepted.headers.get('content-type') ?? ''))
  const authorization = parseFormAuthorization(form.fields)
  checkFormScope(authorization, expectedRegion(authorization, deps), now)
  const proof = { authType: 'POST', signatureAgeMs: Math.max(0, now.getTime() - authorization.date.timeMs) } as const
  const signed = { authorization, sessionToken: authorization.sessionToken, proof }
  const { caller } = proveHolder(signed, (signingKey) => isFormSigned(authorization, signingKey), { deps, now })
  // As with a URL: a form is in nobody's hand who could renew it, so it gets no allowance.
  if (now.getTime() > caller.expiresAt.getTime()) throw new S3Error('ExpiredToken', 'the session that signed the form has expired')
  return {
    caller,
    request: permittedRequest(accepted, form, now),
    payload: { mode: 'unsigned' },
    chunkSigning: null,
    signedBy: 'form'
  }
}

/** The form as the write that it is, if its policy, which is proven to be the caller's, allows it. Only now is the policy read. */
function permittedRequest(accepted: AcceptedRequest, form: PostForm, now: Date): AcceptedRequest {
  const { tenant } = accepted
  if (tenant === null) throw new Error('a form without a bucket')
  const policy = parsePostPolicy(form.fields.get('policy') ?? '')
  const key = keyOf(form)
  checkPostPolicy(policy, new Map([...form.fields, ['key', key], ['bucket', tenant]]), now)
  if ((form.fields.get('bucket') ?? tenant) !== tenant)
    throw new S3Error('AccessDenied', 'the form names another bucket than its address', {
      Message: 'Invalid according to Policy: the field bucket is not the bucket that is addressed.'
    })
  checkKey(key)
  const { rawHeaders: fromFields, answer } = readFields(form.fields)
  const rawHeaders = [...ownHeaders(accepted.head.rawHeaders), ...fromFields]
  return {
    ...accepted,
    key: key as TenantKey,
    headers: new HeaderView(rawHeaders),
    head: { ...accepted.head, rawHeaders },
    body: fileOf(form, policy.lengthRange),
    postAnswer: answer
  }
}

/** Headers of the request that are not about its body, which is the form and not the object. */
const KEPT: ReadonlySet<string> = new Set(['host', 'user-agent'])

function ownHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (KEPT.has(name)) kept.push(name, rawHeaders[index + 1] ?? '')
  }
  return kept
}

/** The key with the file's name put in, which is what the policy's conditions and all rules on keys are about. */
function keyOf({ fields, filename }: PostForm): string {
  const written = fields.get('key')
  if (written === undefined || written === '')
    throw new S3Error('InvalidArgument', 'the form has no field key before its file', {
      Message: "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.",
      ArgumentName: 'key'
    })
  return written.replaceAll('${filename}', () => filename)
}

function bodyOf({ body }: AcceptedRequest): NonNullable<AcceptedRequest['body']> {
  if (body !== null) return body
  throw new S3Error('MissingContentLength', 'a form without body')
}

function withQuery(): S3Error {
  return new S3Error('InvalidArgument', 'a form with a query string', {
    Message: 'Query String Parameters not allowed on POST requests.'
  })
}
