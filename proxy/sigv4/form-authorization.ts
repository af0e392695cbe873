import { checkScope, parseCredential, signatureV2Problem, type CredentialScope } from './authorization.ts'
import { SigV4Problem } from './problem.ts'
import { EXPIRES_SECONDS_MAX } from './query-authorization.ts'
import { parseAmzDate, SKEW_MS_MAX, type RequestDate } from './request-date.ts'
import type { SigningKey } from './signing-key.ts'
import { isSignature } from './string-to-sign.ts'

/** What a form says about the signature of its policy. Nothing of it is proven yet. */
export interface FormAuthorization extends CredentialScope {
  readonly accessKeyId: string
  readonly signature: string
  readonly date: RequestDate
  readonly sessionToken: string | null
  /** The policy in base64: the very text that was signed. */
  readonly policy: string
}

/** The parts of a form's signature (AWS, "Authenticating Requests in Browser-Based Uploads Using POST"), from fields by lower-case name. */
export function parseFormAuthorization(fields: ReadonlyMap<string, string>): FormAuthorization {
  if (fields.has('awsaccesskeyid') || fields.has('signature')) throw signatureV2Problem()
  const algorithm = fields.get('x-amz-algorithm')
  if (algorithm === undefined && !fields.has('x-amz-signature')) throw new SigV4Problem('form-not-signed', 'Access Denied')
  if (algorithm === 'AWS4-ECDSA-P256-SHA256') throw new SigV4Problem('sigv4a', 'Signature Version 4A is not supported by this endpoint.')
  if (algorithm !== 'AWS4-HMAC-SHA256') throw new SigV4Problem('unsupported', 'x-amz-algorithm only supports "AWS4-HMAC-SHA256"')
  const policy = required(fields, 'policy')
  const signature = required(fields, 'x-amz-signature')
  const date = parseAmzDate(required(fields, 'x-amz-date'))
  if (date === null) throw new SigV4Problem('form', "x-amz-date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  return {
    ...parseCredential(required(fields, 'x-amz-credential')),
    ...{ service: 's3', signature, date, policy },
    sessionToken: fields.get('x-amz-security-token') ?? null
  }
}

/** Throws `SigV4Problem` unless the form was signed for this day and region, and not too long ago: a signature is good for a week. */
export function checkFormScope(authorization: FormAuthorization, region: string, now: Date): void {
  const { date } = authorization
  checkScope(authorization, { day: date.day, region })
  const ageMs = now.getTime() - date.timeMs
  if (ageMs < -SKEW_MS_MAX) throw new SigV4Problem('not-yet', 'Request is not valid yet')
  if (ageMs > EXPIRES_SECONDS_MAX * 1000) throw new SigV4Problem('elapsed', 'Invalid according to Policy: Policy expired.')
}

/** True when the policy is exactly what the holder of the signing key signed. */
export function isFormSigned({ policy, signature }: FormAuthorization, signingKey: SigningKey): boolean {
  return isSignature(signature, signingKey.sign(policy))
}

function required(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name)
  if (value !== undefined && value !== '') return value
  throw new SigV4Problem(
    'form',
    `Bucket POST must contain a field named '${name}'. If it is specified, please check the order of the fields.`,
    {
      ArgumentName: name
    }
  )
}
