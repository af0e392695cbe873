import type { Test } from 'tap'
import type { TestSluice } from '../helpers/sluice.ts'
import type { Ability, Driver } from './driver.ts'
import { STEPS } from './steps.ts'

/** A client that the list of steps is done with. */
export interface ClientUnderTest {
  readonly name: string
  readonly lacks: readonly Ability[]
  /** `small`: for a second way of a client that does all in full already. `brief`: for a slow one, which does each step in one tenant. */
  readonly amount: 'full' | 'small' | 'brief'
  start(sluice: TestSluice, service: 'shop/orders' | 'shop/billing'): Promise<Driver>
}

export interface RunOptions {
  readonly sluice: TestSluice
  readonly emptySegments: boolean
}

const MIB = 1024 * 1024
/** Far more than any step takes on an idle machine. */
const STEP_TIMEOUT_MS = 240_000

/** Does every step with the client in both tenants: the one that shares a bucket, and the one that has its own. */
export async function runSteps(t: Test, client: ClientUnderTest, { sluice, emptySegments }: RunOptions): Promise<void> {
  const mine = await client.start(sluice, 'shop/orders')
  const other = await client.start(sluice, 'shop/billing')
  t.teardown(() => Promise.all([mine.stop(), other.stop()]))
  for (const [kind, bucket] of Object.entries(sluice.tenants)) {
    const brief = client.amount === 'brief'
    const isWhole = brief || (kind === 'shared' && client.amount === 'full')
    const amounts = isWhole ? { bulk: 1100, bigBytes: 64 * MIB } : { bulk: 30, bigBytes: 18 * MIB }
    for (const [index, { title, needs, notInBrief, run }] of STEPS.entries()) {
      if (brief && (notInBrief === true || (index % 2 === 1) !== (kind === 'shared'))) continue
      const skip = needs !== undefined && client.lacks.includes(needs) && `${client.name} has no ${needs}`
      await t.test(`${client.name}, ${kind} bucket: ${title}`, { skip, timeout: STEP_TIMEOUT_MS }, (t) =>
        run({ t, mine, other, bucket, can: (ability) => !client.lacks.includes(ability), emptySegments, brief, ...amounts })
      )
    }
  }
  await checkLog(t, sluice)
  if (!client.lacks.includes('trace')) await compareTrace(t, sluice, [mine, other])
}

/** SDKs name the operation in each request (`x-id`); the log has what it was taken for. */
async function compareTrace(t: Test, sluice: TestSluice, drivers: readonly Driver[]): Promise<void> {
  const taken = new Map((await sluice.requestLog()).map(({ requestId, operation }) => [requestId, operation]))
  const claimed = (await Promise.all(drivers.map((driver) => driver.run({ op: 'trace' })))).flatMap(({ trace = {} }) =>
    Object.entries(trace)
  )
  t.ok(claimed.length > 100, 'the SDK named its operations')
  const different = claimed.filter(([id, operation]) => taken.get(id) !== operation)
  t.same(different, [], 'every request was taken for the operation that the SDK named')
}

/** What must be true of the in-process store after whatever clients did. */
export async function checkStore(t: Test, sluice: TestSluice): Promise<void> {
  const { store, tenants } = sluice
  t.same(store.failures, [], 'the store had no fault')
  const prefixes = Object.values(tenants).map((tenant) => `${tenant}/`)
  let objects = 0
  for (const bucket of store.bucketNames()) {
    for (const [key, [latest]] of store.objects(bucket)) {
      if (latest === undefined || latest.isMarker) continue
      objects++
      const isMarked = latest.metadata.has('sluice-service') && latest.tags.get('service') === latest.metadata.get('sluice-service')
      if (!isMarked || !prefixes.some((prefix) => key.startsWith(prefix))) t.fail(`${bucket}/${key} lies outside or bears no mark`)
    }
  }
  t.ok(objects > 10, 'objects were written')
}

async function checkLog(t: Test, sluice: TestSluice): Promise<void> {
  const faults = (await sluice.requestLog()).filter(({ status }) => status >= 500 && status !== 501)
  t.same(
    faults.map(({ operation, key, status, reason }) => ({ operation, key, status, reason })),
    [],
    'no request met a fault'
  )
}
