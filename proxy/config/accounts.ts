import { group, list, optional, type Reading, type ValueOf } from './field.ts'
import { flag, isExposed, oneOf, text, url, whole } from './scalar.ts'
import { BUCKET_LOAD, checkBucketLoad } from './load.ts'
import { checkCredentials, checkScope, CREDENTIALS, TENANT_SESSIONS } from './credentials.ts'
import { file, problemOfPem } from './secret.ts'
import { CHECKSUMS } from '../upstreams/provider-rows.ts'
import {
  PROVIDER_NAMES,
  capabilitiesOf,
  classOf,
  providerRow,
  type Capabilities,
  type CapabilityOverrides,
  type ProviderClass,
  type ProviderName
} from '../upstreams/provider.ts'

const ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const BUCKET = /^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/

/** Overrides of the provider's row, each a flag or number of its own. */
const CAPABILITIES = group('What this upstream was found to do, over what its provider row says.', {
  tags: optional(flag({ help: 'Objects can have tags, by header on a write and by PutObjectTagging.' })),
  closed: optional(
    group('Writes that have no effect unless the condition sent with them holds.', {
      put: optional(flag({ help: 'PutObject honours If-None-Match: * and If-Match.' })),
      complete: optional(flag({ help: 'CompleteMultipartUpload honours both.' })),
      copy: optional(flag({ help: 'CopyObject honours both for its destination.' })),
      delete: optional(flag({ help: 'DeleteObject honours If-Match.' }))
    })
  ),
  batchDelete: optional(flag({ help: 'DeleteObjects exists.' })),
  batchDeleteEtags: optional(flag({ help: 'DeleteObjects honours an ETag per key.' })),
  sourceConditions: optional(flag({ help: 'x-amz-copy-source-if-match is honoured on CopyObject and UploadPartCopy.' })),
  partCopy: optional(flag({ help: 'UploadPartCopy exists.' })),
  uniqueEtags: optional(flag({ help: 'Equal bytes written twice get different ETags.' })),
  payload: optional(
    group('Ways a body may be sent.', {
      hash: optional(flag({ help: 'A hex x-amz-content-sha256 is verified.' })),
      unsigned: optional(flag({ help: 'UNSIGNED-PAYLOAD is taken.' })),
      trailer: optional(flag({ help: 'An unsigned trailer is taken and verified.' }))
    })
  ),
  checksums: optional(list(oneOf(CHECKSUMS, { help: 'An algorithm.' }), { help: 'Checksums the upstream verifies and keeps.' })),
  omitHeaders: optional(
    list(
      text({ help: 'A name in lower case; a trailing * for any rest.', pattern: /^[a-z0-9-]+\*?$/, takes: 'a header name in lower case' }),
      {
        help: 'Request headers that are left out.'
      }
    )
  ),
  listUploads: optional(oneOf(['prefix', 'exact-key'], { help: 'What ListMultipartUploads takes as prefix.' })),
  v1Markers: optional(flag({ help: 'ListObjects (v1) takes and gives plain keys as markers.' })),
  batchDeleteFolds: optional(flag({ help: 'DeleteObjects must not name keys that a file system would fold together.' })),
  foldsLeadingSlash: optional(flag({ help: '/key is stored as key.' })),
  normalizesKeys: optional(flag({ help: 'Keys are stored NFC-normalised.' })),
  metadataBytesMax: optional(whole({ help: 'Bytes of user metadata of one object.', min: 512, max: 65_536 })),
  partSizesEqual: optional(flag({ help: 'All parts but the last must have one size.' })),
  versions: optional(oneOf(['never', 'optional', 'always'], { help: 'Whether buckets have versions.' })),
  bucketsMax: optional(whole({ help: 'Buckets the account may have.', min: 1, max: 1_000_000 }))
})

