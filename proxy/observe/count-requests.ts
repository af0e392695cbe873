import type { AccessRecord } from './access-record.ts'
import type { CellCounter, CellHistogram } from './cells.ts'

export interface RequestMeters {
  readonly requests: CellCounter<'operation' | 'status' | 'error_code'>
  readonly aborted: CellCounter<'operation'>
  readonly seconds: CellHistogram<'operation'>
  readonly firstByte: CellHistogram<'operation'>
  readonly bytesIn: CellCounter<'operation'>
  readonly bytesOut: CellCounter<'operation'>
}

export interface UpstreamMeters {
  readonly upstreamRequests: CellCounter<'account' | 'ask' | 'status_class'>
  readonly upstreamSeconds: CellHistogram<'account' | 'ask'>
}

/** The handles of one operation's series. */
interface OperationCells {
  readonly name: string
  readonly aborted: number
  readonly seconds: number
  readonly firstByte: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** By error code and status; made when first met. */
  readonly requests: Map<number, number>
}

/** What is counted under a name that is not in its closed list, so that no client can make a series. */
const OTHER = 'other'
const NONE = 'none'
/** More than any status, so that one number tells error code and status. */
const STATUSES = 65_536

/**
 * Counts requests that are done; handles of series are looked up by operation, once a request.
 *
 * HOT: bench/count-request.ts
 */
export function countRequests(
  meters: RequestMeters,
  names: { readonly operations: readonly string[]; readonly errorCodes: readonly string[] }
): (record: AccessRecord) => void {
  const operations = new Map(names.operations.map((name) => [name, operationCells(meters, name)]))
  const [other, none] = [operationCells(meters, OTHER), operationCells(meters, NONE)]
  const codes = ['', OTHER, ...names.errorCodes]
  const codeIndex = new Map(codes.map((code, i) => [code, i]))

  const seriesOf = (cells: OperationCells, code: number, status: number): number => {
    const known = cells.requests.get(code * STATUSES + status)
    if (known !== undefined) return known
    const series = meters.requests.series({ operation: cells.name, status: String(status), error_code: codes[code] ?? OTHER })
    cells.requests.set(code * STATUSES + status, series)
    return series
  }

  return (record) => {
    const { operation, errorCode, timeToFirstByteMs, bytesIn, bytesOut } = record
    const cells = operation === null ? none : (operations.get(operation) ?? other)
    const code = errorCode === null ? 0 : (codeIndex.get(errorCode) ?? 1)
    meters.requests.add(seriesOf(cells, code, record.status), 1)
    if (!record.complete) meters.aborted.add(cells.aborted, 1)
    meters.seconds.record(cells.seconds, record.durationMs / 1000)
    if (timeToFirstByteMs !== null) meters.firstByte.record(cells.firstByte, timeToFirstByteMs / 1000)
    if (bytesIn > 0) meters.bytesIn.add(cells.bytesIn, bytesIn)
    if (bytesOut > 0) meters.bytesOut.add(cells.bytesOut, bytesOut)
  }
}

function operationCells(meters: RequestMeters, operation: string): OperationCells {
  return {
    name: operation,
    aborted: meters.aborted.series({ operation }),
    seconds: meters.seconds.series({ operation }),
    firstByte: meters.firstByte.series({ operation }),
    bytesIn: meters.bytesIn.series({ operation }),
    bytesOut: meters.bytesOut.series({ operation }),
    requests: new Map()
  }
}

export interface UpstreamDone {
  readonly account: string
  readonly ask: string
  /** Null where there was no answer. */
  readonly status: number | null
  readonly seconds: number
}

interface AskCells {
  readonly seconds: number
  /** By the first digit of the status; the last is for no answer. */
  readonly requests: readonly number[]
}

const STATUS_CLASSES = [...Array.from({ length: 10 }, (_, digit) => `${digit}xx`), 'fault']
const NO_ANSWER = STATUS_CLASSES.length - 1

/**
 * Counts requests to upstreams.
 *
 * HOT: bench/count-request.ts
 */
export function countUpstream(
  meters: UpstreamMeters,
  names: { readonly accounts: readonly string[]; readonly asks: readonly string[] }
): (done: UpstreamDone) => void {
  const cellsOf = (account: string): Map<string, AskCells> =>
    new Map([...names.asks, OTHER].map((ask) => [ask, askCells(meters, account, ask)]))
  const accounts = new Map(names.accounts.map((account) => [account, cellsOf(account)]))
  const other = cellsOf(OTHER)
  return ({ account, ask, status, seconds }) => {
    const asks = accounts.get(account) ?? other
    const cells = asks.get(ask) ?? asks.get(OTHER)
    if (cells === undefined) return
    const requests = cells.requests[status === null ? NO_ANSWER : Math.floor(status / 100)]
    if (requests !== undefined) meters.upstreamRequests.add(requests, 1)
    meters.upstreamSeconds.record(cells.seconds, seconds)
  }
}

function askCells(meters: UpstreamMeters, account: string, ask: string): AskCells {
  return {
    seconds: meters.upstreamSeconds.series({ account, ask }),
    requests: STATUS_CLASSES.map((status_class) => meters.upstreamRequests.series({ account, ask, status_class }))
  }
}
