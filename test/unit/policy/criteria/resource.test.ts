import t from 'tap'
import { decide, documentOf, objectOf, policyOf, problemsOf } from '../ask-policy.ts'

const arn = (rest: string): string => `arn:aws:s3:::${rest}`
const CONTEXT = { 'sluice:Service': 'a*c', 'sluice:Tenant': 'acme', 'sluice:Namespace': 'team' }

const CASES: readonly { element?: string; value: string | readonly string[]; resource: string; matches: boolean }[] = [
  { value: arn('acme/a/b'), resource: arn('acme/a/b'), matches: true },
  { value: arn('acme/a/b'), resource: arn('acme/a/B'), matches: false },
  { value: arn('acme'), resource: arn('acme'), matches: true },
  { value: arn('acme'), resource: arn('acme/a'), matches: false },
  { value: arn('acme/*'), resource: arn('acme'), matches: false },
  { value: arn('acme/data*'), resource: arn('acme/data-private/x'), matches: true },
  { value: arn('acme/data/*'), resource: arn('acme/data-private/x'), matches: false },
  { value: arn('acme/*'), resource: arn('acme-2/x'), matches: false },
  { value: arn('acme*'), resource: arn('acme-2/x'), matches: true },
  { value: arn('*/*'), resource: arn('acme/x'), matches: true },
  { value: arn('*/*'), resource: arn('acme'), matches: false },
  { value: arn('*/*/'), resource: arn('acme/dir/'), matches: true },
  { value: arn('*/*/'), resource: arn('acme/dir/file'), matches: false },
  { value: arn('acme/?.csv'), resource: arn('acme/1.csv'), matches: true },
  { value: arn('acme/?.csv'), resource: arn('acme/12.csv'), matches: false },
  { value: arn('acme/?.csv'), resource: arn('acme/😀.csv'), matches: true },
  { value: arn('acme/a:b'), resource: arn('acme/a:b'), matches: true },
  { value: '*', resource: arn('acme/x'), matches: true },
  { value: '*', resource: '*', matches: true },
  { value: arn('*'), resource: '*', matches: true },
  { value: arn('acme'), resource: '*', matches: false },
  { value: [arn('x'), arn('acme/x')], resource: arn('acme/x'), matches: true },
  { element: 'NotResource', value: arn('acme/private/*'), resource: arn('acme/private/x'), matches: false },
  { element: 'NotResource', value: arn('acme/private/*'), resource: arn('acme/x'), matches: true },
  { value: arn('${sluice:Tenant}/${sluice:Namespace}/*'), resource: arn('acme/team/x'), matches: true },
  { value: arn('${sluice:Tenant}/${sluice:Namespace}/*'), resource: arn('acme/other/x'), matches: false },
  { value: arn('${SLUICE:tenant}/x'), resource: arn('acme/x'), matches: true },
  // The value of the variable holds a star, which is one character of a name and nothing more.
  { value: arn('acme/${sluice:Service}/*'), resource: arn('acme/a*c/x'), matches: true },
  { value: arn('acme/${sluice:Service}/*'), resource: arn('acme/abc/x'), matches: false },
  { value: arn('acme/${*}'), resource: arn('acme/*'), matches: true },
  { value: arn('acme/${*}'), resource: arn('acme/x'), matches: false },
  { value: arn('acme/${?}'), resource: arn('acme/x'), matches: false },
  { value: arn('acme/${$}{x}'), resource: arn('acme/${x}'), matches: true },
  { value: arn('acme/$x'), resource: arn('acme/$x'), matches: true },
  { value: arn("acme/${sluice:ServiceAccount, 'nobody'}/*"), resource: arn('acme/nobody/x'), matches: true },
  { value: arn("acme/${sluice:Namespace,'nobody'}/*"), resource: arn('acme/nobody/x'), matches: false },
  { value: arn('acme/${sluice:ServiceAccount}*'), resource: arn('acme/x'), matches: false },
  // One unresolved variable silences the whole statement, also where another value would have matched.
  { value: [arn('acme/x'), arn('acme/${sluice:ServiceAccount}')], resource: arn('acme/x'), matches: false },
  { element: 'NotResource', value: arn('acme/${sluice:ServiceAccount}'), resource: arn('acme/x'), matches: false }
]

for (const { element = 'Resource', value, resource, matches } of CASES) {
  t.test(`${element} ${JSON.stringify(value)} ${matches ? 'matches' : 'does not match'} ${resource}`, (t) => {
    t.equal(decide(policyOf({ [element]: value }), { resource, context: CONTEXT }).effect, matches ? 'allow' : 'deny')
    t.end()
  })
}

t.test('a variable that has two values stays unresolved', (t) => {
  const policy = policyOf({ Resource: arn('acme/${sluice:Namespace}/*') })
  const resource = arn('acme/a/x')
  t.equal(decide(policy, { resource, context: { 'sluice:Namespace': ['a'] } }).effect, 'allow')
  t.equal(decide(policy, { resource, context: { 'sluice:Namespace': ['a', 'b'] } }).effect, 'deny')
  t.end()
})

t.test('a variable of the object is filled in once the object has been looked at', (t) => {
  const policy = policyOf({ Resource: arn('acme/${sluice:ObjectOwner}/*') })
  const resource = arn('acme/a/x')
  t.strictSame(decide(policy, { resource }), { effect: 'undecided', needs: ['objectOwner'] })
  t.equal(decide(policy, { resource, object: objectOf('a') }).effect, 'allow')
  t.equal(decide(policy, { resource, object: objectOf('b') }).effect, 'deny')
  t.equal(decide(policy, { resource, object: null }).effect, 'deny')
  t.end()
})

t.test('NotResource with a variable of the object is turned around only once it is known', (t) => {
  const policy = policyOf({ NotResource: arn("acme/${sluice:ObjectOwner, 'none'}/*") })
  const resource = arn('acme/a/x')
  t.equal(decide(policy, { resource }).effect, 'undecided')
  t.equal(decide(policy, { resource, object: objectOf('a') }).effect, 'deny')
  t.equal(decide(policy, { resource, object: objectOf('b') }).effect, 'allow')
  t.equal(decide(policy, { resource, object: null }).effect, 'allow')
  t.end()
})

const WRONG = [
  { value: 'acme/*', says: /"acme\/\*" is neither \* nor arn:aws:s3:::<tenant>/ },
  { value: 'arn:aws:s3:::', says: /is neither/ },
  { value: 'arn:aws:s3:::/key', says: /is neither/ },
  { value: 'arn:aws:s3:eu-west-1::acme', says: /is neither/ },
  { value: 'arn:aws-cn:s3:::acme', says: /is neither/ },
  { value: arn('acme/${aws:username}'), says: /"\$\{aws:username\}" is not a policy variable/ },
  { value: arn('acme/${sluice:Servic}'), says: /did you mean sluice:Service\?/ },
  { value: arn('acme/${sluice:Service'), says: /is not closed/ },
  { value: arn('acme/${sluice:Service, none}'), says: /single quotes/ },
  { value: arn('acme/${s3:RequestObjectTagKeys}'), says: /several values/ },
  { value: arn(`acme/${'x'.repeat(2048)}`), says: /longer than 2048/ },
  { value: [], says: /empty list/ }
]
for (const { value, says } of WRONG) {
  t.test(`the resource ${JSON.stringify(value).slice(0, 50)} fails loading`, (t) => {
    t.match(problemsOf(documentOf({ Resource: value })), [says])
    t.end()
  })
}
