import fc from 'fast-check'
import t from 'tap'
import { matchesGlob } from '../../../proxy/identity/glob.ts'
import {
  admits,
  compileRoles,
  mayTouch,
  roleByRule,
  type RoleProblems,
  type Role,
  type RoleSettings
} from '../../../proxy/identity/roles.ts'

const SETTINGS: RoleSettings = { name: 'service', tenants: [], trust: [], sessionSecondsMax: 3600 }

function roleWith(differences: Partial<RoleSettings>): Role {
  const role = compileRoles([{ ...SETTINGS, ...differences }]).get('service')
  if (role === undefined) throw new Error('the role is not there')
  return role
}

const TENANT = '3f2c9d1e-0000-4000-8000-000000000001'
const TENANTS: readonly { patterns: readonly string[]; tenant: string; may: boolean }[] = [
  { patterns: [], tenant: TENANT, may: false },
  { patterns: ['*'], tenant: TENANT, may: true },
  { patterns: [TENANT], tenant: TENANT, may: true },
  { patterns: [TENANT], tenant: `${TENANT}0`, may: false },
  { patterns: [TENANT.toUpperCase()], tenant: TENANT, may: false },
  { patterns: ['acme-*'], tenant: 'acme-eu', may: true },
  { patterns: ['acme-*'], tenant: 'not-acme-eu', may: false },
  { patterns: ['acme-*', TENANT], tenant: TENANT, may: true },
  { patterns: ['acme-??'], tenant: 'acme-eu', may: true },
  { patterns: ['acme-??'], tenant: 'acme-eu1', may: false },
  { patterns: ['*-prod'], tenant: 'acme-prod', may: true },
  { patterns: ['*-prod'], tenant: 'acme-prod-2', may: false },
  { patterns: ['a.b'], tenant: 'axb', may: false }
]

for (const { patterns, tenant, may } of TENANTS) {
  t.test(`a role with tenants ${JSON.stringify(patterns)} ${may ? 'may' : 'may not'} touch ${tenant}`, (t) => {
    t.equal(mayTouch(roleWith({ tenants: patterns }), tenant), may)
    t.end()
  })
}

const invoicer = { issuer: 'prod-eu', namespace: 'billing', serviceAccount: 'invoicer' }
const TRUST = { issuers: ['prod-eu'], namespaces: ['bill*'], serviceAccounts: ['invoicer', 'report-*'] }
const ADMITS: readonly { why: string; subject: Parameters<typeof admits>[1]; admitted: boolean }[] = [
  { why: 'all three match', subject: invoicer, admitted: true },
  { why: 'a glob matches', subject: { ...invoicer, serviceAccount: 'report-monthly' }, admitted: true },
  { why: 'the issuer is another', subject: { ...invoicer, issuer: 'prod-us' }, admitted: false },
  { why: 'the issuer only begins alike', subject: { ...invoicer, issuer: 'prod-eu2' }, admitted: false },
  { why: 'the namespace is another', subject: { ...invoicer, namespace: 'shop' }, admitted: false },
  { why: 'the account is another', subject: { ...invoicer, serviceAccount: 'invoicer2' }, admitted: false },
  { why: 'it is no service account', subject: { ...invoicer, namespace: null, serviceAccount: null }, admitted: false }
]

for (const { why, subject, admitted } of ADMITS) {
  t.test(`a trust statement ${admitted ? 'admits' : 'does not admit'} a subject: ${why}`, (t) => {
    t.equal(admits(roleWith({ trust: [TRUST] }), subject), admitted)
    t.end()
  })
}

t.test('a role without trust admits nobody, and statements do not mix', (t) => {
  t.equal(admits(roleWith({ trust: [] }), invoicer), false)
  const other = { issuers: ['prod-us'], namespaces: ['*'], serviceAccounts: ['*'] }
  t.equal(admits(roleWith({ trust: [{ ...TRUST, namespaces: ['shop'] }, other] }), invoicer), false)
  t.equal(admits(roleWith({ trust: [{ ...other, issuers: ['prod-eu'] }] }), { ...invoicer, namespace: null, serviceAccount: null }), false)
  t.end()
})

t.test('the first matching rule of an issuer gives the role', (t) => {
  const rules = [
    { namespaces: ['billing'], serviceAccounts: ['admin'], role: 'admin' },
    { namespaces: ['billing'], serviceAccounts: ['*'], role: 'service' },
    { namespaces: ['*'], serviceAccounts: ['*'], role: 'viewer' }
  ]
  t.equal(roleByRule(rules, { ...invoicer, serviceAccount: 'admin' }), 'admin')
  t.equal(roleByRule(rules, invoicer), 'service')
  t.equal(roleByRule(rules, { ...invoicer, namespace: 'shop' }), 'viewer')
  t.equal(roleByRule(rules.slice(0, 2), { ...invoicer, namespace: 'shop' }), null)
  t.end()
})

const PROBLEMS: readonly { why: string; differences: Partial<RoleSettings>; problem: RegExp }[] = [
  { why: 'its sessions are shorter than STS allows', differences: { sessionSecondsMax: 600 }, problem: /900 to 43200 seconds, not 600/ },
  { why: 'its sessions are longer than 12 hours', differences: { sessionSecondsMax: 43_201 }, problem: /not 43201/ },
  { why: 'its sessions have no number', differences: { sessionSecondsMax: Number.NaN }, problem: /not NaN/ },
  { why: 'its name cannot stand in an ARN', differences: { name: 'a/b' }, problem: /the name must be/ },
  { why: 'its trust has an issuer pattern', differences: { trust: [{ ...TRUST, issuers: ['prod-*'] }] }, problem: /names issuers exactly/ },
  { why: 'a tenant pattern is empty', differences: { tenants: [''] }, problem: /pattern is empty/ }
]

for (const { why, differences, problem } of PROBLEMS) {
  t.test(`a role is refused at load when ${why}`, (t) => {
    t.throws(() => compileRoles([{ ...SETTINGS, ...differences }]), { name: 'RoleProblems', message: problem })
    t.end()
  })
}

t.test('all problems of the roles are told at once', (t) => {
  try {
    compileRoles([SETTINGS, { ...SETTINGS, sessionSecondsMax: 1 }, { ...SETTINGS, name: '' }])
    t.fail('accepted')
  } catch (error) {
    t.equal((error as RoleProblems).problems.length, 3)
  }
  t.end()
})

t.test('a glob matches as the regular expression of the same meaning does', (t) => {
  const char = fc.constantFrom('a', 'b', '*', '?')
  const pattern = fc.string({ unit: char, maxLength: 8 })
  const expression = (glob: string): RegExp => new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
  fc.assert(
    fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 }), (glob, text) => {
      return matchesGlob(glob, text) === expression(glob).test(text)
    }),
    { numRuns: 2000 }
  )
  t.end()
})
