import type { ByteSource } from '../../transport/transport.ts'
import { PayloadProblem } from './problem.ts'
import { verifyBody, type BodyCheck } from './verify-body.ts'

/** The check that a body has the hex SHA-256 which x-amz-content-sha256 promised. */
export function contentSha256Check(hex: string): BodyCheck {
  const expected = Buffer.from(hex, 'hex')
  return {
    algorithm: 'sha256',
    expected: () => expected,
    mismatch: () => new PayloadProblem('content-sha256', "The provided 'x-amz-content-sha256' header does not match what was computed.")
  }
}

/** The same bytes, ending only if their SHA-256 is `hex`. */
export function verifyHash(source: ByteSource, hex: string): ByteSource {
  return verifyBody(source, [contentSha256Check(hex)])
}
