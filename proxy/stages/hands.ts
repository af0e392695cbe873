import { collectBody } from '../sigv4/payload/collect.ts'
import type { Ask, CachedOwner, ObjectRef, Seen } from '../ownership/steps.ts'
import { PayloadProblem } from '../sigv4/payload/problem.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import { headerValue } from '../s3/response-headers.ts'
import { XmlProblem } from '../s3/xml.ts'
import { hash } from 'node:crypto'
import { UpstreamFault, whenGone, type Cancellation, type Incoming, type UpstreamResponse } from '../transport/transport.ts'
import type { UpstreamKey } from '../tenants/keys.ts'
import { refusalOf } from './body.ts'
import type { Dependencies } from './dependencies.ts'
import { placeOf, type Exchange } from './exchange.ts'
import type { Outbound } from './outbound.ts'
import { outboundFor } from './outbound-for.ts'
import { leaseMarginMs } from './ownership-context.ts'
import type { LeaseHolder } from './ports.ts'
import { discardReply, replyOf, takeBody } from './reply.ts'
import { seenOf } from './seen.ts'
import { sendSigned } from './send-signed.ts'

/** What drives a protocol: the wire, the leases and the cache, bound to one request. */
export interface Hands {
  ask(ask: Ask): Promise<Seen>
  /** A request that no protocol governs: names only, or what a sealed id has decided. */
  plain(outbound: Outbound, label: string): Promise<Seen>
  discard(seen: Seen): void
  lease(key: UpstreamKey, shared: boolean): Promise<'held' | 'lingers' | 'unavailable'>
  release(key: UpstreamKey, unknown: boolean): Promise<void>
  leaseLeft(key: UpstreamKey): number
  cacheGet(at: ObjectRef): CachedOwner | null
  cacheSet(at: ObjectRef, value: CachedOwner | null): void
}

interface Bound {
  readonly exchange: Exchange
  readonly incoming: Incoming
  readonly record: AccessRecord
  readonly deps: Dependencies
}

/** The hands of one request. */
export function createHands(bound: Bound): Hands {
  const { exchange, deps } = bound
  let opened: LeaseHolder | null = null
  const holder = (): LeaseHolder =>
    (opened ??= deps.leases.open({
      account: exchange.place.account.id,
      bucket: exchange.place.assignment.upstreamBucket,
      lifeMs: 2 * leaseMarginMs(exchange.grant, deps.leaseTimes)
    }))
  const cachedPlace = (at: ObjectRef) => {
    const { account, assignment } = placeOf(exchange, at.place)
    return {
      account: account.id,
      bucket: assignment.upstreamBucket,
      key: at.key,
      versionId: at.versionId ?? (at.nullVersion === true ? 'null' : undefined)
    }
  }
  return {
    ask: (ask) => askUpstream(ask, bound),
    plain: (outbound, label) => sendPlain(outbound, label, bound),
    discard: (seen) => discardReply(seen, 'the answer is not released'),
    lease: (key, shared) => holder().take(key, shared),
    release: (key, unknown) => holder().release(key, unknown),
    leaseLeft: (key) => holder().left(key),
    cacheGet: (at) => deps.ownerCache.get(cachedPlace(at)),
    cacheSet: (at, value) => deps.ownerCache.set(cachedPlace(at), value)
  }
}

function askUpstream(ask: Ask, bound: Bound): Promise<Seen> {
  if (ask.ask === 'deleteBatch' && !bound.exchange.place.account.capabilities.batchDelete) return deleteOneByOne(ask, bound)
  const outbound = outboundFor(ask, bound.exchange)
  if (ask.ask === 'putRead' || ask.ask === 'partPut')
    return withReadBody(ask, outbound, bound).then((withBody) => askWith(withBody, ask, bound))
  return askWith(outbound, ask, bound)
}

async function askWith(outbound: Outbound, ask: Ask, bound: Bound): Promise<Seen> {
  const answered = await transmit(outbound, ask.ask, bound)
  if (!('status' in answered)) return answered.seen
  if (answered.status < 300 && isHeldAsk(ask, outbound)) return seenOf(ask, answered, null)
  return readAnswer(ask, answered, bound)
}

/** Answers of success to these are kept unread until the protocol releases or discards them. */
function isHeldAsk(ask: Ask, outbound: Outbound): boolean {
  if (ask.ask === 'readRange') return true
  return ask.ask === 'read' && outbound.method === 'GET' && !outbound.query.some(([name]) => name === 'attributes')
}