export const ACCOUNT = group('One S3 endpoint with credentials.', {
  id: text({
    help: 'Names the account in assignments, logs and metrics; never changes.',
    pattern: ID,
    takes: 'lower-case letters, digits and hyphens'
  }),
  name: optional(text({ help: 'A name for people.' }), 'the id'),
  provider: oneOf(PROVIDER_NAMES, { help: 'What the upstream is; decides what is relied upon. `generic` when unknown.' }),
  endpoint: url({ help: 'Where the S3 API is, e.g. https://s3.eu-central-1.amazonaws.com.' }),
  allowHttp: flag({ help: 'Allows an http endpoint on another machine: anybody on the way can read the data.', fallback: false }),
  caFile: optional(file({ help: "PEM of the authority that signed the endpoint's certificate.", check: problemOfPem }), "the system's own"),
  region: optional(
    text({ help: 'Region that requests are signed for.', pattern: /^[A-Za-z0-9-]{1,64}$/, takes: 'a region name' }),
    "the provider's usual one"
  ),
  pathStyle: optional(flag({ help: 'Puts the bucket into the path instead of the host name.' }), "the provider's usual way"),
  credentials: CREDENTIALS,
  scope: oneOf(['account', 'tenant'], {
    help: "What signs a tenant's requests: the account's credentials, or a session of them that reaches this tenant's keys alone (the upstream needs AssumeRole: AWS, MinIO, Ceph).",
    fallback: 'account'
  }),
  tenantSessions: TENANT_SESSIONS,
  shared: flag({ help: 'Tenants without an assignment of their own live here. At most one account.', fallback: false }),
  bucketTemplate: optional(text({ help: 'Names of the shared buckets; {slot} stands for the characters that spread adds.' })),
  spread: optional(
    whole({ help: 'Shared buckets: 0 for one, 1 for 16, 2 for 256. Cannot be changed once data is stored.', min: 0, max: 2 })
  ),
  ownership: optional(
    oneOf(['tag', 'metadata'], { help: '`tag`: tag and mark must both name the owner. `metadata`: the mark alone decides.' }),
    'tag where the provider has tags, else metadata'
  ),
  encryption: optional(
    group('Server-side encryption that is set on every write.', {
      algorithm: oneOf(['AES256', 'aws:kms'], { help: 'How the upstream encrypts.' }),
      kmsKeyId: optional(text({ help: 'The key for aws:kms.' }))
    })
  ),
  capabilities: optional(CAPABILITIES),
  bucketLimits: BUCKET_LOAD,
  acceptRaces: flag({
    help: 'Accepts that two services of one tenant can race on a key; needed where the upstream cannot close that.',
    fallback: false
  }),
  leases: oneOf(['class', 'always'], {
    help: '`always` takes a lease in Postgres for deletes and tag changes even where conditions close them.',
    fallback: 'class'
  })
})

export const ACCOUNTS = list(ACCOUNT, { help: 'The S3 accounts that hold the data.', min: 1 })

export type AccountSettings = ValueOf<typeof ACCOUNT>
type CapabilitySettings = ValueOf<typeof CAPABILITIES>

/** One account, with everything its provider row decides filled in. */
export interface AccountConfig extends Omit<AccountSettings, 'name' | 'region' | 'pathStyle' | 'ownership' | 'spread' | 'capabilities'> {
  readonly name: string
  readonly provider: ProviderName
  readonly region: string
  readonly pathStyle: boolean
  readonly ownership: 'tag' | 'metadata'
  readonly spread: 0 | 1 | 2 | null
  readonly capabilities: Capabilities
  readonly class: ProviderClass
}

/** The account as it will be used. */
export function completeAccount(settings: AccountSettings): AccountConfig {
  const row = providerRow(settings.provider)
  const capabilities = capabilitiesOf(settings.provider, overridesOf(settings.capabilities))
  return {
    ...settings,
    name: settings.name ?? settings.id,
    region: settings.region ?? row.region,
    pathStyle: settings.pathStyle ?? row.pathStyle,
    ownership: settings.ownership ?? (capabilities.tags ? 'tag' : 'metadata'),
    spread: settings.spread as 0 | 1 | 2 | null,
    capabilities,
    class: classOf(capabilities)
  }
}

/** Null means "not overridden"; only what was written goes over the row. */
function overridesOf(settings: CapabilitySettings | null): CapabilityOverrides {
  const written = (value: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value).flatMap(([name, one]) => {
        if (one === null) return []
        return [[name, typeof one === 'object' && !Array.isArray(one) ? written(one as Record<string, unknown>) : one]]
      })
    )
  return settings === null ? {} : written(settings)
}

/** What is wrong between the settings of accounts, beyond each on its own. */
export function checkAccounts(accounts: readonly AccountSettings[], reading: Reading): void {
  for (const [index, settings] of accounts.entries()) {
    const path = `accounts[${index}]`
    const earlier = accounts.slice(0, index)
    if (reading.sound(`${path}.id`) && earlier.some(({ id }) => id === settings.id))
      reading.problem(`${path}.id`, `${settings.id} is the id of another account too`)
    const first = earlier.findIndex(({ shared }) => shared)
    if (settings.shared && first !== -1) reading.problem(`${path}.shared`, `accounts[${first}] is marked shared already: only one can be`)
    checkAccount(settings, path, reading)
  }
}

