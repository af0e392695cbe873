import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ProviderName } from '../../../proxy/dev/store/behavior.ts'
import type { Store } from '../../../proxy/dev/store/start-store.ts'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { callerWith, type Caller } from '../faults/caller.ts'
import { install, type Serving } from '../placement/installation.ts'
import { sessionAt } from '../placement/session.ts'
import { Histories } from './history.ts'
import { RacingService } from './service.ts'
import { badWeather, LATE_MS, randomFrom } from './weather.ts'

const TENANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const BUCKET = 'shared-7'
const KEYS = ['a', 'b', 'c', 'd']
const SERVICES = ['orders', 'billing']
/** Of each service at once. */
const WORKERS = 3
/** Reads that found their service's own last write or delete, with nothing in doubt. */
const COMPARED_MIN = 10
const SECONDS = Number(process.env['SLUICE_TEST_RACES_SECONDS'] ?? 4)
const SEED = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 1_000_000)
const TIMEOUTS = { upstreamHead: '1s', upstreamSlowHead: '1s', leaseMargin: '1s', leaseWait: '300ms' }

let postgres: TestPostgres
t.before(async () => {
  postgres = await startPostgres()
})
t.teardown(() => postgres.stop())

interface Race {
  readonly why: string
  readonly provider: ProviderName
  readonly leases: 'class' | 'always'
  /** Without versions or leases a tag change in class A may land on a successor (docs/guarantees.md). */
  readonly tagging: boolean
  /** One replica is killed in the middle, with whatever it has under way. */
  readonly kill: boolean
}

const RACES: readonly Race[] = [
  { why: 'class A', provider: 'aws', leases: 'class', tagging: false, kill: false },
  { why: 'class A with leases', provider: 'aws', leases: 'always', tagging: true, kill: false },
  { why: 'class B, and a replica dies', provider: 'minio', leases: 'class', tagging: true, kill: true }
]

for (const [index, race] of RACES.entries()) {
  const seed = SEED + index
  t.test(`two services race on the same keys through two replicas: ${race.why} (seed ${seed})`, (t) => run(t, race, seed))
}

async function run(t: Test, race: Race, seed: number): Promise<void> {
  const installed = await install(postgres, race.provider)
  t.teardown(() => installed.stop())
  const { settings, store } = installed
  const accounts = settings.accounts.map((account) => ({ ...account, leases: race.leases }))
  const config = await installed.write({ ...settings, accounts, timeouts: TIMEOUTS, limits: { smallPutBytesMax: 64 } })
  store.createBucket(BUCKET)
  const replicas = await Promise.all([installed.serve(config), installed.serve(config)])
  const [first] = replicas
  const sessions = await Promise.all(SERVICES.map(async (name) => sessionAt(first.s3, await installed.token(`shop/${name}`))))
  const callers = SERVICES.map((_, at) =>
    replicas.map(({ s3 }) => callerWith({ s3, tenants: { shared: TENANT, dedicated: 'acme-archive' } }, sessions[at]!))
  )
  t.teardown(() => callers.flat().forEach((caller) => caller.stop()))

  const violations: string[] = []
  const violated = (what: string): void => void violations.push(what)
  const random = randomFrom(seed)
  const histories = new Histories({ now: () => performance.now(), doubtMs: LATE_MS.max + 200 })
  const living = replicas.map(() => true)
  const services = SERVICES.map(
    (name, at) =>
      new RacingService({
        name,
        replicas: (): readonly Caller[] => (callers[at] ?? []).filter((_, replica) => living[replica]),
        keys: KEYS,
        tenant: TENANT,
        random,
        histories,
        tagging: race.tagging,
        violated
      })
  )
  const calm = badWeather(store, random)
  const watch = setInterval(() => void mismatches(store).forEach(violated), 25)
  const compared = (): number => services.reduce((sum, { tally }) => sum + (tally.get('compared') ?? 0), 0)
  const began = performance.now()
  // On a machine that is busy with other things it goes on until it has something to say.
  const isOver = (): boolean => {
    const seconds = (performance.now() - began) / 1000
    return violations.length > 0 || (seconds > SECONDS && (compared() > COMPARED_MIN || seconds > 5 * SECONDS))
  }
  const work = services.flatMap((service) =>
    Array.from({ length: WORKERS }, async () => {
      while (!isOver()) await service.act()
    })
  )
  if (race.kill) await killOne(replicas, living, SECONDS * 400)
  await Promise.all(work)
  calm()
  // Whatever is late has come, and every doubt is over.
  await sleep(LATE_MS.max + 300)
  clearInterval(watch)
  await checkEnd(store, histories, violated)

  for (const service of services) t.comment(JSON.stringify(Object.fromEntries([...service.tally].toSorted())))
  t.same(violations.slice(0, 5), [])
  t.same(store.failures, [])
  t.ok(compared() > COMPARED_MIN, `${compared()} reads had something to be compared with`)
}

async function killOne([, second]: readonly Serving[], living: boolean[], afterMs: number): Promise<void> {
  await sleep(afterMs)
  second?.kill('SIGKILL')
  await second?.finished
  living[1] = false
}

/** Objects of the store, at this moment, whose tag and mark do not both name the service that wrote the bytes. */
function mismatches(store: Store): string[] {
  const found: string[] = []
  for (const [key, [current]] of store.objects(BUCKET)) {
    if (current === undefined || current.isMarker) continue
    const mark = current.metadata.get('sluice-service')
    const tag = current.tags.get('service')
    if (mark === undefined || mark !== tag) found.push(`S3: ${key} has the mark ${mark} and the tag ${tag}`)
    const by = current.tags.get('by')
    if (by !== undefined && mark !== `system:serviceaccount:shop:${by}`) found.push(`S2: ${key} of ${mark} was tagged by ${by}`)
  }
  return found
}

/** What everybody was last told holds in the store. */
async function checkEnd(store: Store, histories: Histories, violated: (what: string) => void): Promise<void> {
  mismatches(store).forEach(violated)
  for (const key of KEYS) {
    const [current] = store.objects(BUCKET).get(`${TENANT}/${key}`) ?? []
    const isThere = current !== undefined && !current.isMarker
    const writer = isThere ? (await current.read()).toString().split('|')[0] : null
    if (isThere && current.metadata.get('sluice-service') !== `system:serviceaccount:shop:${writer}`)
      violated(`S3: ${key} holds bytes of ${writer} under the mark ${current.metadata.get('sluice-service')}`)
    for (const name of SERVICES) {
      const expected = histories.expect(name, key)
      if (expected === null) continue
      const own = writer === name ? current?.etag : null
      if (own !== expected.etag)
        violated(`S4 at the end: ${name} was acknowledged ${expected.etag} at ${key}, the store holds ${own} (of ${writer})`)
    }
  }
}
