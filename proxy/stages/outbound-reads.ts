import type { Ask } from '../ownership/steps.ts'
import type { HeaderGroup } from '../s3/operation-row.ts'
import type { Exchange } from './exchange.ts'
import type { Outbound } from './outbound.ts'
import { objectRequest, versionQuery } from './outbound-for.ts'
import { headersInGroups, type Headers } from './write-headers.ts'

/** A look's HEAD, or the client's own read. Both release the same headers, so both ask for them in the same way. */
export function outboundRead(ask: Extract<Ask, { ask: 'head' | 'read' }>, exchange: Exchange): Outbound {
  const { name } = exchange.grant.operation
  const isClients = ask.at.place === 'target' && (name === 'GetObject' || name === 'HeadObject')
  const version = versionQuery(ask.at)
  if (ask.ask === 'head') {
    // The head of a HeadObject is what its client gets; for any other operation a look needs nothing but the marks.
    const isAnswer = isClients && name === 'HeadObject'
    return objectRequest(exchange, ask.at, {
      method: 'HEAD',
      query: [...version, ...(isAnswer ? overrides(exchange) : [])],
      headers: isAnswer ? headersInGroups(exchange.request.headers, ['checksumMode']) : []
    })
  }
  const pin: Headers = ask.pin === undefined ? [] : [['if-match', ask.pin]]
  if (name === 'GetObjectAttributes') return outboundAttributes(exchange, ask, pin)
  if (!isClients) return objectRequest(exchange, ask.at, { method: 'GET', query: version, headers: pin })
  const groups: HeaderGroup[] = ask.conditions ? ['range', 'checksumMode', 'readConditions'] : ['range', 'checksumMode']
  const headers = headersInGroups(exchange.request.headers, groups).filter(([header]) => ask.pin === undefined || header !== 'if-match')
  return objectRequest(exchange, ask.at, {
    method: name === 'HeadObject' ? 'HEAD' : 'GET',
    query: [...version, ...overrides(exchange), ...partNumber(exchange)],
    headers: [...headers, ...pin]
  })
}

/** One range of a copy's source; If-Match of what was looked at comes with it where the source says so. */
export function outboundReadRange(ask: Extract<Ask, { ask: 'readRange' }>, exchange: Exchange): Outbound {
  return objectRequest(exchange, ask.at, {
    method: 'GET',
    query: versionQuery(ask.at),
    headers: [['range', `bytes=${ask.first}-${ask.last}`]]
  })
}

function outboundAttributes(exchange: Exchange, ask: Extract<Ask, { ask: 'read' }>, pin: Headers): Outbound {
  const headers = headersInGroups(exchange.request.headers, ['attributes']).map(([name, value]): [string, string] => {
    // The ETag ties the answer to the look, so it is always asked for; the client sees it only if it asked too.
    if (name !== 'x-amz-object-attributes' || /(^|,)\s*etag\s*(,|$)/i.test(value)) return [name, value]
    return [name, `${value},ETag`]
  })
  return objectRequest(exchange, ask.at, {
    method: 'GET',
    query: [['attributes', null], ...versionQuery(ask.at)],
    headers: [...headers, ...pin]
  })
}

function overrides({ request }: Exchange): Outbound['query'] {
  return request.query.filter(({ name }) => name.startsWith('response-')).map(({ name, value }) => [name, value] as const)
}

function partNumber({ request }: Exchange): Outbound['query'] {
  return request.query.filter(({ name }) => name === 'partNumber').map(({ name, value }) => [name, value] as const)
}
