/** From an operation of a script to the generator that runs it. */
import type { OwnershipContext } from '../../../../proxy/ownership/context.ts'
import type { Judge, RangeOf } from '../../../../proxy/ownership/read.ts'
import type { Ask, Looked, ObjectRef, Outcome, Protocol, Seen, WireCondition } from '../../../../proxy/ownership/steps.ts'
import type { Operations } from './protocol.ts'
import type { Env, Op, RawAsk, Script } from './world.ts'

const SMALL_BYTES_MAX = 100

/** What the protocol is told of a caller and an upstream. */
export function contextOf(script: Script, env: Env, nonce: string): OwnershipContext {
  const isClassA = env.cls === 'A'
  const admits = script.admits ?? 'own'
  return {
    me: script.me,
    admits: (object) => {
      if (admits === 'all' || object === null) return true
      return admits === 'open' ? object.owner === script.me || object.tags?.get('c') === 'open' : object.owner === script.me
    },
    mode: env.mode,
    closed: { put: env.cls !== 'D', complete: isClassA || env.cls === 'B', copy: isClassA, delete: isClassA },
    sourceConditions: !env.ignoresSource,
    uniqueEtags: env.uniqueEtags ?? false,
    leases: env.leases ?? 'class',
    mayList: () => true,
    needsTags: admits === 'open',
    hasTags: env.hasTags ?? true,
    retries: 4,
    leaseMarginMs: 1000,
    newNonce: () => nonce
  }
}

function ref(key: string | undefined, vid?: string, place: ObjectRef['place'] = 'target'): ObjectRef {
  const at = { place, key: (key ?? '') as ObjectRef['key'] }
  return vid === undefined ? at : { ...at, versionId: vid }
}

function clientCondition(op: Op): WireCondition {
  if (op.cinm) return { kind: 'absent' }
  return op.cim === undefined ? { kind: 'none' } : { kind: 'match', etag: op.cim }
}

function judgeOf(op: Op): Judge | null {
  return op.match === undefined ? null : (object: Looked) => (object.etag === op.match ? 304 : 'pass')
}

function rangeOf(op: Op): RangeOf | null {
  const { first } = op
  if (first === undefined) return null
  return (object) => (first >= object.size ? 'unsatisfiable' : { first, last: object.size - 1 })
}

/** Begins the operation. `nonce` is what its upload, if it makes one, is named by. */
export function start(operations: Operations, script: Script, op: Op, env: Env, nonce: string): Protocol {
  const context = contextOf(script, env, nonce)
  const at = ref(op.key, op.vid)
  const client = clientCondition(op)
  switch (op.op) {
    case 'get': {
      return operations.get(context, { at, judge: judgeOf(op), rangeOf: rangeOf(op), lookFirst: op.lookFirst ?? op.match !== undefined })
    }
    case 'head':
      return operations.head(context, { at, judge: judgeOf(op) })
    case 'attrs':
      return operations.attributes(context, { at })
    case 'getTagging':
      return operations.getTagging(context, { at })
    case 'put':
    case 'putLarge':
      return operations.put(context, { at, client, replayable: op.op === 'put' })
    case 'copy':
    case 'copyBig':
    case 'copyAway':
    case 'copyAwayBig': {
      const source = { context, at: ref(op.src, op.vid, 'source') }
      return operations.copy(context, {
        at: ref(op.key),
        source,
        client,
        judgeSource: null,
        copiesTags: true,
        sameAccount: !op.op.startsWith('copyAway'),
        ontoItself: op.src === op.key,
        smallBytesMax: op.op.endsWith('Big') ? 0 : SMALL_BYTES_MAX
      })
    }
    case 'partCopy':
      return operations.uploadPartCopy(context, {
        at,
        uploadId: op.id ?? '',
        partNumber: 1,
        source: { context, at: ref(op.src, op.vid, 'source') },
        judgeSource: null,
        sameAccount: true,
        rangeOf: null
      })
    case 'create':
      return operations.createUpload(context, { at })
    case 'complete':
      return operations.complete(context, { at, uploadId: op.id ?? '', nonce: op.id ?? '', client })
    case 'del':
      return operations.deleteObject(context, { at, judge: null })
    case 'batch':
      return operations.deleteMany(context, { items: (op.keys ?? []).map((key) => ({ at: ref(key), judge: null })) })
    case 'putTagging':
      return operations.putTagging(context, { at, tags: new Map(op.ctag === undefined ? [] : [['c', op.ctag]]) })
    default:
      return raw(op)
  }
}

/** The operator, and writers that go around the proxy. */
function* raw(op: Op): Protocol {
  const key = op.key ?? ''
  const send = function* (ask: RawAsk): Protocol<Seen> {
    const [seen] = (yield { step: 'ask', asks: [ask as unknown as Ask] }) as Seen[]
    if (seen === undefined) throw new Error('no answer')
    return seen
  }
  const relay = (seen: Seen): Outcome => ({ outcome: 'relay', seen: { ...seen, reply: null }, proof: null })
  switch (op.op) {
    case 'rawPut':
      return relay(yield* send({ ask: 'rawPut', key, body: op.body ?? '' }))
    case 'rawDelete':
      return relay(yield* send({ ask: 'rawDelete', key }))
    case 'setOwnerTag':
      return relay(yield* send({ ask: 'setOwnerTag', key, to: op.to ?? '' }))
    case 'transfer': {
      const head = yield* send({ ask: 'rawHead', key })
      if (head.status !== 200 || (op.from !== undefined && head.mark !== op.from)) return relay({ status: 409, reply: null })
      return relay(yield* send({ ask: 'transfer', key, to: op.to ?? '', etag: head.etag ?? '', newEtag: op.newEtag ?? false }))
    }
    default:
      throw new Error(`no such operation ${op.op}`)
  }
}
