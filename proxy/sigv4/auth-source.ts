import { SigV4Problem } from './problem.ts'

/** Where a request carries its proof of identity. */
export type AuthSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'header'; readonly authorization: string }
  /** A query-signed request; `v2` is the older scheme with AWSAccessKeyId and Signature. */
  | { readonly kind: 'query'; readonly scheme: 'v4' | 'v2' }

// Compared without case: a parameter that only looks like authentication must not slip past as an ordinary one.
const QUERY_V4 = new Set(['x-amz-algorithm', 'x-amz-credential', 'x-amz-signature', 'x-amz-signedheaders', 'x-amz-expires'])
const QUERY_V2 = new Set(['awsaccesskeyid', 'signature'])

/** The one place a request is authenticated from; a request with two is refused, so that none is checked and another used. */
export function findAuthSource(rawHeaders: readonly string[], rawQuery: string): AuthSource {
  const authorization = authorizationHeader(rawHeaders)
  const scheme = rawQuery === '' ? null : queryScheme(rawQuery)
  if (authorization === null) return scheme === null ? { kind: 'none' } : { kind: 'query', scheme }
  if (scheme !== null) throw duplicate()
  return { kind: 'header', authorization }
}

function authorizationHeader(rawHeaders: readonly string[]): string | null {
  let found: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (found !== null) throw duplicate()
    found = rawHeaders[i + 1] as string
  }
  return found
}

function queryScheme(rawQuery: string): 'v4' | 'v2' | null {
  let scheme: 'v4' | 'v2' | null = null
  for (const pair of rawQuery.split('&')) {
    const equals = pair.indexOf('=')
    const name = plainName(equals < 0 ? pair : pair.slice(0, equals))
    const seen = QUERY_V4.has(name) ? 'v4' : QUERY_V2.has(name) ? 'v2' : null
    if (seen === null) continue
    if (scheme !== null && scheme !== seen) throw duplicate()
    scheme = seen
  }
  return scheme
}

/** The name with every percent escape undone, so that `%53ignature` counts as `Signature`. */
function plainName(rawName: string): string {
  const name = rawName.includes('%')
    ? rawName.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    : rawName
  return name.toLowerCase()
}

function duplicate(): SigV4Problem {
  return new SigV4Problem(
    'duplicate-auth',
    'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified'
  )
}
