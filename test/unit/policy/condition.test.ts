import t from 'tap'
import { conditionHolds, conditionProblems, decide, documentOf, objectOf, policyOf, problemsOf } from './ask-policy.ts'

const TAG = 's3:RequestObjectTag/team'
const KEYS = 's3:RequestObjectTagKeys'

/** AWS, "IAM JSON policy elements: Condition operators": what a missing key means. */
const MISSING = [
  { operator: 'StringEquals', key: TAG, value: 'a', holds: false },
  { operator: 'StringNotEquals', key: TAG, value: 'a', holds: true },
  { operator: 'StringEqualsIgnoreCase', key: TAG, value: 'a', holds: false },
  { operator: 'StringNotEqualsIgnoreCase', key: TAG, value: 'a', holds: true },
  { operator: 'StringLike', key: TAG, value: '*', holds: false },
  { operator: 'StringNotLike', key: TAG, value: '*', holds: true },
  { operator: 'NumericEquals', key: TAG, value: '1', holds: false },
  { operator: 'NumericNotEquals', key: TAG, value: '1', holds: true },
  { operator: 'NumericLessThan', key: TAG, value: '1', holds: false },
  { operator: 'NumericLessThanEquals', key: TAG, value: '1', holds: false },
  { operator: 'NumericGreaterThan', key: TAG, value: '1', holds: false },
  { operator: 'NumericGreaterThanEquals', key: TAG, value: '1', holds: false },
  { operator: 'DateEquals', key: 'aws:CurrentTime', value: '2030', holds: false },
  { operator: 'DateNotEquals', key: 'aws:CurrentTime', value: '2030', holds: true },
  { operator: 'DateLessThan', key: 'aws:CurrentTime', value: '2030', holds: false },
  { operator: 'DateLessThanEquals', key: 'aws:CurrentTime', value: '2030', holds: false },
  { operator: 'DateGreaterThan', key: 'aws:CurrentTime', value: '2030', holds: false },
  { operator: 'DateGreaterThanEquals', key: 'aws:CurrentTime', value: '2030', holds: false },
  { operator: 'Bool', key: TAG, value: 'true', holds: false },
  { operator: 'IpAddress', key: 'aws:SourceIp', value: '0.0.0.0/0', holds: false },
  { operator: 'NotIpAddress', key: 'aws:SourceIp', value: '0.0.0.0/0', holds: true },
  { operator: 'ArnEquals', key: TAG, value: 'arn:aws:s3:::a', holds: false },
  { operator: 'ArnLike', key: TAG, value: 'arn:aws:s3:::a', holds: false },
  { operator: 'ArnNotEquals', key: TAG, value: 'arn:aws:s3:::a', holds: true },
  { operator: 'ArnNotLike', key: TAG, value: 'arn:aws:s3:::a', holds: true }
]
for (const { operator, key, value, holds } of MISSING) {
  t.test(
    `on a missing key ${operator} ${holds ? 'holds' : 'does not hold'}, with IfExists it holds, with ForAnyValue never, with ForAllValues always`,
    (t) => {
      const condition = { [key]: value }
      for (const context of [{}, { [key]: [] }]) {
        t.equal(conditionHolds(operator, condition, { context }), holds)
        t.equal(conditionHolds(`${operator}IfExists`, condition, { context }), true)
        t.equal(conditionHolds(`ForAnyValue:${operator}`, condition, { context }), false)
        t.equal(conditionHolds(`ForAllValues:${operator}`, condition, { context }), true)
        t.equal(conditionHolds(`ForAnyValue:${operator}IfExists`, condition, { context }), true)
      }
      t.end()
    }
  )
}

const SETS = [
  { operator: 'ForAllValues:StringEquals', wanted: ['a', 'b'], actual: ['a'], holds: true },
  { operator: 'ForAllValues:StringEquals', wanted: ['a', 'b'], actual: ['b', 'a'], holds: true },
  { operator: 'ForAllValues:StringEquals', wanted: ['a', 'b'], actual: ['a', 'c'], holds: false },
  { operator: 'ForAnyValue:StringEquals', wanted: ['a', 'b'], actual: ['c', 'a'], holds: true },
  { operator: 'ForAnyValue:StringEquals', wanted: ['a', 'b'], actual: ['c', 'd'], holds: false },
  { operator: 'ForAllValues:StringNotEquals', wanted: ['a', 'b'], actual: ['c', 'd'], holds: true },
  { operator: 'ForAllValues:StringNotEquals', wanted: ['a', 'b'], actual: ['c', 'a'], holds: false },
  { operator: 'ForAnyValue:StringNotEquals', wanted: ['a', 'b'], actual: ['a', 'c'], holds: true },
  { operator: 'ForAnyValue:StringNotEquals', wanted: ['a', 'b'], actual: ['a', 'b'], holds: false },
  { operator: 'ForAnyValue:StringLike', wanted: 'x*', actual: ['a', 'xy'], holds: true },
  { operator: 'ForAllValues:StringLikeIfExists', wanted: 'x*', actual: ['a', 'xy'], holds: false }
]
for (const { operator, wanted, actual, holds } of SETS) {
  t.test(`${operator} ${JSON.stringify(wanted)} ${holds ? 'holds' : 'does not hold'} for ${JSON.stringify(actual)}`, (t) => {
    t.equal(conditionHolds(operator, { [KEYS]: wanted }, { context: { [KEYS]: actual } }), holds)
    t.end()
  })
}

