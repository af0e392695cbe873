import t from 'tap'
import type { Sql } from '../../../proxy/database/connect.ts'
import { createUploadLedger, type UploadLedger } from '../../../proxy/database/uploads.ts'
import type { OpenUpload, UploadListing } from '../../../proxy/tenants/open-upload.ts'
import { startPostgres, type TestDatabase, type TestPostgres } from '../../helpers/postgres.ts'

let postgres: TestPostgres
let database: TestDatabase
let admin: Sql
let faults = 0
t.before(async () => {
  postgres = await startPostgres()
  database = await postgres.createDatabase('uploads')
  admin = database.asAdmin()
})
t.beforeEach(async () => {
  faults = 0
  await admin`DELETE FROM sluice.uploads`
})
t.teardown(() => postgres.stop())

const ledgerOf = (waitingMax = 1_000): UploadLedger =>
  createUploadLedger({ run: database.asRuntime(), waitingMax, retryMs: 20, onFault: () => (faults += 1) })

const upload = (key: string, uploadId = `id-${key}`, changes: Partial<OpenUpload> = {}): OpenUpload => ({
  account: 'main',
  upstreamBucket: 'data',
  uploadId,
  tenant: 'acme',
  key,
  owner: 'billing',
  nonce: 'n',
  createdAt: new Date('2026-10-01T00:00:00.123Z'),
  ...changes
})
const listing = (changes: Partial<UploadListing> = {}): UploadListing => ({
  tenant: 'acme',
  owner: 'billing',
  prefix: '',
  delimiter: '',
  keyMarker: '',
  uploadIdMarker: null,
  max: 1_000,
  ...changes
})

t.test('an upload is listed as it was opened, to its owner in its tenant alone, until it ends', async (t) => {
  const ledger = ledgerOf()
  const odd = upload('dir/ä "\\ +%.bin', 'odd~id')
  ledger.insert(odd)
  ledger.insert(upload('k', 'theirs', { owner: 'other' }))
  ledger.insert(upload('k', 'elsewhere', { tenant: 'beta' }))
  t.same((await ledger.list(listing())).uploads, [odd])
  t.equal(await ledger.hasUploads('beta'), true)
  ledger.remove(odd)
  t.same((await ledger.list(listing())).uploads, [])
  t.equal(await ledger.hasUploads('nobody'), false)
})

const KEYS = ['a', 'b/1', 'b/2', 'b/c/3', 'c', 'Z', 'é', 'b0', 'b/', '\u{1F600}']
// By the bytes of UTF-8, as S3 sorts.
const SORTED = KEYS.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))

const LISTS: readonly {
  readonly why: string
  readonly ask: Partial<UploadListing>
  readonly keys: readonly string[]
  readonly prefixes?: readonly string[]
}[] = [
  { why: 'all, by the bytes of their keys', ask: {}, keys: SORTED },
  { why: 'a prefix', ask: { prefix: 'b/' }, keys: ['b/', 'b/1', 'b/2', 'b/c/3'] },
  { why: 'a prefix that looks like a pattern', ask: { prefix: '%' }, keys: [] },
  { why: 'a delimiter', ask: { delimiter: '/' }, keys: ['Z', 'a', 'b0', 'c', 'é', '\u{1F600}'], prefixes: ['b/'] },
  { why: 'prefix and delimiter', ask: { prefix: 'b/', delimiter: '/' }, keys: ['b/', 'b/1', 'b/2'], prefixes: ['b/c/'] },
  { why: 'a marker', ask: { keyMarker: 'b0' }, keys: ['c', 'é', '\u{1F600}'] },
  { why: 'a marker that is a common prefix', ask: { delimiter: '/', keyMarker: 'b/' }, keys: ['b0', 'c', 'é', '\u{1F600}'] }
]
for (const { why, ask, keys, prefixes = [] } of LISTS) {
  t.test(`a list shows ${why}`, async (t) => {
    const ledger = ledgerOf()
    for (const key of KEYS) ledger.insert(upload(key))
    const page = await ledger.list(listing(ask))
    t.same(
      page.uploads.map(({ key }) => key),
      keys
    )
    t.same(page.commonPrefixes, prefixes)
    t.equal(page.isTruncated, false)
  })
  for (const max of [1, 2, 3]) {
    t.test(`pages of ${max} join to the same list: ${why}`, async (t) => {
      const ledger = ledgerOf()
      for (const key of KEYS) ledger.insert(upload(key))
      const got: string[] = []
      let at: Partial<UploadListing> = {}
      for (;;) {
        const page = await ledger.list(listing({ ...ask, max, ...at }))
        got.push(...page.uploads.map(({ key }) => key), ...page.commonPrefixes)
        t.ok(page.uploads.length + page.commonPrefixes.length <= max)
        if (!page.isTruncated) break
        at = { keyMarker: page.nextKeyMarker ?? '', uploadIdMarker: page.nextUploadIdMarker }
      }
      t.same(got.toSorted(), [...keys, ...prefixes].toSorted())
      t.equal(new Set(got).size, got.length)
    })
  }
}

t.test('several uploads of one key follow each other by id, and a marker goes on between them', async (t) => {
  const ledger = ledgerOf()
  for (const id of ['u1', 'u2', 'u3']) ledger.insert(upload('k', id))
  const first = await ledger.list(listing({ max: 2 }))
  t.match(first, { uploads: [{ uploadId: 'u1' }, { uploadId: 'u2' }], isTruncated: true, nextKeyMarker: 'k', nextUploadIdMarker: 'u2' })
  t.match((await ledger.list(listing({ keyMarker: 'k', uploadIdMarker: 'u2' }))).uploads, [{ uploadId: 'u3' }])
  t.same((await ledger.list(listing({ keyMarker: 'k' }))).uploads, [])
})

t.test('changes wait while Postgres is away, in order, and are written when it is back', async (t) => {
  const ledger = ledgerOf()
  ledger.insert(upload('before'))
  t.equal(await ledger.flush(), true)
  await postgres.pause()
  ledger.remove(upload('before'))
  ledger.insert(upload('during'))
  ledger.insert(upload('ended'))
  ledger.remove(upload('ended'))
  t.equal(await ledger.flush(), false)
  t.same(ledger.status(), { waiting: 3, dropped: 0 })
  t.ok(faults > 0)
  await postgres.resume()
  while (ledger.status().waiting > 0) await ledger.flush()
  t.same(
    (await ledger.list(listing())).uploads.map(({ key }) => key),
    ['during']
  )
})

t.test('what waits is bounded; beyond, new uploads are dropped and counted', async (t) => {
  const ledger = ledgerOf(2)
  for (const key of ['a', 'b', 'c']) ledger.insert(upload(key))
  t.same(ledger.status(), { waiting: 2, dropped: 1 })
  t.same(
    (await ledger.list(listing())).uploads.map(({ key }) => key),
    ['a', 'b']
  )
})

t.test('closing writes what waits', async (t) => {
  const ledger = ledgerOf()
  ledger.insert(upload('k'))
  await ledger.close()
  t.equal((await admin`SELECT FROM sluice.uploads`).length, 1)
})

t.test('stale uploads are those of any owner that began before a moment', async (t) => {
  const ledger = ledgerOf()
  ledger.insert(upload('old', 'old', { createdAt: new Date('2026-01-01'), owner: 'other' }))
  ledger.insert(upload('new', 'new', { createdAt: new Date('2026-02-01') }))
  t.same(
    (await ledger.listStale(new Date('2026-01-15'), 10)).map(({ key }) => key),
    ['old']
  )
})
