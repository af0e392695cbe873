import fc from 'fast-check'
import t from 'tap'
import { evaluate } from '../../../policy/evaluate.ts'
import { explain, explainLines } from '../../../policy/explain.ts'
import { parsePolicy } from '../../../policy/parse.ts'
import { OBJECT, contextOf, objectOf, policyOf } from './ask-policy.ts'
import { ALL_OBJECTS, anyStatements, askedArbitrary, questionOf } from './universe.ts'

const context = contextOf({ 'sluice:Service': 'me', 's3:prefix': 'a' })
const question = { action: 's3:GetObject', resource: OBJECT, context }

const policy = policyOf(
  { Sid: 'Own', Condition: { StringEquals: { 'sluice:ObjectOwner': '${sluice:Service}' } } },
  { Sid: 'Elsewhere', Resource: ['arn:aws:s3:::other/*', 'arn:aws:s3:::third'] },
  { Sid: 'Put', Action: 's3:PutObject' },
  { Sid: 'Team', Effect: 'Deny', Resource: 'arn:aws:s3:::acme/${sluice:Namespace}/*' }
)

t.test('the lines say what is denied and why each statement did not match', (t) => {
  t.strictSame(explainLines(explain([policy], question, { object: objectOf('you') })), [
    'denied: no statement allows it',
    '  Allow p/Own does not match',
    '    StringEquals sluice:ObjectOwner: wants "${sluice:Service}", is "you"',
    '  Allow p/Elsewhere does not match',
    '    Resource: wants arn:aws:s3:::other/* or arn:aws:s3:::third, is arn:aws:s3:::acme/reports/2030.csv',
    '  Allow p/Put does not match',
    '    Action: wants s3:PutObject, is s3:GetObject',
    '  Deny p/Team does not match',
    '    Variable sluice:Namespace: wants one value, is nothing (the key is missing)'
  ])
  t.end()
})

t.test('the lines say what an allowed request was allowed by', (t) => {
  const lines = explainLines(explain([policy], question, { object: objectOf('me') }))
  t.strictSame(lines.slice(0, 2), ['allowed by p/Own', '  Allow p/Own matches'])
  t.end()
})

t.test('the lines say what is not known yet', (t) => {
  t.strictSame(explainLines(explain([policy], question, {})).slice(0, 3), [
    "undecided: it depends on the object's owner",
    '  Allow p/Own may match',
    '    StringEquals sluice:ObjectOwner: wants "${sluice:Service}", is not known until the object is looked at'
  ])
  const tags = policyOf({ Condition: { StringEquals: { 'sluice:ObjectOwner': 'a', 's3:ExistingObjectTag/x': '1' } } })
  t.equal(explainLines(explain([tags], question, {}))[0], "undecided: it depends on the object's owner and tags")
  t.end()
})

t.test('an absent object shows as a missing key', (t) => {
  const lines = explainLines(explain([policyOf({ Condition: { StringLike: { 'sluice:ObjectOwner': '*' } } })], question, { object: null }))
  t.equal(lines[2], '    StringLike sluice:ObjectOwner: wants "*", is nothing (the key is missing)')
  t.end()
})

t.test('a Deny and the policy of the session are told apart', (t) => {
  const deny = policyOf({}, { Effect: 'Deny', Sid: 'no' })
  t.equal(explainLines(explain([deny], question, {}))[0], 'denied: a Deny statement matches (p/no)')
  const lines = explainLines(explain([policyOf({})], question, {}, policyOf({ Sid: 'small', Action: 's3:PutObject' })))
  t.strictSame(lines, [
    'denied: the policy of the session does not allow it',
    '  Allow p/Statement[0] matches',
    '  Allow p/small (session) does not match',
    '    Action: wants s3:PutObject, is s3:GetObject'
  ])
  t.end()
})

t.test('an explanation agrees with the decision, and gives a reason for every statement that does not simply match', (t) => {
  fc.assert(
    fc.property(anyStatements, askedArbitrary, fc.constantFrom(undefined, ...ALL_OBJECTS), (statements, asked, object) => {
      const drawn = parsePolicy({ Version: '2012-10-17', Statement: statements }, 'p')
      const facts = object === undefined ? {} : { object }
      const { decision, statements: traces } = explain([drawn], questionOf(asked), facts)
      const same = JSON.stringify(decision) === JSON.stringify(evaluate([drawn], questionOf(asked), facts))
      const reasoned = traces.every(({ matched, criteria }) => matched === 'yes' || criteria.some(({ holds }) => holds === matched))
      const sound = traces.every(({ matched, criteria }) => matched !== 'yes' || criteria.every(({ holds }) => holds === 'yes'))
      return same && reasoned && sound && traces.length === statements.length
    }),
    { numRuns: 1000 }
  )
  t.pass('for every draw')
  t.end()
})
