import type { KeyRing } from '../../../proxy/identity/key-ring.ts'

/** Where tenants of the rig live: one store row and ownership mode each. The names occur nowhere else, so that a leak of one is seen. */
export const PLACES = {
  /** Class A, tag and mark. */
  awsTag: { account: 'zq-acct-aws-tag', store: 'aws', bucket: 'zq-phys-aws-tag', mode: 'tag' },
  /** Class A, the mark alone. */
  awsMeta: { account: 'zq-acct-aws-meta', store: 'aws', bucket: 'zq-phys-aws-meta', mode: 'metadata' },
  /** Class B, tag and mark. */
  minioTag: { account: 'zq-acct-minio-tag', store: 'minio', bucket: 'zq-phys-minio-tag', mode: 'tag' },
  /** Class B, the mark alone. */
  minioMeta: { account: 'zq-acct-minio-meta', store: 'minio', bucket: 'zq-phys-minio-meta', mode: 'metadata' },
  /** Class A, in a bucket that keeps versions. */
  awsVersions: { account: 'zq-acct-aws-tag', store: 'aws', bucket: 'zq-phys-aws-versions', mode: 'tag' },
  /** Class B, in a bucket that keeps versions. */
  minioVersions: { account: 'zq-acct-minio-tag', store: 'minio', bucket: 'zq-phys-minio-versions', mode: 'tag' }
} as const
export type PlaceName = keyof typeof PLACES
export const PLACE_NAMES = Object.keys(PLACES) as readonly PlaceName[]

/** A bucket that is its one tenant's alone, keys without prefix. */
export const ADOPTED = { tenant: 'ta-adopted', account: 'zq-acct-minio-tag', store: 'minio', bucket: 'zq-phys-adopted' } as const
/** What tenants without an assignment share. */
export const SHARED_BUCKET = 'zq-phys-shared'

export const UPSTREAM = { accessKeyId: 'ZQUPSTREAMACCESSKEY', secretAccessKey: 'zq-upstream-secret', region: 'zq-region-1' } as const

/** Tenant `ta-…` or `tb-…` at a place. */
export const tenantAt = (place: PlaceName, side: 'a' | 'b'): string => `t${side}-${place.toLowerCase()}`

/** The services of the rig. The number tells services of one team apart, the letter which tenants its role names. */
export const SERVICES = ['a1', 'a2', 'b1', 'b2', 'w1', 'w2'] as const
export type ServiceName = (typeof SERVICES)[number]

export const ownerOfService = (service: string): string => `system:serviceaccount:zq-team:${service}`

const statement = (action: string | readonly string[], resource: string | readonly string[], condition?: object, effect = 'Allow') => ({
  Effect: effect,
  Action: action,
  Resource: resource,
  ...(condition !== undefined && { Condition: condition })
})
const document = (...statements: readonly object[]) => ({ document: { Version: '2012-10-17', Statement: statements } })
const OWNED = { StringEquals: { 'sluice:ObjectOwner': '${sluice:Service}' } }

/** Policies of roles that tests take beside the built-in ones. */
const POLICIES = {
  /** Everything of its own, from a range that no test comes from. */
  'from-elsewhere': document(statement('s3:*', '*', { IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } })).document,
  /** Lists below `open/` only, and reads its own there. */
  'open-folder': document(
    statement('s3:ListBucket', 'arn:aws:s3:::*', { StringLike: { 's3:prefix': 'open/*' } }),
    statement(['s3:GetObject', 's3:PutObject'], 'arn:aws:s3:::*/open/*')
  ).document,
  /** Reads everybody's objects, but of one tenant only. */
  'reads-one-tenant': document(
    statement(['s3:GetObject', 's3:GetObjectTagging'], 'arn:aws:s3:::*/*', { StringEquals: { 'sluice:Tenant': 'ta-awstag' } }),
    statement('s3:PutObject', 'arn:aws:s3:::*/*')
  ).document,
  /** May do anything to its own objects, except for versions and copy sources that are named here. */
  guarded: document(
    statement('s3:*', '*', OWNED),
    statement('s3:PutObject', 'arn:aws:s3:::*/*', { Null: { 'sluice:ObjectOwner': 'true' } }),
    statement(['s3:DeleteObjectVersion', 's3:GetObjectVersion'], '*', { StringEquals: { 's3:VersionId': 'null' } }, 'Deny'),
    statement('s3:PutObject', '*', { StringLike: { 's3:x-amz-copy-source': '*/guarded/*' } }, 'Deny'),
    statement('s3:*', 'arn:aws:s3:::ta-adopted/guarded', undefined, 'Deny')
  ).document,
  /** Its own objects, but nothing that is tagged `locked`. */
  unlocked: document(
    statement('s3:*', 'arn:aws:s3:::*/*', OWNED),
    statement('s3:PutObject', 'arn:aws:s3:::*/*', { Null: { 'sluice:ObjectOwner': 'true' } }),
    statement(
      ['s3:DeleteObject', 's3:PutObject', 's3:GetObject'],
      'arn:aws:s3:::*/*',
      { StringEquals: { 's3:ExistingObjectTag/locked': 'yes' } },
      'Deny'
    )
  ).document
}

