import t from 'tap'
import { fixedCredentials, type CredentialSource } from '../../../proxy/upstreams/credentials.ts'
import { createTenantCredentials, territoryPolicy, type Territory } from '../../../proxy/upstreams/tenant-credentials.ts'

const territory = (tenant: string): Territory => ({ tenant, bucket: 'b', prefix: `${tenant}/` })

interface Statement {
  readonly Action: readonly string[]
  readonly Resource: readonly string[]
  readonly Condition?: object
}

function statementsOf(place: Territory, options: { provider: string; region: string }): readonly Statement[] {
  return (JSON.parse(territoryPolicy(place, options)) as { Statement: readonly Statement[] }).Statement
}

t.test('a session policy names the keys of one tenant, and listings of its prefix', async (t) => {
  const [objects, listing, versioning, ...more] = statementsOf(territory('mine'), { provider: 'minio', region: 'us-east-1' })
  t.strictSame(objects?.Resource, ['arn:aws:s3:::b/mine/*'])
  t.strictSame([listing?.Resource, listing?.Condition], [['arn:aws:s3:::b'], { StringLike: { 's3:prefix': ['mine/*'] } }])
  t.strictSame(versioning?.Action, ['s3:GetBucketVersioning'])
  t.strictSame(more, [])
})

t.test('a tenant with a bucket for itself may list it without a prefix', async (t) => {
  const [objects, listing] = statementsOf({ tenant: 'mine', bucket: 'b', prefix: '' }, { provider: 'minio', region: 'us-east-1' })
  t.strictSame(objects?.Resource, ['arn:aws:s3:::b/*'])
  t.equal(listing?.Condition, undefined)
})

for (const { region, arn, via } of [
  { region: 'eu-central-1', arn: 'arn:aws:s3:::b', via: 's3.eu-central-1.amazonaws.com' },
  { region: 'cn-north-1', arn: 'arn:aws-cn:s3:::b', via: 's3.cn-north-1.amazonaws.com.cn' },
  { region: 'us-gov-west-1', arn: 'arn:aws-us-gov:s3:::b', via: 's3.us-gov-west-1.amazonaws.com' }
]) {
  t.test(`at AWS in ${region} the policy is of its partition, and keys of KMS may be used by way of S3 alone`, async (t) => {
    const statements = statementsOf(territory('mine'), { provider: 'aws', region })
    t.strictSame(statements[1]?.Resource, [arn])
    t.strictSame(statements.at(-1)?.Condition, { StringEquals: { 'kms:ViaService': via } })
  })
}

t.test('the policy of the longest names keeps within what STS takes', async (t) => {
  const longest = { tenant: 't'.repeat(63), bucket: 'b'.repeat(63), prefix: `${'t'.repeat(63)}/` }
  t.ok(territoryPolicy(longest, { provider: 'aws', region: 'ap-southeast-2' }).length <= 2048)
})

for (const prefix of ['m*/', 'm?/', '${aws:username}/']) {
  t.test(`a prefix that a policy would read as a pattern is refused: ${prefix}`, async (t) => {
    t.throws(() => territoryPolicy({ tenant: 'm', bucket: 'b', prefix }, { provider: 'aws', region: 'us-east-1' }), /cannot be written/)
  })
}

t.test('credentials are kept for each territory, and those not used for longest are let go', async (t) => {
  const made: Territory[] = []
  const credentialsOf = createTenantCredentials(
    (place): CredentialSource => {
      made.push(place)
      return fixedCredentials({ accessKeyId: place.tenant, secretAccessKey: 's' })
    },
    { tenantsMax: 2 }
  )
  const first = credentialsOf(territory('a'))
  credentialsOf(territory('b'))
  t.equal(credentialsOf(territory('a')), first)
  credentialsOf(territory('c'))
  t.equal(credentialsOf(territory('a')), first, 'used since')
  credentialsOf(territory('b'))
  t.strictSame(
    made.map(({ tenant }) => tenant),
    ['a', 'b', 'c', 'b']
  )
  const elsewhere = credentialsOf({ ...territory('a'), bucket: 'other' })
  t.not(elsewhere, first, 'another place of the same tenant is another territory')
})
