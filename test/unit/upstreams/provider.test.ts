import t from 'tap'
import { CHECKSUMS } from '../../../proxy/upstreams/provider-rows.ts'
import {
  capabilitiesOf,
  classOf,
  PROVIDER_NAMES,
  providerRow,
  type ProviderClass,
  type ProviderName
} from '../../../proxy/upstreams/provider.ts'

const CLASSES: Readonly<Record<ProviderName, ProviderClass>> = {
  aws: 'A',
  ceph: 'A',
  seaweedfs: 'A',
  minio: 'B',
  r2: 'B',
  rustfs: 'B',
  tigris: 'B',
  spaces: 'C',
  hetzner: 'C',
  gcs: 'D',
  b2: 'D',
  wasabi: 'D',
  versitygw: 'D',
  garage: 'D',
  generic: 'D'
}
for (const name of PROVIDER_NAMES) {
  t.test(`provider ${name} is class ${CLASSES[name]}`, async (t) => t.equal(classOf(providerRow(name).capabilities), CLASSES[name]))

  t.test(`provider ${name} claims no more than its row can carry`, async (t) => {
    const capabilities = capabilitiesOf(name, {})
    t.equal(capabilities.uniqueEtags, false, 'only a probe may say so')
    t.ok(capabilities.payload.unsigned, 'a streamed body has no hash to send')
    if (capabilities.batchDeleteEtags) t.ok(capabilities.batchDelete && capabilities.closed.delete)
    if (!capabilities.tags) t.ok(capabilities.omitHeaders.includes('x-amz-tagging') || ['hetzner', 'wasabi', 'generic'].includes(name))
    t.ok(capabilities.checksums.every((checksum) => CHECKSUMS.includes(checksum)))
    t.ok(capabilities.omitHeaders.every((header) => header === header.toLowerCase()))
  })
}

const OVERRIDES: readonly { readonly why: string; readonly name: ProviderName; readonly closed: object; readonly is: ProviderClass }[] = [
  { why: 'a newer release closes copies and deletes', name: 'minio', closed: { copy: true, delete: true }, is: 'A' },
  { why: 'deletes alone do not make it A', name: 'minio', closed: { delete: true }, is: 'B' },
  { why: 'an older release closes less', name: 'ceph', closed: { complete: false, delete: false }, is: 'C' },
  {
    why: 'closed deletes do not make up for open writes',
    name: 'versitygw',
    closed: { delete: true, copy: true, complete: true },
    is: 'D'
  },
  { why: 'nothing is overridden', name: 'aws', closed: {}, is: 'A' }
]
for (const { why, name, closed, is } of OVERRIDES) {
  t.test(`an override moves ${name} to class ${is}: ${why}`, async (t) => {
    const capabilities = capabilitiesOf(name, { closed })
    t.equal(classOf(capabilities), is)
    t.same({ ...capabilities, closed: null }, { ...capabilitiesOf(name, {}), closed: null }, 'what was not named stays')
  })
}
