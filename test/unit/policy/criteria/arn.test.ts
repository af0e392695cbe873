import t from 'tap'
import { conditionHolds, conditionProblems } from '../ask-policy.ts'

const KEY = 's3:RequestObjectTag/source'
const CASES = [
  { operator: 'ArnEquals', wanted: 'arn:aws:s3:::acme', actual: 'arn:aws:s3:::acme', holds: true },
  { operator: 'ArnEquals', wanted: 'arn:aws:s3:::acme', actual: 'arn:aws:s3:::acme2', holds: false },
  { operator: 'ArnEquals', wanted: 'arn:aws:s3:::ac*', actual: 'arn:aws:s3:::acme', holds: true },
  { operator: 'ArnLike', wanted: 'arn:aws:s3:::acme/*', actual: 'arn:aws:s3:::acme/a:b/c', holds: true },
  { operator: 'ArnLike', wanted: 'arn:*:s3:::acme', actual: 'arn:aws-cn:s3:::acme', holds: true },
  { operator: 'ArnLike', wanted: 'arn:aws:*:*:*:acme', actual: 'arn:aws:s3:::acme', holds: true },
  // A star stays within its part.
  { operator: 'ArnLike', wanted: 'arn:aws:s3:*::acme', actual: 'arn:aws:s3:eu:1234::acme', holds: false },
  { operator: 'ArnLike', wanted: 'arn:aws:s3:::a?me', actual: 'arn:aws:s3:::acme', holds: true },
  { operator: 'ArnLike', wanted: 'arn:aws:s3:::${sluice:Namespace}/*', actual: 'arn:aws:s3:::team/x', holds: true },
  { operator: 'ArnLike', wanted: 'arn:aws:s3:::*', actual: 'no arn', holds: false },
  { operator: 'ArnNotEquals', wanted: 'arn:aws:s3:::acme', actual: 'arn:aws:s3:::acme', holds: false },
  { operator: 'ArnNotEquals', wanted: 'arn:aws:s3:::acme', actual: 'no arn', holds: true },
  { operator: 'ArnNotLike', wanted: ['arn:aws:s3:::a*', 'arn:aws:s3:::b*'], actual: 'arn:aws:s3:::b', holds: false },
  { operator: 'ArnNotLike', wanted: ['arn:aws:s3:::a*', 'arn:aws:s3:::b*'], actual: 'arn:aws:s3:::c', holds: true }
]
for (const { operator, wanted, actual, holds } of CASES) {
  t.test(`${operator} ${JSON.stringify(wanted)} ${holds ? 'holds' : 'does not hold'} for ${actual}`, (t) => {
    t.equal(conditionHolds(operator, { [KEY]: wanted }, { context: { [KEY]: actual, 'sluice:Namespace': 'team' } }), holds)
    t.end()
  })
}

for (const value of ['acme', 'arn:aws:s3', 'arn:aws:s3::${sluice:Servic}:x', '*']) {
  t.test(`the ARN ${value} fails loading`, (t) => {
    t.match(conditionProblems('ArnLike', KEY, value), [/is not an ARN|is not a policy variable/])
    t.end()
  })
}
