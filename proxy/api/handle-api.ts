import type { AccessRecord } from '../observe/access-record.ts'
import type { Cors } from '../cors/cors.ts'
import type { Answer, Incoming, RequestHead } from '../transport/transport.ts'
import { ApiError } from './error.ts'
import { refuseForeignHost } from './hosts.ts'
import { answerRoute, splitTarget, type ApiRoute } from './route.ts'

export interface ApiDependencies {
  readonly routes: readonly ApiRoute[]
  readonly cors: Cors
  /** The values of Host that are answered: known once the listener is bound. */
  readonly hosts: () => ReadonlySet<string>
  /** False until revocations and placement are loaded for the first time. */
  readonly ready: () => boolean
}

export type HandleApi = (incoming: Incoming, record: AccessRecord) => Promise<Answer>

/** The API: one table look-up by the exact path, after the host is known to be ours. Refusals are thrown. */
export function createApi({ routes, cors, hosts, ready }: ApiDependencies): HandleApi {
  const byPath = new Map(routes.map((route) => [route.path, route]))
  return async (incoming, record) => {
    const { head } = incoming
    refuseForeignHost(head.rawHeaders, hosts())
    if (head.method === 'OPTIONS') return answerPreflight(head, record, cors)
    const route = byPath.get(splitTarget(head.rawTarget).path)
    if (route === undefined) throw new ApiError('NotFound', 'no route has this path')
    if (!ready()) throw new ApiError('ServiceUnavailable', 'no complete snapshot is loaded yet')
    return answerRoute(route, incoming, record)
  }
}

/** Answers from the head and the configuration alone, without credentials: a browser sends none with it. */
function answerPreflight(head: RequestHead, record: AccessRecord, cors: Cors): Answer {
  record.operation = 'Preflight'
  const preflight = cors.preflight(head)
  if (preflight.kind === 'allowed') return { status: 200, rawHeaders: preflight.rawHeaders, body: null }
  const code = preflight.kind === 'incomplete' ? 'InvalidRequest' : 'AccessForbidden'
  throw new ApiError(code, 'a preflight of what is not permitted', { detail: preflight.message })
}
