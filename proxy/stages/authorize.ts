import type { Decision, Facts, ObjectFacts, Question } from '../../policy/decision.ts'
import type { Policy } from '../../policy/parse.ts'
import type { Caller } from '../identity/caller.ts'
import { keyProblem } from '../s3/address.ts'
import type { CopySource } from '../s3/copy-source.ts'
import type { DeleteItem } from '../s3/delete-objects.ts'
import { S3Error } from '../s3/error.ts'
import type { S3Action } from '../s3/operation-row.ts'
import { isAskedOfKey, permissionsAsked } from '../s3/permissions.ts'
import type { TenantKey } from '../tenants/keys.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Operation } from './recognize.ts'
import type { Place, Places } from './resolve.ts'
import { refuseOtherOwner } from './expected-owner.ts'
import { questionContext } from './question-context.ts'

declare const granted: unique symbol

/** What policy says of an object once it has been looked at; null: there is none. */
export type Admits = (object: ObjectFacts | null) => boolean

/**
 * Proof that policy allowed this operation. Only `authorize` makes one, and nothing is sent without it.
 * Where the decision hangs on the object, `admits` is asked with what the protocol looked at: the facts that decide
 * are then the facts of the very bytes that are released, and nothing is fetched twice.
 */
export interface Grant {
  readonly [granted]: true
  readonly operation: Operation
  readonly caller: Caller
  /** Null for operations on the service. */
  readonly place: Place | null
  readonly key: TenantKey | null
  readonly admits: Admits
  readonly source: SourceGrant | null
  /** One per key of a DeleteObjects request, in its order; null where policy denies whatever the object is. */
  readonly keys: readonly (Admits | null)[]
  /** True when a statement in play reads the object's tags, so that a look must fetch them. */
  readonly readsTags: boolean
  /** True when the caller may list this key's prefix, and so may learn that a key does not exist. */
  readonly mayList: () => boolean
  /** The statement that allowed it, for the audit record. */
  readonly statement: string
}

export interface SourceGrant {
  readonly place: Place
  readonly key: TenantKey
  readonly versionId: string | null
  readonly admits: Admits
  /** True when the caller may list the source's tenant. */
  readonly mayList: () => boolean
}

export interface PolicyDependencies {
  /** The policies of a role as configured now; null when the role is gone. */
  policiesOf(role: string): readonly Policy[] | null
  parseSessionPolicy(text: string): Policy
  evaluate(policies: readonly Policy[], question: Question, facts: Facts, narrowing: Policy | null): Decision
}

interface Asking {
  readonly request: AcceptedRequest
  readonly caller: Caller
  readonly policies: readonly Policy[]
  readonly narrowing: Policy | null
  readonly policy: PolicyDependencies
  readonly requestTags: ReadonlyMap<string, string> | null
  readonly copySource: CopySource | null
  readonly now: Date
}

/** What one permission is asked for. A copy asks for two objects, which may be of two tenants, and a batch for many. */
interface Subject {
  readonly resource: string
  readonly tenant: string | null
  readonly versionId: string | null
}

interface Verdict {
  readonly admits: Admits
  readonly readsTags: boolean
  readonly statement: string
}

/** The grant for this operation, or AccessDenied. Asks for every permission that the operation's row names. */
export function authorize(
  { request, caller, operation, places }: { request: AcceptedRequest; caller: Caller; operation: Operation; places: Places },
  policy: PolicyDependencies,
  now: Date
): Grant {
  refuseOtherOwner(request.headers)
  const policies = policy.policiesOf(caller.role)
  if (policies === null) throw new S3Error('AccessDenied', `role ${caller.role} is no longer configured`)
  const narrowing = caller.sessionPolicy === null ? null : policy.parseSessionPolicy(caller.sessionPolicy)
  const { copySource } = operation
  const asking: Asking = { request, caller, policies, narrowing, policy, now, requestTags: operation.tags, copySource }

  const target: Verdict[] = []
  const source: Verdict[] = []
  const asked = permissionsAsked(operation.row, {
    query: request.query,
    headers: request.headers,
    copySourceHasVersion: copySource !== null && copySource.versionId !== null
  })
  for (const permission of asked) {
    switch (permission.on) {
      case 'service':
        target.push(decide(asking, permission.action, { resource: '*', tenant: null, versionId: null }))
        break
      case 'bucket':
        target.push(decideBucket(asking, permission.action, places.target))
        break
      case 'object':
        target.push(decide(asking, permission.action, objectSubject(request.tenant, request.key, operation.versionId)))
        break
      case 'copySource':
        source.push(
          decide(
            asking,
            permission.action,
            objectSubject(copySource?.bucket ?? null, copySource?.key ?? null, copySource?.versionId ?? null)
          )
        )
        break
      case 'eachKeyInBody':
        break
      default:
        permission.on satisfies never
    }
  }
  const keys = operation.deletes === null ? [] : operation.deletes.items.map((item) => decideKey(asking, operation, item))
  return {
    operation,
    caller,
    place: places.target,
    key: request.key,
    admits: all(target),
    source: sourceGrant(asking, operation, { place: places.source, verdicts: source }),
    keys: keys.map((verdicts) => (verdicts === null ? null : all(verdicts))),
    readsTags: [...target, ...source, ...keys.flatMap((verdicts) => verdicts ?? [])].some((verdict) => verdict.readsTags),
    mayList: () => places.target !== null && mayList(asking, places.target),
    statement: target[0]?.statement ?? 'each key'
  } as unknown as Grant
}

