/** What a service holds to prove who it is. */
export interface Login {
  /** For clients that are told everything by their environment. */
  readonly env: Readonly<Record<string, string>>
  /** For clients that are given keys; absent where the way in has none. */
  readonly keys?: Keys
  /** For a client that puts the token itself on the request. */
  readonly token?: string
  /** Where S3 is, when that is not the proxy itself. */
  readonly endpoint?: string
}

export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Keys as every SDK finds them in its environment. */
export function environmentOf({ accessKeyId, secretAccessKey, sessionToken }: Keys): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken })
  }
}
