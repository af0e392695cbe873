/** What single runs answer, where no race is needed to tell right from wrong. */
import { test } from 'tap'
import type { OwnershipContext } from '../../../proxy/ownership/context.ts'
import { put } from '../../../proxy/ownership/put.ts'
import type { Judge } from '../../../proxy/ownership/read.ts'
import type { Ask, ObjectRef, Outcome, Protocol, Seen, Step } from '../../../proxy/ownership/steps.ts'
import { runAlone } from './simulation/alone.ts'
import { firstWorld } from './simulation/checker.ts'
import { loadOperations } from './simulation/protocol.ts'
import { contextOf, start } from './simulation/start.ts'
import type { Env, Op, Scenario } from './simulation/world.ts'

const operations = await loadOperations()
const MINE = { body: 'x', mark: 'A', tag: 'A' }
const THEIRS = { body: 'y', mark: 'B', tag: 'B' }
const MARKER = { marker: true, own: 'A' } as const
const ENV: Env = { cls: 'A', mode: 'tag', versioned: false }

interface Given {
  readonly init?: Scenario['init']
  readonly env?: Partial<Env>
  readonly context?: Partial<OwnershipContext>
}

function worldOf(op: Op, given: Given) {
  const env = { ...ENV, ...given.env }
  return { env, op, world: firstWorld({ name: '', procs: [{ me: 'A', ops: [op] }], init: given.init ?? {}, uploads: {} }, env) }
}

function contextFor(given: Given): OwnershipContext {
  return { ...contextOf({ me: 'A', ops: [] }, { ...ENV, ...given.env }, 'n'), ...given.context }
}

function ref(key: string, versionId?: string): ObjectRef {
  const at = { place: 'target' as const, key: key as ObjectRef['key'] }
  return versionId === undefined ? at : { ...at, versionId }
}

function asksOf(trace: readonly { step: Step }[]): Ask[] {
  return trace.flatMap(({ step }) => (step.step === 'ask' ? step.asks : []))
}

function told(outcome: Outcome | null): string {
  if (outcome === null) return 'nothing'
  if (outcome.outcome === 'relay') return `relay ${outcome.seen.status}`
  if (outcome.outcome === 'computed') return `computed ${outcome.status}`
  return outcome.outcome === 'refuse' ? outcome.code : outcome.items.map((item) => item.code).join()
}

const VERSIONED = { env: { versioned: true } } as const
const DELETED = { init: { k: [MINE, MARKER] }, ...VERSIONED }
const BLIND = { context: { mayList: () => false } }

