import t from 'tap'
import { conditionHolds } from '../ask-policy.ts'

const CASES = [
  { operator: 'StringEquals', wanted: 'a', actual: 'a', holds: true },
  { operator: 'StringEquals', wanted: 'a', actual: 'A', holds: false },
  { operator: 'StringEquals', wanted: ['a', 'b'], actual: 'b', holds: true },
  { operator: 'StringEquals', wanted: 'a*', actual: 'ab', holds: false },
  { operator: 'StringEquals', wanted: 'a*', actual: 'a*', holds: true },
  { operator: 'StringEquals', wanted: '', actual: '', holds: true },
  { operator: 'StringEquals', wanted: '', actual: ' ', holds: false },
  { operator: 'StringEquals', wanted: 7, actual: '7', holds: true },
  { operator: 'StringEquals', wanted: '${sluice:Namespace}/', actual: 'team/', holds: true },
  { operator: 'StringEquals', wanted: '${sluice:Namespace}/', actual: '${sluice:Namespace}/', holds: false },
  { operator: 'StringNotEquals', wanted: 'a', actual: 'a', holds: false },
  { operator: 'StringNotEquals', wanted: 'a', actual: 'A', holds: true },
  { operator: 'StringNotEquals', wanted: ['a', 'b'], actual: 'b', holds: false },
  { operator: 'StringNotEquals', wanted: ['a', 'b'], actual: 'c', holds: true },
  { operator: 'StringEqualsIgnoreCase', wanted: 'AbC', actual: 'aBc', holds: true },
  { operator: 'StringEqualsIgnoreCase', wanted: 'TEAM', actual: 'team', holds: true },
  { operator: 'StringEqualsIgnoreCase', wanted: '${sluice:Namespace}', actual: 'TEAM', holds: true },
  { operator: 'StringEqualsIgnoreCase', wanted: 'a', actual: 'b', holds: false },
  { operator: 'StringNotEqualsIgnoreCase', wanted: 'A', actual: 'a', holds: false },
  { operator: 'StringNotEqualsIgnoreCase', wanted: 'A', actual: 'b', holds: true }
]

for (const { operator, wanted, actual, holds } of CASES) {
  t.test(`${operator} ${JSON.stringify(wanted)} ${holds ? 'holds' : 'does not hold'} for ${JSON.stringify(actual)}`, (t) => {
    const context = { 's3:prefix': actual, 'sluice:Namespace': 'team' }
    t.equal(conditionHolds(operator, { 's3:prefix': wanted }, { context }), holds)
    t.end()
  })
}

for (const operator of ['StringEquals', 'StringNotEquals', 'StringNotEqualsIgnoreCase']) {
  t.test(`${operator} with an unresolved variable does not match, also where another value decides`, (t) => {
    const context = { 's3:prefix': 'a' }
    t.equal(conditionHolds(operator, { 's3:prefix': '${sluice:Namespace}' }, { context }), false)
    t.equal(conditionHolds(operator, { 's3:prefix': ['a', 'b', '${sluice:Namespace}'] }, { context }), false)
    t.end()
  })
}
