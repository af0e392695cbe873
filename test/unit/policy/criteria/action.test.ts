import t from 'tap'
import { S3_ACTIONS } from '../../../../policy/actions.ts'
import { decide, documentOf, policyOf, problemsOf } from '../ask-policy.ts'

const CASES = [
  { element: 'Action', value: 's3:GetObject', action: 's3:GetObject', matches: true },
  { element: 'Action', value: 's3:GetObject', action: 's3:GetObjectVersion', matches: false },
  { element: 'Action', value: 'S3:getobject', action: 's3:GetObject', matches: true },
  { element: 'Action', value: 's3:Get*', action: 's3:GetObjectTagging', matches: true },
  { element: 'Action', value: 's3:Get*', action: 's3:PutObject', matches: false },
  { element: 'Action', value: 's3:*Object', action: 's3:DeleteObject', matches: true },
  { element: 'Action', value: 's3:*Object', action: 's3:DeleteObjectVersion', matches: false },
  { element: 'Action', value: 's3:?etObject', action: 's3:GetObject', matches: true },
  { element: 'Action', value: 's3:?etObject', action: 's3:PutObject', matches: false },
  { element: 'Action', value: '*', action: 's3:CreateBucket', matches: true },
  { element: 'Action', value: ['s3:PutObject', 's3:GetObject'], action: 's3:GetObject', matches: true },
  { element: 'NotAction', value: 's3:Get*', action: 's3:GetObject', matches: false },
  { element: 'NotAction', value: ['s3:Get*', 's3:List*'], action: 's3:PutObject', matches: true },
  { element: 'NotAction', value: ['s3:Get*', 's3:Put*'], action: 's3:PutObject', matches: false }
] as const

for (const { element, value, action, matches } of CASES) {
  t.test(`${element} ${JSON.stringify(value)} ${matches ? 'covers' : 'does not cover'} ${action}`, (t) => {
    t.equal(decide(policyOf({ [element]: value }), { action }).effect, matches ? 'allow' : 'deny')
    t.end()
  })
}

const WRONG = [
  { value: 's3:GetObjct', says: /Statement\[0\]\.Action: no S3 action is called "s3:GetObjct"; did you mean s3:GetObject\?/ },
  { value: 's3:Gett*', says: /no S3 action is called "s3:Gett\*"/ },
  { value: 'ec2:StartInstances', says: /is not an S3 action/ },
  { value: 'GetObject', says: /is not an S3 action .*did you mean s3:GetObject\?/ },
  { value: 's3:Get Object', says: /is not an S3 action/ },
  { value: '', says: /is not an S3 action/ },
  { value: `s3:${'*'.repeat(200)}`, says: /is not an S3 action/ },
  { value: 7, says: /is not an S3 action/ },
  { value: null, says: /null is not a text/ }
]
for (const { value, says } of WRONG) {
  t.test(`the action ${JSON.stringify(value).slice(0, 30)} fails loading`, (t) => {
    t.match(problemsOf(documentOf({ Action: value })), [says])
    t.end()
  })
}

t.test('every S3 action of the list loads by its own name', (t) => {
  t.strictSame(problemsOf(documentOf({ Action: S3_ACTIONS })), [])
  t.equal(new Set(S3_ACTIONS).size, S3_ACTIONS.length)
  t.end()
})
