import t from 'tap'
import type { Decision, Facts } from '../../../policy/decision.ts'
import { evaluate } from '../../../policy/evaluate.ts'
import type { Policy } from '../../../policy/parse.ts'
import { OBJECT, contextOf, objectOf, policyOf } from './ask-policy.ts'

const ownedBy = (owner: string): object => ({ Condition: { StringEquals: { 'sluice:ObjectOwner': owner } } })
const tagged = (tag: string, value: string): object => ({ Condition: { StringEquals: { [`s3:ExistingObjectTag/${tag}`]: value } } })
const NEVER = { Action: 's3:CreateBucket' }

const OWNER = ['objectOwner'] as const
const TAGS = ['existingObjectTags'] as const
const BOTH = ['objectOwner', 'existingObjectTags'] as const

const allow = (statement: string): Decision => ({ effect: 'allow', statement })
const silent: Decision = { effect: 'deny', statement: null, reason: 'no-statement-allows' }
const undecided = (needs: readonly ['objectOwner' | 'existingObjectTags', ...('objectOwner' | 'existingObjectTags')[]]): Decision => ({
  effect: 'undecided',
  needs
})

const CASES: readonly { why: string; role: Policy; session?: Policy; facts?: Facts; resource?: string; decision: Decision }[] = [
  { why: 'nothing is allowed by default', role: policyOf(NEVER), decision: silent },
  { why: 'an Allow that matches allows', role: policyOf({ Sid: 'all' }), decision: allow('p/all') },
  { why: 'the first Allow is named', role: policyOf(NEVER, { Sid: 'b' }, { Sid: 'c' }), decision: allow('p/b') },
  {
    why: 'a Deny wins over an Allow before it',
    role: policyOf({}, { Effect: 'Deny', Sid: 'no' }),
    decision: { effect: 'deny', statement: 'p/no', reason: 'explicit-deny' }
  },
  { why: 'an owner condition is undecided without facts', role: policyOf(ownedBy('a')), decision: undecided(OWNER) },
  {
    why: 'an owner condition allows the owner',
    role: policyOf(ownedBy('a')),
    facts: { object: objectOf('a') },
    decision: allow('p/Statement[0]')
  },
  { why: 'an owner condition denies another', role: policyOf(ownedBy('a')), facts: { object: objectOf('b') }, decision: silent },
  { why: 'an owner condition denies a missing object', role: policyOf(ownedBy('a')), facts: { object: null }, decision: silent },
  { why: 'an unconditional Allow makes the owner irrelevant', role: policyOf(ownedBy('a'), { Sid: 'all' }), decision: allow('p/all') },
  {
    why: 'a Deny that needs nothing makes the owner irrelevant',
    role: policyOf(ownedBy('a'), { Effect: 'Deny', Sid: 'no' }),
    decision: { effect: 'deny', statement: 'p/no', reason: 'explicit-deny' }
  },
  {
    why: 'a Deny in doubt does not matter where nothing allows',
    role: policyOf(NEVER, { Effect: 'Deny', ...ownedBy('a') }),
    decision: silent
  },
  {
    why: 'a Deny in doubt matters where something allows',
    role: policyOf({}, { Effect: 'Deny', ...tagged('x', '1') }),
    decision: undecided(TAGS)
  },
  {
    why: 'an Allow in doubt does not add its needs where another is certain',
    role: policyOf({}, tagged('x', '1'), { Effect: 'Deny', ...ownedBy('a') }),
    decision: undecided(OWNER)
  },
  {
    why: 'an Allow and a Deny in doubt need what both read',
    role: policyOf(tagged('x', '1'), { Effect: 'Deny', ...ownedBy('a') }),
    decision: undecided(BOTH)
  },
  {
    why: 'a statement that fails on what is known needs nothing',
    role: policyOf({ ...ownedBy('a'), Resource: 'arn:aws:s3:::other/*' }),
    decision: silent
  },
  {
    why: 'tags that were not read stay unknown',
    role: policyOf(tagged('x', '1')),
    facts: { object: { owner: 'a', tags: null } },
    decision: undecided(TAGS)
  },
  {
    why: 'tags that were not read do not hold up a question about the owner',
    role: policyOf(ownedBy('a')),
    facts: { object: { owner: 'a', tags: null } },
    decision: allow('p/Statement[0]')
  },
  { why: 'a missing object has no tags', role: policyOf(tagged('x', '1')), facts: { object: null }, decision: silent },
  { why: 'a bucket has no object to look at', role: policyOf(ownedBy('a')), resource: 'arn:aws:s3:::acme', decision: silent },
  {
    why: 'a bucket has no object even if one is told',
    role: policyOf(ownedBy('a')),
    resource: 'arn:aws:s3:::acme',
    facts: { object: objectOf('a') },
    decision: silent
  },
  {
    why: 'a bucket counts as "no object"',
    role: policyOf({ Condition: { Null: { 'sluice:ObjectOwner': 'true' } } }),
    resource: '*',
    decision: allow('p/Statement[0]')
  },
  {
    why: 'the session must allow as well',
    role: policyOf({}),
    session: policyOf(NEVER),
    decision: { effect: 'deny', statement: null, reason: 'session-policy' }
  },
  { why: 'the session alone allows nothing', role: policyOf(NEVER), session: policyOf({}), decision: silent },
  {
    why: 'where both allow, the statement of the role is named',
    role: policyOf({ Sid: 'role' }),
    session: policyOf({ Sid: 'session' }),
    decision: allow('p/role')
  },
  {
    why: 'a Deny of the session wins',
    role: policyOf({}),
    session: policyOf({}, { Effect: 'Deny', Sid: 'no' }),
    decision: { effect: 'deny', statement: 'p/no', reason: 'session-policy' }
  },
  {
    why: 'a silent session denies without a look',
    role: policyOf(ownedBy('a')),
    session: policyOf(NEVER),
    decision: { effect: 'deny', statement: null, reason: 'session-policy' }
  },
  { why: 'the session adds its needs', role: policyOf(ownedBy('a')), session: policyOf(tagged('x', '1')), decision: undecided(BOTH) },
  { why: 'the session alone may be in doubt', role: policyOf({}), session: policyOf(ownedBy('a')), decision: undecided(OWNER) }
]

for (const { why, role, session = null, facts = {}, resource = OBJECT, decision } of CASES) {
  t.test(why, (t) => {
    t.strictSame(evaluate([role], { action: 's3:GetObject', resource, context: contextOf({}) }, facts, session), decision)
    t.end()
  })
}

t.test('no policy at all allows nothing', (t) => {
  t.strictSame(evaluate([], { action: 's3:GetObject', resource: OBJECT, context: contextOf({}) }, {}), silent)
  t.end()
})

t.test('conditions that cancel out cost a look, never a wrong answer', (t) => {
  const both = policyOf(ownedBy('a'), { Condition: { StringNotEquals: { 'sluice:ObjectOwner': 'a' } } })
  const question = { action: 's3:GetObject', resource: OBJECT, context: contextOf({}) }
  t.strictSame(evaluate([both], question, {}), undecided(OWNER))
  for (const object of [null, objectOf('a'), objectOf('b')]) t.equal(evaluate([both], question, { object }).effect, 'allow')
  t.end()
})
