import { exchangeResult, type Metrics } from '../observe/metrics.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import type { Log } from '../observe/log.ts'
import { callerRoute } from '../api/caller.ts'
import { containerCredentialsRoute } from '../api/container-credentials.ts'
import { answerApiError, ApiError, apiRefusal } from '../api/error.ts'
import { createApi } from '../api/handle-api.ts'
import { acceptedHosts } from '../api/hosts.ts'
import type { ApiRoute } from '../api/route.ts'
import { createCors, type Cors } from '../cors/cors.ts'
import { createRequestServer, type RequestServer, type RequestServerDependencies } from '../server.ts'
import { engineOf } from './certificate.ts'
import type { Config } from '../config/config.ts'
import type { Dependencies } from '../stages/dependencies.ts'
import { issueContainerCredentials } from '../sts/container-credentials.ts'
import type { NodeInboundOptions } from '../transport/inbound-node.ts'
import type { Answer, RequestHead } from '../transport/transport.ts'

/** What all listeners for requests have in common. */
export interface ListenerParts extends Pick<RequestServerDependencies, 'now' | 'monotonicMs' | 'randomBytes' | 'limits' | 'drain'> {
  readonly engine: Omit<NodeInboundOptions, 'certificate'>
  readonly log: Log
  readonly metrics: Metrics
}

type ApiSettings = NonNullable<Config['listeners']['api']>

export type ApiListener = Pick<RequestServer, 'listen' | 'stop'>

/** The table of the API: every path there is. */
export function apiRoutes(deps: Dependencies): readonly ApiRoute[] {
  return [
    containerCredentialsRoute((token) => issueContainerCredentials(token, { ...deps.sts, rulesOf: deps.rulesOf })),
    callerRoute({ ...deps, roles: deps.sts.roles })
  ]
}

/** The API listener. Its `hosts` are the names that it answers to; none stands for the address that it is bound to. */
export function composeApi(
  deps: Dependencies,
  settings: ApiSettings,
  { engine: options, log, metrics, ...parts }: ListenerParts
): ApiListener {
  let accepted: ReadonlySet<string> = new Set()
  const cors = createCors({ ...settings.cors, maxAgeSeconds: Math.floor(settings.cors.maxAge / 1000) })
  const handle = createApi({ routes: apiRoutes(deps), cors, hosts: () => accepted, ready: () => deps.placement.ready })
  const event: Log['event'] = (level, message, fields = {}) => log.event(level, message, { ...fields, listener: 'api' })
  const engine = engineOf({ ...options, refusal: apiRefusal }, settings.tls, log)
  const server = createRequestServer({
    ...parts,
    inbound: engine.inbound,
    ended: () => undefined,
    handle: async (incoming, record) => dressed(await handle(incoming, record), { head: incoming.head, record, cors }),
    answerError: (error, { head, record }) => answerAndNote(error, { head, record, cors }, metrics),
    overloaded(reason) {
      if (reason === 'too-many-requests') metrics.limited('process-concurrency')
      return new ApiError(reason === 'closing' ? 'ServiceUnavailable' : 'SlowDown', reason)
    },
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
      accepted = acceptedHosts(settings.hosts, bound)
      return bound
    },
    stop() {
      engine.close()
      return server.stop()
    }
  }
}

function answerAndNote(error: unknown, dressing: Dressing, metrics: Pick<Metrics, 'authRejected'>): Answer {
  const { record } = dressing
  const { answer, code, reason } = answerApiError(error)
  record.errorCode = code
  record.reason = reason
  if (AUTHENTICATION_CODES.has(code)) metrics.authRejected(code)
  return dressed(answer, dressing)
}

const AUTHENTICATION_CODES: ReadonlySet<string> = new Set(['ExpiredTokenException', 'InvalidIdentityToken', 'MissingAuthenticationToken'])

/** A token that was exchanged for credentials, or not, is counted where those of STS are. */
function countExchange({ operation, issuer, status }: AccessRecord, metrics: Pick<Metrics, 'stsExchanged'>): void {
  if (operation === 'GetContainerCredentials') metrics.stsExchanged(issuer, exchangeResult(status))
}

interface Dressing {
  readonly head: RequestHead
  readonly record: AccessRecord
  readonly cors: Cors
}

/** Every answer names its request, and lets a page of another origin read it where that is permitted; a preflight has said so itself. */
function dressed(answer: Answer, { head, record, cors }: Dressing): Answer {
  const readable = head.method === 'OPTIONS' && answer.status < 400 ? [] : cors.answerHeaders(head)
  return { ...answer, rawHeaders: [...answer.rawHeaders, 'x-amzn-requestid', record.requestId, ...readable] }
}