function decide(asking: Asking, action: S3Action, subject: Subject): Verdict {
  const { caller, policies, narrowing, policy } = asking
  const { resource } = subject
  const question: Question = { action, resource, context: questionContext(asking, subject) }
  const decision = policy.evaluate(policies, question, {}, narrowing)
  switch (decision.effect) {
    case 'allow':
      return { admits: () => true, readsTags: false, statement: decision.statement }
    case 'deny':
      throw new S3Error(
        'AccessDenied',
        `${action} on ${resource} by ${caller.owner}: ${decision.reason}${decision.statement === null ? '' : ` (${decision.statement})`}`
      )
    case 'undecided': {
      // A statement that reads tags where none were read stays undecided: not admitted.
      return {
        admits: admitting((object) => policy.evaluate(policies, question, { object }, narrowing).effect === 'allow'),
        readsTags: decision.needs.includes('existingObjectTags'),
        statement: 'decided by the object'
      }
    }
    default:
      return decision satisfies never
  }
}

/** Answers at once where the object is of the owner that was asked about before: the protocol asks, and `verifyOwner` once more. */
function admitting(admits: Admits): Admits {
  let owner: string | null = null
  let answer = false
  return (object) => {
    if (object === null || object.tags !== null) return admits(object)
    if (owner === object.owner) return answer
    answer = admits(object)
    owner = object.owner
    return answer
  }
}

function decideBucket(asking: Asking, action: S3Action, place: Place | null): Verdict {
  try {
    const { tenant } = asking.request
    return decide(asking, action, { resource: bucketArn(tenant), tenant, versionId: null })
  } catch (error) {
    // rclone sends CreateBucket before every upload and gives up on a denial: who may see that the tenant is there is told so.
    const isProbe = action === 's3:CreateBucket' && place !== null && error instanceof S3Error && mayList(asking, place)
    if (isProbe) throw new S3Error('BucketAlreadyOwnedByYou', `the tenant is there; ${error.reason}`)
    throw error
  }
}

function decideKey(asking: Asking, operation: Operation, item: DeleteItem): readonly Verdict[] | null {
  // No question can be asked of a key that no object can have; its own error is told where the answer is written.
  if (keyProblem(item.key) !== null) return null
  const subject = objectSubject(asking.request.tenant, item.key, item.versionId ?? null)
  const needed = operation.row.permissions.filter((permission) => isAskedOfKey(permission, item.versionId !== undefined))
  try {
    return needed.map(({ action }) => decide(asking, action, subject))
  } catch (error) {
    if (error instanceof S3Error && error.code === 'AccessDenied') return null
    throw error
  }
}

/** True when policy lets the caller list in the tenant, whatever the request at hand is. */
export function mayListTenant(caller: Caller, tenant: string, policy: PolicyDependencies, now: Date): boolean {
  const policies = policy.policiesOf(caller.role)
  if (policies === null) return false
  const narrowing = caller.sessionPolicy === null ? null : policy.parseSessionPolicy(caller.sessionPolicy)
  const context = questionContext({ request: null, caller, requestTags: null, copySource: null, now }, { tenant, versionId: null })
  return policy.evaluate(policies, { action: 's3:ListBucket', resource: bucketArn(tenant), context }, {}, narrowing).effect === 'allow'
}

function mayList(asking: Asking, place: Place): boolean {
  return mayListTenant(asking.caller, place.assignment.tenant, asking.policy, asking.now)
}

function sourceGrant(
  asking: Asking,
  { copySource }: Operation,
  { place, verdicts }: { place: Place | null; verdicts: readonly Verdict[] }
): SourceGrant | null {
  if (copySource === null || place === null) return null
  return {
    place,
    key: copySource.key as TenantKey,
    versionId: copySource.versionId,
    admits: all(verdicts),
    mayList: () => mayList(asking, place)
  }
}

function all(verdicts: readonly Verdict[]): Admits {
  const [only, ...more] = verdicts
  // No permission asked is no permission given.
  if (only === undefined) return () => false
  return more.length === 0 ? only.admits : (object) => verdicts.every((verdict) => verdict.admits(object))
}

const bucketArn = (tenant: string | null): string => {
  if (tenant === null) throw new Error('a tenant permission was asked of a request that names no tenant')
  return `arn:aws:s3:::${tenant}`
}
const objectSubject = (tenant: string | null, key: string | null, versionId: string | null): Subject => {
  if (key === null) throw new Error('an object permission was asked of a request without key')
  return { resource: `${bucketArn(tenant)}/${key}`, tenant, versionId }
}
