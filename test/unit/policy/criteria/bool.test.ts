import t from 'tap'
import { conditionHolds, conditionProblems, objectOf } from '../ask-policy.ts'

const CASES = [
  { wanted: 'true', actual: 'true', holds: true },
  { wanted: 'true', actual: 'false', holds: false },
  { wanted: 'false', actual: 'false', holds: true },
  { wanted: true, actual: 'true', holds: true },
  { wanted: 'TRUE', actual: 'true', holds: true },
  { wanted: ['true', 'false'], actual: 'false', holds: true },
  { wanted: 'false', actual: 'no', holds: false }
]

for (const { wanted, actual, holds } of CASES) {
  t.test(`Bool ${JSON.stringify(wanted)} ${holds ? 'holds' : 'does not hold'} for ${actual}`, (t) => {
    t.equal(conditionHolds('Bool', { 'aws:SecureTransport': wanted }, { context: { 'aws:SecureTransport': actual } }), holds)
    t.end()
  })
}

t.test('Bool reads a tag', (t) => {
  t.equal(conditionHolds('Bool', { 's3:ExistingObjectTag/public': 'true' }, { object: objectOf('a', { public: 'true' }) }), true)
  t.equal(conditionHolds('Bool', { 's3:ExistingObjectTag/public': 'true' }, { object: objectOf('a') }), false)
  t.end()
})

for (const value of ['yes', 1, '', '${aws:SecureTransport}']) {
  t.test(`Bool ${JSON.stringify(value)} fails loading`, (t) => {
    t.match(conditionProblems('Bool', 'aws:SecureTransport', value), [/neither true nor false|policy variable/])
    t.end()
  })
}
