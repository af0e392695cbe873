import type { UpstreamAccount } from './account.ts'
import type { CredentialSource } from './credentials.ts'

/** What one tenant's requests may reach at an upstream: the keys of a bucket that begin with a prefix. */
export interface Territory {
  readonly tenant: string
  readonly bucket: string
  /** '' where the tenant has the bucket for itself. */
  readonly prefix: string
}

/** The account as one tenant's requests use it: with credentials for that tenant's keys alone, where the account makes such. */
export function accountWithin(account: UpstreamAccount, territory: Territory): UpstreamAccount {
  return account.tenantCredentials === null ? account : { ...account, credentials: account.tenantCredentials(territory) }
}

/** Credentials per territory, made when they are first asked for. Bounded; keeps those used last. */
export function createTenantCredentials(
  make: (territory: Territory) => CredentialSource,
  { tenantsMax }: { readonly tenantsMax: number }
): (territory: Territory) => CredentialSource {
  const sources = new Map<string, CredentialSource>()
  return (territory) => {
    const name = JSON.stringify([territory.tenant, territory.bucket, territory.prefix])
    const known = sources.get(name)
    const source = known ?? make(territory)
    // Put in anew, so that the first of the map is the one that was not used for longest.
    if (known !== undefined) sources.delete(name)
    sources.set(name, source)
    if (sources.size > tenantsMax) {
      const [oldest] = sources.keys()
      if (oldest !== undefined) sources.delete(oldest)
    }
    return source
  }
}

export interface PolicyOptions {
  readonly provider: string
  readonly region: string
}

/** What a session policy would read as a pattern or a variable, so that the prefix would be wider than it looks. */
const SPECIAL = /[*?$]/

/**
 * The session policy that reaches one territory and nothing else. It narrows the role and never widens it. There is no
 * s3:ListBucketMultipartUploads in it: that action has no condition for a prefix.
 */
export function territoryPolicy({ bucket, prefix }: Territory, { provider, region }: PolicyOptions): string {
  if (SPECIAL.test(prefix) || SPECIAL.test(bucket)) throw new Error(`the prefix ${prefix} cannot be written into a session policy`)
  const s3 = `arn:${partitionOf(region)}:s3:::${bucket}`
  const statements: object[] = [
    {
      Effect: 'Allow',
      Action: ['s3:*Object*', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      Resource: [`${s3}/${prefix}*`]
    },
    {
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:ListBucketVersions'],
      Resource: [s3],
      ...(prefix !== '' && { Condition: { StringLike: { 's3:prefix': [`${prefix}*`] } } })
    },
    { Effect: 'Allow', Action: ['s3:GetBucketVersioning'], Resource: [s3] }
  ]
  // Buckets may encrypt by KMS on their own; the key is used in the name of whoever writes and reads.
  if (provider === 'aws') {
    const via = { 'kms:ViaService': `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}` }
    statements.push({ Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: ['*'], Condition: { StringEquals: via } })
  }
  return JSON.stringify({ Version: '2012-10-17', Statement: statements })
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}
