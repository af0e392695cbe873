import t from 'tap'
import { batches } from './batches.ts'
import { buckets } from './buckets.ts'
import { chunks } from './chunks.ts'
import { copies } from './copies.ts'
import { credentials } from './credentials.ts'
import { framing } from './framing.ts'
import { headers } from './headers.ts'
import { hosts } from './hosts.ts'
import { listings } from './listings.ts'
import { naming } from './naming.ts'
import { outages } from './outages.ts'
import { policies } from './policies.ts'
import { queries } from './queries.ts'
import { races } from './races.ts'
import { startRig } from './rig.ts'
import { roles } from './roles.ts'
import { signatures } from './signatures.ts'
import { strangers } from './strangers.ts'
import { tags } from './tags.ts'
import { uploads } from './uploads.ts'

/**
 * The attack catalogue of the proxy, through raw sockets against all of it: S-1 to S-12, S-14 for header signatures, S-18, S-19,
 * S-21 to S-25 and S-32. Of every answer the rig asserts besides that it names nothing that is not the caller's.
 */
const rig = await startRig()
t.teardown(() => rig.stop())

for (const [name, suite] of Object.entries({
  credentials,
  signatures,
  copies,
  naming,
  queries,
  framing,
  headers,
  hosts,
  tags,
  listings,
  uploads,
  roles,
  policies,
  buckets,
  batches,
  chunks,
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
