/** What the protocol of one GetObject costs apart from its requests. Run: node bench/ownership-get.ts */
import type { OwnershipContext } from '../proxy/ownership/context.ts'
import { get } from '../proxy/ownership/read.ts'
import type { CachedOwner, ObjectRef, Outcome, Seen, Step } from '../proxy/ownership/steps.ts'
import { calibrate, measure, report } from './measure.ts'

const ROUNDS = 50_000
const at: ObjectRef = { place: 'target', key: 'tenant/key' as ObjectRef['key'] }
const context: OwnershipContext = {
  me: 'system:serviceaccount:billing:invoicer',
  admits: (object) => object?.owner === 'system:serviceaccount:billing:invoicer',
  mode: 'tag',
  closed: { put: true, complete: true, copy: true, delete: true },
  sourceConditions: true,
  uniqueEtags: false,
  leases: 'class',
  mayList: () => true,
  needsTags: false,
  hasTags: true,
  retries: 4,
  leaseMarginMs: 60_000,
  newNonce: () => 'nonce'
}
const read: Seen = { status: 200, etag: '"e"', lastModified: 'then', size: 1, mark: context.me, reply: null }
const tags: Seen = { status: 200, tags: new Map([['service', context.me]]), reply: null }
const entry: CachedOwner = { owner: context.me, etag: '"e"', mark: context.me }

function run(cached: CachedOwner | null): number {
  const generator = get(context, { at, judge: null, rangeOf: null, lookFirst: false })
  let got: IteratorResult<Step, Outcome> = generator.next()
  while (!got.done) {
    const { value } = got
    got = generator.next(
      value.step === 'cacheGet' ? cached : value.step === 'ask' ? value.asks.map((ask) => (ask.ask === 'tags' ? tags : read)) : undefined
    )
  }
  return got.value.outcome === 'relay' ? 1 : 0
}

const calibration = calibrate()
report(
  'GetObject, cold',
  measure(() => run(null), ROUNDS),
  calibration
)
report(
  'GetObject, warm',
  measure(() => run(entry), ROUNDS),
  calibration
)
