import type { Incoming } from '../transport/transport.ts'
import { localRequest, type LocalRequest } from './local-request.ts'

const UNSIGNED = 'UNSIGNED-PAYLOAD'

/** A local process's request as the pod itself would send it: with the pod's token for its only proof. */
export function asPod(incoming: Incoming, token: string): Incoming {
  const request = localRequest(incoming)
  const { body } = request
  const source = body.kind === 'flow' ? body.source : null
  return {
    head: { ...incoming.head, rawTarget: targetOf(request), rawHeaders: headersOf(request, token) },
    body: source,
    expectsContinue: incoming.expectsContinue,
    get gone() {
      return incoming.gone
    },
    onGone: (callback) => incoming.onGone(callback),
    answer: (answer) => incoming.answer(answer),
    cut: () => incoming.cut()
  }
}

/** The path byte for byte, and of the query what is not a signature. */
function targetOf({ accepted, query }: LocalRequest): string {
  const pairs = query.map(({ rawName, rawValue }) => `${rawName}=${rawValue}`)
  return pairs.length === 0 ? accepted.address.rawPath : `${accepted.address.rawPath}?${pairs.join('&')}`
}

function headersOf({ accepted, headers, body }: LocalRequest, token: string): readonly string[] {
  return [
    ...['host', accepted.headers.get('host') ?? '', 'authorization', `Bearer ${token}`],
    ...['x-amz-content-sha256', body.kind === 'none' ? UNSIGNED : body.payloadHash],
    ...['content-length', body.kind === 'flow' ? String(body.length) : '0'],
    ...headers.flat()
  ]
}
