import { test, type Test } from 'tap'
import { bytesOf, type Body } from '../body.ts'
import type { Driver, Order, Outcome } from '../driver.ts'
import { isRefused } from '../step.ts'
import { MATRIX, type Act, type Client, type Target } from './clients.ts'
import type { Login } from './login.ts'
import { startSite, WAYS, type Site, type WayName } from './site.ts'

/**
 * Every client by every way in that it uses: what it may do to an object of its own, and that it does nothing to another service's
 * and to another tenant's. After a refusal the store holds what it held, byte for byte, and was not asked for the other tenant at all.
 */

const TEXT = { text: 'what the client wrote' } as const
const MIB = 1024 * 1024
/** Whose objects they are. */
const SUBJECT = 'system:serviceaccount:shop:orders'
const SECRET = 'what nobody else may read'
const ACTS: readonly Act[] = ['put', 'list', 'get', 'multipart', 'delete']
const AT_ONCE = 2
const TIMEOUT_MS = 540_000

interface Row {
  readonly client: Client
  readonly site: Site
  readonly driver: Driver
  /** Nothing else lies below it, in any tenant. */
  readonly prefix: string
}

test('every client by every way in', { timeout: TIMEOUT_MS, jobs: AT_ONCE }, async (t) => {
  const site = await startSite()
  t.teardown(() => site.stop())
  const rows = MATRIX.flatMap((client) => client.ways.map((way) => ({ client, way })))
  const runs = rows.map(({ client, way }) => {
    const skip = client.installed === undefined && 'not installed: npm run clients says why'
    return t.test(`${client.name}, ${way}`, { skip, buffered: true, timeout: TIMEOUT_MS }, (t) => runRow(t, client, { way, site }))
  })
  await Promise.all(runs)
  t.same(site.sluice.store.failures, [], 'the store had no fault')
})

async function runRow(t: Test, client: Client, { way, site }: { way: WayName; site: Site }): Promise<void> {
  const login: Login = await WAYS[way].open(site)
  const driver = await client.start(login, login.endpoint ?? site.sluice.s3)
  t.teardown(() => driver.stop())
  const prefix = `${client.name}/${way}/`.replaceAll(/[^a-z0-9/]+/gi, '-')
  const row = { client, site, driver, prefix }
  await seed(site, { tenant: site.tenant, service: 'shop/billing' }, `${prefix}theirs/object${client.entry ?? ''}`)
  await seed(site, { tenant: site.otherTenant, service: 'elsewhere/orders' }, `${prefix}theirs/object${client.entry ?? ''}`)
  for (const act of ACTS) await cell(t, row, { act, target: 'own object' }, (t) => onOwn(t, row, act))
  for (const act of ACTS) await cell(t, row, { act, target: "another service's object" }, (t) => onAnothers(t, row, act))
  for (const act of ACTS) await cell(t, row, { act, target: 'another tenant' }, (t) => onAnotherTenant(t, row, act))
}

/** One cell, or the reason why the client has none there. */
async function cell(
  t: Test,
  { client }: Row,
  { act, target }: { readonly act: Act; readonly target: Target },
  run: (t: Test) => Promise<void>
): Promise<void> {
  const gap = client.gaps.find((gap) => gap.act === act && (gap.target === undefined || gap.target === target))
  await t.test(`${act}, ${target}`, { skip: gap?.why ?? false, timeout: TIMEOUT_MS }, run)
}

function orderOf({ client }: Row, act: Act, { bucket, key }: { readonly bucket: string; readonly key: string }): Order {
  switch (act) {
    case 'put':
      return { op: 'put', bucket, key, body: TEXT }
    case 'get':
      return { op: 'get', bucket, key }
    case 'list':
      return { op: 'list', bucket, version: 2, prefix: key }
    case 'delete':
      return { op: 'delete', bucket, key }
    case 'multipart':
      return { op: 'upload', bucket, key, body: bigBodyOf(client) }
  }
}

/** Two parts at least. */
function bigBodyOf({ bigMiB = 9 }: Client): Body {
  return { size: bigMiB * MIB, seed: 'matrix' }
}

