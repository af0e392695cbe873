import { checkScope, parseCredential, parseSignedHeaders, type Authorization } from './authorization.ts'
import { SigV4Problem } from './problem.ts'
import { parseAmzDate, SKEW_MS_MAX, type RequestDate } from './request-date.ts'

/** The parameter that holds the signature, and so the only one that the signature does not cover. */
export const QUERY_SIGNATURE = 'X-Amz-Signature'

/** S3's longest life of a presigned URL: a week. */
export const EXPIRES_SECONDS_MAX = 604_800

/** The parameters that sign a request; their names have one spelling. */
const SIGNING = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  QUERY_SIGNATURE,
  'X-Amz-Security-Token',
  'X-Amz-Content-Sha256'
] as const
type SigningParameter = (typeof SIGNING)[number]
const SIGNING_BY_LOWER_NAME: ReadonlyMap<string, string> = new Map(SIGNING.map((name) => [name.toLowerCase(), name]))

/** What a presigned URL says about its own signature. Nothing of it is proven yet. */
export interface QueryAuthorization {
  readonly authorization: Authorization
  readonly date: RequestDate
  readonly expiresSeconds: number
  readonly sessionToken: string | null
  /** Null where the URL leaves it to a header, or to nobody. */
  readonly contentSha256: string | null
}

/** A decoded parameter of a query in which no name comes twice. */
export interface NamedValue {
  readonly name: string
  readonly value: string
}

/** True for a parameter of signing, by lower-case name. */
export function isSigningParameter(lowerName: string): boolean {
  return SIGNING_BY_LOWER_NAME.has(lowerName)
}

/** The parts of a presigned URL's signature; throws `SigV4Problem` unless it is plain SigV4 with all six of its parameters. HOT: bench/ways-in.ts */
export function parseQueryAuthorization(query: readonly NamedValue[]): QueryAuthorization {
  const values = signingValues(query)
  const algorithm = required(values, 'X-Amz-Algorithm')
  if (algorithm === 'AWS4-ECDSA-P256-SHA256') throw new SigV4Problem('sigv4a', 'Signature Version 4A is not supported by this endpoint.')
  if (algorithm !== 'AWS4-HMAC-SHA256') throw queryProblem('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  const credential = required(values, 'X-Amz-Credential')
  const signature = required(values, QUERY_SIGNATURE)
  const dateText = required(values, 'X-Amz-Date')
  const signedHeaders = required(values, 'X-Amz-SignedHeaders')
  const expiresSeconds = parseExpires(required(values, 'X-Amz-Expires'))
  const date = parseAmzDate(dateText)
  if (date === null) throw queryProblem("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  return {
    authorization: {
      ...inQueryWords(() => parseCredential(credential)),
      service: 's3',
      signedHeaders: inQueryWords(() => parseSignedHeaders(signedHeaders)),
      signature
    },
    date,
    expiresSeconds,
    sessionToken: values.get('X-Amz-Security-Token') ?? null,
    contentSha256: values.get('X-Amz-Content-Sha256') ?? null
  }
}

/** `checkScope` in the words that S3 has for a presigned URL. */
export function checkQueryScope({ authorization, date }: QueryAuthorization, region: string): void {
  inQueryWords(() => checkScope(authorization, { day: date.day, region }))
}

/** Throws `SigV4Problem` before the URL's time, with the allowance for clocks, and after it, with none. */
export function checkQueryTime({ date, expiresSeconds }: QueryAuthorization, now: Date): void {
  const ageMs = now.getTime() - date.timeMs
  if (ageMs < -SKEW_MS_MAX) throw new SigV4Problem('not-yet', 'Request is not valid yet', { ServerTime: seconds(now) })
  if (ageMs <= expiresSeconds * 1000) return
  throw new SigV4Problem('elapsed', 'Request has expired.', {
    'X-Amz-Expires': String(expiresSeconds),
    Expires: seconds(new Date(date.timeMs + expiresSeconds * 1000)),
    ServerTime: seconds(now)
  })
}

const seconds = (time: Date): string => time.toISOString().replace(/\.[0-9]{3}Z$/, 'Z')

function signingValues(query: readonly NamedValue[]): ReadonlyMap<SigningParameter, string> {
  const values = new Map<SigningParameter, string>()
  for (const { name, value } of query) {
    const known = SIGNING_BY_LOWER_NAME.get(name.toLowerCase())
    if (known === undefined) continue
    // With two spellings of one name, two readers would see two signatures.
    if (known !== name) throw queryProblem(`The query parameter ${known} must be spelled so.`)
    values.set(name as SigningParameter, value)
  }
  return values
}

function required(values: ReadonlyMap<SigningParameter, string>, name: SigningParameter): string {
  const value = values.get(name)
  if (value !== undefined && value !== '') return value
  throw queryProblem(
    'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, ' +
      'X-Amz-SignedHeaders, and X-Amz-Expires parameters.'
  )
}

function parseExpires(text: string): number {
  if (!/^-?[0-9]{1,15}$/.test(text)) throw queryProblem('X-Amz-Expires should be a number')
  const value = Number(text)
  if (value < 0) throw queryProblem('X-Amz-Expires must be non-negative')
  if (value === 0) throw queryProblem('X-Amz-Expires must be at least 1')
  if (value > EXPIRES_SECONDS_MAX) throw queryProblem('X-Amz-Expires must be less than a week (in seconds) that is 604800')
  return value
}

/** S3 has an error of its own for what is wrong in the query, with the same causes. */
function inQueryWords<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof SigV4Problem) || error.code !== 'AuthorizationHeaderMalformed') throw error
    const cause = error.message.replace('The authorization header is malformed; ', 'Error parsing the X-Amz-Credential parameter; ')
    throw new SigV4Problem('query', cause, error.extra)
  }
}

function queryProblem(message: string): SigV4Problem {
  return new SigV4Problem('query', message)
}