/** Where the upstream has no DeleteObjects: the same deletes, one request each. */
async function deleteOneByOne(ask: Extract<Ask, { ask: 'deleteBatch' }>, bound: Bound): Promise<Seen> {
  const items: NonNullable<Seen['items']>[number][] = []
  for (const { at, etag } of ask.items) {
    const seen = await askUpstream({ ask: 'delete', at, condition: etag === null ? { kind: 'none' } : { kind: 'match', etag } }, bound)
    items.push({
      status: seen.status,
      ...(seen.malformed === true && { malformed: true as const }),
      ...(seen.code !== undefined && { code: seen.code }),
      ...(seen.versionId !== undefined && { versionId: seen.versionId }),
      ...(seen.deleteMarker !== undefined && { deleteMarker: seen.deleteMarker })
    })
  }
  return { status: 200, items, reply: null }
}

/** Puts the held body of a source under a write of it: collected once where it is small, so that it can be sent again. */
async function withReadBody(ask: Extract<Ask, { ask: 'putRead' | 'partPut' }>, outbound: Outbound, { deps }: Bound): Promise<Outbound> {
  const length = ask.ask === 'partPut' ? ask.length : ask.source.size
  const reply = replyOf(ask.from)
  if (reply === null) throw new Error('a copy reads an answer that did not come')
  if (ask.ask === 'partPut' || length > deps.limits.smallPutBytesMax) {
    return { ...outbound, body: { kind: 'flow', source: takeBody(ask.from), length, payloadHash: 'UNSIGNED-PAYLOAD' } }
  }
  reply.collected ??= collectBody(takeBody(ask.from), { bytesMax: length })
  const bytes = await reply.collected
  if (bytes.length !== length) throw new Error('the source of a copy came short')
  return { ...outbound, body: { kind: 'bytes', bytes, payloadHash: hash('sha256', bytes, 'hex') } }
}

async function sendPlain(outbound: Outbound, label: string, bound: Bound): Promise<Seen> {
  const answered = await transmit(outbound, label, bound)
  if (!('status' in answered)) return answered.seen
  return readAnswer(null, answered, bound)
}

/** Sends one request; no answer becomes a `Seen` that says whether the upstream may have acted. */
async function transmit(outbound: Outbound, label: string, bound: Bound): Promise<UpstreamResponse | { readonly seen: Seen }> {
  const { deps, record } = bound
  const startedAt = deps.observe.elapsedMs()
  record.upstreamRequests += 1
  record.account = outbound.account.id
  let status: number | null = null
  try {
    const onAgain = (): void => void (record.upstreamRequests += 1)
    const response = await sendSigned(outbound, deps, { cancellation: cancellationOf(outbound, bound), onAgain })
    status = response.status
    record.upstreamRequestId = headerValue(response.rawHeaders, 'x-amz-request-id') ?? record.upstreamRequestId
    return response
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal !== error) throw refusal
    if (!(error instanceof UpstreamFault)) throw error
    record.reason = `${label}: ${error.message}`
    return { seen: { status: error.maybeExecuted ? 0 : 503, ...malformedIn(error), reply: null } }
  } finally {
    const endMs = deps.observe.elapsedMs()
    deps.observe.upstreamDone({ account: outbound.account.id, ask: label, status, seconds: (endMs - startedAt) / 1000 })
    record.trace?.calls.push({ account: outbound.account.id, ask: label, status, startMs: startedAt, endMs })
  }
}

/** A client that is gone ends reads and bodies that flow; an effect that is on its way is seen through to its answer. */
function cancellationOf(outbound: Outbound, { incoming }: Bound): Cancellation | undefined {
  if (outbound.method !== 'GET' && outbound.method !== 'HEAD' && outbound.body.kind !== 'flow') return undefined
  return whenGone(incoming)
}

/** Reads a document whole. An answer of success that breaks off or cannot be read leaves the outcome unknown. */
async function readAnswer(ask: Ask | null, response: UpstreamResponse, { deps }: Bound): Promise<Seen> {
  try {
    const document = await collectBody(response.body, { bytesMax: deps.limits.documentBytesMax })
    return seenOf(ask, response, document)
  } catch (error) {
    const isUnreadable = error instanceof UpstreamFault || error instanceof PayloadProblem || error instanceof XmlProblem
    if (!isUnreadable) throw error
    return response.status < 300 ? { status: 0, ...malformedIn(error), reply: null } : { status: response.status, reply: null }
  }
}

/** Whether the upstream sent what nobody can read, as opposed to too little or nothing. */
function malformedIn(error: UpstreamFault | PayloadProblem | XmlProblem): Pick<Seen, 'malformed'> {
  return error instanceof UpstreamFault && error.kind !== 'malformed' ? {} : { malformed: true }
}
