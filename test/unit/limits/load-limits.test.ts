import fc from 'fast-check'
import t from 'tap'
import { createLoadLimits, type Load, type LoadLimits, type LoadOptions, type LoadPlace } from '../../../proxy/limits/load-limits.ts'

interface Changes {
  readonly tenant?: Partial<LoadOptions['tenant']>
  readonly buckets?: LoadOptions['buckets']
  readonly share?: number
}

function limits({ tenant = {}, buckets = new Map(), share = 1 }: Changes): { readonly load: LoadLimits; readonly refused: string[] } {
  const refused: string[] = []
  const load = createLoadLimits({
    tenant: { requestsMax: 0, requests: null, bytes: null, rememberedMax: 1000, ...tenant },
    buckets,
    share,
    onRefused: (limit) => refused.push(limit)
  })
  if (load === null) throw new Error('nothing is limited')
  return { load, refused }
}

const used = (usage: Partial<Load> = {}): Load => ({ bytesIn: 0, bytesOut: 0, upstreamRequests: 0, ...usage })
const place = (bucket: string, account = 'main'): LoadPlace => ({ account: { id: account }, assignment: { upstreamBucket: bucket } })
const rate = (perSecond: number, burst = perSecond): { perSecond: number; burst: number } => ({ perSecond, burst })

t.test('where nothing is configured there is nothing', (t) => {
  const tenant = { requestsMax: 0, requests: null, bytes: null, rememberedMax: 1000 }
  t.equal(createLoadLimits({ tenant, buckets: new Map(), share: 1, onRefused: () => undefined }), null)
  for (const share of [0, -1, 1.1, Number.NaN])
    t.throws(() => createLoadLimits({ tenant, buckets: new Map(), share, onRefused: () => undefined }), /above 0 and at most 1/)
  t.end()
})

t.test('a tenant has so many requests under way, and its neighbour as many of its own', (t) => {
  const { load, refused } = limits({ tenant: { requestsMax: 2 } })
  const [first, second, third] = [used(), used(), used()]
  t.equal(load.enter(first, 'a', null, null, 0), null)
  t.equal(load.enter(second, 'a', null, null, 0), null)
  t.strictSame(load.enter(third, 'a', null, null, 0), { limit: 'tenant-concurrency', waitMs: 0 })
  t.equal(load.enter(used(), 'b', null, null, 0), null)
  load.leave(third, 0)
  t.equal(load.requestsUnderWay, 3, 'a refused request has no place to leave')
  load.leave(first, 0)
  t.equal(load.enter(third, 'a', null, null, 0), null)
  t.strictSame(refused, ['tenant-concurrency'])
  t.end()
})

t.test('a refused request takes no token of the limits that it is not over', (t) => {
  const { load } = limits({ tenant: { requests: rate(1, 2) }, buckets: new Map([['main', rate(1, 1)]]) })
  t.equal(load.enter(used(), 'a', place('x'), null, 0), null)
  for (let time = 0; time < 5; time++) t.match(load.enter(used(), 'a', place('x'), null, 0), { limit: 'bucket-requests' })
  t.equal(load.enter(used(), 'a', place('y'), null, 0), null, 'the tenant still has its second token')
  t.end()
})

t.test('of several limits the one that holds longest is told', (t) => {
  const { load, refused } = limits({ tenant: { requests: rate(10, 1), bytes: rate(1000) } })
  const request = used({ bytesOut: 6000 })
  t.equal(load.enter(request, 'a', null, null, 0), null)
  load.leave(request, 0)
  t.strictSame(load.enter(used(), 'a', null, null, 0), { limit: 'tenant-bytes', waitMs: 5001 })
  t.strictSame(refused, ['tenant-bytes'])
  t.end()
})

t.test('bytes are paid for as they flow, and the rest when the request ends', (t) => {
  const { load } = limits({ tenant: { bytes: rate(1000) } })
  const request = { bytesIn: 0, bytesOut: 0, upstreamRequests: 1 }
  t.equal(load.enter(request, 'a', null, null, 0), null)
  const meter = load.meterOf(request)
  meter?.flowed(900, 0)
  t.equal(load.enter(used(), 'a', null, null, 0), null, 'there is some left')
  meter?.flowed(1100, 0)
  t.strictSame(load.enter(used(), 'a', null, null, 0), { limit: 'tenant-bytes', waitMs: 1001 })
  // At the rate of the limit a transfer may last as long as it will: it leaves no debt.
  for (let second = 1; second <= 100; second++) meter?.flowed(1000, second * 1000)
  t.match(load.enter(used(), 'a', null, null, 100_000), { limit: 'tenant-bytes', waitMs: 1001 })
  request.bytesOut = 102_000
  request.bytesIn = 500
  load.leave(request, 100_000)
  t.match(load.enter(used(), 'a', null, null, 100_000), { waitMs: 1501 }, 'what no meter saw is paid for once')
  meter?.flowed(500, 100_000)
  t.match(load.enter(used(), 'a', null, null, 100_000), { waitMs: 2001 }, 'a flow that is cut may still tell: it is its own tenant’s')
  t.end()
})

