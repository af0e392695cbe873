import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startStore } from '../../proxy/dev/store/start-store.ts'
import type { Upstream } from './raw-request.ts'
import { CASES, readDeviations, runConformance } from './run-conformance.ts'

function deviationsOf(upstream: string): ReadonlyMap<string, string> {
  return readDeviations(readFileSync(join(import.meta.dirname, 'deviations', `${upstream}.txt`), 'utf8'))
}

test('every conformance case has a name of its own', (t) => {
  t.equal(new Set(CASES.map(({ id }) => id)).size, CASES.length)
  t.end()
})

test('a deviation without a reason, or of no case, is refused', (t) => {
  t.throws(() => readDeviations('put-get:'))
  t.throws(() => readDeviations('no-such-case: because'))
  t.same([...readDeviations('# remark\n\nput-get: because: so')], [['put-get', 'because: so']])
  t.end()
})

for (const provider of ['aws', 'minio'] as const) {
  test(`the store as ${provider} answers as S3 does, except for what deviations/${provider}.txt lists`, { timeout: 90_000 }, async (t) => {
    const credentials = { accessKeyId: 'conformance', secretAccessKey: 'conformance-secret' }
    const store = await startStore({ provider, credentials, region: 'us-east-1', host: '127.0.0.1', port: 0, now: () => new Date() })
    t.teardown(() => store.close())
    await runConformance(t, { endpoint: store.endpoint, region: store.region, ...credentials }, deviationsOf(provider))
    t.same(store.failures, [])
  })
}

// An upstream of one's own: {"name", "endpoint", "region", "accessKeyId", "secretAccessKey"}; name picks the deviations file.
const OWN_UPSTREAM = process.env['SLUICE_CONFORMANCE_UPSTREAM']

test(
  'the upstream of SLUICE_CONFORMANCE_UPSTREAM answers as S3 does, except for its deviations',
  { skip: OWN_UPSTREAM === undefined && 'no upstream is named', timeout: 300_000 },
  async (t) => {
    const upstream = JSON.parse(OWN_UPSTREAM ?? '{}') as Upstream & { readonly name: string }
    await runConformance(t, upstream, deviationsOf(upstream.name))
  }
)
