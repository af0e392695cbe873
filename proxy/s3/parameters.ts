import { S3Error } from './error.ts'
import type { HeaderView } from './header-view.ts'
import type { OperationRow } from './operation-row.ts'
import { queryValue, type QueryParameter } from './query.ts'

/** S3's limit on parts of one upload. */
export const PART_NUMBER_MAX = 10_000

interface ParameterCarrier {
  readonly query: readonly QueryParameter[]
  readonly headers: HeaderView
}

type Check = (value: string, carrier: ParameterCarrier) => S3Error | null

const invalid = (name: string, value: string, message: string): S3Error =>
  new S3Error('InvalidArgument', `query parameter ${name} is malformed`, { Message: message, ArgumentName: name, ArgumentValue: value })

/** A count or position: 0 to 2^31-1, as S3 has it. */
const wholeNumber =
  (name: string): Check =>
  (value) =>
    /^\d{1,10}$/.test(value) && Number(value) <= 0x7fffffff
      ? null
      : invalid(name, value, `Argument ${name} must be an integer between 0 and 2147483647`)

// The upstream writes it into a header of the answer, so it must be able to stand in one (attack S-8).
const headerText =
  (name: string): Check =>
  (value) =>
    /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value) ? invalid(name, value, 'Header value cannot be represented') : null

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['versionId', (value) => (value === '' ? invalid('versionId', value, 'Version id cannot be the empty string') : null)],
  ['partNumber', checkPartNumber],
  [
    'encoding-type',
    (value) => (value === 'url' || value === '' ? null : invalid('encoding-type', value, 'Invalid Encoding Method specified in Request'))
  ],
  [
    'continuation-token',
    (value) => (value === '' ? invalid('continuation-token', value, 'The continuation token provided is incorrect') : null)
  ],
  ['fetch-owner', (value) => (/^(true|false)?$/i.test(value) ? null : invalid('fetch-owner', value, 'fetch-owner must be true or false'))],
  ...['max-keys', 'max-uploads', 'max-parts', 'part-number-marker', 'max-buckets'].map((name) => [name, wholeNumber(name)] as const),
  ...[
    'response-cache-control',
    'response-content-disposition',
    'response-content-encoding',
    'response-content-language',
    'response-content-type',
    'response-expires'
  ].map((name) => [name, headerText(name)] as const)
])

/** Refuses a request whose row's parameters are malformed or lack one that the row requires. */
export function checkParameters(carrier: ParameterCarrier, row: OperationRow): void {
  for (const { name, value } of carrier.query) {
    const problem = CHECKS.get(name)?.(value, carrier) ?? null
    if (problem !== null) throw problem
  }
  for (const name of row.requiredQuery ?? []) {
    if (queryValue(carrier.query, name) !== undefined) continue
    throw new S3Error('InvalidArgument', `query parameter ${name} is missing`, {
      Message: `This operation requires the query parameter ${name}.`,
      ArgumentName: name
    })
  }
}

function checkPartNumber(value: string, { headers }: ParameterCarrier): S3Error | null {
  if (!/^\d{1,5}$/.test(value) || Number(value) < 1 || Number(value) > PART_NUMBER_MAX) {
    return invalid('partNumber', value, `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`)
  }
  if (!headers.has('range')) return null
  return new S3Error('InvalidRequest', 'partNumber with Range', {
    Message: 'Cannot specify both Range header and partNumber query parameter'
  })
}