t.test('what a meter saw and no client got is given back', (t) => {
  const { load } = limits({ tenant: { bytes: rate(1000) } })
  const request = { bytesIn: 0, bytesOut: 200, upstreamRequests: 1 }
  load.enter(request, 'a', null, null, 0)
  load.meterOf(request)?.flowed(5000, 0)
  load.leave(request, 0)
  t.equal(load.enter(used(), 'a', null, null, 0), null)
  t.equal(load.meterOf(used()), null, 'a request that is not under way has none')
  t.end()
})

t.test('without a limit of bytes nothing is metered', (t) => {
  const { load } = limits({ tenant: { requestsMax: 5 } })
  const request = used()
  load.enter(request, 'a', null, null, 0)
  t.equal(load.meterOf(request), null)
  t.end()
})

t.test('tenants in one bucket share its limit; other buckets and accounts have their own or none', (t) => {
  const { load } = limits({ buckets: new Map([['main', rate(1, 2)]]) })
  t.equal(load.enter(used(), 'a', place('x'), null, 0), null)
  t.equal(load.enter(used(), 'b', place('x'), null, 0), null)
  t.strictSame(load.enter(used(), 'c', place('x'), null, 0), { limit: 'bucket-requests', waitMs: 1000 })
  t.equal(load.enter(used(), 'c', place('y'), null, 0), null)
  for (let time = 0; time < 10; time++) t.equal(load.enter(used(), 'c', place('x', 'other'), null, 0), null)
  t.equal(load.enter(used(), 'c', null, null, 0), null, 'what the proxy answers itself')
  t.end()
})

t.test('a bucket is charged for every request that was sent to it', (t) => {
  const { load } = limits({ buckets: new Map([['main', rate(1, 10)]]) })
  const request = used({ upstreamRequests: 5 })
  load.enter(request, 'a', place('x'), null, 0)
  load.leave(request, 0)
  const none = used({ upstreamRequests: 0 })
  load.enter(none, 'a', place('x'), null, 0)
  load.leave(none, 0)
  for (let left = 5; left > 0; left--) t.equal(load.enter(used(), 'a', place('x'), null, 0), null)
  t.match(load.enter(used(), 'a', place('x'), null, 0), { limit: 'bucket-requests' }, 'five were sent, none, and five are under way')
  t.end()
})

t.test('a copy goes to two buckets, or twice to one', (t) => {
  const copies = (target: string, source: string): LoadLimits => {
    const { load } = limits({ buckets: new Map([['main', rate(1, 4)]]) })
    const copy = used({ upstreamRequests: 3 })
    load.enter(copy, 'a', place(target), place(source), 0)
    load.leave(copy, 0)
    return load
  }
  const left = (load: LoadLimits, bucket: string): number => {
    let count = 0
    while (load.enter(used(), 'a', place(bucket), null, 0) === null) count += 1
    return count
  }
  const two = copies('x', 'y')
  t.equal(left(two, 'x'), 2)
  t.equal(left(two, 'y'), 3)
  t.equal(left(copies('x', 'x'), 'x'), 1)
  const full = copies('x', 'y')
  while (full.enter(used(), 'a', place('y'), null, 0) === null);
  t.match(full.enter(used(), 'a', place('x'), place('y'), 0), { limit: 'bucket-requests' }, 'the source counts')
  t.end()
})

t.test('a process enforces its part of every limit', (t) => {
  const { load } = limits({ tenant: { requestsMax: 5, requests: rate(100, 10) }, share: 0.5 })
  t.equal(load.enter(used(), 'a', null, null, 0), null)
  t.equal(load.enter(used(), 'a', null, null, 0), null)
  t.match(load.enter(used(), 'a', null, null, 0), { limit: 'tenant-concurrency' })
  const small = limits({ tenant: { requestsMax: 1, requests: rate(2, 1) }, share: 0.25 }).load
  const only = used()
  t.equal(small.enter(only, 'a', null, null, 0), null, 'however small its part, it is not none')
  small.leave(only, 0)
  t.strictSame(small.enter(used(), 'a', null, null, 0), { limit: 'tenant-requests', waitMs: 2000 })
  t.end()
})

