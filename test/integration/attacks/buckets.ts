import type { Test } from 'tap'
import { md5, seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

/** Every sub-resource that S3 or a product like it has, with a document that would do harm. */
const SUB_RESOURCES: readonly (readonly [query: string, body: string])[] = [
  ['policy', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}'],
  ['policyStatus', ''],
  ['lifecycle', '<LifecycleConfiguration><Rule><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>'],
  ['cors', '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>'],
  ['versioning', '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>'],
  ['replication', '<ReplicationConfiguration><Role>x</Role></ReplicationConfiguration>'],
  ['logging', '<BucketLoggingStatus/>'],
  ['notification', '<NotificationConfiguration/>'],
  ['encryption', '<ServerSideEncryptionConfiguration/>'],
  ['object-lock', '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>'],
  ['acl', '<AccessControlPolicy/>'],
  ['tagging', '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'],
  ['website', '<WebsiteConfiguration/>'],
  ['requestPayment', '<RequestPaymentConfiguration/>'],
  ['accelerate', '<AccelerateConfiguration/>'],
  ['ownershipControls', '<OwnershipControls/>'],
  ['publicAccessBlock', '<PublicAccessBlockConfiguration/>'],
  ['inventory&id=x', '<InventoryConfiguration/>'],
  ['analytics&id=x', '<AnalyticsConfiguration/>'],
  ['metrics&id=x', '<MetricsConfiguration/>'],
  ['intelligent-tiering&id=x', '<IntelligentTieringConfiguration/>'],
  ['metadataTable', ''],
  ['metadataConfiguration', ''],
  ['session', ''],
  ['abac', ''],
  ['quota', '{"quota":1}'],
  ['replication-metrics', ''],
  ['object-lock-default', ''],
  ['mdsearch', ''],
  ['events&prefix=', ''],
  ['usage', ''],
  ['retention', ''],
  ['legal-hold', ''],
  ['restore', ''],
  ['torrent', ''],
  ['annotation', ''],
  ['select&select-type=2', '']
]

/** Shapes above that are operations here: what they answer is tested where they are. */
const SERVED: ReadonlySet<string> = new Set(['GET policy', 'GET cors', 'GET versioning', 'GET object-lock', 'GET acl'])
const SERVED_ON_OBJECTS: ReadonlySet<string> = new Set(['GET acl', 'GET tagging', 'PUT tagging', 'DELETE tagging'])

/** S-21: nothing that is done to a whole bucket is done. */
export async function buckets(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  await seed(rig, rig.callers.a1, '/ta-awstag/mine')
  await subResources(t, rig)
  await removal(t, rig)
}

async function subResources(t: Test, rig: Rig): Promise<void> {
  const admin = rig.caller('a1', 'admin-a')
  for (const method of ['GET', 'PUT', 'POST', 'DELETE'] as const) {
    await t.test(
      `S-21: ${method} of a sub-resource of a bucket or object that is no operation here is refused, even for an admin`,
      async (t) => {
        for (const [query, body] of SUB_RESOURCES) {
          for (const target of ['/ta-awstag', '/ta-awstag/', '/ta-awstag/mine']) {
            if ((target.endsWith('mine') ? SERVED_ON_OBJECTS : SERVED).has(`${method} ${query}`)) continue
            const call: Call = {
              method,
              target: `${target}?${query}`,
              as: admin,
              ...(method === 'PUT' || method === 'POST' ? { body, headers: [['content-md5', md5(body)]] } : {})
            }
            await refused(t, rig, { why: `${target}?${query}`, call, code: 'NotImplemented', status: 501 })
          }
        }
      }
    )
  }
  await t.test('S-21: what a probe of a bucket is told says nothing of the upstream’s bucket', async (t) => {
    for (const [query, code] of [
      ['policy', 'NoSuchBucketPolicy'],
      ['cors', 'NoSuchCORSConfiguration'],
      ['object-lock', 'ObjectLockConfigurationNotFoundError']
    ] as const) {
      await refused(t, rig, { why: query, call: { method: 'GET', target: `/ta-awstag?${query}`, as: admin }, code })
    }
    for (const query of ['acl', 'location']) {
      const { upstream } = await succeeds(t, rig, query, { method: 'GET', target: `/ta-awstag?${query}`, as: admin })
      t.same(upstream, [])
    }
  })
}

async function removal(t: Test, rig: Rig): Promise<void> {
  await t.test('S-21: no bucket of the upstream is created or deleted by a client', async (t) => {
    const admin = rig.caller('a1', 'admin-a')
    const before = JSON.stringify([rig.stores.aws.bucketNames(), rig.stores.minio.bucketNames()])
    for (const [why, call, code] of [
      ['a tenant with objects', { method: 'DELETE', target: '/ta-awstag' }, 'BucketNotEmpty'],
      ['an empty tenant with a place of its own', { method: 'DELETE', target: '/ta-minioversions' }, 'AccessDenied'],
      ['another tenant', { method: 'DELETE', target: '/tb-awsmeta' }, 'AccessDenied'],
      [
        'another region',
        {
          method: 'PUT',
          target: '/ta-elsewhere',
          body: '<CreateBucketConfiguration><LocationConstraint>mars-1</LocationConstraint></CreateBucketConfiguration>'
        },
        'InvalidLocationConstraint'
      ],
      ['a name that is no tenant’s', { method: 'PUT', target: '/ta-..x' }, 'InvalidBucketName'],
      [
        'a lock on all objects',
        { method: 'PUT', target: '/ta-locked', headers: [['x-amz-bucket-object-lock-enabled', 'true']] },
        'NotImplemented'
      ],
      [
        'another owner of objects',
        { method: 'PUT', target: '/ta-owned', headers: [['x-amz-object-ownership', 'ObjectWriter']] },
        'NotImplemented'
      ],
      ['a tenant of another team', { method: 'PUT', target: '/tb-new' }, 'AccessDenied']
    ] as const) {
      const outcome = await rig.send({ ...call, as: admin })
      t.equal(outcome.code, code, why)
      t.notOk(
        outcome.upstream.some(({ method }) => method !== 'GET' && method !== 'HEAD'),
        'nothing but looks'
      )
    }
    const editor = await rig.send({ method: 'PUT', target: '/ta-new', as: rig.callers.a1 })
    t.equal(editor.code, 'BucketAlreadyOwnedByYou', 'an editor is told that any name is a tenant here, and makes none')
    const made = await succeeds(t, rig, 'an admin makes one', { method: 'PUT', target: '/ta-new', as: admin })
    t.same(made.upstream, [], 'which is a row and no bucket')
    await succeeds(t, rig, 'and takes it away', { method: 'DELETE', target: '/ta-new', as: admin })
    t.equal(JSON.stringify([rig.stores.aws.bucketNames(), rig.stores.minio.bucketNames()]), before)
  })
}
