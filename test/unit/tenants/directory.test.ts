import t from 'tap'
import { assignmentProblems, createDirectory, type Snapshot } from '../../../proxy/tenants/directory.ts'
import type { Assignment } from '../../../proxy/tenants/keys.ts'
import type { SharedLayout } from '../../../proxy/tenants/placement.ts'

const SHARED: SharedLayout = { account: 'main', spread: 1, template: 'data-{slot}' }
const place = (tenant: string, upstreamBucket: string, keyPrefix = `${tenant}/`): Assignment => ({
  tenant,
  account: 'big',
  upstreamBucket,
  keyPrefix,
  dedicated: true
})
const AT = new Date(0)
const snapshot = (version: string, assignments: readonly Assignment[], tenants: readonly string[] = []): Snapshot => ({
  version,
  assignments,
  tenants: [...assignments.map(({ tenant }) => tenant), ...tenants].map((tenant) => ({ tenant, createdAt: AT }))
})

t.test('before a complete snapshot nothing is found, shared tenants neither', async (t) => {
  const directory = createDirectory({ mode: 'open', shared: SHARED })
  t.equal(directory.ready, false)
  t.equal(directory.version, null)
  t.throws(() => directory.find('acme'), /before a complete snapshot/)
  t.same(directory.recorded(), [])
})

t.test('a dedicated tenant is found at its place, any other valid name in the shared account', async (t) => {
  const directory = createDirectory({ mode: 'open', shared: SHARED })
  directory.replaceAll(snapshot('1', [place('acme', 'acme-data')]))
  t.same(directory.find('acme'), place('acme', 'acme-data'))
  t.match(directory.find('other'), { account: 'main', keyPrefix: 'other/', dedicated: false })
  t.equal(directory.find('other'), directory.find('other'), 'a place that was computed is kept')
  t.equal(directory.find('Not-Valid'), null)
})

t.test('in mode registered only recorded tenants are found', async (t) => {
  const directory = createDirectory({ mode: 'registered', shared: SHARED })
  directory.replaceAll(snapshot('1', [place('acme', 'acme-data')], ['known']))
  t.match(directory.find('acme'), { dedicated: true })
  t.match(directory.find('known'), { dedicated: false })
  t.equal(directory.find('unknown'), null)
  directory.replaceAll(snapshot('2', []))
  t.equal(directory.find('known'), null, 'a place that was computed before is not kept beyond the tenant')
})

t.test('without a shared account only dedicated tenants are found', async (t) => {
  const directory = createDirectory({ mode: 'open', shared: null })
  directory.replaceAll(snapshot('1', [place('acme', 'acme-data')]))
  t.match(directory.find('acme'), { dedicated: true })
  t.equal(directory.find('other'), null)
})

t.test('a snapshot takes the place of the one before as a whole', async (t) => {
  const directory = createDirectory({ mode: 'open', shared: SHARED })
  directory.replaceAll(snapshot('1', [place('acme', 'one'), place('beta', 'one')]))
  directory.replaceAll(snapshot('2', [place('beta', 'two')], ['alpha']))
  t.equal(directory.version, '2')
  t.match(directory.find('acme'), { dedicated: false })
  t.match(directory.find('beta'), { upstreamBucket: 'two' })
  t.same(
    directory.recorded().map(({ tenant }) => tenant),
    ['alpha', 'beta']
  )
  t.same(
    directory.dedicated().map(({ tenant }) => tenant),
    ['beta']
  )
})

t.test('places that were computed are bounded', async (t) => {
  const directory = createDirectory({ mode: 'open', shared: SHARED, cacheEntriesMax: 2 })
  directory.replaceAll(snapshot('1', []))
  const first = directory.find('tenant-a')
  directory.find('tenant-b')
  directory.find('tenant-c')
  t.same(directory.find('tenant-a'), first)
  t.not(directory.find('tenant-a'), first, 'it was computed again')
})

const PROBLEMS: readonly { readonly why: string; readonly assignments: readonly Assignment[]; readonly says: readonly RegExp[] }[] = [
  { why: 'tenants with prefixes share a bucket', assignments: [place('acme', 'b'), place('beta', 'b')], says: [] },
  { why: 'a bucket has a sole tenant', assignments: [place('acme', 'b', '')], says: [] },
  {
    why: 'an account is not configured',
    assignments: [{ ...place('acme', 'b'), account: 'gone' }],
    says: [/account gone, which is not configured/]
  },
  {
    why: 'an adopted bucket holds another tenant',
    assignments: [place('beta', 'b'), place('acme', 'b', '')],
    says: [/adopted whole by tenant acme and cannot also hold tenant beta/]
  },
  {
    why: 'a bucket of shared tenants is adopted',
    assignments: [{ ...place('acme', 'data-3', ''), account: 'main' }],
    says: [/holds shared tenants and cannot be adopted whole by tenant acme/]
  }
]
for (const { why, assignments, says } of PROBLEMS) {
  t.test(`assignments are ${says.length === 0 ? 'fine' : 'refused'}: ${why}`, async (t) => {
    const problems = assignmentProblems(assignments, new Set(['main', 'big']), SHARED)
    t.equal(problems.length, says.length)
    t.match(problems, says)
  })
}
