import t from 'tap'
import { BUILT_IN_DOCUMENTS, BUILT_IN_POLICIES } from '../../../policy/built-in.ts'
import type { Facts } from '../../../policy/decision.ts'
import { evaluate } from '../../../policy/evaluate.ts'
import { parsePolicy, type Policy } from '../../../policy/parse.ts'
import { contextOf, objectOf } from './ask-policy.ts'

const ME = 'system:serviceaccount:billing:invoicer'
const OTHER = 'system:serviceaccount:mail:sender'
const context = contextOf({ 'sluice:Service': ME, 'sluice:Tenant': 'acme', 'sluice:Role': 'any', 'sluice:Issuer': 'prod' })

const STATES: Readonly<Record<string, Facts>> = {
  unknown: {},
  absent: { object: null },
  mine: { object: objectOf(ME, { service: ME }) },
  others: { object: objectOf(OTHER, { service: OTHER }) },
  nobodys: { object: objectOf('') }
}

function policy(name: string): Policy {
  const found = BUILT_IN_POLICIES.get(name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

function answers(name: string, action: string, resource: string): string {
  return Object.values(STATES)
    .map((facts) => evaluate([policy(name)], { action, resource, context }, facts).effect)
    .join(' ')
}

const NEVER = 'deny deny deny deny deny'
const ALWAYS = 'allow allow allow allow allow'
/** unknown, absent, mine, others, nobodys */
const OWNED = 'undecided deny allow deny deny'
const OWNED_OR_ABSENT = 'undecided allow allow deny deny'

const READS = [
  ...['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectAttributes', 's3:GetObjectVersionAttributes'],
  ...['s3:GetObjectTagging', 's3:GetObjectVersionTagging', 's3:GetObjectAcl', 's3:GetObjectRetention', 's3:GetObjectLegalHold']
]
const CHANGES = ['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObjectTagging', 's3:PutObjectVersionTagging']
const UNTAGS = ['s3:DeleteObjectTagging', 's3:DeleteObjectVersionTagging']
const UPLOADS = ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts']
const LISTS = [
  ...['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads', 's3:GetBucketLocation', 's3:GetBucketVersioning'],
  ...['s3:GetBucketAcl', 's3:GetBucketPolicy', 's3:GetBucketCORS', 's3:GetLifecycleConfiguration', 's3:GetEncryptionConfiguration']
]
const MANAGES = ['s3:CreateBucket', 's3:DeleteBucket']
const NOBODYS_BUSINESS = [
  's3:PutBucketPolicy',
  's3:PutBucketAcl',
  's3:PutLifecycleConfiguration',
  's3:PutBucketVersioning',
  's3:BypassGovernanceRetention',
  's3:PutObjectAcl',
  's3:PutObjectRetention'
]

const OBJECT = 'arn:aws:s3:::acme/a/b'
const BUCKET = 'arn:aws:s3:::acme'

const TABLE: readonly { roles: readonly string[]; actions: readonly string[]; resource: string; answer: string }[] = [
  { roles: ['viewer', 'editor', 'admin', 'ownership'], actions: READS, resource: OBJECT, answer: OWNED },
  { roles: ['viewer', 'editor', 'admin', 'ownership'], actions: LISTS, resource: BUCKET, answer: ALWAYS },
  { roles: ['viewer', 'editor', 'admin', 'ownership'], actions: ['s3:ListAllMyBuckets'], resource: '*', answer: ALWAYS },
  { roles: ['editor', 'admin', 'ownership'], actions: CHANGES, resource: OBJECT, answer: OWNED_OR_ABSENT },
  { roles: ['editor', 'admin', 'ownership'], actions: UNTAGS, resource: OBJECT, answer: OWNED },
  { roles: ['editor', 'admin', 'ownership'], actions: UPLOADS, resource: OBJECT, answer: ALWAYS },
  { roles: ['viewer'], actions: [...CHANGES, ...UNTAGS, ...UPLOADS], resource: OBJECT, answer: NEVER },
  { roles: ['admin'], actions: MANAGES, resource: BUCKET, answer: ALWAYS },
  { roles: ['viewer', 'editor', 'ownership'], actions: MANAGES, resource: BUCKET, answer: NEVER },
  { roles: ['viewer', 'editor', 'admin', 'ownership'], actions: NOBODYS_BUSINESS, resource: OBJECT, answer: NEVER },
  { roles: ['viewer', 'editor', 'admin', 'ownership'], actions: NOBODYS_BUSINESS, resource: BUCKET, answer: NEVER }
]

for (const { roles, actions, resource, answer } of TABLE) {
  for (const role of roles) {
    t.test(`${role} on ${resource}: ${actions.join(', ')}: ${answer}`, (t) => {
      for (const action of actions) t.equal(answers(role, action, resource), answer, action)
      t.end()
    })
  }
}

t.test('a caller whose owner is not told owns nothing', (t) => {
  const anonymous = { action: 's3:GetObject', resource: OBJECT, context: contextOf({}) }
  for (const facts of Object.values(STATES)) t.equal(evaluate([policy('admin')], anonymous, facts).effect, 'deny')
  t.end()
})

t.test('an owner that looks like a pattern owns only what is its own', (t) => {
  const question = { action: 's3:GetObject', resource: OBJECT, context: contextOf({ 'sluice:Service': '*' }) }
  t.equal(evaluate([policy('editor')], question, { object: objectOf(ME) }).effect, 'deny')
  t.equal(evaluate([policy('editor')], question, { object: objectOf('*') }).effect, 'allow')
  t.end()
})

t.test('the built-in documents load without a warning, and as they are printed', (t) => {
  for (const [name, document] of Object.entries(BUILT_IN_DOCUMENTS)) {
    t.strictSame(policy(name).warnings, [])
    t.doesNotThrow(() => parsePolicy(JSON.parse(JSON.stringify(document)), name))
  }
  t.end()
})

t.test('each role allows at least what the smaller one does', (t) => {
  const actions = TABLE.flatMap(({ actions }) => actions)
  for (const [smaller, larger] of [
    ['viewer', 'editor'],
    ['editor', 'admin']
  ] as const) {
    for (const action of actions) {
      for (const resource of [OBJECT, BUCKET, '*']) {
        for (const facts of Object.values(STATES)) {
          if (evaluate([policy(smaller)], { action, resource, context }, facts).effect !== 'allow') continue
          t.equal(evaluate([policy(larger)], { action, resource, context }, facts).effect, 'allow', `${larger} ${action}`)
        }
      }
    }
  }
  t.end()
})
