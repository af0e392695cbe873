import { bearerCaller, bearerTokenOf, type BearerDependencies } from '../identity/bearer-caller.ts'
import { whyRevoked, type Revocations } from '../identity/revocations.ts'
import { tenantsOf, type Roles } from '../identity/roles.ts'
import { TokenProblem } from '../identity/token-problem.ts'
import { tokenRefusal } from '../sts/assume-role.ts'
import { StsError } from '../sts/error.ts'
import { xmlTime } from '../sts/xml.ts'
import { onlyAuthorization } from './only-header.ts'
import type { ApiRoute } from './route.ts'

export interface CallerDependencies extends BearerDependencies {
  readonly revocations: Revocations
  readonly roles: Roles
  readonly now: () => Date
}

/** Tells a caller who it is here: what its token proves, the role that it takes, and the tenants of that role. */
export function callerRoute(deps: CallerDependencies): ApiRoute {
  return {
    path: '/v0/caller',
    operation: 'GetCaller',
    wayIn: 'bearer',
    async answer({ rawHeaders }, record) {
      const token = bearerTokenOf(onlyAuthorization(rawHeaders))
      if (token === null) throw new StsError('MissingAuthenticationToken', 'Authorization is not of the scheme Bearer', BEARER_WANTED)
      const caller = await proven(token, deps)
      const { issuer, subject, role, session, namespace, serviceAccount } = caller
      Object.assign(record, { issuer, subject, role, session })
      const tenants = tenantsOf(deps.roles, role)
      return { issuer, subject, role, session, namespace, serviceAccount, tenants, expiration: xmlTime(caller.expiresAt) }
    }
  }
}

const BEARER_WANTED = 'Send a service-account token as Authorization: Bearer <token>'

async function proven(token: string, deps: CallerDependencies) {
  try {
    const caller = await bearerCaller(token, deps)
    // A token that was proven before its subject was revoked is known still.
    const why = whyRevoked(deps.revocations, { ...caller, accessKeyId: null }, deps.now())
    if (why !== null) throw new TokenProblem('revoked', why)
    return caller
  } catch (error) {
    throw tokenRefusal(error)
  }
}
