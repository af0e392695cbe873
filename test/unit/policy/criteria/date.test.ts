import t from 'tap'
import { conditionHolds, conditionProblems } from '../ask-policy.ts'

const NOON = '2030-01-31T12:00:00Z'
const CASES = [
  { operator: 'DateEquals', wanted: NOON, actual: '2030-01-31T12:00:00.000Z', holds: true },
  { operator: 'DateEquals', wanted: '2030-01-31T13:00:00+01:00', actual: NOON, holds: true },
  { operator: 'DateEquals', wanted: '1896091200', actual: NOON, holds: true },
  { operator: 'DateEquals', wanted: 1896091200, actual: NOON, holds: true },
  { operator: 'DateEquals', wanted: NOON, actual: '2030-01-31T12:00:01Z', holds: false },
  { operator: 'DateNotEquals', wanted: NOON, actual: NOON, holds: false },
  { operator: 'DateNotEquals', wanted: NOON, actual: '2030-01-31T12:00:01Z', holds: true },
  { operator: 'DateLessThan', wanted: NOON, actual: '2030-01-31T11:59:59.999Z', holds: true },
  { operator: 'DateLessThan', wanted: NOON, actual: NOON, holds: false },
  { operator: 'DateLessThanEquals', wanted: NOON, actual: NOON, holds: true },
  { operator: 'DateLessThanEquals', wanted: NOON, actual: '2030-01-31T12:00:01Z', holds: false },
  { operator: 'DateGreaterThan', wanted: NOON, actual: NOON, holds: false },
  { operator: 'DateGreaterThan', wanted: NOON, actual: '2030-02-01T00:00:00Z', holds: true },
  { operator: 'DateGreaterThan', wanted: '2030', actual: '2030-01-01T00:00:01Z', holds: true },
  { operator: 'DateGreaterThanEquals', wanted: '2030-01-31', actual: '2030-01-31T00:00:00Z', holds: true },
  { operator: 'DateGreaterThanEquals', wanted: '2030-01-31', actual: '2030-01-30T23:59:59Z', holds: false },
  { operator: 'DateGreaterThan', wanted: '2000-01-01', actual: 'not a date', holds: false },
  { operator: 'DateNotEquals', wanted: '2000-01-01', actual: 'not a date', holds: true }
]

for (const { operator, wanted, actual, holds } of CASES) {
  t.test(`${operator} ${wanted} ${holds ? 'holds' : 'does not hold'} at ${actual}`, (t) => {
    t.equal(conditionHolds(operator, { 'aws:CurrentTime': wanted }, { context: { 'aws:CurrentTime': actual } }), holds)
    t.end()
  })
}

t.test('aws:EpochTime can be compared as a date and as a number', (t) => {
  const context = { 'aws:EpochTime': '1896091200' }
  t.equal(conditionHolds('DateLessThan', { 'aws:EpochTime': '2030-01-31T12:00:01Z' }, { context }), true)
  t.equal(conditionHolds('DateLessThan', { 'aws:EpochTime': NOON }, { context }), false)
  t.equal(conditionHolds('NumericLessThan', { 'aws:EpochTime': '1896091201' }, { context }), true)
  t.end()
})

for (const value of [
  'tomorrow',
  '2030-02-30T00:00:00Z',
  '2030-13-01',
  '2030-01-31 12:00',
  '2030-01-31T12:00',
  '2030-01-31T25:00:00Z',
  '${aws:CurrentTime}',
  ''
]) {
  t.test(`the date ${JSON.stringify(value)} fails loading`, (t) => {
    t.match(conditionProblems('DateLessThan', 'aws:CurrentTime', value), [/ISO 8601|policy variable/])
    t.end()
  })
}
