/** Who plays in the exchanges: accounts, tenants, callers and secrets, all fixed, so that every signature is. */
import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import { readConfig, type Config } from '../../proxy/config/config.ts'
import { readKeyRing, type KeyRing, type RandomBytes } from '../../proxy/identity/key-ring.ts'
import { issueSession, type IssuedSession } from '../../proxy/identity/session.ts'
import type { Assignment } from '../../proxy/tenants/keys.ts'

/** The time in every exchange. */
export const NOW = new Date('2026-11-24T12:00:00.000Z')
export const REGION = 'local'
export const DOMAIN = 's3.example.test'
export const ISSUER = 'https://kubernetes.example.test'
export const AUDIENCE = 'sluice'

export const RING: KeyRing = readKeyRing(
  JSON.stringify([{ kid: '0a0a0a0a', key: createHash('sha256').update('wire').digest('base64'), state: 'active' }])
)

/** Random bytes that are the same in every run. */
export function countedRandom(seed: string): RandomBytes {
  let count = 0
  return (size) => {
    count += 1
    return createHash('shake256', { outputLength: size }).update(`${seed} ${count}`).digest()
  }
}

interface Upstream {
  readonly provider: string
  readonly endpoint: string
  readonly region: string
  readonly more?: Readonly<Record<string, unknown>>
}

/** One account for each way in which upstreams differ. Their endpoints are names only: every connection goes to the scripted upstream. */
const UPSTREAMS: Readonly<Record<string, Upstream>> = {
  // Class B by tag, path style, the shared account.
  minio: {
    provider: 'minio',
    endpoint: 'https://minio.upstream.test:9000',
    region: 'us-east-1',
    more: { shared: true, bucketTemplate: 'pool-{slot}', spread: 1 }
  },
  // Class A by tag, virtual-hosted style.
  aws: { provider: 'aws', endpoint: 'https://s3.eu-central-1.upstream.test', region: 'eu-central-1' },
  // Class B by the mark alone: there are no object tags.
  r2: { provider: 'r2', endpoint: 'https://r2.upstream.test', region: 'auto' },
  // Class D: nothing is relied upon.
  gcs: { provider: 'gcs', endpoint: 'https://storage.upstream.test', region: 'auto', more: { acceptRaces: true } },
  // Class A where the operator has every object encrypted.
  kms: {
    provider: 'aws',
    endpoint: 'https://s3.eu-west-1.upstream.test',
    region: 'eu-west-1',
    more: { pathStyle: true, encryption: { algorithm: 'aws:kms', kmsKeyId: 'arn:aws:kms:eu-west-1:111122223333:key/storage' } }
  }
}

/** Access key id of an account; its secret is made of it. */
export const upstreamAccessKeyId = (account: string): string => `UPSTREAM${account.toUpperCase()}KEY`
export const upstreamSecret = (account: string): string => createHash('sha256').update(`upstream ${account}`).digest('base64')
export const UPSTREAM_REGIONS: ReadonlyMap<string, string> = new Map(Object.entries(UPSTREAMS).map(([id, { region }]) => [id, region]))

const dedicated = (tenant: string, account: string, where: { upstreamBucket: string; keyPrefix: string }): Assignment => ({
  tenant,
  account,
  ...where,
  dedicated: true
})

/** Tenants with a place of their own. Every other name lives in the shared account: `acme` in bucket `pool-8`. */
export const ASSIGNMENTS: readonly Assignment[] = [
  dedicated('beta', 'aws', { upstreamBucket: 'bucket-b', keyPrefix: 'beta/' }),
  dedicated('legacy', 'minio', { upstreamBucket: 'bucket-l', keyPrefix: '' }),
  dedicated('remote', 'r2', { upstreamBucket: 'bucket-r', keyPrefix: 'remote/' }),
  dedicated('plain', 'gcs', { upstreamBucket: 'bucket-p', keyPrefix: 'plain/' }),
  dedicated('vault', 'kms', { upstreamBucket: 'bucket-v', keyPrefix: 'vault/' })
]

/** Tenants that somebody recorded, besides those with a place of their own. */
export const RECORDED: readonly string[] = ['acme', 'foreign']

const TENANTS = ['acme', 'acme-two', 'beta', 'legacy', 'remote', 'plain', 'vault', 'new-tenant', '7c9e6679-*']
const policy = (...Statement: readonly object[]): object => ({ Version: '2012-10-17', Statement })

