import t from 'tap'
import { conditionHolds, conditionProblems } from '../ask-policy.ts'

const CASES = [
  { operator: 'NumericEquals', wanted: '10', holds: { '9': false, '10': true, '10.0': true, '11': false } },
  { operator: 'NumericEquals', wanted: ['9', 11], holds: { '9': true, '10': false, '11': true } },
  { operator: 'NumericNotEquals', wanted: '10', holds: { '9': true, '10': false, '10.0': false } },
  { operator: 'NumericNotEquals', wanted: ['9', '10'], holds: { '9': false, '10': false, '11': true } },
  { operator: 'NumericLessThan', wanted: 10, holds: { '9': true, '9.99': true, '10': false, '11': false } },
  { operator: 'NumericLessThanEquals', wanted: '10', holds: { '9': true, '10': true, '10.01': false } },
  { operator: 'NumericGreaterThan', wanted: '-1', holds: { '-1': false, '0': true, '-2': false } },
  { operator: 'NumericGreaterThanEquals', wanted: '10', holds: { '9': false, '10': true, '100': true } },
  // No number: equal to nothing, neither less nor greater.
  { operator: 'NumericLessThan', wanted: '10', holds: { '': false, '0x1': false, many: false, '1e1': false, ' 1': false } },
  { operator: 'NumericNotEquals', wanted: '10', holds: { many: true } }
]

for (const { operator, wanted, holds } of CASES) {
  for (const [actual, expected] of Object.entries(holds)) {
    t.test(`${operator} ${JSON.stringify(wanted)} ${expected ? 'holds' : 'does not hold'} for ${JSON.stringify(actual)}`, (t) => {
      t.equal(conditionHolds(operator, { 's3:max-keys': wanted }, { context: { 's3:max-keys': actual } }), expected)
      t.end()
    })
  }
}

for (const value of ['ten', '0x10', '1e3', '', '${s3:max-keys}', 'Infinity']) {
  t.test(`NumericEquals ${JSON.stringify(value)} fails loading`, (t) => {
    t.match(conditionProblems('NumericEquals', 's3:max-keys', value), [
      /^Statement\[0\]\.Condition\.NumericEquals\.s3:max-keys: .*(is not a number|policy variable)/
    ])
    t.end()
  })
}

t.test('a number cannot be compared with an address', (t) => {
  t.match(conditionProblems('NumericEquals', 'aws:SourceIp', '1'), [/NumericEquals cannot read aws:SourceIp, which is an IP address/])
  t.end()
})
