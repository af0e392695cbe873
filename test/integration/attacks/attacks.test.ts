import t from 'tap'
import { buckets } from './buckets.ts'
import { chunks } from './chunks.ts'
import { credentials } from './credentials.ts'
import { framing } from './framing.ts'
import { hosts } from './hosts.ts'
import { listings } from './listings.ts'
import { naming } from './naming.ts'
import { outages } from './outages.ts'
import { policies } from './policies.ts'
import { races } from './races.ts'
import { startRig } from './rig.ts'
import { strangers } from './strangers.ts'
import { tags } from './tags.ts'
import { uploads } from './uploads.ts'

const rig = await startRig()
t.teardown(() => rig.stop())

for (const [name, suite] of Object.entries({
  credentials,
  naming,
  framing,
  tags,
  uploads,
  listings,
  buckets,
  chunks,
  policies,
  hosts,
  outages,
  races,
  strangers
})) {
  await t.test(name, (t) => suite(t, rig))
}

await t.test(
  'no answer to any attack named anything of the upstream or of others, and nothing was asked outside the tenants of the caller',
  (t) => {
    t.same(rig.findings, [])
    t.same(
      Object.values(rig.stores).flatMap(({ failures }) => failures.map(String)),
      []
    )
    t.end()
  }
)
