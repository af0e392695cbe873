import type { KeySet } from './jwks.ts'
import type { RoleRule } from './roles.ts'
import type { ReviewToken } from './token-review.ts'

/** A party whose tokens are accepted. */
export interface Issuer {
  /** Stable id for audit, policy and ownership; not the URL. */
  readonly id: string
  /** Must equal the token's `iss`, character by character. That of the proxy's own cluster may become another while it runs. */
  readonly issuer: string
  /** Its subjects are owners as they stand; those of other issuers are prefixed with the issuer's id. At most one. */
  readonly isDefault: boolean
  /** One of these must be in the token's `aud`. */
  readonly audiences: readonly string[]
  readonly algorithms: readonly string[]
  readonly maxTokenTtlSeconds: number
  readonly clockToleranceSeconds: number
  /** Whether a token must be bound to a pod (projected tokens are). */
  readonly requirePodBinding: boolean
  /** Its tokens count at its own path of STS alone, so that `iss` and audience may be those of another issuer too. */
  readonly stsPathOnly: boolean
  readonly roleRules: readonly RoleRule[]
  readonly keys: KeySet
  /** Asks the cluster whether a token that verifies still counts; null where that is not asked. */
  readonly review: ReviewToken | null
}

export interface Issuers {
  /** All with this `iss` whose tokens count anywhere: clusters installed alike share one, and are told apart by audience. */
  byIss(iss: string): readonly Issuer[]
  find(id: string): Issuer | null
  readonly all: readonly Issuer[]
}

export class IssuerProblems extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the issuers are invalid:\n  ${problems.join('\n  ')}`)
    this.name = 'IssuerProblems'
    this.problems = problems
  }
}

/** Signatures by which a token may be verified: asymmetric ones. A verifier's key must not be able to sign. */
const ALGORITHMS: ReadonlySet<string> = new Set([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519'
])
/** No slash: it separates issuer and subject in owners. */
const ISSUER_ID = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/
const TOKEN_TTL_SECONDS_MAX = 86_400

/** Indexes the issuers, or throws once with every problem found. */
export function createIssuers(list: readonly Issuer[]): Issuers {
  const problems = list.flatMap((issuer) => problemsOf(issuer).map((problem) => `issuer ${JSON.stringify(issuer.id)}: ${problem}`))
  problems.push(...problemsBetween(list))
  if (problems.length > 0) throw new IssuerProblems(problems)
  const byId = new Map(list.map((issuer) => [issuer.id, issuer]))
  return {
    byIss: (iss) => list.filter((issuer) => issuer.issuer === iss && !issuer.stsPathOnly),
    find: (id) => byId.get(id) ?? null,
    all: list
  }
}

function problemsOf(issuer: Issuer): string[] {
  const problems: string[] = []
  if (!ISSUER_ID.test(issuer.id)) problems.push('the id must be lower-case letters, digits, dots, dashes and underscores')
  if (issuer.issuer === '') problems.push('the issuer is empty')
  // An empty list would mean "any audience" to a verifier: tokens made for the API server would log in here.
  if (issuer.audiences.length === 0) problems.push('at least one audience is required')
  for (const audience of issuer.audiences) {
    if (audience === '' || audience.includes('*')) problems.push('an audience is a literal text, without wildcards')
    // The API server's default audience is the issuer itself, and every pod holds such a token.
    if (audience === issuer.issuer) problems.push("the audience must be Sluice's own, not the API server's")
  }
  if (issuer.algorithms.length === 0) problems.push('at least one algorithm is required')
  for (const algorithm of issuer.algorithms) {
    if (!ALGORITHMS.has(algorithm)) problems.push(`algorithm ${JSON.stringify(algorithm)} is not one of ${[...ALGORITHMS].join(', ')}`)
  }
  const { maxTokenTtlSeconds: ttl, clockToleranceSeconds: tolerance } = issuer
  if (!(ttl > 0 && ttl <= TOKEN_TTL_SECONDS_MAX)) problems.push(`tokens may be allowed to live up to ${TOKEN_TTL_SECONDS_MAX} seconds`)
  if (!(tolerance >= 0 && tolerance <= 300)) problems.push('the clock tolerance must be 0 to 300 seconds')
  return problems
}

function problemsBetween(list: readonly Issuer[]): string[] {
  const problems: string[] = []
  for (const [index, issuer] of list.entries()) {
    for (const earlier of list.slice(0, index)) {
      if (earlier.id === issuer.id) problems.push(`issuer ${JSON.stringify(issuer.id)} is defined twice`)
      const isAmbiguous = earlier.issuer === issuer.issuer && !earlier.stsPathOnly && !issuer.stsPathOnly
      const shared = isAmbiguous ? issuer.audiences.filter((audience) => earlier.audiences.includes(audience)) : []
      for (const audience of shared)
        problems.push(
          `issuers ${JSON.stringify(earlier.id)} and ${JSON.stringify(issuer.id)} share iss and audience ${JSON.stringify(audience)}`
        )
    }
  }
  const defaults = list.filter((issuer) => issuer.isDefault)
  if (defaults.length > 1) problems.push(`only one issuer can be the default: ${defaults.map((issuer) => issuer.id).join(', ')}`)
  return problems
}
