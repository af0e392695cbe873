import { SigV4Problem } from './problem.ts'

/** The services that requests are signed for: STS is served on `POST /` alone. */
export type Service = 's3' | 'sts'

/** What a signing key is good for: one day, one region, one service. */
export interface CredentialScope {
  /** `yyyymmdd`. */
  readonly day: string
  readonly region: string
  readonly service: Service
}

/** What a request says about its own signature, in a header or (another file) in the query. Nothing of it is proven yet. */
export interface Authorization extends CredentialScope {
  readonly accessKeyId: string
  /** Lower case, each once, in the order in which the client signed them. */
  readonly signedHeaders: readonly string[]
  /** As received; whether it is 64 hex digits is the verification's question. */
  readonly signature: string
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const ACCESS_KEY_ID = /^[A-Za-z0-9_]{16,128}$/
const DAY = /^[0-9]{8}$/
// Lower case only, no empty element: a list that can be read in two ways is not a list that was signed.
const SIGNED_HEADERS = /^[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*$/
const USUAL = /^Credential=([^\s=,]+), ?SignedHeaders=([^\s=,]+), ?Signature=([^\s=,]+)$/
const COMPONENT = /^(Credential|SignedHeaders|Signature)=([^\s=,]+)$/

/** The parts of an Authorization header; throws `SigV4Problem` for anything that is not plain SigV4. */
export function parseAuthorization(header: string, service: Service = 's3'): Authorization {
  const end = header.lastIndexOf(SIGNATURE)
  const prefix = header.slice(0, end)
  const signature = header.slice(end + SIGNATURE.length)
  const known = KNOWN.get(prefix)
  if (known !== undefined && known.service === service && !NOT_VALUE.test(signature)) return { ...known, signature }
  const parsed = parsedAuthorization(header, service)
  // Of the whole header, because what is cut out of a text keeps all of it in memory.
  if (end > 0 && header.length <= KNOWN_CHARACTERS_MAX && parsed.signature === signature) remember(prefix, parsed)
  return parsed
}

// A client signs with one credential and seldom more than a few lists of headers: all of the header but the signature comes again and again.
const SIGNATURE = 'Signature='
const NOT_VALUE = /[\s=,]|^$/
const KNOWN = new Map<string, Omit<Authorization, 'signature'>>()
const KNOWN_MAX = 2048
const KNOWN_CHARACTERS_MAX = 1024

function remember(prefix: string, { signature: _, ...parsed }: Authorization): void {
  // Nobody is proven yet, so anybody can fill it: it is emptied rather than kept by age.
  if (KNOWN.size >= KNOWN_MAX) KNOWN.clear()
  KNOWN.set(prefix, parsed)
}

function parsedAuthorization(header: string, service: Service): Authorization {
  const space = header.indexOf(' ')
  const algorithm = space < 0 ? header : header.slice(0, space)
  if (algorithm !== ALGORITHM) throw otherScheme(algorithm)
  const components = componentsOf(header.slice(space + 1))
  const { accessKeyId, day, region } = parseCredential(components.credential, service)
  return {
    accessKeyId,
    day,
    region,
    service,
    signedHeaders: parseSignedHeaders(components.signedHeaders),
    signature: components.signature
  }
}

/** The lower-case names of a SignedHeaders list; throws `SigV4Problem` when one is empty, not lower case or repeated. */
export function parseSignedHeaders(list: string): readonly string[] {
  if (!SIGNED_HEADERS.test(list)) throw malformed('the SignedHeaders component must be lower-case header names separated by ";".')
  const names = list.split(';')
  // The order is the client's: it is part of what was hashed, and not every SDK sorts `_` and `-` alike.
  if (repeats(names)) throw malformed('the SignedHeaders component repeats a header name.')
  return names
}

function repeats(names: readonly string[]): boolean {
  // A head can hold thousands of names, which would be compared for a quarter of a second; few names are quicker without a set.
  if (names.length > 32) return new Set(names).size !== names.length
  for (let i = 1; i < names.length; i++) if (names.indexOf(names[i] as string) !== i) return true
  return false
}

/**
 * The access key id and scope of a Credential value; throws `SigV4Problem` with the cause that S3 names.
 * Any region passes here: `checkScope` refuses a wrong one together with the right one.
 */
export function parseCredential(credential: string, expected: Service = 's3'): { accessKeyId: string; day: string; region: string } {
  const parts = credential.split('/')
  const [accessKeyId, day, region, service, terminal] = parts
  if (parts.length !== 5 || accessKeyId === undefined || day === undefined || region === undefined) {
    throw malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  }
  if (terminal !== 'aws4_request') throw malformed(`incorrect terminal "${terminal ?? ''}". This endpoint uses "aws4_request".`)
  if (service !== expected) throw malformed(`incorrect service "${service ?? ''}". This endpoint belongs to "${expected}".`)
  if (!DAY.test(day)) throw malformed(`incorrect date format "${day}". This date in the credential must be in the format "yyyyMMdd".`)
  // An id of another shape was never issued, so it is unknown rather than malformed.
  if (!ACCESS_KEY_ID.test(accessKeyId)) {
    throw new SigV4Problem('access-key-id', 'The AWS Access Key Id you provided does not exist in our records.')
  }
  return { accessKeyId, day, region }
}

/** Throws `SigV4Problem` unless the scope is for the day of the request and for this endpoint's region. */
export function checkScope(scope: CredentialScope, expected: { readonly day: string; readonly region: string }): void {
  if (scope.day !== expected.day) {
    const message = `Invalid credential date "${scope.day}". This date is not the same as X-Amz-Date: "${expected.day}".`
    throw new SigV4Problem('scope-date', `The authorization header is malformed; ${message}`)
  }
  if (scope.region !== expected.region) {
    const message = `the region '${scope.region}' is wrong; expecting '${expected.region}'`
    throw new SigV4Problem('region', `The authorization header is malformed; ${message}`, { Region: expected.region })
  }
}

/** The refusal of a request signed by Signature Version 2; it says how to make the client use Version 4. */
export function signatureV2Problem(): SigV4Problem {
  return new SigV4Problem(
    'v2',
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256 ' +
      '(boto3 and the AWS CLI: signature_version = s3v4; s3cmd: signature_v2 = False).'
  )
}

interface Components {
  readonly credential: string
  readonly signedHeaders: string
  readonly signature: string
}

function componentsOf(text: string): Components {
  const usual = USUAL.exec(text)
  if (usual !== null) return { credential: usual[1] as string, signedHeaders: usual[2] as string, signature: usual[3] as string }
  let credential: string | undefined
  let signedHeaders: string | undefined
  let signature: string | undefined
  for (const [index, part] of text.split(',').entries()) {
    // s3cmd writes no space after the comma, everybody else writes one. Nothing else is written by anybody.
    const component = COMPONENT.exec(index > 0 && part.startsWith(' ') ? part.slice(1) : part)
    if (component === null) throw malformed(`the authorization component "${part.trim()}" is malformed.`)
    const value = component[2] as string
    if (component[1] === 'Credential') credential = once(credential, value)
    else if (component[1] === 'SignedHeaders') signedHeaders = once(signedHeaders, value)
    else signature = once(signature, value)
  }
  if (credential === undefined || signedHeaders === undefined || signature === undefined) {
    throw malformed('the authorization header requires three components: Credential, SignedHeaders, and Signature.')
  }
  return { credential, signedHeaders, signature }
}

function once(previous: string | undefined, value: string): string {
  if (previous !== undefined) throw malformed('the authorization header requires each of its components once.')
  return value
}

function otherScheme(algorithm: string): SigV4Problem {
  if (algorithm === 'AWS4-ECDSA-P256-SHA256') return new SigV4Problem('sigv4a', 'Signature Version 4A is not supported by this endpoint.')
  if (algorithm === 'AWS') return signatureV2Problem()
  return new SigV4Problem('unsupported', 'Unsupported Authorization Type')
}

function malformed(cause: string): SigV4Problem {
  return new SigV4Problem('malformed', `The authorization header is malformed; ${cause}`)
}
