import { hash } from 'node:crypto'
import { readErrorCode } from '../s3/error-xml.ts'
import { textElement, xmlDocument } from '../s3/xml.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import type { Outbound } from './outbound.ts'
import { sendSigned, type SendDependencies } from './send-signed.ts'

export interface EnsuredBucket {
  readonly bucket: string
  readonly state: 'created' | 'present'
}

const DOCUMENT_BYTES_MAX = 64 * 1024

/** Creates a bucket that is not there. Only creates: nothing of a present bucket is changed. Throws when it belongs to somebody else. */
export async function ensureBucket(account: UpstreamAccount, bucket: string, deps: SendDependencies): Promise<EnsuredBucket> {
  const seen = await ask({ account, bucket, method: 'HEAD', body: null }, deps)
  if (seen.status === 200) return { bucket, state: 'present' }
  if (seen.status !== 404)
    throw new Error(
      `account ${account.id} answers ${seen.status} to HeadBucket of ${bucket}: it exists and is not this account's, or the credentials may not see it`
    )
  const made = await ask({ account, bucket, method: 'PUT', body: locationXml(account) }, deps)
  if (made.status === 200 || made.code === 'BucketAlreadyOwnedByYou') return { bucket, state: 'created' }
  throw new Error(`account ${account.id} answers ${made.status} ${made.code ?? ''} to CreateBucket of ${bucket}`)
}

/** AWS alone wants the region in the body, except its first one, which must not be named (API_CreateBucket.html). */
function locationXml(account: UpstreamAccount): string | null {
  if (account.provider !== 'aws' || account.region === 'us-east-1') return null
  return xmlDocument('CreateBucketConfiguration', textElement('LocationConstraint', account.region))
}

async function ask(
  { account, bucket, method, body }: { account: UpstreamAccount; bucket: string; method: 'HEAD' | 'PUT'; body: string | null },
  deps: SendDependencies
): Promise<{ readonly status: number; readonly code: string | null }> {
  const bytes = body === null ? null : Buffer.from(body, 'utf8')
  const outbound: Outbound = {
    account,
    bucket,
    method,
    key: null,
    query: [],
    headers: bytes === null ? [] : [['content-type', 'application/xml']],
    body: bytes === null ? { kind: 'none' } : { kind: 'bytes', bytes, payloadHash: hash('sha256', bytes, 'hex') },
    slow: true
  }
  const response = await sendSigned(outbound, deps)
  const document = await collectBody(response.body, { bytesMax: DOCUMENT_BYTES_MAX })
  return { status: response.status, code: readErrorCode(document) }
}
