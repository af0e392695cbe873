import { KEY_BYTES_MAX, keyProblem, type KeyProblem } from '../s3/address.ts'
import type { Place } from './resolve.ts'

/**
 * Why a key is refused where the tenant lives; null for a good one. A key that is too long with the tenant's prefix, or that the upstream
 * would fold onto another one, cannot be: two names must never be one object, or a policy that speaks of one of them is walked around.
 */
export function placedKeyProblem({ account, assignment }: Place, key: string): KeyProblem | null {
  const problem = keyProblem(key)
  if (problem !== null) return problem
  const bytes = Buffer.byteLength(assignment.keyPrefix) + Buffer.byteLength(key)
  if (bytes > KEY_BYTES_MAX) return { code: 'KeyTooLongError', reason: `${bytes} bytes with the prefix of the tenant` }
  const { capabilities } = account
  if (capabilities.foldsLeadingSlash && assignment.keyPrefix === '' && key.startsWith('/'))
    return { code: 'InvalidArgument', reason: 'the upstream would drop the leading slash' }
  if (capabilities.normalizesKeys && key.normalize('NFC') !== key)
    return { code: 'InvalidArgument', reason: 'the upstream would normalise the key' }
  return null
}
