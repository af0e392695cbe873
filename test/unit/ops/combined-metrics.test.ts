import t from 'tap'
import { CombinedMetrics } from '../../../proxy/ops/combined-metrics.ts'

const page = (requests: number, inflight: number, more = ''): string =>
  [
    '# HELP asked_total Requests, with a {brace} and a "quote".',
    '# TYPE asked_total counter',
    `asked_total{what="a b\\"} 7",status="200"} ${requests}`,
    '# HELP seconds How long.',
    '# TYPE seconds histogram',
    `seconds_bucket{le="0.1"} ${requests}`,
    `seconds_bucket{le="+Inf"} ${requests + 1}`,
    `seconds_sum ${requests / 4}`,
    `seconds_count ${requests + 1}`,
    '# HELP inflight Under way.',
    '# TYPE inflight gauge',
    `inflight ${inflight}`,
    '# HELP age By name.',
    '# TYPE age gauge',
    `age{name="x"} +Inf`,
    more
  ].join('\n')

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => !line.startsWith('#') && line !== '')

t.test('counters and histograms are added up, gauges stand beside each other', async (t) => {
  const text = new CombinedMetrics().page(
    new Map([
      ['1', page(2, 5)],
      ['2', page(3, 6, '# HELP own Only here.\n# TYPE own counter\nown 1')]
    ])
  )
  t.same(lines(text), [
    'asked_total{what="a b\\"} 7",status="200"} 5',
    'seconds_bucket{le="0.1"} 5',
    'seconds_bucket{le="+Inf"} 7',
    'seconds_sum 1.25',
    'seconds_count 7',
    'inflight{worker="1"} 5',
    'inflight{worker="2"} 6',
    'age{worker="1",name="x"} +Inf',
    'age{worker="2",name="x"} +Inf',
    'own 1'
  ])
  t.match(text, '# HELP asked_total Requests, with a {brace} and a "quote".\n# TYPE asked_total counter\n')
})

t.test('a sum never falls: not when a worker is silent, nor when it ends and another takes its name', async (t) => {
  const combined = new CombinedMetrics()
  const sum = (text: string): string | undefined =>
    lines(text)
      .find((line) => line.startsWith('asked_total'))
      ?.split(' ')
      .at(-1)
  t.equal(
    sum(
      combined.page(
        new Map([
          ['1', page(10, 1)],
          ['2', page(20, 2)]
        ])
      )
    ),
    '30'
  )
  const silent = combined.page(new Map([['1', page(11, 1)]]))
  t.equal(sum(silent), '31')
  t.notMatch(silent, 'inflight{worker="2"}', 'and what it says of this moment is not made up')
  combined.ended('2')
  t.equal(sum(combined.page(new Map([['1', page(11, 1)]]))), '31')
  t.equal(
    sum(
      combined.page(
        new Map([
          ['1', page(11, 1)],
          ['2', page(1, 0)]
        ])
      )
    ),
    '32'
  )
  combined.ended('2')
  combined.ended('2')
  t.equal(sum(combined.page(new Map())), '32')
})
