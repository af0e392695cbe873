import type { ObjectFacts as PolicyFacts } from '../../policy/decision.ts'
import type { ObjectFacts, OwnershipContext } from '../ownership/context.ts'
import type { ObjectRef } from '../ownership/steps.ts'
import { toUpstreamKey, type TenantKey } from '../tenants/keys.ts'
import type { Admits, Grant, SourceGrant } from './authorize.ts'
import type { Place } from './resolve.ts'

/** Rounds that a write takes before it answers 503. */
const ROUNDS_MAX = 4

export interface ContextDependencies {
  readonly leaseTimes: LeaseTimes
  readonly newNonce: () => string
}

/** What a lease must still have when an effect is sent under it: the longest such request, and a margin. Milliseconds. */
export interface LeaseTimes {
  readonly marginMs: number
  /** For effects on which an upstream may work for minutes: CopyObject and CompleteMultipartUpload. */
  readonly slowMarginMs: number
}

/** The margin of the operation's own effects. */
export function leaseMarginMs(grant: Grant, { marginMs, slowMarginMs }: LeaseTimes): number {
  const { protocol } = grant.operation.row
  return protocol === 'copy' || protocol === 'complete' ? slowMarginMs : marginMs
}

/** What the protocol is told about the target of a grant. */
export function targetContext(grant: Grant, place: Place, deps: ContextDependencies): OwnershipContext {
  const admits = grant.operation.name === 'DeleteObjects' ? admitsOfKeys(grant, place) : admitsOf(grant.admits)
  return contextOf({ place, admits, mayList: grant.mayList }, grant, deps)
}

/** What the protocol is told about the source of a copy. */
export function sourceContext(grant: Grant, source: SourceGrant, deps: ContextDependencies): OwnershipContext {
  return contextOf({ place: source.place, admits: admitsOf(source.admits), mayList: source.mayList }, grant, deps)
}

interface Told {
  readonly place: Place
  readonly admits: OwnershipContext['admits']
  readonly mayList: () => boolean
}

function contextOf({ place, admits, mayList }: Told, grant: Grant, deps: ContextDependencies): OwnershipContext {
  const { account } = place
  const { capabilities } = account
  return {
    me: grant.caller.owner,
    admits,
    mode: account.ownership,
    closed: capabilities.closed,
    sourceConditions: capabilities.sourceConditions && capabilities.partCopy,
    uniqueEtags: capabilities.uniqueEtags,
    leases: account.leases,
    mayList,
    needsTags: grant.readsTags,
    hasTags: capabilities.tags,
    retries: ROUNDS_MAX,
    leaseMarginMs: leaseMarginMs(grant, deps.leaseTimes),
    newNonce: deps.newNonce
  }
}

function admitsOf(admits: Admits): OwnershipContext['admits'] {
  return (object) => admits(factsOf(object))
}

/** In policy's words an object of nobody has the empty owner. */
function factsOf(object: ObjectFacts | null): PolicyFacts | null {
  return object === null ? null : { owner: object.owner ?? '', tags: object.tags }
}

/** Each key of DeleteObjects has a verdict of its own; a look under a delete marker is judged by every entry of its key. */
function admitsOfKeys(grant: Grant, place: Place): OwnershipContext['admits'] {
  const byName = new Map<string, Admits>()
  const byKey = new Map<string, Admits[]>()
  for (const [index, item] of (grant.operation.deletes?.items ?? []).entries()) {
    const admits = grant.keys[index] ?? (() => false)
    const key = toUpstreamKey(place.assignment, item.key as TenantKey)
    byName.set(nameOf(key, item.versionId), admits)
    byKey.set(key, [...(byKey.get(key) ?? []), admits])
  }
  return (object, at) => {
    const own = byName.get(nameOf(at.key, at.nullVersion === true ? 'null' : at.versionId))
    const facts = factsOf(object)
    if (own !== undefined) return own(facts)
    const all = byKey.get(at.key) ?? []
    return all.length > 0 && all.every((admits) => admits(facts))
  }
}

const nameOf = (key: string, versionId: string | undefined): string => JSON.stringify([key, versionId ?? null])

/** The object that a request names, at its place. */
export function objectRef(
  place: Place,
  which: ObjectRef['place'],
  named: { readonly key: TenantKey; readonly versionId: string | null }
): ObjectRef {
  const key = toUpstreamKey(place.assignment, named.key)
  if (named.versionId === null) return { place: which, key }
  return named.versionId === 'null' ? { place: which, key, nullVersion: true } : { place: which, key, versionId: named.versionId }
}
