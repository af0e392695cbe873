import type { AccessRecord } from '../observe/access-record.ts'
import type { Answer, Incoming } from '../transport/transport.ts'
import { ApiError } from './error.ts'
import { refuseForeignHost } from './hosts.ts'
import { answerRoute, splitTarget, type ApiRoute } from './route.ts'

export interface ApiDependencies {
  readonly routes: readonly ApiRoute[]
  /** The values of Host that are answered: known once the listener is bound. */
  readonly hosts: () => ReadonlySet<string>
  /** False until revocations and placement are loaded for the first time. */
  readonly ready: () => boolean
}

export type HandleApi = (incoming: Incoming, record: AccessRecord) => Promise<Answer>

/** The API: one table look-up by the exact path, after the host is known to be ours. Refusals are thrown. */
export function createApi({ routes, hosts, ready }: ApiDependencies): HandleApi {
  const byPath = new Map(routes.map((route) => [route.path, route]))
  return async (incoming, record) => {
    const { head } = incoming
    refuseForeignHost(head.rawHeaders, hosts())
    const route = byPath.get(splitTarget(head.rawTarget).path)
    if (route === undefined) throw new ApiError('NotFound', 'no route has this path')
    if (!ready()) throw new ApiError('ServiceUnavailable', 'no complete snapshot is loaded yet')
    return answerRoute(route, incoming, record)
  }
}
