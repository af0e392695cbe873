import { randomBytes } from 'node:crypto'
import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { Bench, newClient, type Case } from './case.ts'
import { ACCESS_CASES } from './cases/access.ts'
import { BODY_CASES } from './cases/bodies.ts'
import { CONDITION_CASES } from './cases/conditions.ts'
import { COPY_DELETE_CASES } from './cases/copies-deletes.ts'
import { LISTING_CASES } from './cases/listing.ts'
import { MULTIPART_CASES } from './cases/multipart.ts'
import { OBJECT_CASES } from './cases/objects.ts'
import { RANGE_CASES } from './cases/ranges.ts'
import { TAG_VERSION_CASES } from './cases/tags-versions.ts'
import type { Upstream } from './raw-request.ts'

/** Every case, each of which AWS passes. */
export const CASES: readonly Case[] = [
  ...ACCESS_CASES,
  ...OBJECT_CASES,
  ...RANGE_CASES,
  ...CONDITION_CASES,
  ...BODY_CASES,
  ...LISTING_CASES,
  ...COPY_DELETE_CASES,
  ...TAG_VERSION_CASES,
  ...MULTIPART_CASES
]

/** The reason of each case that is known to fail at an upstream. Lines are `id: reason`; `#` begins a remark. */
export function readDeviations(text: string): ReadonlyMap<string, string> {
  const deviations = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [id, reason] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]
    if (!CASES.some((one) => one.id === id)) throw new Error(`no case is called ${JSON.stringify(id)}`)
    if (reason === '') throw new Error(`the deviation ${id} gives no reason`)
    deviations.set(id, reason)
  }
  return deviations
}

const CASE_TIMEOUT_MS = 20_000

/** Runs every case in two fresh buckets; a listed deviation must fail, any other case must pass. */
export async function runConformance(t: Test, upstream: Upstream, deviations: ReadonlyMap<string, string>): Promise<void> {
  const client = newClient(upstream)
  t.teardown(() => client.destroy())
  const run = randomBytes(4).toString('hex')
  const buckets = [`conformance-${run}`, `conformance-${run}-versioned`] as const
  for (const Bucket of buckets) await client.send(new CreateBucketCommand({ Bucket }))
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await client.send(new PutBucketVersioningCommand({ Bucket: buckets[1], VersioningConfiguration }))
  for (const one of CASES) {
    const failure = await failureOf(one, new Bench({ upstream, client, buckets, id: one.id }))
    const reason = deviations.get(one.id)
    if (reason === undefined) t.equal(failure, null, `${one.id}: ${one.title}`)
    else t.not(failure, null, `${one.id}: fails as listed (${reason})`)
  }
}

async function failureOf(one: Case, bench: Bench): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<string>((resolve) => (timer = setTimeout(() => resolve('no answer in time'), CASE_TIMEOUT_MS)))
  try {
    return await Promise.race([one.run(bench).then(() => null), timeout])
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
