/** How a caller proved itself, as policies ask for it. */
export interface CallerProof {
  /** S3's `s3:authType`; null for what S3 does not have, such as a bearer token. */
  readonly authType: 'REST-HEADER' | 'REST-QUERY-STRING' | 'POST' | null
  /** How long ago a presigned URL or the policy of a form was signed; null for every other proof. */
  readonly signatureAgeMs: number | null
  /** The access key id that signed; null where nothing is signed. */
  readonly accessKeyId: string | null
}

/** Who calls, as proven for this request. The tenant is not part of it: it comes from the request. */
export interface Caller {
  /** Id of the issuer that vouched for the subject. */
  readonly issuer: string
  /** The proven `sub`, e.g. `system:serviceaccount:billing:invoicer`. */
  readonly subject: string
  /** Name of the configured role. */
  readonly role: string
  /** What the objects of this caller are marked with: see `ownerOf`. */
  readonly owner: string
  readonly session: string
  /** Kubernetes namespace and service account; null for other subjects. */
  readonly namespace: string | null
  readonly serviceAccount: string | null
  readonly podUid: string | null
  readonly serviceAccountUid: string | null
  /** The session policy given at AssumeRole, as JSON text; it only narrows. */
  readonly sessionPolicy: string | null
  readonly expiresAt: Date
  /** Ids and patterns that narrow the role's tenants; null where the credential has none of its own. */
  readonly tenants: readonly string[] | null
  readonly proof: CallerProof
}
