import { createLocalJWKSet, errors, type CryptoKey, type FlattenedJWSInput, type JWK, type JWSHeaderParameters } from 'jose'
import { TokenProblem } from './token-problem.ts'

/** The public keys of one issuer. Never shared between issuers: a key id is only a claim of the token. */
export interface KeySet {
  /** The key that must have signed a token with this header. Throws a TokenProblem when there is none, or none could be fetched. */
  find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey>
  /** Fetches when the keys are due; never rejects. For a timer and for readiness. */
  refresh(): Promise<void>
  /** Whether there are keys that are not too old to be used. */
  readonly usable: boolean
  /** Differs once the keys differ from those of before. */
  readonly generation: number
  readonly fetchedAt: Date | null
}

export interface KeySetOptions {
  /** Reads the JWKS from where it lies. */
  load(): Promise<unknown>
  now(): Date
  /** Keys older than this are fetched again; a key that is gone then no longer counts. */
  readonly refreshMs: number
  /** When fetching fails, keys serve up to this age. */
  readonly maxStaleMs: number
  /** An unknown key id causes at most one fetch in this time. */
  readonly unknownKidCooldownMs: number
  /** After a failed fetch the next one waits this long. */
  readonly failureBackoffMs: number
  /** Told of every fetch: null for a success. */
  onFetch(error: Error | null): void
}

interface LoadedKeys {
  readonly at: number
  /** The keys as text, to be compared. */
  readonly text: string
  readonly kids: ReadonlySet<string>
  select(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey>
}

interface Loader {
  current(): LoadedKeys | null
  /** Joins the fetch that is under way, or starts one. */
  fetch(): Promise<void>
  /** False while a failure is too recent to try again. */
  mayFetch(): boolean
  readonly fetching: boolean
  readonly failing: boolean
  readonly generation: number
}

const KEYS_MAX = 100

/** Keeps an issuer's keys: fetched when due, once more (single flight, with a cooldown) for an unknown key id, served stale for a while when the source is down. */
export function createKeySet(options: KeySetOptions): KeySet {
  const loader = createLoader(options)
  const { now, refreshMs, maxStaleMs, unknownKidCooldownMs } = options
  // Keys that are not due yet are never too old, whatever is configured.
  const usableMs = Math.max(refreshMs, maxStaleMs)
  let unknownKidAt: number | null = null

  const ageOf = (keys: LoadedKeys): number => now().getTime() - keys.at
  const usable = (): LoadedKeys | null => {
    const keys = loader.current()
    return keys !== null && ageOf(keys) <= usableMs ? keys : null
  }
  const refresh = async (): Promise<void> => {
    const keys = loader.current()
    if ((keys === null || ageOf(keys) >= refreshMs) && loader.mayFetch()) await loader.fetch()
  }
  /** The keys after one more fetch, when the cooldown allows one. */
  const refetched = async (): Promise<LoadedKeys | null> => {
    const at = now().getTime()
    if (!loader.fetching) {
      if (!loader.mayFetch() || (unknownKidAt !== null && at - unknownKidAt < unknownKidCooldownMs)) return usable()
      unknownKidAt = at
    }
    await loader.fetch()
    return usable()
  }

  return {
    async find(header, token) {
      const before = loader.current()
      await refresh()
      let keys = usable()
      const { kid } = header
      // What was fetched a moment ago is not fetched again for a key id that it does not hold.
      const fresh = keys !== before
      if (keys !== null && !fresh && kid !== undefined && !keys.kids.has(kid)) keys = await refetched()
      if (keys === null) throw new TokenProblem('keys-unavailable', 'the keys of the issuer could not be fetched')
      // The key may be a new one that the source, being down, could not tell us of: that is an outage, not a refusal.
      if (loader.failing && kid !== undefined && !keys.kids.has(kid))
        throw new TokenProblem('keys-unavailable', 'the key id is unknown and the keys of the issuer could not be fetched again')
      return keys.select(header, token)
    },
    refresh,
    get usable() {
      return usable() !== null
    },
    get generation() {
      return loader.generation
    },
    get fetchedAt() {
      const keys = loader.current()
      return keys === null ? null : new Date(keys.at)
    }
  }
}

function createLoader({ load, now, failureBackoffMs, onFetch }: KeySetOptions): Loader {
  let loaded: LoadedKeys | null = null
  let inFlight: Promise<void> | null = null
  let failedAt: number | null = null
  let generation = 0

  const attempt = async (): Promise<void> => {
    try {
      const document = await load()
      const keys = keysOf(document, now().getTime())
      if (keys.text !== loaded?.text) generation += 1
      loaded = keys
      failedAt = null
      onFetch(null)
    } catch (error) {
      failedAt = now().getTime()
      onFetch(error instanceof Error ? error : new Error('the keys could not be fetched'))
    }
  }
  return {
    current: () => loaded,
    fetch() {
      inFlight ??= attempt().finally(() => {
        inFlight = null
      })
      return inFlight
    },
    mayFetch: () => inFlight !== null || failedAt === null || now().getTime() - failedAt >= failureBackoffMs,
    get fetching() {
      return inFlight !== null
    },
    get failing() {
      return failedAt !== null
    },
    get generation() {
      return generation
    }
  }
}

function keysOf(document: unknown, at: number): LoadedKeys {
  const keys = (document as { readonly keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw new Error('the answer is not a JSON Web Key Set')
  if (keys.length > KEYS_MAX) throw new Error(`the key set has more than ${KEYS_MAX} keys`)
  const publicKeys = keys.map(publicPart).filter((key) => key !== null)
  const select = createLocalJWKSet({ keys: publicKeys })
  return {
    at,
    text: JSON.stringify(publicKeys),
    kids: new Set(publicKeys.flatMap((key) => (key.kid === undefined ? [] : [key.kid]))),
    async select(header, token) {
      try {
        return await select(header, token)
      } catch (error) {
        if (error instanceof errors.JOSEError) throw new TokenProblem('unknown-key', error.code)
        throw error
      }
    }
  }
}

/** The public members of an asymmetric key (RFC 7517, RFC 7518 §6), or null: a shared secret never verifies a token here. */
function publicPart(key: unknown): JWK | null {
  if (typeof key !== 'object' || key === null) return null
  const { kty, kid, use, alg, crv, x, y, n, e } = key as Readonly<Record<string, unknown>>
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return null
  const members = Object.entries({ kty, kid, use, alg, crv, x, y, n, e }).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(members) as unknown as JWK
}
