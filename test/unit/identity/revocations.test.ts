import t from 'tap'
import { createRevocations, type Revocable, type Revocation } from '../../../proxy/identity/revocations.ts'
import { later, NOW } from './fixtures.ts'

const CALLER: Revocable = {
  ...{ issuer: 'prod-eu', subject: 'system:serviceaccount:billing:invoicer', session: 's-1' },
  ...{ podUid: 'pod-1', serviceAccountUid: 'sa-1', accessKeyId: 'SLS1A' }
}
const entry = (kind: Revocation['kind'], value: string, more: Partial<Revocation> = {}): Revocation => ({
  ...{ kind, value, issuer: '', reason: 'leaked', expiresAt: later(60) },
  ...more
})

const CASES: readonly { readonly why: string; readonly entries: readonly Revocation[]; readonly found: boolean }[] = [
  { why: 'nothing is revoked', entries: [], found: false },
  { why: 'its session is', entries: [entry('session', 's-1')], found: true },
  { why: 'another session is', entries: [entry('session', 's-2')], found: false },
  { why: 'its pod is', entries: [entry('pod', 'pod-1')], found: true },
  { why: 'its service account is', entries: [entry('service-account', 'sa-1')], found: true },
  { why: 'its key is', entries: [entry('key', 'SLS1A')], found: true },
  { why: 'its subject is', entries: [entry('subject', CALLER.subject, { issuer: 'prod-eu' })], found: true },
  { why: 'the same subject of another issuer is', entries: [entry('subject', CALLER.subject, { issuer: 'prod-us' })], found: false },
  { why: 'a pod is named as its session', entries: [entry('pod', 's-1')], found: false },
  { why: 'the entry has expired', entries: [entry('session', 's-1', { expiresAt: NOW })], found: false }
]
for (const { why, entries, found } of CASES) {
  t.test(`a caller is ${found ? 'cut off' : 'let in'} where ${why}`, async (t) => {
    const revocations = createRevocations()
    revocations.replaceAll(entries)
    t.equal(revocations.find(CALLER, NOW) !== null, found)
  })
}

t.test('a caller of which something is not known is not cut off by what is not there', async (t) => {
  const revocations = createRevocations()
  revocations.replaceAll([entry('pod', 'null'), entry('session', 'null')])
  t.equal(revocations.find({ ...CALLER, session: null, podUid: null, serviceAccountUid: null, accessKeyId: null }, NOW), null)
})

t.test('a list that was replaced counts alone, and says whether something in it is over', async (t) => {
  const revocations = createRevocations()
  revocations.replaceAll([entry('session', 's-1')])
  t.equal(revocations.hasExpired(NOW), false)
  t.equal(revocations.hasExpired(later(60)), true)
  revocations.replaceAll([])
  t.equal(revocations.find(CALLER, NOW), null)
  t.equal(revocations.hasExpired(later(60)), false)
})
