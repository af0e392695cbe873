import { readFile } from 'node:fs/promises'
import type { IssuerConfig } from '../config/config.ts'
import { createBreaker } from '../identity/breaker.ts'
import { createFetchJson } from '../identity/fetch-json.ts'
import { lookupBy, systemResolve } from '../transport/guarded-lookup.ts'
import type { Issuer } from '../identity/issuers.ts'
import { createKeySet } from '../identity/jwks.ts'
import { loaderOf, type JwksSource } from '../identity/jwks-source.ts'
import { readOwnToken } from '../identity/own-token.ts'
import { createTokenReview, type ReviewToken } from '../identity/token-review.ts'

const REVIEW_FAILURES_MAX = 3
const REVIEW_PAUSE_MS = 5_000

/** An issuer with its keys and, where it has them, its reviews. Nothing is fetched yet. */
export function issuerOf(config: IssuerConfig, now: () => Date, onFetch: (issuer: string, error: Error | null) => void): Issuer {
  const { jwks } = config
  const iss = issOf(config)
  const loadKeys = loaderOf(sourceOf(jwks), { fetchJson: createFetchJson({ lookup: lookupBy(systemResolve) }), readFile: readText })
  return {
    id: config.id,
    get issuer() {
      return iss.current
    },
    isDefault: config.default,
    audiences: config.audiences,
    algorithms: config.algorithms,
    maxTokenTtlSeconds: config.maxTokenTtl / 1000,
    clockToleranceSeconds: config.clockTolerance / 1000,
    requirePodBinding: config.requirePodBinding,
    stsPathOnly: config.stsPathOnly,
    roleRules: config.roles,
    review: reviewOf(config, now),
    keys: createKeySet({
      async load() {
        await iss.follow()
        return loadKeys()
      },
      now,
      refreshMs: jwks.refresh,
      maxStaleMs: jwks.maxStale,
      unknownKidCooldownMs: jwks.unknownKidCooldown,
      failureBackoffMs: jwks.failureBackoff,
      onFetch: (error) => onFetch(config.id, error)
    })
  }
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8')

/** The `iss` of an issuer. That of the proxy's own cluster is read again with the keys, as often as they are. */
function issOf({ issuer, isAuto, apiServer }: IssuerConfig): { readonly current: string; follow(): Promise<void> } {
  let current = issuer
  return {
    get current() {
      return current
    },
    async follow() {
      const path = isAuto ? apiServer?.tokenFile.file : null
      if (path === null || path === undefined) return
      const own = readOwnToken(await readText(path))
      if (own === null) throw new Error(`file ${path} holds no service-account token`)
      current = own.iss
    }
  }
}

function reviewOf({ audiences, apiServer, tokenReview }: IssuerConfig, now: () => Date): ReviewToken | null {
  if (tokenReview === 'off' || apiServer === null) return null
  const { url, caFile, tokenFile } = apiServer
  return createTokenReview({
    apiServer: url,
    audiences,
    credentials: async () => ({
      ca: caFile === null ? null : await readText(caFile.path),
      bearer: (tokenFile.file === null ? tokenFile.reveal() : await readText(tokenFile.file)).trim()
    }),
    fetchJson: createFetchJson({ lookup: lookupBy(systemResolve) }),
    breaker: createBreaker({ failuresMax: REVIEW_FAILURES_MAX, openMs: REVIEW_PAUSE_MS, now })
  })
}

function sourceOf(jwks: IssuerConfig['jwks']): JwksSource {
  if (jwks.url !== null)
    return { kind: 'url', url: jwks.url, caFile: jwks.caFile?.path ?? null, bearerTokenFile: jwks.bearerTokenFile?.file ?? null }
  if (jwks.file !== null) return { kind: 'file', path: jwks.file.path }
  return { kind: 'inline', jwks: JSON.parse(jwks.inline ?? '{"keys":[]}') }
}
