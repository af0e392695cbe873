import t from 'tap'
import { parsePolicy, parsePolicyText } from '../../../policy/parse.ts'
import { PolicyProblems } from '../../../policy/problems.ts'
import { contextOf, decide, documentOf, policyOf, problemsOf } from './ask-policy.ts'
import { evaluate } from '../../../policy/evaluate.ts'

const SOUND = { Effect: 'Allow', Action: '*', Resource: '*' }
const VERSION = '2012-10-17'

const WRONG: readonly { why: string; document: unknown; says: readonly (string | RegExp)[] }[] = [
  { why: 'null', document: null, says: ['null is not a policy document'] },
  { why: 'a list', document: [], says: ['[] is not a policy document'] },
  { why: 'an empty object', document: {}, says: [/^Version: undefined is not "2012-10-17"/, 'Statement: is missing'] },
  { why: 'the older version', document: { Version: '2008-10-17', Statement: SOUND }, says: [/^Version: "2008-10-17" is not "2012-10-17"/] },
  {
    why: 'an unknown element',
    document: { Version: VERSION, Statement: SOUND, Statements: [] },
    says: [/^Statements: is not an element here; known are Version, Id, Statement/]
  },
  { why: 'an Id that is no text', document: { Version: VERSION, Id: 1, Statement: SOUND }, says: ['Id: 1 is not a text'] },
  { why: 'no statement', document: { Version: VERSION, Statement: [] }, says: ['Statement: is an empty list'] },
  { why: 'a statement that is a text', document: { Version: VERSION, Statement: ['x'] }, says: ['Statement[0]: "x" is not a statement'] },
  {
    why: 'a lone statement without effect',
    document: { Version: VERSION, Statement: { Action: '*', Resource: '*' } },
    says: ['Statement.Effect: undefined is neither "Allow" nor "Deny"']
  },
  {
    why: 'an effect in lower case',
    document: documentOf({ Effect: 'allow' }),
    says: ['Statement[0].Effect: "allow" is neither "Allow" nor "Deny"']
  },
  {
    why: 'no action',
    document: { Version: VERSION, Statement: [{ Effect: 'Allow', Resource: '*' }] },
    says: ['Statement[0]: has neither Action nor NotAction']
  },
  {
    why: 'no resource',
    document: { Version: VERSION, Statement: [{ Effect: 'Allow', Action: '*' }] },
    says: ['Statement[0]: has neither Resource nor NotResource']
  },
  {
    why: 'both forms of the action',
    document: documentOf({ Action: '*', NotAction: 's3:GetObject' }),
    says: ['Statement[0]: has both Action and NotAction']
  },
  {
    why: 'both forms of the resource',
    document: documentOf({ Resource: '*', NotResource: '*' }),
    says: ['Statement[0]: has both Resource and NotResource']
  },
  {
    why: 'an unknown element of a statement',
    document: documentOf({ Conditions: {} }),
    says: [/^Statement\[0\]\.Conditions: is not an element here/]
  },
  {
    why: 'a principal',
    document: documentOf({ Principal: '*' }),
    says: ['Statement[0].Principal: has no place here: the role that carries this policy says who its principals are']
  },
  {
    why: 'a NotPrincipal',
    document: documentOf({ NotPrincipal: { AWS: '*' } }),
    says: [/^Statement\[0\]\.NotPrincipal: has no place here/]
  },
  { why: 'a bad Sid', document: documentOf({ Sid: 'a/b' }), says: [/^Statement\[0\]\.Sid: "a\/b" is not a statement id/] },
  {
    why: 'the same Sid twice',
    document: documentOf({ Sid: 'a' }, { Sid: 'a' }),
    says: ['Statement[1].Sid: "a" is the id of another statement too']
  },
  {
    why: '501 statements',
    document: documentOf(...Array.from({ length: 501 }, () => ({}))),
    says: ['Statement: has more than 500 statements']
  }
]
for (const { why, document, says } of WRONG) {
  t.test(`a document fails loading: ${why}`, (t) => {
    t.match(problemsOf(document), says)
    t.equal(problemsOf(document).length, says.length)
    t.end()
  })
}

