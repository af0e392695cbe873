import type { AccessKeys } from '../../identity/access-keys.ts'
import type { BearerDependencies } from '../../identity/bearer-caller.ts'
import type { Caller } from '../../identity/caller.ts'
import type { KeyRing } from '../../identity/key-ring.ts'
import type { Revocations } from '../../identity/revocations.ts'
import type { SessionCache } from '../../identity/session-cache.ts'
import type { AuthSource } from '../../sigv4/auth-source.ts'
import type { CredentialScope } from '../../sigv4/authorization.ts'
import type { PayloadMode } from '../../sigv4/payload/modes.ts'
import type { SigningKey, SigningKeyCache } from '../../sigv4/signing-key.ts'
import type { AcceptedRequest } from '../accept.ts'

/** Who calls, and how the body that follows is to be verified. */
export interface Authenticated {
  readonly caller: Caller
  /** The request as it was proven: what a presigned URL carries as parameters for headers stands among its headers. */
  readonly request: AcceptedRequest
  readonly payload: PayloadMode
  /** What the chunks of a signed body are chained to; null where no body can be signed in chunks. */
  readonly chunkSigning: ChunkSigning | null
  /** Where the signing parameters stand, if there are any. */
  readonly signedBy: 'header' | 'query' | 'form'
}

export interface ChunkSigning {
  readonly signingKey: SigningKey
  readonly amzDate: string
  readonly scope: CredentialScope
  readonly seedSignature: string
}

export interface IdentityDependencies extends BearerDependencies {
  readonly ring: () => KeyRing
  readonly sessions: SessionCache
  readonly accessKeys: AccessKeys
  readonly revocations: Revocations
  readonly signingKeys: SigningKeyCache
  /** The region that is named to clients that are wrong; `regions` null accepts any. */
  readonly region: string
  readonly regions: ReadonlySet<string> | null
}

/** What a request carries, once it is known to carry something. That of a form stands in its body, which has not been read. */
export type Credential = Exclude<AuthSource, { kind: 'none' }> | { readonly kind: 'form' }

export type WayInName = 'header-signature' | 'query-signature' | 'bearer' | 'post-policy'

/** One way to prove who calls. It is asked only of requests that carry its proof, and no other way is asked of those. */
export interface WayIn {
  readonly name: WayInName
  takes(credential: Credential): boolean
  authenticate(
    request: AcceptedRequest,
    credential: Credential,
    context: { readonly deps: IdentityDependencies; readonly now: Date }
  ): Authenticated | Promise<Authenticated>
}
