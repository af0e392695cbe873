import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { CredentialScope } from './authorization.ts'

/** `yyyymmdd/region/s3/aws4_request`. */
export function scopeText(scope: CredentialScope): string {
  return `${scope.day}/${scope.region}/${scope.service}/aws4_request`
}

/** What the signing key signs for a whole request. */
export function stringToSign(amzDate: string, scope: CredentialScope, canonicalRequestHash: string): string {
  return `AWS4-HMAC-SHA256\n${amzDate}\n${scopeText(scope)}\n${canonicalRequestHash}`
}

/** A signature as it is written. As hex at once: a Buffer per digest costs twice the HMAC (bench/verify-signature.ts, Node 24.21). */
export function signatureOf(signingKey: KeyObject, text: string): string {
  return createHmac('sha256', signingKey).update(text).digest('hex')
}

const SIGNATURE = /^[0-9a-f]{64}$/

/** True when the received signature is the expected one; takes the same time wherever they differ. */
export function isSignature(received: string, expected: string): boolean {
  // Lower case only: a signature has one spelling. Compared as bytes, since the text's length is the client's.
  return SIGNATURE.test(received) && timingSafeEqual(Buffer.from(received, 'hex'), Buffer.from(expected, 'hex'))
}