async function onOwn(t: Test, row: Row, act: Act): Promise<void> {
  const { client, site, driver, prefix } = row
  const key = `${prefix}own/${act === 'multipart' ? 'big' : 'object'}`
  const outcome = await driver.run(orderOf(row, act, { bucket: site.tenant, key }))
  t.equal(outcome.error, undefined, 'it succeeds')
  if (act === 'get') t.equal(outcome.text, TEXT.text, 'the client has what it wrote')
  if (act === 'list') t.same(outcome.keys, [key], 'the client sees its object')
  const found = below(site, key)
  if (act === 'delete') {
    const left = client.keepsBytes ? found : found.filter(({ key }) => key.includes('/snapshots/'))
    return void t.same(left, [], 'it is gone')
  }
  t.ok(found.length > 0, 'the store holds it')
  for (const { object } of found) t.equal(object.tags.get('service'), SUBJECT, 'as the caller’s')
  const [first] = found
  if (act === 'multipart') t.ok((first?.object.parts ?? 0) > 1, 'it came in parts')
  if (!client.keepsBytes || first === undefined || act === 'get' || act === 'list') return
  t.ok((await first.object.read()).equals(bytesOf(act === 'multipart' ? bigBodyOf(client) : TEXT)), 'byte for byte')
}

async function onAnothers(t: Test, row: Row, act: Act): Promise<void> {
  const { site, driver, prefix } = row
  const key = `${prefix}theirs/object`
  const before = await stateOf(site, prefix)
  t.equal(before.objects.length, 2, 'both others have an object')
  const outcome = await driver.run(orderOf(row, act, { bucket: site.tenant, key }))
  // Names are the tenant's; content is the service's.
  if (act === 'list') t.same(outcome.keys, [key], 'the client sees that it is there')
  else refuses(t, outcome)
  t.same(await stateOf(site, prefix), before, 'the store holds what it held')
}

async function onAnotherTenant(t: Test, row: Row, act: Act): Promise<void> {
  const { site, driver, prefix } = row
  const before = await stateOf(site, prefix)
  t.equal(before.objects.length, 2, 'both others have an object')
  const asked = askedOf(site, prefix)
  t.ok(asked > 0, 'its own service was there')
  refuses(t, await driver.run(orderOf(row, act, { bucket: site.otherTenant, key: `${prefix}theirs/object` })))
  t.same(await stateOf(site, prefix), before, 'the store holds what it held')
  t.equal(askedOf(site, prefix), asked, 'the store was not asked')
}

function refuses(t: Test, outcome: Outcome): void {
  t.ok(isRefused(outcome, 'get'), 'it is refused', { error: outcome.error })
  t.notMatch(JSON.stringify(outcome), SECRET, 'nothing of the content is released')
}

/** Puts an object with nothing of any client. */
async function seed(site: Site, { tenant, service }: { readonly tenant: string; readonly service: string }, key: string): Promise<void> {
  const headers = { authorization: `Bearer ${await site.sluice.token(service)}` }
  const { status } = await fetch(`${site.sluice.s3}/${tenant}/${key}`, { method: 'PUT', headers, body: SECRET })
  if (status !== 200) throw new Error(`${service} could not put ${key}: ${status}`)
}

/** What lies below a key or at it, in every bucket. */
function below({ sluice: { store } }: Site, key: string) {
  return store
    .bucketNames()
    .flatMap((bucket) =>
      [...store.objects(bucket)].flatMap(([found, [object]]) =>
        object !== undefined && (found.endsWith(`/${key}`) || found.includes(`/${key}/`)) ? [{ bucket, key: found, object }] : []
      )
    )
}

/** All that others hold below the prefix, and the uploads that were begun there. */
async function stateOf(site: Site, prefix: string) {
  const { store } = site.sluice
  const objects = await Promise.all(
    below(site, `${prefix}theirs`)
      .filter(({ object }) => object.tags.get('service') !== SUBJECT)
      .map(async ({ bucket, key, object }) => ({
        ...{ bucket, key, tags: [...object.tags], metadata: [...object.metadata], etag: object.etag, version: object.versionId },
        ...{ lastModified: object.lastModified.getTime(), text: (await object.read()).toString() }
      }))
  )
  return { objects, uploads: store.requests.of('CreateMultipartUpload').filter(({ key }) => key?.includes(`${prefix}theirs`)).length }
}

/** How often the store was asked for the other tenant, below the prefix. */
function askedOf({ sluice, otherBucket }: Site, prefix: string): number {
  const { all } = sluice.store.requests
  return all.filter(({ bucket, rawTarget }) => bucket === otherBucket && decodeURIComponent(rawTarget).includes(prefix)).length
}
