import fc from 'fast-check'
import t from 'tap'
import { TokenBucket } from '../../../proxy/limits/token-bucket.ts'

const rate = fc.record({ perSecond: fc.integer({ min: 1, max: 1000 }), burst: fc.integer({ min: 1, max: 1000 }) })
/** Calls at growing times: most of them close together, some after a pause. */
const calls = fc.array(fc.record({ afterMs: fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.integer({ min: 0, max: 5000 })) }), {
  minLength: 1,
  maxLength: 300
})

t.test('over any span no more is admitted than the burst and what came in meanwhile', (t) => {
  fc.assert(
    fc.property(rate, calls, (limits, order) => {
      const bucket = new TokenBucket(limits, 0)
      const admitted: number[] = []
      let now = 0
      for (const { afterMs } of order) {
        now += afterMs
        if (!bucket.admits(now)) continue
        bucket.take(1, now)
        admitted.push(now)
      }
      for (let from = 0; from < admitted.length; from++) {
        for (let to = from; to < admitted.length; to++) {
          const seconds = ((admitted[to] as number) - (admitted[from] as number)) / 1000
          if (to - from + 1 > limits.burst + limits.perSecond * seconds + 0.01) return false
        }
      }
      return true
    })
  )
  t.end()
})

t.test('no less is admitted either: whoever asks as often as the rate allows is never refused', (t) => {
  fc.assert(
    fc.property(rate, fc.integer({ min: 1, max: 500 }), (limits, count) => {
      const bucket = new TokenBucket(limits, 0)
      for (let index = 0; index < count; index++) {
        const now = (index * 1000) / limits.perSecond
        if (!bucket.admits(now)) return false
        bucket.take(1, now)
      }
      return true
    })
  )
  t.end()
})

t.test('a refusal is right about when it ends, and not a moment early', (t) => {
  const debts = fc.integer({ min: 1, max: 1_000_000 })
  fc.assert(
    fc.property(rate, debts, (limits, debt) => {
      const bucket = new TokenBucket(limits, 0)
      bucket.take(limits.burst + debt, 0)
      const wait = bucket.waitMs(0)
      return !bucket.admits(wait * 0.999) && bucket.waitMs(wait * 0.999) > 0 && bucket.admits(wait) && bucket.waitMs(wait) === 0
    })
  )
  t.end()
})

t.test('a debt is paid back at the rate, and what is given back is no more than a full bucket', (t) => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, 0)
  bucket.take(120, 0)
  t.equal(bucket.waitMs(0), 10_100)
  t.notOk(bucket.admits(10_000))
  t.ok(bucket.admits(10_100))
  bucket.take(-500, 10_100)
  t.ok(bucket.isFull(10_100))
  bucket.take(20, 10_100)
  t.notOk(bucket.admits(10_100), 'the burst was all there was')
  t.end()
})

t.test('a time that lies before the last one adds nothing', (t) => {
  const bucket = new TokenBucket({ perSecond: 1000, burst: 1 }, 5000)
  bucket.take(1, 5000)
  t.notOk(bucket.admits(0))
  t.notOk(bucket.admits(5000), 'nor does coming back from it')
  t.ok(bucket.admits(5001))
  t.end()
})
