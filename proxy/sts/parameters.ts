import { SESSION_SECONDS_CAP, SESSION_SECONDS_MIN } from '../identity/roles.ts'
import { StsError } from './error.ts'

/** A valid AssumeRoleWithWebIdentity request; nothing in it is proven yet. */
export interface AssumeRoleParameters {
  readonly roleName: string
  readonly roleSessionName: string
  readonly webIdentityToken: string
  /** What was asked for, or null for the default. */
  readonly durationSeconds: number | null
  /** JSON text, or null. */
  readonly policy: string | null
}

const POLICY_CHARS_MAX = 16 * 1024
/** The account is of no meaning here, but the clients' own checks want an ARN. Role paths are not served. */
const ROLE_ARN = /^arn:aws[a-z-]{0,20}:iam::[\w-]{0,64}:role\/([\w+=,.@-]{1,64})$/
/** STS API reference, AssumeRoleWithWebIdentity, RoleSessionName. */
const ROLE_SESSION_NAME = /^[\w+=,.@-]{2,64}$/
const WHOLE_NUMBER = /^[0-9]{1,9}$/

const KNOWN: ReadonlySet<string> = new Set([
  'Action',
  'Version',
  'RoleArn',
  'RoleSessionName',
  'WebIdentityToken',
  'DurationSeconds',
  'Policy'
])

/** Checks every parameter against STS's own constraints; what is not listed is refused, since leaving it out would change the meaning. */
export function readAssumeRoleParameters(form: ReadonlyMap<string, string>): AssumeRoleParameters {
  for (const name of form.keys()) {
    if (KNOWN.has(name)) continue
    if (name === 'PolicyArns' || name.startsWith('PolicyArns.'))
      throw invalid('PolicyArns is not supported: there are no managed policies here; use Policy')
    if (name === 'ProviderId') throw invalid('ProviderId is not supported: only OpenID Connect tokens are accepted')
    throw invalid('the request has a parameter that AssumeRoleWithWebIdentity does not have here')
  }
  const roleName = ROLE_ARN.exec(required(form, 'RoleArn'))?.[1]
  if (roleName === undefined) throw invalid('RoleArn must have the form arn:aws:iam::<account>:role/<name>')
  const roleSessionName = required(form, 'RoleSessionName')
  if (!ROLE_SESSION_NAME.test(roleSessionName)) throw invalid('RoleSessionName must be 2 to 64 of A-Z a-z 0-9 _ + = , . @ -')
  const policy = form.get('Policy') ?? null
  if (policy !== null && (policy === '' || policy.length > POLICY_CHARS_MAX))
    throw invalid(`Policy must have 1 to ${POLICY_CHARS_MAX} characters`)
  return {
    roleName,
    roleSessionName,
    webIdentityToken: required(form, 'WebIdentityToken'),
    durationSeconds: durationOf(form.get('DurationSeconds')),
    policy
  }
}

/** Refuses every parameter but those that each action has. */
export function refuseParameters(form: ReadonlyMap<string, string>): void {
  for (const name of form.keys()) {
    if (name !== 'Action' && name !== 'Version') throw invalid('this action has no parameters')
  }
}

function durationOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const seconds = WHOLE_NUMBER.test(text) ? Number(text) : 0
  if (seconds < SESSION_SECONDS_MIN || seconds > SESSION_SECONDS_CAP)
    throw invalid(`DurationSeconds must be a whole number from ${SESSION_SECONDS_MIN} to ${SESSION_SECONDS_CAP}`)
  return seconds
}

function required(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name)
  if (value === undefined || value === '') throw invalid(`${name} is required`)
  return value
}

/** Names the parameter, never its value: it may be a token. */
function invalid(problem: string): StsError {
  return new StsError('ValidationError', problem, problem)
}
