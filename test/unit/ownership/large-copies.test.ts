/** Copies of sources that do not fit into one request. */
import { test } from 'tap'
import { planParts } from '../../../proxy/ownership/copy-in-parts.ts'
import { copy, type CopyRequest } from '../../../proxy/ownership/copy.ts'
import type { Ask, ObjectRef, Outcome, Seen, Step } from '../../../proxy/ownership/steps.ts'
import { contextOf } from './simulation/start.ts'

const GIB = 1024 ** 3

for (const size of [0, 1, 256 * 1024 ** 2, 256 * 1024 ** 2 + 1, 5 * GIB, 5 * 1024 * GIB]) {
  test(`an object of ${size} bytes is cut into parts that cover it`, (t) => {
    const parts = planParts(size)
    t.ok(parts.length <= 10_000, 'S3 takes no more parts')
    t.equal(parts[0]?.first, 0)
    t.equal(parts.at(-1)?.last, size - 1)
    t.ok(parts.every((part, n) => part.partNumber === n + 1))
    t.ok(parts.every((part, n) => n === 0 || part.first === (parts[n - 1]?.last ?? 0) + 1))
    t.ok(
      parts.every((part) => part.last - part.first < 5 * GIB),
      'no part is too large'
    )
    t.end()
  })
}

const at = (key: string, place: ObjectRef['place']): ObjectRef => ({ place, key: key as ObjectRef['key'] })

/** Runs a copy of a source of `size` bytes against an upstream that does all that it is asked, but for `spoiled`. */
function run(
  size: number,
  more: Partial<CopyRequest>,
  spoiled: (ask: Ask) => Seen | null = () => null
): { asks: Ask[]; outcome: Outcome; discards: number } {
  const context = contextOf(
    { me: 'A', ops: [] },
    { cls: 'B', mode: 'metadata', versioned: false, ...(more.sameAccount === false && { ignoresSource: true }) },
    'n'
  )
  const request: CopyRequest = {
    at: at('d', 'target'),
    source: { context, at: at('k', 'source') },
    client: { kind: 'none' },
    judgeSource: null,
    copiesTags: true,
    sameAccount: true,
    ontoItself: false,
    smallBytesMax: 1000,
    ...more
  }
  const generator = copy(context, request)
  const asks: Ask[] = []
  let discards = 0
  let got: IteratorResult<Step, Outcome> = generator.next()
  while (!got.done) {
    const { value } = got
    if (value.step === 'discard') discards++
    if (value.step === 'ask') asks.push(...value.asks)
    got = generator.next(
      value.step === 'ask' ? value.asks.map((ask) => spoiled(ask) ?? answer(ask, size)) : value.step === 'cacheGet' ? null : undefined
    )
  }
  return { asks, outcome: got.value, discards }
}

function answer(ask: Ask, size: number): Seen {
  if (ask.ask === 'head') return { status: 404, code: 'NoSuchKey', reply: null }
  if (ask.ask === 'createUpload') return { status: 200, uploadId: 'u', reply: null }
  return { status: ask.ask === 'readRange' ? 206 : 200, etag: 'x', lastModified: '0', mark: 'A', size, reply: {} }
}

const kinds = (asks: readonly Ask[]) => asks.map(({ ask }) => ask)

test('a large source in the same account is copied in parts, four at a time, and completed on a condition', (t) => {
  const { asks, outcome, discards } = run(6 * GIB, {})
  t.equal(outcome.outcome, 'relay')
  t.strictSame(kinds(asks).slice(0, 2), ['read', 'createUpload'])
  t.equal(asks.filter(({ ask }) => ask === 'partCopy').length, 24)
  t.match(asks.at(-1), { ask: 'complete', condition: { kind: 'absent' } })
  t.equal(discards, 1, 'the read that told the size is given up')
  t.end()
})

test('a source in another account is put in one request up to 5 GiB', (t) => {
  const { asks, outcome } = run(5 * GIB, { sameAccount: false })
  t.equal(outcome.outcome, 'relay')
  t.strictSame(kinds(asks), ['read', 'head', 'putRead'])
  t.end()
})

test('a source in another account above 5 GiB is read range by range', (t) => {
  const { asks, outcome, discards } = run(5 * GIB + 1, { sameAccount: false })
  t.equal(outcome.outcome, 'relay')
  t.equal(asks.filter(({ ask }) => ask === 'readRange').length, 21)
  t.equal(asks.filter(({ ask }) => ask === 'partPut').length, 21)
  t.equal(
    asks.some(({ ask }) => ask === 'partCopy' || ask === 'copy'),
    false,
    'never sent as a name'
  )
  t.equal(discards, 22)
  t.end()
})

const SPOILED: readonly { what: string; spoiled: (ask: Ask) => Seen | null; code: string }[] = [
  {
    what: 'a part of it changed',
    spoiled: (ask) => (ask.ask === 'readRange' && ask.first > 0 ? { status: 206, etag: 'other', mark: 'A', reply: null } : null),
    code: 'SlowDown'
  },
  {
    what: 'a part of it is marked as of another',
    spoiled: (ask) => (ask.ask === 'readRange' && ask.first > 0 ? { status: 206, etag: 'x', mark: 'B', reply: null } : null),
    code: 'SlowDown'
  },
  {
    what: 'the range is ignored',
    spoiled: (ask) => (ask.ask === 'readRange' ? { status: 200, etag: 'x', mark: 'A', reply: null } : null),
    code: 'SlowDown'
  },
  {
    what: 'a part cannot be stored',
    spoiled: (ask) => (ask.ask === 'partPut' ? { status: 500, code: 'InternalError', reply: null } : null),
    code: 'ServiceUnavailable'
  },
  {
    what: 'the upload vanished',
    spoiled: (ask) => (ask.ask === 'complete' ? { status: 404, code: 'NoSuchUpload', reply: null } : null),
    code: 'SlowDown'
  }
]

for (const { what, spoiled, code } of SPOILED) {
  test(`a large copy is aborted when ${what}`, (t) => {
    const { asks, outcome } = run(6 * GIB, { sameAccount: false }, spoiled)
    t.match(outcome, { outcome: 'refuse', code })
    t.equal(asks.at(-1)?.ask, 'abort')
    t.end()
  })
}

test('a part whose source condition fails aborts the copy', (t) => {
  const { asks, outcome } = run(6 * GIB, {}, (ask) =>
    ask.ask === 'partCopy' && ask.partNumber === 7 ? { status: 412, code: 'PreconditionFailed', reply: null } : null
  )
  t.match(outcome, { outcome: 'refuse', code: 'SlowDown' })
  t.equal(asks.at(-1)?.ask, 'abort')
  t.end()
})

test("a copy whose client's condition on the source fails reads nothing more and writes nothing", (t) => {
  const { asks, outcome, discards } = run(10, { judgeSource: () => 412 })
  t.match(outcome, { outcome: 'refuse', code: 'PreconditionFailed' })
  t.strictSame(kinds(asks), ['read'])
  t.equal(discards, 1)
  t.end()
})
