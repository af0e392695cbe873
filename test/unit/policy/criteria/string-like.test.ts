import t from 'tap'
import { conditionHolds } from '../ask-policy.ts'

const CASES = [
  { operator: 'StringLike', wanted: 'home/*', actual: 'home/a/b', holds: true },
  { operator: 'StringLike', wanted: 'home/*', actual: 'home/', holds: true },
  { operator: 'StringLike', wanted: 'home/*', actual: 'home', holds: false },
  { operator: 'StringLike', wanted: 'HOME/*', actual: 'home/a', holds: false },
  { operator: 'StringLike', wanted: 'h?me', actual: 'home', holds: true },
  { operator: 'StringLike', wanted: 'h?me', actual: 'hme', holds: false },
  { operator: 'StringLike', wanted: '*', actual: '', holds: true },
  { operator: 'StringLike', wanted: ['x*', '*e'], actual: 'home', holds: true },
  { operator: 'StringLike', wanted: '${sluice:Namespace}/*', actual: 't*m/x', holds: true },
  { operator: 'StringLike', wanted: '${sluice:Namespace}/*', actual: 'team/x', holds: false },
  { operator: 'StringLike', wanted: 'a${*}', actual: 'ab', holds: false },
  { operator: 'StringLike', wanted: 'a${*}', actual: 'a*', holds: true },
  { operator: 'StringNotLike', wanted: 'home/*', actual: 'home/a', holds: false },
  { operator: 'StringNotLike', wanted: 'home/*', actual: 'work/a', holds: true },
  { operator: 'StringNotLike', wanted: ['home/*', 'work/*'], actual: 'work/a', holds: false }
]

for (const { operator, wanted, actual, holds } of CASES) {
  t.test(`${operator} ${JSON.stringify(wanted)} ${holds ? 'holds' : 'does not hold'} for ${JSON.stringify(actual)}`, (t) => {
    const context = { 's3:prefix': actual, 'sluice:Namespace': 't*m' }
    t.equal(conditionHolds(operator, { 's3:prefix': wanted }, { context }), holds)
    t.end()
  })
}
