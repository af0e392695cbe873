import type { Ask } from '../ownership/steps.ts'
import { readAttributesRequest } from '../s3/attributes.ts'
import type { HeaderGroup } from '../s3/operation-row.ts'
import { parseRange } from '../s3/range.ts'
import type { Exchange } from './exchange.ts'
import type { Outbound } from './outbound.ts'
import { objectRequest, versionQuery } from './outbound-for.ts'
import { passedOn, type Headers } from './write-headers.ts'

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
      headers: isAnswer ? passedOn(exchange.request.headers, ['checksumMode']) : []
    })
  }
  const pin: Headers = ask.pin === undefined ? [] : [['if-match', ask.pin]]
  if (name === 'GetObjectAttributes') return outboundAttributes(exchange, ask, pin)
  if (!isClients) return objectRequest(exchange, ask.at, { method: 'GET', query: version, headers: pin })
  const groups: HeaderGroup[] = ask.conditions ? ['range', 'checksumMode', 'readConditions'] : ['range', 'checksumMode']
  const headers = passedOn(exchange.request.headers, groups).filter(([header, value]) => {
    // What is no range is ignored by S3 and refused by others: it does not go out.
    if (header === 'range') return parseRange(value, Number.MAX_SAFE_INTEGER) !== 'ignored'
    return ask.pin === undefined || header !== 'if-match'
  })
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
  const { attributes, maxParts, partNumberMarker } = readAttributesRequest(exchange.request.headers)
  const headers: Headers = [
    // The ETag ties the answer to the look, so it is always asked for; the client sees it only if it asked too.
    ['x-amz-object-attributes', [...new Set([...attributes, 'ETag'])].join(',')],
    ['x-amz-max-parts', String(maxParts)],
    ['x-amz-part-number-marker', String(partNumberMarker)],
    ...pin
  ]
  return objectRequest(exchange, ask.at, { method: 'GET', query: [['attributes', null], ...versionQuery(ask.at)], headers })
}

function overrides({ request }: Exchange): Outbound['query'] {
  return request.query.filter(({ name }) => name.startsWith('response-')).map(({ name, value }) => [name, value] as const)
}

function partNumber({ request }: Exchange): Outbound['query'] {
  return request.query.filter(({ name }) => name === 'partNumber').map(({ name, value }) => [name, value] as const)
}
