import { BUILT_IN_POLICIES } from '../policy/built-in.ts'
import type { Facts, Question } from '../policy/decision.ts'
import { evaluate } from '../policy/evaluate.ts'
import { parsePolicy, type Policy } from '../policy/parse.ts'
import { reportAll } from './measure.ts'

const SERVICE = 'system:serviceaccount:billing:invoicer'
const TENANT = '0b6d5a1e-6a52-4a3c-9f0e-5f3d1c0a7b11'
const context = new Map<string, readonly string[]>([
  ['sluice:Service', [SERVICE]],
  ['sluice:Tenant', [TENANT]],
  ['sluice:Namespace', ['billing']],
  ['aws:SourceIp', ['10.1.2.3']],
  ['aws:CurrentTime', ['2030-01-31T12:00:00Z']]
])
const ask = (action: string, resource: string): Question => ({ action, resource, context })
const OBJECT = `arn:aws:s3:::${TENANT}/exports/2030/01/31/part-0001.parquet`
const own: Facts = { object: { owner: SERVICE, tags: new Map() } }

const others: Facts = { object: { owner: 'system:serviceaccount:mail:sender', tags: new Map() } }

const editor = [...BUILT_IN_POLICIES.values()].filter(({ name }) => name === 'editor')
const statements = Array.from({ length: 100 }, (_, index) => ({
  Effect: 'Allow',
  Action: 's3:Get*',
  Resource: `arn:aws:s3:::*/team-${index}/*/\${sluice:Namespace}/*`,
  Condition: { StringLike: { 'sluice:ObjectOwner': `system:serviceaccount:team-${index}:*` } }
}))
const widened = [...editor, parsePolicy({ Version: '2012-10-17', Statement: statements }, 'hundred')]
const walled = [
  parsePolicy(
    {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: '*', Resource: '*', Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }]
    },
    'wall'
  ),
  ...editor
]

const CASES: readonly [string, readonly Policy[], Question, Facts][] = [
  ['read, nothing known', editor, ask('s3:GetObject', OBJECT), {}],
  ['read, own object', editor, ask('s3:GetObject', OBJECT), own],
  ['write, absent', editor, ask('s3:PutObject', OBJECT), { object: null }],
  ['list', editor, ask('s3:ListBucket', `arn:aws:s3:::${TENANT}`), {}],
  ['read, own, address checked', walled, ask('s3:GetObject', OBJECT), own],
  ["read, another's, 100 more", widened, ask('s3:GetObject', OBJECT), others]
]

reportAll(
  CASES.map(([label, policies, question, facts]) => [label, () => (evaluate(policies, question, facts).effect === 'allow' ? 1 : 0)]),
  50_000
)
