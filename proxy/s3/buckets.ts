import { S3Error } from './error.ts'
import { writeOwner, type Owner } from './list-result.ts'
import { childText, element, readClientXml, readUpstreamXml, textElement, xmlDocument } from './xml.ts'

export interface ListedBucket {
  readonly name: string
  readonly createdAt: Date
}

export interface BucketPage {
  readonly owner: Owner
  readonly buckets: readonly ListedBucket[]
  readonly prefix: string | undefined
  readonly continuationToken: string | undefined
}

/** Writes the answer to ListBuckets. The owner's name is not among what the caller asked for, so there is only its id. */
export function writeBuckets({ owner, buckets, prefix, continuationToken }: BucketPage): string {
  const written = buckets.map(({ name, createdAt }) =>
    element('Bucket', textElement('Name', name), textElement('CreationDate', createdAt.toISOString()))
  )
  return xmlDocument(
    'ListAllMyBucketsResult',
    writeOwner(owner),
    element('Buckets', ...written),
    textElement('Prefix', prefix),
    textElement('ContinuationToken', continuationToken)
  )
}

/** Writes the answer to GetBucketLocation. S3 leaves the element empty for its first region. */
export function writeLocation(region: string): string {
  return xmlDocument('LocationConstraint', region === 'us-east-1' ? '' : region)
}

/** The region that a CreateBucket body asks for; undefined for an empty body or one that names none. */
export function readLocationConstraint(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined
  const root = readClientXml(bytes, 'CreateBucketConfiguration', 100)
  const stranger = root.children.find(({ name }) => name !== 'LocationConstraint')
  if (stranger !== undefined) throw new S3Error('NotImplemented', `CreateBucket with a ${stranger.name}`)
  return childText(root, 'LocationConstraint') || undefined
}

export type VersioningStatus = 'Enabled' | 'Suspended'

/** Reads an upstream's answer to GetBucketVersioning; null for a bucket that never had versions. */
export function readVersioning(bytes: Uint8Array): VersioningStatus | null {
  const status = childText(readUpstreamXml(bytes, 'VersioningConfiguration'), 'Status')
  return status === 'Enabled' || status === 'Suspended' ? status : null
}

/** Writes the answer to GetBucketVersioning. */
export function writeVersioning(status: VersioningStatus | null): string {
  return xmlDocument('VersioningConfiguration', textElement('Status', status))
}

/** Writes the one access control list that exists here: the owner may do everything. */
export function writeAcl(owner: Owner): string {
  const grantee = [
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">',
    textElement('ID', owner.id),
    textElement('DisplayName', owner.displayName),
    '</Grantee>'
  ].join('')
  const grant = element('Grant', grantee, textElement('Permission', 'FULL_CONTROL'))
  return xmlDocument('AccessControlPolicy', writeOwner(owner), element('AccessControlList', grant))
}