t.test('all keys under all operators of a statement must hold', (t) => {
  const policy = policyOf({
    Condition: { StringEquals: { 's3:prefix': 'p', 's3:delimiter': '/' }, Bool: { 'aws:SecureTransport': 'true' } }
  })
  const all = { 's3:prefix': 'p', 's3:delimiter': '/', 'aws:SecureTransport': 'true' }
  t.equal(decide(policy, { context: all }).effect, 'allow')
  for (const [key, value] of Object.entries({ 's3:prefix': 'q', 's3:delimiter': '', 'aws:SecureTransport': 'false' })) {
    t.equal(decide(policy, { context: { ...all, [key]: value } }).effect, 'deny', key)
  }
  t.end()
})

t.test('the name of a key is read without case, the key of a tag with it', (t) => {
  t.equal(conditionHolds('StringEquals', { 'S3:PREFIX': 'p' }, { context: { 's3:prefix': 'p' } }), true)
  t.equal(conditionHolds('StringEquals', { 'S3:requestobjecttag/team': 'p' }, { context: { [TAG]: 'p' } }), true)
  t.equal(conditionHolds('StringEquals', { 's3:RequestObjectTag/Team': 'p' }, { context: { [TAG]: 'p' } }), false)
  t.equal(conditionHolds('StringEquals', { 's3:existingobjecttag/a/b': 'p' }, { object: objectOf('', { 'a/b': 'p' }) }), true)
  t.end()
})

t.test('a header of the client cannot pose as a key of the object', (t) => {
  const context = { 'sluice:ObjectOwner': 'me', 's3:ExistingObjectTag/team': 'me' }
  for (const key of Object.keys(context)) {
    t.equal(conditionHolds('StringEquals', { [key]: 'me' }, { context, object: objectOf('other') }), false)
    t.equal(conditionHolds('StringEquals', { [key]: 'me' }, { context }), 'undecided')
  }
  t.end()
})

const WRONG: readonly { condition: unknown; says: string | RegExp }[] = [
  {
    condition: { StringEquls: { 's3:prefix': 'a' } },
    says: 'Statement[0].Condition.StringEquls: is not a condition operator; did you mean StringEquals?'
  },
  {
    condition: { stringEquals: { 's3:prefix': 'a' } },
    says: 'Statement[0].Condition.stringEquals: is not a condition operator; did you mean StringEquals?'
  },
  {
    condition: { 'ForAllvalues:StringLike': { [KEYS]: 'a' } },
    says: 'Statement[0].Condition.ForAllvalues:StringLike: is not a condition operator; did you mean ForAllValues:StringLike?'
  },
  {
    condition: { StringEquals: { 'sluice:ObjectOwnr': 'a' } },
    says: 'Statement[0].Condition.StringEquals.sluice:ObjectOwnr: is not a condition key; did you mean sluice:ObjectOwner?'
  },
  {
    condition: { StringEquals: { 'aws:PrincipalTag/team': 'a' } },
    says: 'Statement[0].Condition.StringEquals.aws:PrincipalTag/team: is not a condition key'
  },
  { condition: { StringEquals: { 's3:ExistingObjectTag/': 'a' } }, says: /is not a condition key/ },
  {
    condition: { StringEquals: { [KEYS]: 'a' } },
    says: `Statement[0].Condition.StringEquals.${KEYS}: ${KEYS} may have several values; say ForAllValues:StringEquals or ForAnyValue:StringEquals`
  },
  { condition: { StringEquals: { 's3:prefix': [] } }, says: 'Statement[0].Condition.StringEquals.s3:prefix: is an empty list' },
  {
    condition: { StringEquals: { 's3:prefix': ['a', null] } },
    says: 'Statement[0].Condition.StringEquals.s3:prefix[1]: null is not a text'
  },
  { condition: { StringEquals: {} }, says: 'Statement[0].Condition.StringEquals: {} is not a map of condition keys to values' },
  { condition: { StringEquals: 'a' }, says: 'Statement[0].Condition.StringEquals: "a" is not a map of condition keys to values' },
  { condition: {}, says: 'Statement[0].Condition: is empty; leave it out where there is no condition' },
  { condition: [], says: 'Statement[0].Condition: [] is not a map of condition operators' },
  { condition: { DateEquals: { 's3:prefix': '2030' } }, says: /DateEquals cannot read s3:prefix, which is a text/ },
  { condition: { constructor: { 's3:prefix': 'a' } }, says: /constructor: is not a condition operator/ }
]
for (const { condition, says } of WRONG) {
  t.test(`the condition ${JSON.stringify(condition)} fails loading`, (t) => {
    t.match(problemsOf(documentOf({ Condition: condition })), [says])
    t.end()
  })
}

t.test('more than 1000 values fail loading', (t) => {
  t.match(conditionProblems('StringEquals', 's3:prefix', Array.from({ length: 1001 }, String)), [/more than 1000 values/])
  t.strictSame(conditionProblems('StringEquals', 's3:prefix', Array.from({ length: 1000 }, String)), [])
  t.end()
})
