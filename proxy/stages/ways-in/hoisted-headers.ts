import { S3Error } from '../../s3/error.ts'
import { asHeaderValue } from '../../s3/header-values.ts'
import { HeaderView } from '../../s3/header-view.ts'
import type { QueryParameter } from '../../s3/query.ts'
import { isSigningParameter } from '../../sigv4/query-authorization.ts'
import type { AcceptedRequest } from '../accept.ts'

const CONTENT_SHA256 = 'x-amz-content-sha256'

/**
 * A presigned request with its `x-amz-*` parameters moved among its headers: SDKs hoist headers into the URL, and there they
 * mean what they would have meant as headers. All of them are covered by the signature, as every parameter is. One that
 * comes as a header too, or twice, is refused: what was checked would be one of the two, and what is used perhaps the other.
 */
export function withHoistedHeaders(request: AcceptedRequest): AcceptedRequest {
  const hoisted: string[] = []
  const query: QueryParameter[] = []
  const seen = new Set<string>()
  for (const parameter of request.query) {
    const name = parameter.name.toLowerCase()
    if (!name.startsWith('x-amz-')) {
      query.push(parameter)
      continue
    }
    if (seen.has(name) || request.headers.has(name)) throw twice(parameter.name)
    seen.add(name)
    const isSigning = isSigningParameter(name)
    if (isSigning) query.push(parameter)
    if (!isSigning || name === CONTENT_SHA256) hoisted.push(name, asHeaderValue(name, parameter.value))
  }
  if (hoisted.length === 0) return request
  const rawHeaders = [...request.head.rawHeaders, ...hoisted]
  return { ...request, query, headers: new HeaderView(rawHeaders), head: { ...request.head, rawHeaders } }
}

function twice(name: string): S3Error {
  return new S3Error('InvalidRequest', `${name} comes twice, in the query or in query and headers`, {
    Message: `The parameter ${name} must be given once, as a header or in the query.`
  })
}