const ROLES: Readonly<Record<string, readonly (string | object)[]>> = {
  editor: ['editor'],
  viewer: ['viewer'],
  admin: ['admin'],
  // May write over and delete what another service has made, in the tenant acme.
  janitor: [
    'editor',
    policy({
      Effect: 'Allow',
      Action: ['s3:PutObject', 's3:DeleteObject', 's3:GetObject'],
      Resource: 'arn:aws:s3:::acme/*',
      Condition: { StringEquals: { 'sluice:ObjectOwner': 'system:serviceaccount:billing:clerk' } }
    })
  ],
  // May read what is tagged public.
  reader: [
    policy({
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::*/*',
      Condition: { StringEquals: { 's3:ExistingObjectTag/public': 'yes' } }
    })
  ],
  // Owns objects, and may not list.
  blind: [
    policy({
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      Resource: 'arn:aws:s3:::*/*',
      Condition: { StringEqualsIfExists: { 'sluice:ObjectOwner': '${sluice:Service}' } }
    })
  ]
}

interface NamedCaller {
  readonly role: string
  readonly serviceAccount: string
  readonly sessionPolicy?: object
  /** When its session of an hour began; 30 where nothing is said. */
  readonly minutesAgo?: number
}

/** In whose name requests are signed, by the role that was taken; `clerk` is another service of the same tenants. */
const CALLERS: Readonly<Record<string, NamedCaller>> = {
  invoicer: { role: 'editor', serviceAccount: 'invoicer' },
  clerk: { role: 'editor', serviceAccount: 'clerk' },
  viewer: { role: 'viewer', serviceAccount: 'invoicer' },
  admin: { role: 'admin', serviceAccount: 'invoicer' },
  janitor: { role: 'janitor', serviceAccount: 'invoicer' },
  reader: { role: 'reader', serviceAccount: 'invoicer' },
  blind: { role: 'blind', serviceAccount: 'invoicer' },
  expired: { role: 'editor', serviceAccount: 'invoicer', minutesAgo: 62 },
  narrowed: {
    role: 'editor',
    serviceAccount: 'invoicer',
    sessionPolicy: policy({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::acme/in/*' })
  }
}

/** The subject that owns what a caller writes. */
export const ownerOfCaller = (caller: string): string => `system:serviceaccount:billing:${callerNamed(caller).serviceAccount}`

function callerNamed(name: string) {
  const caller = CALLERS[name]
  if (caller === undefined) throw new Error(`no caller is named ${name}`)
  return caller
}

/** The session of a caller; always the same one. */
export function sessionOf(name: string): IssuedSession {
  const { role, serviceAccount, sessionPolicy, minutesAgo = 30 } = callerNamed(name)
  const claims = {
    issuer: 'cluster',
    subject: ownerOfCaller(name),
    role,
    namespace: 'billing',
    serviceAccount,
    serviceAccountUid: '11111111-aaaa-4bbb-8ccc-000000000001',
    podUid: '22222222-aaaa-4bbb-8ccc-000000000002',
    sessionPolicy: sessionPolicy === undefined ? null : JSON.stringify(sessionPolicy)
  }
  const issuedAt = new Date(NOW.getTime() - minutesAgo * 60_000)
  return issueSession({ ring: RING, random: countedRandom(`session of ${name}`) }, claims, { now: issuedAt, ttlSeconds: 3600 })
}

export interface Changes {
  readonly tenantsMode: 'open' | 'registered'
  readonly regions: readonly string[]
  readonly dropHeaders: readonly string[]
  readonly smallPutBytesMax: number
  readonly jwks: string
}

const configs = new Map<string, Config>()

/** The configuration as an operator would write it, read once for each set of changes. */
export function configOf({ tenantsMode, regions, dropHeaders, smallPutBytesMax, jwks }: Changes): Config {
  const changes: Changes = { tenantsMode, regions, dropHeaders, smallPutBytesMax, jwks }
  const name = JSON.stringify(changes)
  const config = configs.get(name) ?? readConfigOf(changes)
  configs.set(name, config)
  return config
}

function readConfigOf(changes: Changes): Config {
  const trust = [{ issuers: ['cluster'], namespaces: ['billing'] }]
  return readConfig({
    yamlText: stringify({
      listeners: {
        s3: { host: '127.0.0.1', port: 0, domains: [DOMAIN], region: REGION, regions: changes.regions },
        ops: { host: '127.0.0.1', port: 0 }
      },
      accounts: Object.entries(UPSTREAMS).map(([id, { more, ...upstream }]) => ({
        id,
        ...upstream,
        credentials: { accessKeyId: upstreamAccessKeyId(id), secretAccessKey: upstreamSecret(id) },
        ...more
      })),
      tenants: { mode: changes.tenantsMode },
      issuers: [{ id: 'cluster', issuer: ISSUER, jwks: { inline: changes.jwks }, audiences: [AUDIENCE], default: true, roles: [{ role: 'editor', namespaces: ['billing'] }] }],
      roles: Object.entries(ROLES).map(([name, policies]) => ({ name, tenants: TENANTS, policies, trust })),
      database: { url: 'postgres://nowhere.test/none' },
      limits: { smallPutBytesMax: changes.smallPutBytesMax },
      compat: { dropHeaders: changes.dropHeaders }
    }),
    env: {},
    readFile: () => {
      throw new Error('the configuration of the exchanges names no file')
    },
    dev: true
  })
}
