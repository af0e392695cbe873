import { S3Error } from '../../s3/error.ts'
import { HeaderView } from '../../s3/header-view.ts'
import type { QueryParameter } from '../../s3/query.ts'
import { isSigningParameter } from '../../sigv4/query-authorization.ts'
import type { AcceptedRequest } from '../accept.ts'

// RFC 9110 §5.6.2, without upper case: names are compared in lower case.
const HEADER_NAME = /^x-amz-[a-z0-9!#$%&'*+.^_`|~-]+$/
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
    if (!isSigning || name === CONTENT_SHA256) hoisted.push(name, headerValue(name, parameter))
  }
  if (hoisted.length === 0) return request
  const rawHeaders = [...request.head.rawHeaders, ...hoisted]
  return { ...request, query, headers: new HeaderView(rawHeaders), head: { ...request.head, rawHeaders } }
}

function headerValue(name: string, { value }: QueryParameter): string {
  if (!HEADER_NAME.test(name)) throw unfit('Header name cannot be represented', name)
  // Attack S-8: what could not have come in a header must not become one on the way out.
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) throw unfit('Header value cannot be represented', name)
  // Header text is one character per byte (transport.ts), and without the spaces around it that no header has.
  return Buffer.from(value, 'utf8')
    .toString('latin1')
    .replace(/^[ \t]+|[ \t]+$/g, '')
}

function twice(name: string): S3Error {
  return new S3Error('InvalidRequest', `${name} comes twice, in the query or in query and headers`, {
    Message: `The parameter ${name} must be given once, as a header or in the query.`
  })
}

function unfit(message: string, name: string): S3Error {
  return new S3Error('InvalidArgument', `query parameter ${JSON.stringify(name)} cannot be a header`, { Message: message })
}