const ANSWERS: readonly { what: string; op: Op; given: Given; answer: string; marker?: boolean }[] = [
  { what: 'GET of an absent key by who may list', op: { op: 'get', key: 'k' }, given: {}, answer: 'NoSuchKey' },
  { what: 'GET of an absent key by who may not list', op: { op: 'get', key: 'k' }, given: BLIND, answer: 'AccessDenied' },
  { what: 'HEAD of an absent key by who may not list', op: { op: 'head', key: 'k' }, given: BLIND, answer: 'AccessDenied' },
  {
    what: 'GET of an unknown version',
    op: { op: 'get', key: 'k', vid: 'no' },
    given: { init: { k: [MINE] }, ...VERSIONED },
    answer: 'NoSuchVersion'
  },
  {
    what: 'HEAD of an unknown version',
    op: { op: 'head', key: 'k', vid: 'no' },
    given: { init: { k: [MINE] }, ...VERSIONED },
    answer: 'NoSuchVersion'
  },
  { what: 'GET of a key under a delete marker', op: { op: 'get', key: 'k' }, given: DELETED, answer: 'NoSuchKey', marker: true },
  { what: 'HEAD of a key under a delete marker', op: { op: 'head', key: 'k' }, given: DELETED, answer: 'NoSuchKey', marker: true },
  {
    what: 'GET of a delete marker by its id',
    op: { op: 'get', key: 'k', vid: 'i1' },
    given: DELETED,
    answer: 'MethodNotAllowed',
    marker: true
  },
  {
    what: 'GET of a delete marker by who may not list',
    op: { op: 'get', key: 'k', vid: 'i1' },
    given: { ...DELETED, ...BLIND },
    answer: 'AccessDenied'
  },
  { what: 'GET of the version under a delete marker', op: { op: 'get', key: 'k', vid: 'i0' }, given: DELETED, answer: 'relay 200' },
  { what: "GET of another's object", op: { op: 'get', key: 'k' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  {
    what: "GET of another's version",
    op: { op: 'get', key: 'k', vid: 'i0' },
    given: { init: { k: [THEIRS, MINE] }, ...VERSIONED },
    answer: 'AccessDenied'
  },
  { what: "304 on another's object", op: { op: 'get', key: 'k', match: 'y' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  { what: "416 on another's object", op: { op: 'get', key: 'k', first: 9 }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  { what: "attributes of another's object", op: { op: 'attrs', key: 'k' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  { what: "tags of another's object", op: { op: 'getTagging', key: 'k' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  {
    what: 'an object whose tag and mark differ',
    op: { op: 'get', key: 'k' },
    given: { init: { k: [{ ...MINE, tag: 'B' }] } },
    answer: 'AccessDenied'
  },
  {
    what: 'an object without the tag that its mark demands',
    op: { op: 'head', key: 'k' },
    given: { init: { k: [{ body: 'x', mark: 'A' }] } },
    answer: 'AccessDenied'
  },
  {
    what: "an object whose mark is another's and whose tag is one's own",
    op: { op: 'get', key: 'k' },
    given: { init: { k: [{ ...THEIRS, tag: 'A' }] } },
    answer: 'AccessDenied'
  },
  {
    what: 'an own object without mark',
    op: { op: 'get', key: 'k' },
    given: { init: { k: [{ body: 'x', tag: 'A' }] } },
    answer: 'relay 200'
  },
  {
    what: 'an own version without mark',
    op: { op: 'get', key: 'k' },
    given: { init: { k: [{ body: 'x', tag: 'A' }] }, ...VERSIONED },
    answer: 'relay 200'
  },
  {
    what: 'tags in metadata mode that lack the service tag',
    op: { op: 'getTagging', key: 'k' },
    given: { init: { k: [{ body: 'x', mark: 'A', ctag: 'c' }] }, env: { mode: 'metadata' } },
    answer: 'AccessDenied'
  },
  { what: "put over another's object", op: { op: 'put', key: 'k', body: 'z' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  {
    what: "large put over another's object",
    op: { op: 'putLarge', key: 'k', body: 'z' },
    given: { init: { k: [THEIRS] } },
    answer: 'AccessDenied'
  },
  { what: "an upload to another's key", op: { op: 'create', key: 'k' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  { what: "delete of another's object", op: { op: 'del', key: 'k' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  { what: 'delete of an absent key by who may not list', op: { op: 'del', key: 'k' }, given: BLIND, answer: 'computed 204' },
  {
    what: "tagging another's object",
    op: { op: 'putTagging', key: 'k', ctag: 'c' },
    given: { init: { k: [THEIRS] } },
    answer: 'AccessDenied'
  },
  { what: "copy of another's object", op: { op: 'copy', src: 'k', key: 'd' }, given: { init: { k: [THEIRS] } }, answer: 'AccessDenied' },
  {
    what: "copy over another's object",
    op: { op: 'copy', src: 'd', key: 'k' },
    given: { init: { k: [THEIRS], d: [MINE] } },
    answer: 'AccessDenied'
  },
  { what: 'copy of an absent key', op: { op: 'copy', src: 'k', key: 'd' }, given: {}, answer: 'NoSuchKey' },
  {
    what: "the client's If-None-Match: * on an own object",
    op: { op: 'put', key: 'k', body: 'z', cinm: true },
    given: { init: { k: [MINE] } },
    answer: 'PreconditionFailed'
  },
  {
    what: "the client's If-None-Match: * on an own object, large",
    op: { op: 'putLarge', key: 'k', body: 'z', cinm: true },
    given: { init: { k: [MINE] } },
    answer: 'PreconditionFailed'
  },
  {
    what: "the client's If-None-Match: * on another's object",
    op: { op: 'put', key: 'k', body: 'z', cinm: true },
    given: { init: { k: [THEIRS] } },
    answer: 'AccessDenied'
  },
  {
    what: "the client's If-Match that holds",
    op: { op: 'put', key: 'k', body: 'z', cim: '"x"' },
    given: { init: { k: [MINE] } },
    answer: 'relay 200'
  },
  {
    what: "the client's If-Match that does not hold",
    op: { op: 'put', key: 'k', body: 'z', cim: 'no' },
    given: { init: { k: [MINE] } },
    answer: 'PreconditionFailed'
  },
  { what: "the client's If-Match on an absent key", op: { op: 'put', key: 'k', body: 'z', cim: 'x' }, given: {}, answer: 'NoSuchKey' },
  {
    what: "the client's If-Match on a copy's destination",
    op: { op: 'copy', src: 'k', key: 'd', cim: 'no' },
    given: { init: { k: [MINE], d: [MINE] } },
    answer: 'PreconditionFailed'
  },
  { what: 'removal of a delete marker over an own version', op: { op: 'del', key: 'k', vid: 'i1' }, given: DELETED, answer: 'relay 204' },
  {
    what: "removal of a delete marker over another's version",
    op: { op: 'del', key: 'k', vid: 'i1' },
    given: { init: { k: [THEIRS, MARKER] }, ...VERSIONED },
    answer: 'AccessDenied'
  },
  {
    what: 'removal of a delete marker over another marker',
    op: { op: 'del', key: 'k', vid: 'i2' },
    given: { init: { k: [THEIRS, MARKER, MARKER] }, ...VERSIONED },
    answer: 'relay 204'
  }
]

for (const { what, op, given, answer, marker } of ANSWERS) {
  for (const cls of ['A', 'B'] as const) {
    test(`the answer to ${what} is ${answer}, class ${cls}`, (t) => {
      const here = { ...given, env: { cls, ...given.env } }
      const on = worldOf(op, here)
      const { outcome, trace } = runAlone(startWith(op, here), on)
      t.equal(told(outcome), answer)
      if (marker) t.equal(outcome?.outcome === 'refuse' && outcome.seen?.deleteMarker, true, 'the answer tells of the marker')
      const sent = asksOf(trace).filter(({ ask }) => ['copy', 'delete', 'putTags', 'createUpload'].includes(ask))
      t.equal(sent.length > 0, answer.startsWith('relay') && op.op === 'del', 'a refusal has no effect')
      t.end()
    })
  }
}

function startWith(op: Op, given: Given): Protocol {
  if (given.context === undefined) return start(operations, { me: 'A', ops: [op] }, op, { ...ENV, ...given.env }, 'n')
  const context = contextFor(given)
  const at = ref(op.key ?? '', op.vid)
  if (op.op === 'del') return operations.deleteObject(context, { at, judge: null })
  return op.op === 'head'
    ? operations.head(context, { at, judge: null })
    : operations.get(context, { at, judge: null, rangeOf: null, lookFirst: false })
}

for (const cls of ['C', 'D'] as const) {
  test(`class ${cls} takes the same steps and sends only conditions that are honoured`, (t) => {
    const given = { env: { cls }, init: { k: [MINE], d: [MINE] } }
    const ops: Op[] = [
      { op: 'put', key: 'k', body: 'z' },
      { op: 'putLarge', key: 'k', body: 'z' },
      { op: 'copy', src: 'd', key: 'k' },
      { op: 'copyBig', src: 'd', key: 'k' },
      { op: 'del', key: 'k' }
    ]
    for (const op of ops) {
      const { outcome, trace } = runAlone(startWith(op, given), worldOf(op, given))
      t.match(told(outcome), /^relay/, op.op)
      const effects = asksOf(trace).flatMap((ask) => ('condition' in ask ? [ask] : []))
      for (const effect of effects) {
        const isHonoured = cls === 'C' && (effect.ask === 'put' || effect.ask === 'putRead')
        t.equal(effect.condition.kind === 'none', !isHonoured, `${op.op} sends ${effect.ask} with ${effect.condition.kind}`)
      }
      t.equal(
        trace.some(({ step }) => step.step === 'lease'),
        op.op === 'del',
        'deletes take the lease'
      )
      t.equal(asksOf(trace)[0]?.ask === 'put' && cls === 'D', false, 'nothing is written before a look where no condition guards it')
    }
    t.end()
  })
}

test('DeleteObjects answers per key, in the order of the request, whatever happens to each', (t) => {
  const given: Given = { init: { a: [MINE], b: [THEIRS], c: [], d: [MINE, MARKER], e: [MINE] }, ...VERSIONED }
  const op: Op = { op: 'batch' }
  const items = [ref('e'), ref('b'), ref('a'), ref('c'), ref('a'), ref('d', 'i1'), ref('e', 'no')].map((at) => ({ at, judge: null }))
  const { outcome, trace } = runAlone(operations.deleteMany(contextFor(given), { items }), worldOf(op, given))
  t.equal(told(outcome), 'Deleted,AccessDenied,Deleted,Deleted,Deleted,Deleted,Deleted')
  t.strictSame(outcome?.outcome === 'batch' && outcome.items.map((item) => item.index), [0, 1, 2, 3, 4, 5, 6])
  const batches = asksOf(trace).flatMap((ask) => (ask.ask === 'deleteBatch' ? [ask.items.map(({ at }) => at.key)] : []))
  t.strictSame(batches, [['e', 'a', 'd']], 'a key named twice is deleted once, and only what policy admits')
  t.end()
})

test("DeleteObjects sends no key whose ETag the client's own condition does not name", (t) => {
  const given: Given = { init: { a: [MINE], c: [] } }
  const judge: Judge = (object) => (object.etag === 'other' ? 'pass' : 412)
  const items = [ref('a'), ref('c')].map((at) => ({ at, judge }))
  const { outcome, trace } = runAlone(operations.deleteMany(contextFor(given), { items }), worldOf({ op: 'batch' }, given))
  t.equal(told(outcome), 'PreconditionFailed,NoSuchKey')
  t.equal(
    asksOf(trace).some(({ ask }) => ask === 'deleteBatch'),
    false
  )
  t.end()
})

test('DeleteObjects of a thousand keys looks at no more than 32 at once and splits keys of one path', (t) => {
  const keys = Array.from({ length: 1000 }, (_, n) => `k${String(n).padStart(4, '0')}`)
  const init = Object.fromEntries([...keys, 'p/q', 'p//q', 'p/./q/'].map((key) => [key, [MINE]]))
  const given: Given = { init, env: { cls: 'B' } }
  const items = Object.keys(init).map((key) => ({ at: ref(key), judge: null }))
  const { outcome, trace } = runAlone(operations.deleteMany(contextFor(given), { items }), worldOf({ op: 'batch' }, given))
  t.equal(told(outcome), items.map(() => 'Deleted').join())
  for (const { step } of trace) if (step.step === 'ask') t.ok(step.asks.filter(({ ask }) => ask === 'head').length <= 32)
  const batches = asksOf(trace).flatMap((ask) => (ask.ask === 'deleteBatch' ? [ask.items.length] : []))
  t.strictSame(batches, [1001, 1, 1])
  const leased = trace.flatMap(({ step }) => (step.step === 'lease' ? [step.key] : []))
  t.strictSame(leased, [...leased].sort(), 'leases are taken in sorted order')
  t.end()
})

test('when one lease of a batch cannot be had, all are given back and nothing is asked', (t) => {
  const given: Given = { init: { a: [MINE], b: [MINE] }, env: { cls: 'B' } }
  const items = ['b', 'a'].map((key) => ({ at: ref(key), judge: null }))
  const { outcome, trace } = runAlone(operations.deleteMany(contextFor(given), { items }), worldOf({ op: 'batch' }, given), {
    at: { step: 1, ask: 0 },
    fault: { kind: 'given', value: 'unavailable' }
  })
  t.equal(told(outcome), 'ServiceUnavailable')
  t.strictSame(
    trace.map(({ step }) => (step.step === 'lease' || step.step === 'release' ? `${step.step} ${step.key}` : step.step)),
    ['lease a', 'lease b', 'release a']
  )
  t.end()
})

test('on a versioned bucket the tags of the verdict are those of the version that the head shows', (t) => {
  const head: Seen = { status: 200, etag: 'x', lastModified: '0', mark: 'A', versionId: 'v2', reply: null }
  const old: Seen = { status: 200, tags: new Map([['service', 'B']]), versionId: 'v1', reply: null }
  const run = operations.head(contextFor({}), { at: ref('k'), judge: null })
  t.equal(run.next().value !== undefined, true)
  run.next(null)
  const third = run.next([head, old])
  t.match(third.value, { step: 'ask', asks: [{ ask: 'tags', at: { versionId: 'v2' } }] })
  t.end()
})

test('removing a delete marker over the version without an id looks at that version, which pins nothing', (t) => {
  const run = operations.deleteObject(contextFor({}), { at: ref('k', 'm'), judge: null })
  run.next()
  t.match(
    run.next([
      { status: 405, deleteMarker: true, reply: null },
      { status: 405, reply: null }
    ]).value,
    { asks: [{ ask: 'below', versionId: 'm' }] }
  )
  const looked = run.next([{ status: 200, below: { found: true, versionId: 'null' }, reply: null }])
  t.strictSame(looked.value, {
    step: 'ask',
    asks: ['head', 'tags'].map((ask) => ({ ask, at: { place: 'target', key: 'k', nullVersion: true } }))
  })
  t.end()
})

test("a put that policy admits only over the caller's objects looks before it creates", (t) => {
  const given: Given = { context: { admits: (object) => object?.owner === 'A' } }
  const op: Op = { op: 'put', key: 'k', body: 'z' }
  const run = () => put(contextFor(given), { at: ref('k'), client: { kind: 'none' }, replayable: true })
  t.equal(told(runAlone(run(), worldOf(op, given)).outcome), 'AccessDenied')
  const over = runAlone(run(), worldOf(op, { ...given, init: { k: [MINE] } }))
  t.equal(told(over.outcome), 'relay 200')
  t.strictSame(
    asksOf(over.trace).map(({ ask }) => ask),
    ['head', 'tags', 'put']
  )
  t.end()
})
