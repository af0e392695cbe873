import t from 'tap'
import { FULL } from '../../../bench/end-to-end/plan.ts'
import { reachedIn } from '../../../bench/end-to-end/goals.ts'
import { filesOf } from '../../../bench/end-to-end/report.ts'
import { readResults, summarize, type Results } from '../../../bench/end-to-end/results.ts'
import { refuseFailures, type Sample } from '../../../bench/end-to-end/sample.ts'

const sampleOf = (subject: string, round: number, cpuSeconds: number, more: Partial<Sample> = {}): Sample => ({
  ...{ workload: 'GET 1 KiB', subject, round, requests: 1000, bytes: 1_024_000, seconds: 1, failures: 0, cpuSeconds },
  ...{ residentBytes: 1e6, upstreamRequests: 1000, foreignCores: 0, generator: 'own', ...more }
})
const BOTH = [sampleOf('nginx', 0, 0.02), sampleOf('sluice', 0, 0.06), sampleOf('nginx', 1, 0.04), sampleOf('sluice', 1, 0.06)]
const resultsOf = (samples: readonly Sample[]): Results => ({
  machine: {
    ...{ cpu: 'some', cores: 2, memoryGiB: 4, kernel: '6', congestionControl: 'cubic', node: 'v24', nginx: '1', wrk: true, cipher: null }
  },
  ...{ date: '2026-11-24T00:00:00.000Z', tookSeconds: 1, plan: FULL, cold: null, memory: [] },
  rows: summarize(samples, new Map([['GET 1 KiB', new Map([['sluice', [1, 2, 3]]])]]), 'nginx')
})

t.test('a row is the median of its samples beside that of nginx, and holds them all', (t) => {
  const shown = resultsOf(BOTH).rows.map((row) => ({
    ...{ workload: row.workload, subject: row.subject, p50Ms: row.p50Ms, p999Ms: row.p999Ms, upstream: row.upstreamPerRequest },
    ...{ ratio: row.ratio.toFixed(6), us: row.cpuPerRequestUs.toFixed(6), samples: row.samples.length }
  }))
  const common = { workload: 'GET 1 KiB', upstream: 1, samples: 2 }
  t.strictSame(shown, [
    { ...common, subject: 'nginx', p50Ms: null, p999Ms: null, ratio: '1.000000', us: '30.000000' },
    { ...common, subject: 'sluice', p50Ms: 2, p999Ms: 3, ratio: '2.000000', us: '60.000000' }
  ])
  t.end()
})

t.test('no row without a sample of nginx in the same round, and none with a failed request', (t) => {
  const [first, second, , fourth] = BOTH as [Sample, Sample, Sample, Sample]
  t.throws(() => summarize([second], new Map(), 'nginx'), /round 0 has no sample of nginx/)
  t.throws(() => summarize([first, second, fourth], new Map(), 'nginx'), /round 1 has no sample of nginx/)
  t.throws(() => summarize([first, { ...second, workload: 'HEAD' }], new Map(), 'nginx'), /HEAD, sluice: round 0 has no sample/)
  t.throws(() => summarize([first, sampleOf('sluice', 0, 1, { failures: 1 })], new Map(), 'nginx'), /1 requests of round 0 failed/)
  t.end()
})

t.test('a file whose rows lack those of nginx, or samples, is refused', (t) => {
  const results = resultsOf(BOTH)
  t.strictSame(readResults(JSON.stringify(results), 'nginx'), results)
  const only = results.rows.filter(({ subject }) => subject === 'sluice')
  t.throws(() => readResults(JSON.stringify({ ...results, rows: only }), 'nginx'), /sluice: the row is invalid/)
  const bare = results.rows.map((row) => ({ ...row, samples: [] }))
  t.throws(() => readResults(JSON.stringify({ ...results, rows: bare }), 'nginx'), /nginx: the row is invalid/)
  t.end()
})

t.test('a load with a failure, or without an answer, is no sample', (t) => {
  const fine = { requests: 5, bytes: 1, seconds: 1, failures: 0, firstFailure: null, ownCpuSeconds: 0 }
  t.doesNotThrow(() => refuseFailures('x', fine))
  t.throws(
    () => refuseFailures('x', { ...fine, failures: 1, firstFailure: 'HTTP/1.1 403' }),
    /1 of 5 requests failed, first: HTTP\/1.1 403/
  )
  t.throws(() => refuseFailures('x', { ...fine, requests: 0 }), /no answer/)
  t.end()
})

t.test('only a whole run writes what the repository keeps', (t) => {
  const namesOf = (quick: boolean, partial: boolean): readonly string[] => [...filesOf(resultsOf(BOTH), { quick, partial }).keys()]
  t.strictSame(namesOf(false, false), ['latest.json', 'latest.md', 'latest-ratios.svg', 'latest-latency.svg'])
  for (const [quick, partial] of [
    [true, false],
    [false, true],
    [true, true]
  ] as const) {
    for (const name of namesOf(quick, partial)) t.notMatch(name, /^latest/)
  }
  t.end()
})

t.test('goals: the bar that is reached is told from the bar that is missed', (t) => {
  t.match(reachedIn(resultsOf(BOTH)), [{ what: 'GET 1 KiB', goal: '≤ 4', nextGoal: '≤ 2', reached: '2.00', isMet: true }])
  const slow = resultsOf(BOTH.map((sample) => (sample.subject === 'sluice' ? { ...sample, cpuSeconds: 1 } : sample)))
  t.match(reachedIn(slow), [{ isMet: false }])
  const memory = [
    {
      state: '10,000 idle keep-alive connections',
      subject: 'sluice',
      connections: 10_000,
      restBytes: 1e8,
      heldBytes: 1e8 + 17 * 1024 * 10_000
    }
  ]
  const held = reachedIn({ rows: [], cold: null, memory: memory.map((sample) => ({ ...sample, afterBytes: 1e8 })) })
  t.match(held, [{ reached: '17.0 KiB each', isMet: false }])
  const cold = { roundTripMs: 30, warmP50Ms: 31, coldP50Ms: 62, extraRoundTrips: 1.03, extraUpstreamRequests: 1 }
  t.match(reachedIn({ rows: [], cold, memory: [] }), [{ what: 'cold read', isMet: false }])
  t.match(reachedIn({ rows: [], cold: { ...cold, extraRoundTrips: 0.02 }, memory: [] }), [{ isMet: true }])
  t.end()
})

t.test('the plots say in words what they show', (t) => {
  const files = filesOf(resultsOf(BOTH), { quick: false, partial: false })
  const ratios = files.get('latest-ratios.svg') ?? ''
  t.match(ratios, /role="img" aria-labelledby="title description"/)
  t.match(ratios, /<desc id="description">.*GET 1 KiB, sluice: 2\.00/)
  t.match(ratios, />goal 4</)
  t.match(files.get('latest-latency.svg'), /<desc id="description">.*GET 1 KiB, sluice: 2\.00, 3\.00, 3\.00 ms/)
  for (const plot of [...files].filter(([name]) => name.endsWith('.svg'))) t.notMatch(plot[1], /href|NaN|Infinity/)
  t.end()
})