/** What is wrong between the settings of one account. */
export function checkAccount(settings: AccountSettings, path: string, reading: Reading): void {
  checkEndpoint(settings, path, reading)
  checkCredentials(settings, `${path}.credentials`, reading)
  checkScope(settings, path, reading)
  checkCapabilities(settings, path, reading)
  checkLayout(settings, path, reading)
  checkBucketLoad(settings.bucketLimits, `${path}.bucketLimits`, reading)
  if (settings.encryption?.algorithm === 'aws:kms' && settings.encryption.kmsKeyId === null && reading.sound(`${path}.encryption`)) {
    reading.problem(`${path}.encryption.kmsKeyId`, 'is required for aws:kms')
  }
}

function checkEndpoint(settings: AccountSettings, path: string, reading: Reading): void {
  if (!reading.sound(`${path}.endpoint`)) return
  const { pathname, protocol } = new URL(settings.endpoint)
  if (pathname !== '/')
    reading.problem(`${path}.endpoint`, `must not have a path, but has ${pathname}: buckets begin right behind the host`)
  if (isExposed(settings.endpoint) && !settings.allowHttp)
    reading.problem(`${path}.endpoint`, 'must be https: http is allowed on loopback only, or with allowHttp: true')
  if (protocol === 'http:' && settings.caFile !== null) reading.problem(`${path}.caFile`, 'has no use with an http endpoint')
}

function checkCapabilities(settings: AccountSettings, path: string, reading: Reading): void {
  if (!reading.sound(`${path}.provider`, `${path}.capabilities`)) return
  const account = completeAccount(settings)
  if (settings.ownership === 'tag' && !account.capabilities.tags) {
    reading.problem(
      `${path}.ownership`,
      `must be metadata: provider ${account.provider} has no object tags (capabilities.tags: true says otherwise)`
    )
  }
  if ((account.class === 'C' || account.class === 'D') && !settings.acceptRaces) {
    const closed = account.class === 'C' ? 'closes races for PutObject only' : 'closes no race'
    reading.problem(
      `${path}.acceptRaces`,
      `must be true: provider ${account.provider} is class ${account.class}, which ${closed}, so two services of a tenant that use one key at the same time can overwrite each other. Say true only if the proxy is the only writer`
    )
  }
  const { bucketsMax } = account.capabilities
  const buckets = 16 ** (account.spread ?? 0)
  if (account.shared && bucketsMax !== null && buckets > bucketsMax && reading.sound(`${path}.spread`)) {
    reading.problem(
      `${path}.spread`,
      `makes ${buckets} buckets, but provider ${account.provider} allows ${bucketsMax} (capabilities.bucketsMax says otherwise)`
    )
  }
}

function checkLayout({ shared, bucketTemplate, spread }: AccountSettings, path: string, reading: Reading): void {
  if (!reading.sound(`${path}.bucketTemplate`, `${path}.spread`)) return
  if (!shared) {
    if (bucketTemplate !== null)
      reading.problem(`${path}.bucketTemplate`, 'has a meaning for the shared account only: mark it shared: true, or remove this')
    if (spread !== null)
      reading.problem(`${path}.spread`, 'has a meaning for the shared account only: mark it shared: true, or remove this')
    return
  }
  if (spread === null) reading.problem(`${path}.spread`, 'is required for the shared account: 0, 1 or 2, for 1, 16 or 256 buckets')
  if (bucketTemplate === null) {
    reading.problem(`${path}.bucketTemplate`, 'is required for the shared account, e.g. sluice-{slot}')
    return
  }
  const slots = bucketTemplate.split('{slot}').length - 1
  if (spread === 0 && slots > 0) reading.problem(`${path}.bucketTemplate`, 'must not have {slot} where spread is 0: there is one bucket')
  if (spread !== null && spread > 0 && slots !== 1)
    reading.problem(`${path}.bucketTemplate`, `must have {slot} once where spread is ${spread}`)
  const longest = bucketTemplate.replaceAll('{slot}', 'f'.repeat(spread ?? 0))
  // With the wrong number of slots the name says nothing.
  if (!BUCKET.test(longest) && reading.sound(`${path}.bucketTemplate`, `${path}.spread`))
    reading.problem(`${path}.bucketTemplate`, `gives ${longest}, which is not a bucket name: 3 to 63 of a-z, 0-9, '.' and '-'`)
}
