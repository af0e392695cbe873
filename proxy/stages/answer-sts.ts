import type { AccessRecord } from '../observe/access-record.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import type { AssumeRoleDeps } from '../sts/assume-role.ts'
import { isForm } from '../sts/form.ts'
import { StsError } from '../sts/error.ts'
import { handleSts, refuseSts, type StsAnswer } from '../sts/handle-sts.ts'
import type { Answer } from '../transport/transport.ts'
import type { AcceptedRequest } from './accept.ts'
import { refusalOf } from './body.ts'
import { stsCaller } from './sts-caller.ts'
import type { IdentityDependencies } from './ways-in/way-in.ts'

/** A token and a session policy are a few KiB; nothing larger is an STS form. */
const FORM_BYTES_MAX = 64 * 1024

export interface StsDependencies {
  readonly sts: AssumeRoleDeps
}

const ISSUER_PATH = /^\/sts\/([^/]+)\/?$/

/**
 * `POST /` has no meaning in S3, so with a form for its body it is STS; an object's body is never looked at. Nor has a POST of an
 * object without a query: `/sts/<id>` is the STS of one issuer.
 */
export function isStsRequest(request: AcceptedRequest): boolean {
  if (request.method !== 'POST' || !isForm(request.headers.get('content-type') ?? null)) return false
  return request.resource === 'service' || issuerIdOf(request) !== null
}

/** The issuer that the path names; null where it names none. SDKs write the slash of `/` behind the path of their endpoint, or do not. */
function issuerIdOf({ address }: AcceptedRequest): string | null {
  if (address.style !== 'path' || address.rawQuery !== '') return null
  return ISSUER_PATH.exec(address.rawPath)?.[1] ?? null
}

/** Answers `AssumeRoleWithWebIdentity`, which nobody signs, and `GetCallerIdentity`, which is signed with what the first gave. */
export async function answerSts(
  request: AcceptedRequest,
  record: AccessRecord,
  deps: StsDependencies & IdentityDependencies & { readonly now: () => Date }
): Promise<Answer> {
  // Neither a bucket nor a key is addressed.
  record.tenant = null
  record.key = null
  const body = request.body === null ? new Uint8Array(0) : await collected(request)
  const answer = await answered(request, body, { record, deps })
  record.operation = answer.record.action ?? 'STS'
  record.errorCode = answer.record.code
  record.reason = answer.record.reason
  const { exchange } = answer.record
  if (exchange !== null) {
    record.issuer = exchange.issuer
    record.subject = exchange.subject
    record.role = exchange.role
    record.session = exchange.session
  }
  return {
    status: answer.status,
    rawHeaders: ['content-type', 'text/xml', 'x-amzn-requestid', record.requestId, 'cache-control', 'no-store'],
    body: Buffer.from(answer.xml, 'utf8')
  }
}

async function answered(
  request: AcceptedRequest,
  body: Uint8Array,
  { record, deps }: { record: AccessRecord; deps: StsDependencies & IdentityDependencies & { readonly now: () => Date } }
): Promise<StsAnswer> {
  const { requestId } = record
  try {
    const caller = stsCaller(request, body, { deps, now: deps.now() })
    if (caller !== null) {
      const { subject, issuer, role, session } = caller
      Object.assign(record, { subject, issuer, role, session, wayIn: 'header-signature' })
    }
    const { rawQuery } = request.address
    const contentType = request.headers.get('content-type') ?? null
    return await handleSts({ issuerId: issuerIdOf(request), rawQuery, contentType, body, requestId, caller }, deps.sts)
  } catch (error) {
    if (error instanceof StsError) return refuseSts(error, requestId)
    throw error
  }
}

async function collected(request: AcceptedRequest): Promise<Uint8Array> {
  try {
    return request.body === null ? new Uint8Array(0) : await collectBody(request.body, { bytesMax: FORM_BYTES_MAX })
  } catch (error) {
    throw refusalOf(error)
  }
}
