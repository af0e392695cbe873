import { percentDecode } from './encode.ts'
import { S3Error } from './error.ts'

/** One query parameter: decoded, and as it was sent. */
export interface QueryParameter {
  readonly name: string
  readonly value: string
  readonly rawName: string
  readonly rawValue: string
}

const NO_PARAMETERS: readonly QueryParameter[] = []

/** More than any operation has, presigned metadata included. Names are compared with each other before anybody is proven to call. */
const QUERY_PARAMETERS_MAX = 256

/**
 * The parameters of a raw query string, in order: split on `&` alone and on the first `=`, percent-decoded once, `+` a plus.
 * A name that comes twice is refused: which of the two counts would be a matter of taste, and tastes of hops differ.
 * HOT: bench/recognize.ts
 */
export function parseQuery(rawQuery: string): readonly QueryParameter[] {
  if (rawQuery === '') return NO_PARAMETERS
  const parameters: QueryParameter[] = []
  for (const part of rawQuery.split('&')) {
    if (part === '') continue
    if (parameters.length === QUERY_PARAMETERS_MAX)
      throw new S3Error('InvalidArgument', `more than ${QUERY_PARAMETERS_MAX} query parameters`)
    const equals = part.indexOf('=')
    const rawName = equals === -1 ? part : part.slice(0, equals)
    const rawValue = equals === -1 ? '' : part.slice(equals + 1)
    const name = decoded(rawName)
    if (parameters.some((parameter) => parameter.name === name)) {
      throw new S3Error('InvalidArgument', `query parameter "${name}" comes twice`, { ArgumentName: name })
    }
    parameters.push({ name, value: decoded(rawValue), rawName, rawValue })
  }
  return parameters
}

/** The decoded value of a parameter; undefined when it did not come. */
export function queryValue(query: readonly QueryParameter[], name: string): string | undefined {
  return query.find((parameter) => parameter.name === name)?.value
}

function decoded(raw: string): string {
  const text = percentDecode(raw)
  if (text === null) throw new S3Error('InvalidURI', 'the query string is not percent-encoded UTF-8')
  return text
}