export interface RigAddresses {
  readonly database: string
  readonly stores: Readonly<Record<'aws' | 'minio', string>>
  readonly jwks: string
}

export const ISSUER = 'https://issuer.zq.example'
export const AUDIENCE = 'zq-audience'

/** The rig's settings; `adjust` changes them before they are read. */
export function settingsOf({ database, stores, jwks }: RigAddresses) {
  const account = (id: string, store: 'aws' | 'minio', more: object) => ({
    id,
    provider: store,
    endpoint: stores[store],
    region: UPSTREAM.region,
    pathStyle: true,
    credentials: { accessKeyId: UPSTREAM.accessKeyId, secretAccessKey: UPSTREAM.secretAccessKey },
    ...more
  })
  const trust = [{ issuers: ['zq'], namespaces: ['*'], serviceAccounts: ['*'] }]
  const role = (name: string, tenants: readonly string[], policies: readonly string[]) => ({ name, tenants, policies, trust })
  return {
    listeners: {
      s3: { host: '127.0.0.1', port: 0, domains: ['s3.zq.test'] },
      ops: { host: '127.0.0.1', port: 0 }
    },
    accounts: [
      account('zq-acct-aws-tag', 'aws', { ownership: 'tag', shared: true, bucketTemplate: SHARED_BUCKET, spread: 0 }),
      account('zq-acct-aws-meta', 'aws', { ownership: 'metadata' }),
      account('zq-acct-minio-tag', 'minio', { ownership: 'tag' }),
      account('zq-acct-minio-meta', 'minio', { ownership: 'metadata' })
    ],
    issuers: [
      {
        id: 'zq',
        issuer: ISSUER,
        jwks: { inline: jwks },
        audiences: [AUDIENCE],
        default: true,
        roles: [{ role: 'team-a', namespaces: ['*'], serviceAccounts: ['a*'] }]
      }
    ],
    policies: POLICIES as Record<string, object>,
    roles: [
      role('team-a', ['ta-*'], ['editor']),
      role('team-b', ['tb-*'], ['editor']),
      role('wide', ['*'], ['editor']),
      role('viewer-a', ['ta-*'], ['viewer']),
      role('admin-a', ['ta-*'], ['admin']),
      role('from-elsewhere', ['*'], ['from-elsewhere']),
      role('open-folder', ['ta-*'], ['open-folder']),
      role('reads-one-tenant', ['*'], ['reads-one-tenant']),
      role('guarded', ['*'], ['guarded']),
      role('unlocked', ['ta-*'], ['unlocked'])
    ],
    sealing: { keysFile: 'ring' },
    database: { url: database }
  }
}

export type RigSettings = ReturnType<typeof settingsOf> & { readonly limits?: object }

/** Which role a service takes unless a test says otherwise. */
export const roleOfService = (service: ServiceName): string =>
  service.startsWith('a') ? 'team-a' : service.startsWith('b') ? 'team-b' : 'wide'

export interface RigRing {
  readonly text: string
  readonly ring: KeyRing
}
