import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import type { AccessRecord } from './access-record.ts'
import { CellCounter, CellHistogram } from './cells.ts'
import { countRequests, countUpstream } from './count-requests.ts'

/** The values that labels may take. Anything else is counted as `other`, so that no client can make a series. */
export interface MetricNames {
  readonly operations: readonly string[]
  readonly errorCodes: readonly string[]
  readonly accounts: readonly string[]
  readonly issuers: readonly string[]
  readonly rejectionReasons: readonly string[]
}

export interface MetricsOptions {
  readonly names: MetricNames
  /** Seconds since the assignments were last known to be complete; null before that. */
  readonly snapshotAgeSeconds: () => number | null
  /** Lines of the log that were not written, because its destination did not take them. */
  readonly logLinesDropped: () => number
  /** Process metrics of prom-client beside ours. */
  readonly processMetrics: boolean
}

export type DecisionEffect = 'allow' | 'deny'
export type ExchangeResult = 'issued' | 'refused' | 'fault'

/** What is counted. Each method is one line of the metrics page. */
export interface Metrics {
  requestStarted(): void
  requestDone(record: AccessRecord): void
  upstreamDone(request: { account: string; ask: string; status: number | null; seconds: number }): void
  /** A request the engine refused before any handler saw it. */
  refused(reason: string): void
  /** A request over a limit of load, by the name of the limit: a closed list. */
  limited(limit: string): void
  authRejected(reason: string): void
  decided(effect: DecisionEffect): void
  /** An answer of an upstream named a key outside of the tenant's prefix. Any value above zero is an alarm. */
  prefixViolated(): void
  stsExchanged(issuer: string | null, result: ExchangeResult): void
  headerDropped(): void
  credentialsReloaded(account: string, result: 'loaded' | 'failed'): void
  /** Credentials sign from now on; `notAfter` is null where they do not end. */
  credentialsInUse(account: string, times: { readonly since: Date; readonly notAfter: Date | null }): void
  /** All metrics, to be read: as a page, or as objects where several processes are added up. */
  readonly registry: Pick<Registry, 'metrics' | 'getMetricsAsJSON'>
  /** The metrics page and its content type. */
  page(): Promise<{ readonly contentType: string; readonly text: string }>
}

const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300]
const FIRST_BYTE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** The kinds of upstream requests: what the ownership protocol asks, and what no protocol governs. A closed list too. */
const ASKS = [
  ...['read', 'readRange', 'head', 'tags', 'below', 'put', 'putRead', 'putTags', 'copy', 'delete', 'deleteBatch'],
  ...['createUpload', 'uploadPart', 'partPut', 'partCopy', 'complete', 'abort', 'listParts', 'list', 'versioning']
]

/** The result of an exchange, by the status of its answer. */
export function exchangeResult(status: number): ExchangeResult {
  return status < 400 ? 'issued' : status < 500 ? 'refused' : 'fault'
}

