import t from 'tap'
import { conditionHolds, conditionProblems, objectOf } from '../ask-policy.ts'

const KEY = 's3:RequestObjectTag/team'
const CASES = [
  { wanted: 'true', context: {}, holds: true },
  { wanted: 'true', context: { [KEY]: 'x' }, holds: false },
  { wanted: 'false', context: { [KEY]: 'x' }, holds: true },
  { wanted: false, context: { [KEY]: 'x' }, holds: true },
  { wanted: 'false', context: {}, holds: false },
  // '' is a value, an empty list is none.
  { wanted: 'false', context: { [KEY]: '' }, holds: true },
  { wanted: 'true', context: { [KEY]: [] }, holds: true },
  { wanted: ['true', 'false'], context: {}, holds: true }
]
for (const { wanted, context, holds } of CASES) {
  t.test(`Null ${JSON.stringify(wanted)} ${holds ? 'holds' : 'does not hold'} with ${JSON.stringify(context)}`, (t) => {
    t.equal(conditionHolds('Null', { [KEY]: wanted }, { context }), holds)
    t.end()
  })
}

t.test('the owner of an object is missing when there is no object, and has a value when it has no owner', (t) => {
  const absent = (object: ReturnType<typeof objectOf> | null): boolean | 'undecided' =>
    conditionHolds('Null', { 'sluice:ObjectOwner': 'true' }, { object })
  t.equal(absent(null), true)
  t.equal(absent(objectOf('')), false)
  t.equal(absent(objectOf('a')), false)
  t.equal(conditionHolds('Null', { 'sluice:ObjectOwner': 'true' }, {}), 'undecided')
  t.end()
})

t.test('Null takes true and false, no IfExists and no set qualifier', (t) => {
  t.match(conditionProblems('Null', KEY, 'maybe'), [/neither true .* nor false/])
  t.match(conditionProblems('NullIfExists', KEY, 'true'), [/NullIfExists: is not a condition operator/])
  t.match(conditionProblems('ForAnyValue:Null', KEY, 'true'), [/ForAnyValue:Null: is not a condition operator/])
  t.end()
})
