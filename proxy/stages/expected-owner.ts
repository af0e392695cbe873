import { S3Error } from '../s3/error.ts'
import type { HeaderView } from '../s3/header-view.ts'
import { ARN_ACCOUNT } from '../sts/assume-role.ts'

const EXPECTATIONS = ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner'] as const

/**
 * Refuses a request that expects its bucket to belong to another account than the one that GetCallerIdentity tells. The upstream's own
 * account is not the client's business: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
 */
export function refuseOtherOwner(headers: HeaderView): void {
  for (const name of EXPECTATIONS) {
    const expected = headers.get(name)
    if (expected !== undefined && expected !== ARN_ACCOUNT) throw new S3Error('AccessDenied', `${name} is ${expected}`)
  }
}
