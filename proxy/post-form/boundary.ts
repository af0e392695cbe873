import { S3Error } from '../s3/error.ts'

const FORM = /^multipart\/form-data[ \t]*(?:;|$)/i
// RFC 9110 §5.6.6: `; name=value`, the value a token or a quoted string. No backslash: a boundary has none (RFC 2046 §5.1.1).
const PARAMETER = /[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"([^"\\]*)")/y
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/

/** True for a body that a browser makes of a form with a file. */
export function isMultipartForm(contentType: string | undefined): boolean {
  return contentType !== undefined && FORM.test(contentType)
}

/** The boundary that a multipart/form-data content type names; refused when it names none, two, or one that no body may have. */
export function formBoundary(contentType: string): string {
  let boundary: string | undefined
  PARAMETER.lastIndex = 'multipart/form-data'.length
  for (let at = PARAMETER.lastIndex; at < contentType.trimEnd().length; at = PARAMETER.lastIndex) {
    const [, name = '', token, quoted] = PARAMETER.exec(contentType) ?? []
    if (name === '') throw malformedForm('the content type has something that is no parameter')
    if (name.toLowerCase() !== 'boundary') continue
    if (boundary !== undefined) throw malformedForm('the content type names two boundaries')
    boundary = token ?? quoted ?? ''
  }
  if (boundary === undefined || !BOUNDARY.test(boundary)) throw malformedForm('the content type names no possible boundary')
  return boundary
}

/** The refusal of a body that is not the form it should be. */
export function malformedForm(reason: string): S3Error {
  return new S3Error('MalformedPOSTRequest', reason)
}
