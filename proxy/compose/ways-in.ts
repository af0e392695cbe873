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
import { createLiveRequests, type LiveRequests } from '../stages/live-requests.ts'
import type { Dependencies } from '../stages/dependencies.ts'
import type { StsDependencies } from '../stages/answer-sts.ts'
import type { IdentityDependencies } from '../stages/ways-in/way-in.ts'

const SESSIONS_MAX = 10_000
const BEARER_TOKENS_MAX = 10_000

export interface WaysInOptions {
  readonly config: Pick<ServingConfig, 'listeners' | 'revocation'>
  readonly identity: Identity
  readonly database: Pick<Database, 'revocations' | 'accessKeys' | 'onReplaced'>
  /** The key ring as it stands now. */
  readonly ring: () => KeyRing
  readonly now: () => Date
}

export type WaysIn = Omit<IdentityDependencies, 'signingKeys'> & StsDependencies & Pick<Dependencies, 'sealer' | 'live'>

/** What proves who calls: sessions, tokens, and the exchange of one for the other. */
export function composeWaysIn({ config, identity, database, ring, now }: WaysInOptions): WaysIn {
  const { region, regions } = config.listeners.s3
  const { revocations, accessKeys } = database
  const verifyToken = async (token: string, issuerId: string | null): Promise<WebIdentity> => {
    const proven = await verifyWebIdentity(token, identity.issuers, { now: now(), issuerId })
    // A token of a revoked subject must not buy what would then be refused, nor outlive the entry as a session.
    const why = whyRevoked(revocations, { ...proven, session: null, accessKeyId: null }, now())
    if (why !== null) throw new TokenProblem('revoked', why)
    // Last, so that nobody makes the API server work with a token that is refused anyway.
    await identity.issuers.find(proven.issuer)?.review?.(token, proven)
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
    live: config.revocation.cutStreams ? liveRequests(database, now) : null,
    revocations,
    accessKeys,
    rulesOf: (issuer) => identity.issuers.find(issuer)?.roleRules ?? [],
    sessions: createSessionCache(SESSIONS_MAX),
    bearerTokens: createBearerTokens({
      issuers: identity.issuers,
      verifyToken: (token) => verifyToken(token, null),
      now,
      entriesMax: BEARER_TOKENS_MAX
    }),
    region,
    regions: regions.length === 0 ? null : new Set(regions),
    ownerOf: identity.ownerOf,
    sts: { verifyToken, roles: identity.roles, sealer, policyProblems: identity.sessionPolicyProblems, now }
  }
}

/** The requests under way, looked at whenever what is cut off has changed. */
function liveRequests({ revocations, accessKeys, onReplaced }: WaysInOptions['database'], now: () => Date): LiveRequests {
  const live = createLiveRequests({ revocations, accessKeys, now })
  onReplaced(() => live.cut())
  return live
}