t.test('a million tenants take the memory of those that are remembered', (t) => {
  const { load } = limits({ tenant: { requestsMax: 5, requests: rate(1, 2), bytes: rate(10), rememberedMax: 1000 } })
  const held = Array.from({ length: 50 }, () => used())
  for (const [index, request] of held.entries()) load.enter(request, `held-${index}`, null, null, 0)
  for (let index = 0; index < 1_000_000; index++) {
    const request = used()
    if (load.enter(request, `tenant-${index}`, null, null, index / 1000) !== null) t.fail('a tenant that was never seen is refused')
    load.leave(request, index / 1000)
    if (load.tenantsRemembered > 1000) t.fail(`${load.tenantsRemembered} are remembered`)
  }
  for (const request of held) load.leave(request, 1000)
  t.equal(load.requestsUnderWay, 0)
  t.ok(load.tenantsRemembered <= 1000)
  t.end()
})

t.test('a tenant that owes is remembered while there are others to forget', (t) => {
  const { load } = limits({ tenant: { bytes: rate(1000), requests: rate(1000), rememberedMax: 1000 } })
  const debtor = used({ bytesOut: 1_000_000_000 })
  load.enter(debtor, 'debtor', null, null, 0)
  load.leave(debtor, 0)
  for (let index = 0; index < 100_000; index++) {
    const request = used({ bytesOut: 1 })
    load.enter(request, `tenant-${index}`, null, null, index)
    load.leave(request, index)
  }
  t.match(load.enter(used(), 'debtor', null, null, 100_000), { limit: 'tenant-bytes' })
  t.end()
})

/** What requests of five tenants do at random, against the simplest account of it that can be kept. */
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('enter' as const), tenant: fc.nat(4), bucket: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(30), sent: fc.nat(4), bytes: fc.nat(3000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(700) }) }
  ),
  { maxLength: 200 }
)

class Account {
  readonly #rate: { readonly perSecond: number; readonly burst: number }
  #tokens: number
  #at = 0

  constructor(of: { readonly perSecond: number; readonly burst: number }) {
    this.#rate = of
    this.#tokens = of.burst
  }

  at(now: number): number {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate.perSecond)
    this.#at = now
    return this.#tokens
  }

  take(now: number, count: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.at(now) - count)
  }
}

t.test('whatever comes in whatever order, exactly what the limits allow is admitted and every place comes back', (t) => {
  const [requests, bytes, bucketRate] = [rate(5, 6), rate(1000, 2000), rate(8, 9)]
  const property = fc.property(steps, (order) => {
    const { load } = limits({ tenant: { requestsMax: 3, requests, bytes }, buckets: new Map([['main', bucketRate]]) })
    const tenants = Array.from({ length: 5 }, () => ({ underWay: 0, requests: new Account(requests), bytes: new Account(bytes) }))
    const buckets = Array.from({ length: 3 }, () => new Account(bucketRate))
    const underWay: { request: { bytesIn: number; bytesOut: number; upstreamRequests: number }; tenant: number; bucket: number }[] = []
    let now = 0
    const leave = (which: number, sent: number, moved: number): void => {
      const [one] = underWay.splice(which % underWay.length, 1)
      if (one === undefined) return
      Object.assign(one.request, { bytesOut: moved, upstreamRequests: sent })
      load.leave(one.request, now)
      const tenant = tenants[one.tenant]
      if (tenant === undefined) throw new Error('no such tenant')
      tenant.underWay -= 1
      tenant.bytes.take(now, moved)
      buckets[one.bucket]?.take(now, sent - 1)
    }
    for (const step of order) {
      if (step.do === 'wait') now += step.ms
      else if (step.do === 'leave') leave(step.which, step.sent, step.bytes)
      else {
        const [tenant, bucket] = [tenants[step.tenant], buckets[step.bucket]]
        if (tenant === undefined || bucket === undefined) throw new Error('no such tenant or bucket')
        const allowed = tenant.underWay < 3 && Math.min(tenant.requests.at(now), tenant.bytes.at(now), bucket.at(now)) >= 0.999999
        const request = { bytesIn: 0, bytesOut: 0, upstreamRequests: 0 }
        const admitted = load.enter(request, `t${step.tenant}`, place(`b${step.bucket}`), null, now) === null
        if (admitted !== allowed) return false
        if (!admitted) continue
        tenant.underWay += 1
        tenant.requests.take(now, 1)
        bucket.take(now, 1)
        underWay.push({ request, tenant: step.tenant, bucket: step.bucket })
      }
    }
    while (underWay.length > 0) leave(0, 1, 0)
    return load.requestsUnderWay === 0
  })
  fc.assert(property, { numRuns: 1000 })
  t.end()
})
