import { parsePolicy, type Policy } from './parse.ts'

/** Only what the caller itself wrote. An object without owner has the owner '', which no caller is. */
const OWNED = { StringEquals: { 'sluice:ObjectOwner': '${sluice:Service}' } }
/** Nothing is there, so nothing of anybody's can be read, overwritten or deleted. */
const ABSENT = { Null: { 'sluice:ObjectOwner': 'true' } }

const OBJECTS = 'arn:aws:s3:::*/*'
const BUCKETS = 'arn:aws:s3:::*'

/** Names, sizes and ETags within a tenant carry no owner; who may list sees them. The other answers about a bucket are the same for every object in it. */
const LIST = {
  Sid: 'List',
  Effect: 'Allow',
  Action: [
    's3:ListBucket',
    's3:ListBucketVersions',
    's3:ListBucketMultipartUploads',
    's3:GetBucket*',
    's3:GetLifecycleConfiguration',
    's3:GetEncryptionConfiguration'
  ],
  Resource: BUCKETS
}
const LIST_TENANTS = { Sid: 'ListTenants', Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' }

/** A missing key is not `owned`: reading it is denied here, and the caller learns NoSuchKey only where it may list. */
const READ_OWN = {
  Sid: 'ReadOwn',
  Effect: 'Allow',
  Action: [
    ...['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectAttributes', 's3:GetObjectVersionAttributes'],
    ...['s3:GetObjectTagging', 's3:GetObjectVersionTagging', 's3:GetObjectAcl', 's3:GetObjectVersionAcl'],
    ...['s3:GetObjectRetention', 's3:GetObjectLegalHold']
  ],
  Resource: OBJECTS,
  Condition: OWNED
}

const CHANGES = ['s3:PutObject', 's3:PutObjectTagging', 's3:PutObjectVersionTagging', 's3:DeleteObject', 's3:DeleteObjectVersion']
const CHANGE_OWN = {
  Sid: 'ChangeOwn',
  Effect: 'Allow',
  Action: [...CHANGES, 's3:DeleteObjectTagging', 's3:DeleteObjectVersionTagging'],
  Resource: OBJECTS,
  Condition: OWNED
}
/** Creates, and answers the deletion of a missing key as S3 does. */
const CHANGE_ABSENT = { Sid: 'ChangeAbsent', Effect: 'Allow', Action: CHANGES, Resource: OBJECTS, Condition: ABSENT }

/** No owner is asked for: the sealed upload id proves whose upload it is. */
const OWN_UPLOADS = {
  Sid: 'OwnUploads',
  Effect: 'Allow',
  Action: ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
  Resource: OBJECTS
}

const MANAGE_TENANTS = { Sid: 'ManageTenants', Effect: 'Allow', Action: ['s3:CreateBucket', 's3:DeleteBucket'], Resource: BUCKETS }

const READING = [LIST, LIST_TENANTS, READ_OWN]
const OWNERSHIP = [...READING, CHANGE_OWN, CHANGE_ABSENT, OWN_UPLOADS]

/**
 * The documents that come with the program, by the name that a role's configuration uses. `ownership` is the rule itself
 * and what a role has that names no policy. Which tenants they reach is not theirs to say: the role's list of tenants
 * is checked before. Even `admin` is bound by ownership, so that what is promised about objects holds for every
 * built-in role, and whatever goes beyond it is a statement that somebody wrote.
 */
export const BUILT_IN_DOCUMENTS = {
  ownership: documentOf(OWNERSHIP),
  viewer: documentOf(READING),
  editor: documentOf(OWNERSHIP),
  admin: documentOf([...OWNERSHIP, MANAGE_TENANTS])
} as const

export type BuiltInName = keyof typeof BUILT_IN_DOCUMENTS

/** The same, compiled. */
export const BUILT_IN_POLICIES: ReadonlyMap<string, Policy> = new Map(
  Object.entries(BUILT_IN_DOCUMENTS).map(([name, document]) => [name, parsePolicy(document, name)])
)

function documentOf(statements: readonly object[]): object {
  return { Version: '2012-10-17', Statement: statements }
}
