import { createHash } from 'node:crypto'
import t from 'tap'
import { isTenantId, sharedAssignment, sharedBuckets, slotOf, type SharedLayout, type Spread } from '../../../proxy/tenants/placement.ts'

const IDS: readonly { readonly id: string; readonly valid: boolean; readonly why: string }[] = [
  { id: '550e8400-e29b-41d4-a716-446655440000', valid: true, why: 'a UUID' },
  { id: 'acme', valid: true, why: 'a word' },
  { id: 'a.b-c', valid: true, why: 'dots and hyphens' },
  { id: 'a--b', valid: true, why: 'two hyphens' },
  { id: 'abc', valid: true, why: 'three characters' },
  { id: 'a'.repeat(63), valid: true, why: '63 characters' },
  { id: 'ab', valid: false, why: 'two characters' },
  { id: 'a'.repeat(64), valid: false, why: '64 characters' },
  { id: 'Acme', valid: false, why: 'an upper-case letter' },
  { id: 'a_b', valid: false, why: 'an underscore' },
  { id: 'a/b', valid: false, why: 'a slash, which would end the prefix' },
  { id: '..', valid: false, why: 'only dots' },
  { id: 'a..b', valid: false, why: 'two dots' },
  { id: 'a.-b', valid: false, why: 'a hyphen behind a dot' },
  { id: 'a-.b', valid: false, why: 'a hyphen before a dot' },
  { id: '-ab', valid: false, why: 'a hyphen at the front' },
  { id: 'ab.', valid: false, why: 'a dot at the end' },
  { id: '192.168.0.1', valid: false, why: 'an IPv4 address' },
  { id: 'a%2fb', valid: false, why: 'a percent sign' },
  { id: 'abc\n', valid: false, why: 'a line break at the end' },
  { id: 'ａｂｃ', valid: false, why: 'full-width letters' }
]
for (const { id, valid, why } of IDS) {
  t.test(`a name ${valid ? 'can' : 'cannot'} be a tenant: ${why}`, async (t) => t.equal(isTenantId(id), valid))
}

const sha = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 2)
const SLOTS: readonly { readonly tenant: string; readonly slot: string; readonly why: string }[] = [
  { tenant: '550e8400-e29b-41d4-a716-446655440000', slot: '55', why: 'a random UUID (version 4) uses its own characters' },
  { tenant: 'a3bb189e-8bf9-3888-9912-ace4e6543002', slot: 'a3', why: 'a name UUID (version 3) uses its own characters' },
  { tenant: 'a6edc906-2f9f-5fb2-a373-efac406f0ef2', slot: 'a6', why: 'a name UUID (version 5) uses its own characters' },
  {
    tenant: 'c232ab00-9414-11ec-b3c8-9f6bdeced846',
    slot: sha('c232ab00-9414-11ec-b3c8-9f6bdeced846'),
    why: 'a UUID of version 1 uses its hash'
  },
  {
    tenant: '1ec9414c-232a-6b00-b3c8-9f6bdeced846',
    slot: sha('1ec9414c-232a-6b00-b3c8-9f6bdeced846'),
    why: 'a UUID of version 6 uses its hash'
  },
  {
    tenant: '01935e5e-7c1a-7000-8000-000000000000',
    slot: sha('01935e5e-7c1a-7000-8000-000000000000'),
    why: 'a UUID of version 7 uses its hash'
  },
  { tenant: '01arz3ndektsv4rrffq69g5fav', slot: sha('01arz3ndektsv4rrffq69g5fav'), why: 'a ULID uses its hash' },
  { tenant: 'ffacme', slot: sha('ffacme'), why: 'a word uses its hash though it begins like hex' }
]
for (const { tenant, slot, why } of SLOTS) {
  t.test(`the slot of a tenant never changes: ${why}`, async (t) => t.equal(slotOf(tenant), slot))
}

t.test('tenants with UUIDs of version 7, made one after the other, are spread over all buckets', async (t) => {
  const used = new Set<string>()
  for (let index = 0; index < 4096; index++) {
    // The time stands in the first 48 bits; the rest is fixed here, which is the hardest case.
    const time = (0x01935e5e7c1a + index).toString(16).padStart(12, '0')
    used.add(slotOf(`${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`))
  }
  t.equal(used.size, 256)
})

for (const [spread, count, first, last] of [
  [0, 1, 'data', 'data'],
  [1, 16, 'data-0', 'data-f'],
  [2, 256, 'data-00', 'data-ff']
] as const) {
  t.test(`a spread of ${spread} gives ${count} buckets, and every tenant's is one of them`, async (t) => {
    const layout: SharedLayout = { account: 'main', spread, template: spread === 0 ? 'data' : 'data-{slot}' }
    const buckets = sharedBuckets(layout)
    t.equal(new Set(buckets).size, count)
    t.equal(buckets[0], first)
    t.equal(buckets.at(-1), last)
    for (const { tenant } of SLOTS) t.ok(buckets.includes(sharedAssignment(layout, tenant).upstreamBucket))
  })
}

t.test('a shared tenant lives under its own name', async (t) => {
  const spread: Spread = 2
  t.same(sharedAssignment({ account: 'main', spread, template: 'data-{slot}' }, '550e8400-e29b-41d4-a716-446655440000'), {
    tenant: '550e8400-e29b-41d4-a716-446655440000',
    account: 'main',
    upstreamBucket: 'data-55',
    keyPrefix: '550e8400-e29b-41d4-a716-446655440000/',
    dedicated: false
  })
})
