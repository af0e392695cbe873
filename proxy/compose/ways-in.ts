import { randomBytes } from 'node:crypto'
import type { Database } from './database.ts'
import type { Identity } from './identity.ts'
import type { ServingConfig } from '../config/config.ts'
import { createBearerTokens } from '../identity/bearer-tokens.ts'
import type { KeyRing, Sealer } from '../identity/key-ring.ts'
import { whyRevoked } from '../identity/revocations.ts'
import { createSessionCache } from '../identity/session-cache.ts'
import { TokenProblem } from '../identity/token-problem.ts'
import { verifyWebIdentity, type WebIdentity } from '../identity/web-identity.ts'
import type { StsDependencies } from '../stages/answer-sts.ts'
import type { IdentityDependencies } from '../stages/ways-in/way-in.ts'

const SESSIONS_MAX = 10_000
const BEARER_TOKENS_MAX = 10_000

export interface WaysInOptions {
  readonly config: Pick<ServingConfig, 'listeners'>
  readonly identity: Identity
  readonly database: Pick<Database, 'revocations' | 'accessKeys'>
  /** The key ring as it stands now. */
  readonly ring: () => KeyRing
  readonly now: () => Date
}

export type WaysIn = Omit<IdentityDependencies, 'signingKeys'> & StsDependencies & { readonly sealer: Sealer }

/** What proves who calls: sessions, tokens, and the exchange of one for the other. */
export function composeWaysIn({ config, identity, database, ring, now }: WaysInOptions): WaysIn {
  const { region, regions } = config.listeners.s3
  const { revocations, accessKeys } = database
  const verifyToken = async (token: string): Promise<WebIdentity> => {
    const proven = await verifyWebIdentity(token, identity.issuers, now())
    // A token of a revoked subject must not buy what would then be refused, nor outlive the entry as a session.
    const why = whyRevoked(revocations, { ...proven, session: null, accessKeyId: null }, now())
    if (why !== null) throw new TokenProblem('revoked', why)
    return proven
  }
  const sealer: Sealer = {
    get ring() {
      return ring()
    },
    random: randomBytes
  }
  return {
    ring,
    sealer,
    revocations,
    accessKeys,
    rulesOf: (issuer) => identity.issuers.find(issuer)?.roleRules ?? [],
    sessions: createSessionCache(SESSIONS_MAX),
    bearerTokens: createBearerTokens({ issuers: identity.issuers, verifyToken, now, entriesMax: BEARER_TOKENS_MAX }),
    region,
    regions: regions.length === 0 ? null : new Set(regions),
    ownerOf: identity.ownerOf,
    sts: { verifyToken, roles: identity.roles, sealer, policyProblems: identity.sessionPolicyProblems, now }
  }
}
