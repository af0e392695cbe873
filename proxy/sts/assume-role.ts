import type { Sealer } from '../identity/key-ring.ts'
import { admits, type Role, type Roles } from '../identity/roles.ts'
import { issueSession, PackedPolicyTooLarge, type IssuedSession, type NewSession } from '../identity/session.ts'
import { PACKED_POLICY_BYTES_MAX, packPolicy } from '../identity/session-token.ts'
import { TokenProblem, type TokenProblemKind } from '../identity/token-problem.ts'
import type { WebIdentity } from '../identity/web-identity.ts'
import { StsError } from './error.ts'
import { readAssumeRoleParameters } from './parameters.ts'
import { xmlTime, type XmlElement } from './xml.ts'

export interface AssumeRoleDeps {
  /** Proves a web identity token or throws a TokenProblem. */
  readonly verifyToken: (token: string) => Promise<WebIdentity>
  readonly roles: Roles
  readonly sealer: Sealer
  /** What is wrong with the text of a session policy; empty when nothing is. */
  readonly policyProblems: (text: string) => readonly string[]
  readonly now: () => Date
}

/** The default life of a session: boto3 asks STS before each request when less than 15 minutes are left, so short lives are costly. */
const SESSION_SECONDS_DEFAULT = 3600
const DETAIL_CHARS_MAX = 512

/** What the log and the audit record may know of an exchange; never a token or a secret. */
export interface ExchangeRecord {
  readonly issuer: string
  readonly subject: string
  readonly role: string
  readonly session: string
  readonly accessKeyId: string
  /** Chosen by the client, proves nothing. */
  readonly roleSessionName: string
  readonly durationSeconds: number
}

export interface AssumedRole {
  readonly result: readonly XmlElement[]
  readonly record: ExchangeRecord
}

/** Exchanges a web identity token for a session: proves the token, asks the role's trust, seals the credentials. */
export async function assumeRoleWithWebIdentity(form: ReadonlyMap<string, string>, deps: AssumeRoleDeps): Promise<AssumedRole> {
  const parameters = readAssumeRoleParameters(form)
  const identity = await provenIdentity(parameters.webIdentityToken, deps)
  const role = deps.roles.get(parameters.roleName)
  // One answer for a role that does not exist and one that is not for the caller: names of roles are not told.
  if (role === undefined) throw new StsError('AccessDenied', 'the role does not exist')
  if (!admits(role, identity)) throw new StsError('AccessDenied', `role ${role.name} does not trust ${identity.issuer} ${identity.subject}`)
  const ttlSeconds = sessionSeconds(parameters.durationSeconds, role)
  refuseBadPolicy(parameters.policy, deps)
  const issued = issueFor(identity, role, { sessionPolicy: parameters.policy, ttlSeconds }, deps)
  return {
    result: resultOf(issued, { identity, role, roleSessionName: parameters.roleSessionName, policy: parameters.policy }),
    record: {
      issuer: identity.issuer,
      subject: identity.subject,
      role: role.name,
      session: issued.session,
      accessKeyId: issued.accessKeyId,
      roleSessionName: parameters.roleSessionName,
      durationSeconds: ttlSeconds
    }
  }
}

/** Who a token belongs to, or a refusal in STS's words. */
export async function provenIdentity(token: string, { verifyToken }: Pick<AssumeRoleDeps, 'verifyToken'>): Promise<WebIdentity> {
  try {
    return await verifyToken(token)
  } catch (error) {
    throw tokenRefusal(error)
  }
}

/** A TokenProblem in STS's words; anything else as it is. */
export function tokenRefusal(error: unknown): unknown {
  return error instanceof TokenProblem ? new StsError(codeOf(error.kind), error.message) : error
}

/** One text for nearly all problems: told apart, they would show a stranger which issuers, keys and audiences are configured. */
function codeOf(kind: TokenProblemKind): 'AccessDenied' | 'ExpiredTokenException' | 'IDPCommunicationError' | 'InvalidIdentityToken' {
  // A token is found to be expired only after its signature has been verified.
  if (kind === 'expired') return 'ExpiredTokenException'
  if (kind === 'no-role') return 'AccessDenied'
  return kind === 'keys-unavailable' ? 'IDPCommunicationError' : 'InvalidIdentityToken'
}

/** How long a session of the role lives: as asked, or an hour, or the role's most where that is less. */
export function sessionSeconds(asked: number | null, role: Role): number {
  if (asked === null) return Math.min(SESSION_SECONDS_DEFAULT, role.sessionSecondsMax)
  if (asked > role.sessionSecondsMax)
    throw new StsError(
      'ValidationError',
      `the role allows ${role.sessionSecondsMax} seconds`,
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'
    )
  return asked
}

function refuseBadPolicy(policy: string | null, { policyProblems }: AssumeRoleDeps): void {
  if (policy === null) return
  const problems = policyProblems(policy)
  if (problems.length > 0)
    throw new StsError('MalformedPolicyDocument', 'the session policy is invalid', problems.join('; ').slice(0, DETAIL_CHARS_MAX))
}

/** A session of the role for whoever was proven. */
export function issueFor(
  identity: WebIdentity,
  role: Role,
  { sessionPolicy, ttlSeconds }: { readonly sessionPolicy: string | null; readonly ttlSeconds: number },
  { sealer, now }: Pick<AssumeRoleDeps, 'sealer' | 'now'>
): IssuedSession {
  const { issuer, subject, namespace, serviceAccount, serviceAccountUid, podUid } = identity
  const session: NewSession = { issuer, subject, role: role.name, namespace, serviceAccount, serviceAccountUid, podUid, sessionPolicy }
  try {
    return issueSession(sealer, session, { now: now(), ttlSeconds })
  } catch (error) {
    if (error instanceof PackedPolicyTooLarge) throw new StsError('PackedPolicyTooLarge', error.message)
    throw error
  }
}

interface AnswerParts {
  readonly identity: WebIdentity
  readonly role: Role
  readonly roleSessionName: string
  readonly policy: string | null
}

function resultOf(issued: IssuedSession, { identity, role, roleSessionName, policy }: AnswerParts): XmlElement[] {
  const result: XmlElement[] = [
    ['SubjectFromWebIdentityToken', identity.subject],
    [
      'Credentials',
      [
        ['AccessKeyId', issued.accessKeyId],
        ['SecretAccessKey', issued.secretAccessKey],
        ['SessionToken', issued.sessionToken],
        ['Expiration', xmlTime(issued.expiration)]
      ]
    ],
    [
      'AssumedRoleUser',
      [
        ['AssumedRoleId', `${issued.session}:${roleSessionName}`],
        ['Arn', assumedRoleArn(role.name, roleSessionName)]
      ]
    ]
  ]
  if (policy !== null) result.push(['PackedPolicySize', String(Math.ceil((packPolicy(policy).length * 100) / PACKED_POLICY_BYTES_MAX))])
  return result
}

/** The account that ARNs of answers name: there is none, and twelve digits are what readers expect. */
export const ARN_ACCOUNT = '000000000000'

/** The ARN of a session of a role. */
export function assumedRoleArn(role: string, sessionName: string): string {
  return `arn:aws:sts::${ARN_ACCOUNT}:assumed-role/${role}/${sessionName}`
}
