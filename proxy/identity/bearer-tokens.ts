import type { KeySet } from './jwks.ts'
import type { WebIdentity } from './web-identity.ts'

/** Tokens that come on requests themselves: proven once, then known by their digest. */
export interface BearerTokens {
  /** Who a token that was proven before belongs to, by its SHA-256; null when it must be proven anew. HOT: bench/ways-in.ts */
  known(digest: string): WebIdentity | null
  /** Proves a token, or throws a TokenProblem; requests with one token share the work. */
  verify(token: string, digest: string): Promise<WebIdentity>
  readonly size: number
}

/** One who vouches, as far as what it vouched for may be kept. */
export interface Voucher {
  readonly id: string
  readonly keys: Pick<KeySet, 'generation'>
}

export interface BearerOptions {
  readonly issuers: { readonly all: readonly Voucher[]; find(id: string): Voucher | null }
  /** Proves a token or throws a TokenProblem. */
  verifyToken(token: string): Promise<WebIdentity>
  now(): Date
  readonly entriesMax: number
}

interface Known {
  readonly identity: WebIdentity
  /** Of the issuer's keys when the token was proven. */
  readonly keysGeneration: number
}

/**
 * Keeps what tokens have proven until they expire, those used longest ago given up first. A token is proven anew when its
 * issuer's keys are no longer the same: taking a key out of the key set ends its tokens here too.
 */
export function createBearerTokens({ issuers, verifyToken, now, entriesMax }: BearerOptions): BearerTokens {
  const entries = new Map<string, Known>()
  const underWay = new Map<string, Promise<WebIdentity>>()

  const prove = async (token: string, digest: string): Promise<WebIdentity> => {
    const before = new Map(issuers.all.map(({ id, keys }) => [id, keys.generation]))
    const identity = await verifyToken(token)
    const keysGeneration = issuers.find(identity.issuer)?.keys.generation ?? -1
    // Keys that changed meanwhile may no longer hold the one that has proven it: the next request proves it again.
    if (before.get(identity.issuer) !== keysGeneration) return identity
    entries.delete(digest)
    entries.set(digest, { identity, keysGeneration })
    // A Map keeps the order of insertion: the first entry is the one used longest ago.
    const oldest = entries.size > entriesMax ? entries.keys().next() : null
    if (oldest !== null && oldest.done !== true) entries.delete(oldest.value)
    return identity
  }
  return {
    known(digest) {
      const entry = entries.get(digest)
      if (entry === undefined) return null
      entries.delete(digest)
      const keys = issuers.find(entry.identity.issuer)?.keys
      if (keys?.generation !== entry.keysGeneration || now().getTime() >= entry.identity.expiresAt.getTime()) return null
      entries.set(digest, entry)
      return entry.identity
    },
    verify(token, digest) {
      const pending = underWay.get(digest)
      if (pending !== undefined) return pending
      const work = prove(token, digest).finally(() => underWay.delete(digest))
      underWay.set(digest, work)
      return work
    },
    get size() {
      return entries.size
    }
  }
}
