import { StsError } from '../sts/error.ts'
import { headerValues } from '../transport/header-values.ts'
import { ApiError } from './error.ts'

/** The value of a header, by lower-case name, or null. One that comes twice is refused: another reader could take the other one. */
export function onlyHeader(rawHeaders: readonly string[], name: string): string | null {
  const [value = null, ...more] = headerValues(rawHeaders, name)
  if (more.length > 0)
    throw new ApiError('InvalidRequest', `header ${name} comes twice`, { detail: `The header ${name} may be given once only` })
  return value
}

/** The one Authorization header of a request that carries no other proof. */
export function onlyAuthorization(rawHeaders: readonly string[]): string {
  const authorization = onlyHeader(rawHeaders, 'authorization')
  if (authorization === null || authorization === '') throw new StsError('MissingAuthenticationToken', 'there is no Authorization header')
  // The token of a session belongs to a signature.
  if (onlyHeader(rawHeaders, 'x-amz-security-token') !== null)
    throw new ApiError('InvalidRequest', 'a session token beside the Authorization header', { detail: 'Only one auth mechanism allowed' })
  return authorization
}
