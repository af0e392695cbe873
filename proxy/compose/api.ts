import { exchangeResult, type Metrics } from '../observe/metrics.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import type { Log } from '../observe/log.ts'
import { callerRoute } from '../api/caller.ts'
import { containerCredentialsRoute } from '../api/container-credentials.ts'
import { answerApiError, ApiError, apiRefusal } from '../api/error.ts'
import { createApi } from '../api/handle-api.ts'
import { acceptedHosts } from '../api/hosts.ts'
import type { ApiRoute } from '../api/route.ts'
import { createRequestServer, type RequestServer, type RequestServerDependencies } from '../server.ts'
import type { Dependencies } from '../stages/dependencies.ts'
import { issueContainerCredentials } from '../sts/container-credentials.ts'
import { createNodeInbound, type NodeInboundOptions } from '../transport/inbound-node.ts'
import type { Answer } from '../transport/transport.ts'

/** What all listeners for requests have in common. */
export interface ListenerParts extends Pick<RequestServerDependencies, 'now' | 'monotonicMs' | 'randomBytes' | 'limits' | 'drain'> {
  readonly engine: NodeInboundOptions
  readonly log: Log
  readonly metrics: Metrics
}

export type ApiListener = Pick<RequestServer, 'listen' | 'stop'>

/** The table of the API: every path there is. */
export function apiRoutes(deps: Dependencies): readonly ApiRoute[] {
  return [
    containerCredentialsRoute((token) => issueContainerCredentials(token, { ...deps.sts, rulesOf: deps.rulesOf })),
    callerRoute({ ...deps, roles: deps.sts.roles })
  ]
}

/** The API listener. `hosts` are the names that it answers to; none stands for the address that it is bound to. */
export function composeApi(deps: Dependencies, hosts: readonly string[], { engine, log, metrics, ...parts }: ListenerParts): ApiListener {
  let accepted: ReadonlySet<string> = new Set()
  const handle = createApi({ routes: apiRoutes(deps), hosts: () => accepted, ready: () => deps.placement.ready })
  const event: Log['event'] = (level, message, fields = {}) => log.event(level, message, { ...fields, listener: 'api' })
  const server = createRequestServer({
    ...parts,
    inbound: (handlers) => createNodeInbound({ ...engine, refusal: apiRefusal }, handlers),
    handle: async (incoming, record) => named(await handle(incoming, record), record),
    answerError: (error, { record }) => answerAndNote(error, record, metrics),
    overloaded: (reason) => new ApiError(reason === 'closing' ? 'ServiceUnavailable' : 'SlowDown', reason),
    log: { ...log, event },
    metrics: {
      ...metrics,
      requestDone(record) {
        metrics.requestDone(record)
        countExchange(record, metrics)
      },
      refused(reason) {
        metrics.refused(reason)
        event('warn', 'a request was refused before it was read', { reason })
      }
    }
  })
  return {
    async listen(address) {
      const bound = await server.listen(address)
      accepted = acceptedHosts(hosts, bound)
      return bound
    },
    stop: () => server.stop()
  }
}

function answerAndNote(error: unknown, record: AccessRecord, metrics: Pick<Metrics, 'authRejected'>): Answer {
  const { answer, code, reason } = answerApiError(error)
  record.errorCode = code
  record.reason = reason
  if (AUTHENTICATION_CODES.has(code)) metrics.authRejected(code)
  return named(answer, record)
}

const AUTHENTICATION_CODES: ReadonlySet<string> = new Set(['ExpiredTokenException', 'InvalidIdentityToken', 'MissingAuthenticationToken'])

/** A token that was exchanged for credentials, or not, is counted where those of STS are. */
function countExchange({ operation, issuer, status }: AccessRecord, metrics: Pick<Metrics, 'stsExchanged'>): void {
  if (operation === 'GetContainerCredentials') metrics.stsExchanged(issuer, exchangeResult(status))
}

/** Every answer names its request. */
function named(answer: Answer, { requestId }: AccessRecord): Answer {
  return { ...answer, rawHeaders: [...answer.rawHeaders, 'x-amzn-requestid', requestId] }
}
