/** What signs the requests to one account. An in-flight request keeps the pair it began with. */
export interface UpstreamCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Where the credentials of one account come from. */
export interface CredentialSource {
  /** False while nothing valid can be signed with. */
  readonly usable: boolean
  /** What signs now. A promise only where nothing valid is there yet; it rejects with `CredentialsFault`. */
  take(): UpstreamCredentials | Promise<UpstreamCredentials>
  /** Asked when the upstream refused `refused`: looks for others, and is true when others sign now. Never rejects. */
  renew(refused: UpstreamCredentials): Promise<boolean>
  /** Begins to follow changes. */
  start(): void
  close(): void
}

/** There is nothing valid to sign with: an outage of the proxy's own, nothing was sent. */
export class CredentialsFault extends Error {
  constructor(message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.name = 'CredentialsFault'
  }
}

/** What is told of every attempt to get credentials. */
export interface CredentialsEvent {
  readonly account: string
  /** The tenant they are for; null where they are the account's own. */
  readonly tenant: string | null
  readonly result: 'loaded' | 'failed'
  /** Why it failed; null when it did not. */
  readonly reason: string | null
  /** When what was loaded ends; null where it does not, or nothing was loaded. */
  readonly notAfter: Date | null
  /** True where the same failure was told before. */
  readonly repeated: boolean
}

/** A pair that cannot change while the process lives. */
export function fixedCredentials(credentials: UpstreamCredentials): CredentialSource {
  return {
    usable: true,
    take: () => credentials,
    renew: () => Promise.resolve(false),
    start: () => undefined,
    close: () => undefined
  }
}

/** True when both sign alike. */
export function sameCredentials(one: UpstreamCredentials, other: UpstreamCredentials): boolean {
  return one.accessKeyId === other.accessKeyId && one.secretAccessKey === other.secretAccessKey && one.sessionToken === other.sessionToken
}
