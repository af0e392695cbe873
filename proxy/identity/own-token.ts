import { decodeJwt } from 'jose'

/** What the proxy's own service-account token says of the cluster it runs in. */
export interface OwnToken {
  /** The issuer of the cluster's tokens. */
  readonly iss: string
  /** What the API server answers to: the token was made for it. */
  readonly audiences: readonly string[]
}

/** Reads the proxy's own token, or null for a text that is none. It is not verified: it comes from the kubelet, not from a caller. */
export function readOwnToken(text: string): OwnToken | null {
  try {
    const { iss, aud = [] } = decodeJwt(text.trim())
    return iss === undefined || iss === '' ? null : { iss, audiences: typeof aud === 'string' ? [aud] : aud }
  } catch {
    return null
  }
}
