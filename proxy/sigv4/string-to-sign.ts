import { timingSafeEqual } from 'node:crypto'
import type { CredentialScope } from './authorization.ts'

/** `yyyymmdd/region/s3/aws4_request`. */
export function scopeText(scope: CredentialScope): string {
  return `${scope.day}/${scope.region}/${scope.service}/aws4_request`
}

/** What the signing key signs for a whole request. */
export function stringToSign(amzDate: string, scope: CredentialScope, canonicalRequestHash: string): string {
  return `AWS4-HMAC-SHA256\n${amzDate}\n${scopeText(scope)}\n${canonicalRequestHash}`
}

const SIGNATURE = /^[0-9a-f]{64}$/

// Filled and compared within one call.
const one = Buffer.allocUnsafeSlow(64)
const other = Buffer.allocUnsafeSlow(64)

/** True when the received signature is the expected one; takes the same time wherever they differ. */
export function isSignature(received: string, expected: string): boolean {
  // Lower case only: a signature has one spelling. Compared as bytes, since the text's length is the client's.
  if (!SIGNATURE.test(received)) return false
  one.write(received, 0, 'latin1')
  other.write(expected, 0, 'latin1')
  return timingSafeEqual(one, other)
}
