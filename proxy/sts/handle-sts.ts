import type { Caller } from '../identity/caller.ts'
import { ARN_ACCOUNT, assumedRoleArn, assumeRoleWithWebIdentity, type AssumeRoleDeps, type ExchangeRecord } from './assume-role.ts'
import { STS_ERRORS, StsError, type StsErrorCode } from './error.ts'
import { isForm, readForm } from './form.ts'
import { refuseParameters } from './parameters.ts'
import { answerXml, errorXml, type XmlElement } from './xml.ts'

/** An STS request: `POST /` or `POST /sts/<issuer id>` on the S3 listener with a form for its body. */
export interface StsRequest {
  /** The only issuer whose callers are meant, where the path names one; nobody has checked that there is such an issuer. */
  readonly issuerId: string | null
  /** The query as it came; it must be empty, since a token in a query ends up in logs. */
  readonly rawQuery: string
  readonly contentType: string | null
  readonly body: Uint8Array
  readonly requestId: string
  /** Who signed the request, when it was signed; AssumeRoleWithWebIdentity is not. */
  readonly caller: Caller | null
}

/** For the log and the audit record. */
export interface StsRecord {
  readonly action: StsAction | null
  readonly code: StsErrorCode | null
  readonly reason: string | null
  readonly exchange: ExchangeRecord | null
}

export interface StsAnswer {
  readonly status: number
  readonly xml: string
  readonly record: StsRecord
}

const ACTIONS = ['AssumeRoleWithWebIdentity', 'GetCallerIdentity'] as const
export type StsAction = (typeof ACTIONS)[number]

const VERSION = '2011-06-15'

interface Outcome {
  readonly result: readonly XmlElement[]
  readonly record: ExchangeRecord | null
}

/** Answers an STS request. Refusals are answers; only faults are thrown. */
export async function handleSts(request: StsRequest, deps: AssumeRoleDeps): Promise<StsAnswer> {
  let action: StsAction | null = null
  try {
    const form = formOf(request)
    action = actionOf(form)
    const { result, record } = await act(action, form, { request, deps })
    return {
      status: 200,
      xml: answerXml(action, result, request.requestId),
      record: { action, code: null, reason: null, exchange: record }
    }
  } catch (error) {
    if (!(error instanceof StsError)) throw error
    return refuseSts(error, request.requestId, action)
  }
}

/** The answer that tells a refusal. */
export function refuseSts({ code, detail, reason }: StsError, requestId: string, action: StsAction | null = null): StsAnswer {
  return {
    status: STS_ERRORS[code].status,
    xml: errorXml(code, detail, requestId),
    record: { action, code, reason, exchange: null }
  }
}

function act(
  action: StsAction,
  form: ReadonlyMap<string, string>,
  { request, deps }: { request: StsRequest; deps: AssumeRoleDeps }
): Outcome | Promise<Outcome> {
  switch (action) {
    case 'AssumeRoleWithWebIdentity':
      return assumeRoleWithWebIdentity(form, request.issuerId, deps)
    case 'GetCallerIdentity':
      return callerIdentity(form, request)
    default:
      return action satisfies never
  }
}

function formOf({ rawQuery, contentType, body }: StsRequest): ReadonlyMap<string, string> {
  if (rawQuery !== '') throw new StsError('ValidationError', 'the request has a query', 'Parameters belong in the form, not in the query')
  if (!isForm(contentType))
    throw new StsError('ValidationError', 'the body is not a form', 'The body must be application/x-www-form-urlencoded')
  return readForm(body)
}

function actionOf(form: ReadonlyMap<string, string>): StsAction {
  const name = form.get('Action')
  if (name === undefined || name === '') throw new StsError('MissingAction', 'no Action')
  const action = ACTIONS.find((candidate) => candidate === name)
  if (action === undefined || form.get('Version') !== VERSION)
    throw new StsError('InvalidAction', 'the action or its version is not served')
  return action
}

function callerIdentity(form: ReadonlyMap<string, string>, { caller, issuerId }: StsRequest): Outcome {
  if (caller === null) throw new StsError('MissingAuthenticationToken', 'nobody signed the request')
  if (issuerId !== null && caller.issuer !== issuerId)
    throw new StsError('InvalidClientTokenId', 'the session is not of the issuer that the path names')
  refuseParameters(form)
  return {
    result: [
      ['Arn', assumedRoleArn(caller.role, caller.session)],
      ['UserId', `${caller.session}:${caller.subject}`],
      ['Account', ARN_ACCOUNT]
    ],
    record: null
  }
}
