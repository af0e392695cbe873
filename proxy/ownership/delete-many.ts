/** DeleteObjects: per key as a delete; one result per key of the request, in its order. */
import { isDone, isMissing, isUnknown, lostRace, refusal, refuse } from './answers.ts'
import { answered, askAll, together } from './ask.ts'
import { forget } from './cache.ts'
import { cleanly } from './clean-up.ts'
import { takesLeases, type OwnershipContext } from './context.ts'
import { judgeDelete, type DeleteRequest } from './delete.ts'
import { splitByPath } from './split-batch.ts'
import type { BatchItem, LeaseState, ObjectRef, Protocol, Seen } from './steps.ts'
import { outlives, type Hold } from './under-lease.ts'

const LOOKS_AT_ONCE = 32

/** One key, or one version of it, however often the request names it. */
interface Entry extends DeleteRequest {
  result: Omit<BatchItem, 'index'>
}

interface Doomed {
  readonly entry: Entry
  readonly at: ObjectRef
  readonly etag: string | null
}

interface Leases {
  readonly held: Hold[]
  readonly lingering: Set<ObjectRef['key']>
}

const LATER = { code: 'SlowDown' }

/** Deletes of each key what policy admits. */
export function* deleteMany(context: OwnershipContext, request: { readonly items: readonly DeleteRequest[] }): Protocol {
  const { entries, named } = entriesOf(request.items)
  const leases: Leases = { held: [], lingering: new Set() }
  const run = function* (): Protocol {
    if (takesLeases(context) && !(yield* takeAll(entries, leases))) {
      return refuse('ServiceUnavailable', 'the lease of a key cannot be had')
    }
    yield* deleteRounds(context, entries, leases)
    return { outcome: 'batch', items: named.map((entry, index) => ({ index, ...entry.result })) }
  }
  return yield* cleanly(run(), function* () {
    for (const hold of leases.held) yield { step: 'release', key: hold.key, unknown: hold.unknown }
  })
}

function entriesOf(items: readonly DeleteRequest[]): { entries: Entry[]; named: Entry[] } {
  const byName = new Map<string, Entry>()
  const named = items.map((item) => {
    const name = JSON.stringify([item.at.key, item.at.versionId ?? null, item.at.nullVersion ?? false])
    const entry = byName.get(name) ?? { ...item, result: LATER }
    byName.set(name, entry)
    return entry
  })
  return { entries: [...byName.values()], named }
}

/** Takes the leases of all keys; false when one cannot be had. Sorted: two batches in opposite orders would wait for each other. */
function* takeAll(entries: readonly Entry[], leases: Leases): Protocol<boolean> {
  const keys = [...new Set(entries.map((entry) => entry.at.key))].sort()
  for (const key of keys) {
    const state = (yield { step: 'lease', key, shared: false }) as LeaseState
    if (state === 'unavailable') return false
    if (state === 'held') leases.held.push({ key, unknown: false })
    else leases.lingering.add(key)
  }
  return true
}

/** Keys that answer 412 are looked at again, alone. */
function* deleteRounds(context: OwnershipContext, entries: readonly Entry[], leases: Leases): Protocol<void> {
  let open = entries
  for (let round = 0; round < context.retries && open.length > 0; round++) {
    const doomed = yield* lookAtAll(context, open, leases)
    if (doomed.length === 0) return
    const [oldest] = leases.held
    // The lease that was taken first is the first to be over.
    if (oldest !== undefined && !(yield* outlives(context, oldest))) return
    open = yield* send(doomed, leases)
  }
}

function* lookAtAll(context: OwnershipContext, open: readonly Entry[], leases: Leases): Protocol<Doomed[]> {
  const verdicts = yield* together(
    open.map((entry) => judgeDelete(context, entry)),
    LOOKS_AT_ONCE
  )
  const doomed: Doomed[] = []
  for (const [index, verdict] of verdicts.entries()) {
    const entry = open[index]
    if (entry === undefined) continue
    if (verdict.verdict === 'stop') entry.result = { code: verdict.outcome.code }
    else if (verdict.verdict === 'absent') entry.result = { code: entry.judge === null ? 'Deleted' : 'NoSuchKey' }
    else if (leases.lingering.has(entry.at.key)) entry.result = LATER
    else doomed.push({ entry, at: entry.at, etag: context.closed.delete ? verdict.etag : null })
  }
  return doomed
}

/** Sends the deletes; the entries that lost a race and are to be looked at again. */
function* send(doomed: readonly Doomed[], leases: Leases): Protocol<Entry[]> {
  const batches = splitByPath(doomed)
  const touched = new Set(doomed.map(({ at }) => at.key))
  const holds = leases.held.filter((hold) => touched.has(hold.key))
  for (const hold of holds) hold.unknown = true
  const seen = yield* askAll(batches.map((items) => ({ ask: 'deleteBatch', items: items.map(({ at, etag }) => ({ at, etag })) })))
  const unknown = new Set<ObjectRef['key']>()
  const again: Entry[] = []
  for (const [index, items] of batches.entries()) {
    const batch = answered(seen, index)
    for (const [place, { entry, at }] of items.entries()) {
      const item = itemOf(batch, place)
      if (isUnknown(item)) unknown.add(at.key)
      if (lostRace(item) && !isMissing(item)) again.push(entry)
      entry.result = resultOf(item)
    }
  }
  for (const hold of holds) hold.unknown = unknown.has(hold.key)
  for (const { at } of doomed) yield* forget(at)
  return again
}

/** What the answer says of one key. A batch that succeeded and does not name the key leaves its outcome unknown. */
function itemOf(batch: Seen, place: number): Seen {
  if (!isDone(batch)) return batch
  const item = batch.items?.[place]
  return item === undefined ? { status: 0, reply: null } : { ...item, reply: null }
}

function resultOf(item: Seen): Omit<BatchItem, 'index'> {
  if (isMissing(item)) return { code: 'Deleted' }
  if (isDone(item)) {
    const { versionId, deleteMarker } = item
    return { code: 'Deleted', ...(versionId !== undefined && { versionId }), ...(deleteMarker !== undefined && { deleteMarker }) }
  }
  if (lostRace(item)) return LATER
  // The upstream's own AccessDenied is not policy's: who answers the client has to tell them apart.
  const { code } = refusal(item, 'delete')
  return code === 'Upstream' ? { code, seen: item } : { code }
}