t.test('all problems of a document are reported at once, each with its path', (t) => {
  const document = {
    Version: '2012',
    Statement: [
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:Foo'], Resource: 'acme', Condition: { StringEquls: { 's3:prefix': 'a' } } },
      SOUND,
      { Effect: 'Alow', Action: '*', Resource: '*', Condition: { NumericEquals: { 's3:max-keys': 'x' } } }
    ]
  }
  t.strictSame(
    problemsOf(document).map((line) => line.slice(0, line.indexOf(': '))),
    [
      'Version',
      'Statement[0].Action[1]',
      'Statement[0].Resource',
      'Statement[0].Condition.StringEquls',
      'Statement[2].Effect',
      'Statement[2].Condition.NumericEquals.s3:max-keys'
    ]
  )
  t.throws(() => parsePolicy(document, 'mine'), {
    name: 'PolicyProblems',
    policy: 'mine',
    message: /^policy mine cannot be loaded:\n {2}Version: .*\n {2}Statement\[0\]/
  })
  t.end()
})

t.test('a flood of problems is cut in the message', (t) => {
  const message = new PolicyProblems(
    'p',
    Array.from({ length: 60 }, (_, index) => ({ path: `x${index}`, message: 'wrong' }))
  ).message
  t.match(message, /x49: wrong\n {2}and 10 more$/)
  t.end()
})

t.test('Statement may be a single statement, and Id is allowed', (t) => {
  const policy = parsePolicy({ Version: VERSION, Id: 'x', Statement: { ...SOUND, Sid: 'Only one' } }, 'p')
  t.strictSame(decide(policy, {}), { effect: 'allow', statement: 'p/Only one' })
  t.end()
})

t.test('a statement without Sid is named by its place', (t) => {
  t.strictSame(decide(policyOf({ Action: 's3:PutObject' }, {}), {}), { effect: 'allow', statement: 'p/Statement[1]' })
  t.end()
})

t.test('JSON text loads like the document, and text that is no JSON is a problem of the document', (t) => {
  t.equal(decide(parsePolicyText(JSON.stringify(documentOf({})), 'session'), {}).effect, 'allow')
  t.throws(() => parsePolicyText('{"Version"', 'session'), {
    name: 'PolicyProblems',
    problems: [{ path: '', message: 'the text is not JSON' }]
  })
  t.end()
})

t.test('what loads is not affected by what is later done to the document', (t) => {
  const document = documentOf({ Effect: 'Deny' }) as { Statement: { Effect: string }[] }
  const policy = parsePolicy(document, 'p')
  for (const statement of document.Statement) statement.Effect = 'Allow'
  t.equal(decide(policy, {}).effect, 'deny')
  t.end()
})

t.test('a Deny that an unresolved variable would switch off is warned of, unless the variable has a default or is always there', (t) => {
  const deny = (resource: string): readonly string[] => policyOf({ Effect: 'Deny', Resource: `arn:aws:s3:::${resource}` }).warnings
  t.match(deny('acme/${sluice:Namespace}/*'), [/^Statement\[0\]: this Deny does not apply to a request without sluice:Namespace/])
  t.strictSame(deny("acme/${sluice:Namespace, 'none'}/*"), [])
  t.strictSame(deny('acme/${sluice:Service}/*'), [])
  t.strictSame(policyOf({ Resource: 'arn:aws:s3:::acme/${sluice:Namespace}/*' }).warnings, [])
  t.end()
})

t.test('an Allow under ForAllValues without a Null beside it is warned of', (t) => {
  const key = 's3:RequestObjectTagKeys'
  const all = { 'ForAllValues:StringEquals': { [key]: ['a'] } }
  t.match(policyOf({ Condition: all }).warnings, [/also holds on a request without s3:RequestObjectTagKeys/])
  t.strictSame(policyOf({ Condition: { ...all, Null: { [key]: 'false' } } }).warnings, [])
  t.strictSame(policyOf({ Effect: 'Deny', Condition: all }).warnings, [])
  t.end()
})

t.test('asking for ever new actions does not grow what a policy remembers into wrong answers', (t) => {
  const policy = policyOf({ Action: 's3:Get*' })
  for (let index = 0; index < 1000; index++) {
    const question = { action: `s3:${index % 2 === 0 ? 'Get' : 'Put'}${index}`, resource: '*', context: contextOf({}) }
    t.equal(evaluate([policy], question, {}).effect, index % 2 === 0 ? 'allow' : 'deny')
  }
  t.end()
})