/** The metrics of one process. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const { names } = options
  let inflight = 0
  const account = closed(names.accounts)
  const issuer = closed(names.issuers)
  const reason = closed(names.rejectionReasons)
  const meters = makeMeters(registry, () => inflight)
  const requests = countRequests(meters, names)
  const decisions = { allow: meters.decisions.series({ decision: 'allow' }), deny: meters.decisions.series({ decision: 'deny' }) }
  makePolledMeters(registry, options)
  if (options.processMetrics) collectDefaultMetrics({ register: registry })
  return {
    requestStarted: () => void (inflight += 1),
    requestDone: (record) => {
      inflight -= 1
      requests(record)
    },
    upstreamDone: countUpstream(meters, { accounts: names.accounts, asks: ASKS }),
    refused: (why) => meters.refusals.inc({ reason: why }),
    limited: (limit) => meters.limited.inc({ limit }),
    authRejected: (why) => meters.authRejections.inc({ reason: reason(why) }),
    decided: (effect) => meters.decisions.add(decisions[effect], 1),
    prefixViolated: () => meters.prefixViolations.inc(),
    stsExchanged: (name, result) => meters.stsExchanges.inc({ issuer: issuer(name), result }),
    headerDropped: () => meters.droppedHeaders.inc(),
    credentialsReloaded: (name, result) => meters.reloads.inc({ account: account(name), result }),
    credentialsInUse: (name, { since, notAfter }) => {
      meters.credentialsLoaded.set({ account: account(name) }, since.getTime() / 1000)
      if (notAfter !== null) meters.credentialsNotAfter.set({ account: account(name) }, notAfter.getTime() / 1000)
    },
    registry,
    page: async () => ({ contentType: registry.contentType, text: await registry.metrics() })
  }
}

function makeMeters(registry: Registry, inflight: () => number) {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) => new Counter({ name, help, labelNames, registers })
  return {
    ...makeRequestMeters(registry, inflight),
    refusals: counter('sluice_refused_connections_total', 'Requests refused before they were read as S3.', ['reason']),
    limited: counter('sluice_limited_requests_total', 'Requests over a limit of load, told to slow down.', ['limit']),
    authRejections: counter('sluice_auth_rejections_total', 'Requests whose caller was not proven.', ['reason']),
    decisions: new CellCounter({
      ...{ name: 'sluice_policy_decisions_total', help: 'Requests that policy allowed or denied.', labelNames: ['decision'] },
      registry
    }),
    prefixViolations: counter(
      'sluice_prefix_violations_total',
      'Upstream answers that named a key outside of the tenant. Alarm above zero.'
    ),
    stsExchanges: counter('sluice_sts_exchanges_total', 'Tokens exchanged for credentials.', ['issuer', 'result']),
    droppedHeaders: counter('sluice_dropped_headers_total', 'Request headers left out as configured.'),
    ...makeCredentialMeters(registers)
  }
}

/** What every request counts. */
function makeRequestMeters(registry: Registry, inflight: () => number) {
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) => new CellCounter({ name, help, labelNames, registry })
  const histogram = <L extends string>(name: string, help: string, bounds: readonly number[], labelNames: L[]) =>
    new CellHistogram({ name, help, bounds, labelNames, registry })
  return {
    requests: counter('sluice_requests_total', 'Requests answered, by operation, status and S3 error code.', [
      'operation',
      'status',
      'error_code'
    ]),
    aborted: counter('sluice_requests_aborted_total', 'Requests whose answer did not reach its end.', ['operation']),
    seconds: histogram('sluice_request_duration_seconds', 'From the head of the request to the last byte of the answer.', REQUEST_SECONDS, [
      'operation'
    ]),
    firstByte: histogram(
      'sluice_time_to_first_byte_seconds',
      'From the head of the request to the head of the answer.',
      FIRST_BYTE_SECONDS,
      ['operation']
    ),
    inflight: polledGauge(registry, { name: 'sluice_inflight_requests', help: 'Requests under way.', value: inflight }),
    bytesIn: counter('sluice_request_bytes_total', 'Body bytes taken from clients.', ['operation']),
    bytesOut: counter('sluice_response_bytes_total', 'Body bytes given to clients.', ['operation']),
    upstreamRequests: counter('sluice_upstream_requests_total', 'Requests to upstreams, by account, kind and class of the answer.', [
      'account',
      'ask',
      'status_class'
    ]),
    upstreamSeconds: histogram(
      'sluice_upstream_request_duration_seconds',
      'From sending a request to the head of its answer.',
      REQUEST_SECONDS,
      ['account', 'ask']
    )
  }
}

function makeCredentialMeters(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: ['account'], registers })
  return {
    reloads: new Counter({
      name: 'sluice_credentials_reloads_total',
      help: 'Attempts to get new upstream credentials that brought some, or failed.',
      labelNames: ['account', 'result'],
      registers
    }),
    credentialsLoaded: gauge('sluice_credentials_loaded_timestamp_seconds', 'When the upstream credentials in use were loaded.'),
    credentialsNotAfter: gauge('sluice_credentials_not_after_seconds', 'When the upstream credentials in use end.')
  }
}

/** What others keep, asked for when a page is. */
function makePolledMeters(registry: Registry, { snapshotAgeSeconds, logLinesDropped }: MetricsOptions): void {
  polledGauge(registry, {
    name: 'sluice_assignments_age_seconds',
    help: 'Since the assignments were last known to be complete; -1 before the first time.',
    value: () => snapshotAgeSeconds() ?? -1
  })
  new Counter({
    name: 'sluice_log_lines_dropped_total',
    help: 'Lines of the log that were lost, because standard output did not take them.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(logLinesDropped())
    }
  })
}

function polledGauge(
  registry: Registry,
  { value, ...named }: { readonly name: string; readonly help: string; readonly value: () => number }
): Gauge {
  return new Gauge({
    ...named,
    registers: [registry],
    collect() {
      this.set(value())
    }
  })
}

/** Maps a text to itself where it is one of the names, and to `other` where it is not; null is `none`. */
function closed(names: readonly string[]): (name: string | null) => string {
  const known = new Set(names)
  return (name) => (name === null ? 'none' : known.has(name) ? name : 'other')
}
