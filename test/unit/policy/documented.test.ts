import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { S3_ACTIONS } from '../../../policy/actions.ts'
import { BUILT_IN_POLICIES } from '../../../policy/built-in.ts'
import { CONDITION_KEY_NAMES } from '../../../policy/condition-keys.ts'
import type { Facts } from '../../../policy/decision.ts'
import { evaluate } from '../../../policy/evaluate.ts'
import { OPERATOR_USES } from '../../../policy/operators.ts'
import { parsePolicy, parsePolicyText, type Policy } from '../../../policy/parse.ts'
import { OPERATIONS } from '../../../proxy/s3/operations.ts'
import { contextOf, objectOf } from './ask-policy.ts'

const text = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8')
const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, body = '']) => body)

const samples = new Map<string, Policy>()
for (const block of blocks('json')) {
  const policy = parsePolicyText(block, 'sample')
  samples.set(policy.statements[0]?.label.replace('sample/', '') ?? '', policy)
}

t.test('every sample of the documentation loads without a warning', (t) => {
  t.strictSame([...samples.keys()].sort(), [
    'Caretaker',
    'OnlyFromInside',
    'ReadInvoicerExports',
    'ReadPublic',
    'ReadReports',
    'ReadWithinNamespace',
    'SharedMarkers'
  ])
  for (const [name, policy] of samples) t.strictSame(policy.warnings, [], name)
  for (const block of blocks('yaml')) {
    const { policies } = parse(block) as { policies: Record<string, unknown> }
    for (const [name, document] of Object.entries(policies)) t.doesNotThrow(() => parsePolicy(document, name))
  }
  t.end()
})

t.test('the documentation names every operator, every condition key and every built-in policy', (t) => {
  const operators = new Set([...OPERATOR_USES.values()].map(({ operator }) => operator.name))
  for (const name of [...operators, 'Null', ...CONDITION_KEY_NAMES, ...BUILT_IN_POLICIES.keys()]) t.ok(text.includes(`\`${name}\``), name)
  t.end()
})

const TENANT = '0b6d5a1e-6a52-4a3c-9f0e-5f3d1c0a7b11'
const INVOICER = 'system:serviceaccount:billing:invoicer'
const SENDER = 'system:serviceaccount:mail:sender'

interface SampleCase {
  readonly sample: string
  readonly caller: string
  readonly action?: string
  readonly key: string
  readonly owner: string
  readonly tags?: Readonly<Record<string, string>>
  readonly address?: string
  readonly effect: 'allow' | 'deny'
}

/** What a sample adds to, or takes from, the editor's policy. */
const CASES: readonly SampleCase[] = [
  { sample: 'ReadInvoicerExports', caller: SENDER, key: 'exports/a', owner: INVOICER, effect: 'allow' },
  { sample: 'ReadInvoicerExports', caller: SENDER, key: 'private/a', owner: INVOICER, effect: 'deny' },
  { sample: 'ReadInvoicerExports', caller: SENDER, key: 'exports/a', owner: 'system:serviceaccount:x:y', effect: 'deny' },
  { sample: 'ReadInvoicerExports', caller: 'system:serviceaccount:x:y', key: 'exports/a', owner: INVOICER, effect: 'deny' },
  { sample: 'ReadInvoicerExports', caller: SENDER, action: 's3:PutObject', key: 'exports/a', owner: INVOICER, effect: 'deny' },
  { sample: 'SharedMarkers', caller: SENDER, action: 's3:PutObject', key: 'a/dir/', owner: INVOICER, effect: 'allow' },
  { sample: 'SharedMarkers', caller: SENDER, action: 's3:PutObject', key: 'a/dir/file', owner: INVOICER, effect: 'deny' },
  { sample: 'ReadWithinNamespace', caller: SENDER, key: 'a', owner: 'system:serviceaccount:mail:other', effect: 'allow' },
  { sample: 'ReadWithinNamespace', caller: SENDER, key: 'a', owner: 'system:serviceaccount:mail2:other', effect: 'deny' },
  { sample: 'ReadWithinNamespace', caller: 'people/ann', key: 'a', owner: 'system:serviceaccount::x', effect: 'deny' },
  { sample: 'ReadPublic', caller: SENDER, key: 'a', owner: INVOICER, tags: { visibility: 'public' }, effect: 'allow' },
  { sample: 'ReadPublic', caller: SENDER, key: 'a', owner: INVOICER, tags: { visibility: 'private' }, effect: 'deny' },
  { sample: 'Caretaker', caller: SENDER, action: 's3:DeleteObject', key: 'a', owner: INVOICER, effect: 'allow' },
  { sample: 'Caretaker', caller: SENDER, action: 's3:PutObject', key: 'a', owner: INVOICER, effect: 'deny' },
  { sample: 'OnlyFromInside', caller: SENDER, key: 'a', owner: SENDER, address: '10.1.1.1', effect: 'allow' },
  { sample: 'OnlyFromInside', caller: SENDER, key: 'a', owner: SENDER, address: '192.0.2.1', effect: 'deny' },
  {
    sample: 'OnlyFromInside',
    caller: SENDER,
    action: 's3:PutObject',
    key: 'sender/a',
    owner: SENDER,
    address: '10.1.1.1',
    effect: 'allow'
  },
  { sample: 'OnlyFromInside', caller: SENDER, action: 's3:PutObject', key: 'other/a', owner: SENDER, address: '10.1.1.1', effect: 'deny' },
  {
    sample: 'OnlyFromInside',
    caller: 'people/ann',
    action: 's3:PutObject',
    key: 'other/a',
    owner: 'people/ann',
    address: '10.1.1.1',
    effect: 'deny'
  }
]

for (const { sample, caller, action = 's3:GetObject', key, owner, tags = {}, address = '10.0.0.1', effect } of CASES) {
  t.test(
    `sample ${sample}: ${caller} is ${effect === 'allow' ? 'allowed' : 'denied'} ${action} of ${key}, owned by ${owner}, from ${address}`,
    (t) => {
      const [, namespace, account] = /^system:serviceaccount:(.+):(.+)$/.exec(caller) ?? []
      const kubernetes =
        namespace === undefined || account === undefined ? {} : { 'sluice:Namespace': namespace, 'sluice:ServiceAccount': account }
      const context = contextOf({ 'sluice:Service': caller, 'sluice:Tenant': TENANT, 'aws:SourceIp': address, ...kubernetes })
      const facts: Facts = { object: objectOf(owner, tags) }
      const policies = [BUILT_IN_POLICIES.get('editor'), samples.get(sample)].filter((policy) => policy !== undefined)
      t.equal(policies.length, 2)
      t.equal(evaluate(policies, { action, resource: `arn:aws:s3:::${TENANT}/${key}`, context }, facts).effect, effect)
      t.end()
    }
  )
}

t.test('every action that an operation asks for is one that a policy can name', (t) => {
  const actions = Object.values(OPERATIONS).flatMap(({ permissions }) => permissions.map(({ action }): string => action))
  t.ok(actions.length > 0)
  for (const action of new Set(actions)) t.ok(S3_ACTIONS.includes(action), action)
  t.end()
})

t.test('every action that an operation asks for is allowed by the admin role to somebody', (t) => {
  const admin = BUILT_IN_POLICIES.get('admin')
  for (const [name, { permissions }] of Object.entries(OPERATIONS)) {
    for (const { action } of permissions) t.ok((admin?.about(action).length ?? 0) > 0, `${name} ${action}`)
  }
  t.end()
})
