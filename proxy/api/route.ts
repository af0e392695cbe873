import type { AccessRecord } from '../observe/access-record.ts'
import type { Answer, Incoming } from '../transport/transport.ts'
import { ApiError, jsonAnswer } from './error.ts'

/** A closed list: metrics have no other. */
export const API_OPERATIONS = ['GetContainerCredentials', 'GetCaller'] as const

/** One line of the API's table. Every route is read by GET and has neither query nor body. */
export interface ApiRoute {
  readonly path: string
  /** In log and metrics. */
  readonly operation: (typeof API_OPERATIONS)[number]
  /** How callers prove themselves here. */
  readonly wayIn: string
  /** The answer's JSON. Notes in the record who it was for, and never a token or a secret. */
  answer(request: ApiRequest, record: AccessRecord): Promise<object>
}

/** What a route reads of a request. */
export interface ApiRequest {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
}

/** The path of a target, and its query without the question mark; '' is an empty one, null none at all. */
export function splitTarget(rawTarget: string): { readonly path: string; readonly query: string | null } {
  const mark = rawTarget.indexOf('?')
  return mark === -1 ? { path: rawTarget, query: null } : { path: rawTarget.slice(0, mark), query: rawTarget.slice(mark + 1) }
}

/** Answers a request that is for the route: its form first, so that a token in the wrong place is not looked at. */
export async function answerRoute(route: ApiRoute, { head, body }: Pick<Incoming, 'head' | 'body'>, record: AccessRecord): Promise<Answer> {
  record.operation = route.operation
  record.wayIn = route.wayIn
  if (head.method !== 'GET') throw new ApiError('MethodNotAllowed', `method ${head.method}`, { rawHeaders: ['allow', 'GET'] })
  // A token in a query ends up in logs, and no route has parameters.
  if (splitTarget(head.rawTarget).query !== null) throw invalid('the request has a query')
  if (body !== null) throw invalid('the request has a body')
  return jsonAnswer(200, await route.answer({ rawHeaders: head.rawHeaders }, record))
}

function invalid(problem: string): ApiError {
  return new ApiError('InvalidRequest', problem, { detail: `The request is not valid: ${problem}` })
}
