import fc from 'fast-check'
import { Counter, Histogram, Registry } from 'prom-client'
import t from 'tap'
import { newAccessRecord, type AccessRecord } from '../../../proxy/observe/access-record.ts'
import { createMetrics, type Metrics } from '../../../proxy/observe/metrics.ts'

const NAMES = {
  operations: ['GetObject', 'PutObject', 'ListObjectsV2'],
  errorCodes: ['AccessDenied', 'NoSuchKey', 'SlowDown'],
  accounts: ['main', 'archive'],
  issuers: ['cluster'],
  rejectionReasons: ['bad-signature']
}
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300]
const FIRST_BYTE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const RECORD = newAccessRecord('id', new Date(0), { method: 'GET', rawTarget: '/', rawHeaders: [], remoteAddress: '', secure: false })
const PER_REQUEST = /^# HELP (sluice_(?:request|response|time_to_first|upstream_request|policy)\w*)/

type Upstream = Parameters<Metrics['upstreamDone']>[0]
type Counted = { readonly record: AccessRecord } | { readonly upstream: Upstream } | { readonly decision: 'allow' | 'deny' }

/** The same metrics by prom-client alone, which hashes labels at each count: what pages are compared with. */
function createTwin(): { readonly registry: Registry; count(counted: Counted): void } {
  const registry = new Registry()
  const registers = [registry]
  const counter = (name: string, help: string, ...labelNames: string[]) => new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[], ...labelNames: string[]) =>
    new Histogram({ name, help, buckets, labelNames, registers })
  const requests = counter(
    'sluice_requests_total',
    'Requests answered, by operation, status and S3 error code.',
    'operation',
    'status',
    'error_code'
  )
  const aborted = counter('sluice_requests_aborted_total', 'Requests whose answer did not reach its end.', 'operation')
  const whole = 'From the head of the request to the last byte of the answer.'
  const seconds = histogram('sluice_request_duration_seconds', whole, REQUEST_SECONDS, 'operation')
  const head = 'From the head of the request to the head of the answer.'
  const firstByte = histogram('sluice_time_to_first_byte_seconds', head, FIRST_BYTE_SECONDS, 'operation')
  const bytesIn = counter('sluice_request_bytes_total', 'Body bytes taken from clients.', 'operation')
  const bytesOut = counter('sluice_response_bytes_total', 'Body bytes given to clients.', 'operation')
  const byClass = 'Requests to upstreams, by account, kind and class of the answer.'
  const upstreamRequests = counter('sluice_upstream_requests_total', byClass, 'account', 'ask', 'status_class')
  const sent = 'From sending a request to the head of its answer.'
  const upstreamSeconds = histogram('sluice_upstream_request_duration_seconds', sent, REQUEST_SECONDS, 'account', 'ask')
  const decisions = counter('sluice_policy_decisions_total', 'Requests that policy allowed or denied.', 'decision')
  const closed = (names: readonly string[], name: string): string => (names.includes(name) ? name : 'other')
  return {
    registry,
    count(counted) {
      if ('decision' in counted) return decisions.inc({ decision: counted.decision })
      if ('upstream' in counted) {
        const { account, ask, status, seconds } = counted.upstream
        const labels = { account: closed(NAMES.accounts, account), ask: closed(['read', 'put', 'head'], ask) }
        upstreamRequests.inc({ ...labels, status_class: status === null ? 'fault' : `${Math.floor(status / 100)}xx` })
        return upstreamSeconds.observe(labels, seconds)
      }
      const { record } = counted
      const operation = record.operation === null ? 'none' : closed(NAMES.operations, record.operation)
      const error_code = record.errorCode === null ? '' : closed(NAMES.errorCodes, record.errorCode)
      requests.inc({ operation, status: String(record.status), error_code })
      if (!record.complete) aborted.inc({ operation })
      seconds.observe({ operation }, record.durationMs / 1000)
      if (record.timeToFirstByteMs !== null) firstByte.observe({ operation }, record.timeToFirstByteMs / 1000)
      if (record.bytesIn > 0) bytesIn.inc({ operation }, record.bytesIn)
      if (record.bytesOut > 0) bytesOut.inc({ operation }, record.bytesOut)
    }
  }
}

function count(metrics: Metrics, counted: Counted): void {
  if ('decision' in counted) metrics.decided(counted.decision)
  else if ('upstream' in counted) metrics.upstreamDone(counted.upstream)
  else metrics.requestDone(counted.record)
}

const bounds = fc.constantFrom(...REQUEST_SECONDS, ...FIRST_BYTE_SECONDS)
const seconds = fc.oneof(fc.double({ min: 0, max: 400, noNaN: true }), bounds, fc.constant(0))
const milliseconds = seconds.map((value) => value * 1000)
const records = fc
  .record({
    operation: fc.constantFrom(null, ...NAMES.operations, 'NoSuchOperation'),
    errorCode: fc.constantFrom(null, ...NAMES.errorCodes, 'NoSuchCode'),
    status: fc.constantFrom(0, 200, 206, 403, 404, 499, 500, 503),
    ...{
      bytesIn: fc.nat(),
      bytesOut: fc.nat(),
      durationMs: milliseconds,
      timeToFirstByteMs: fc.option(milliseconds),
      complete: fc.boolean()
    }
  })
  .map((changes): Counted => ({ record: { ...RECORD, ...changes } }))
const upstreams = fc
  .record({
    account: fc.constantFrom(...NAMES.accounts, 'unknown'),
    ask: fc.constantFrom('read', 'put', 'head', 'unknown'),
    status: fc.constantFrom(null, 100, 200, 304, 404, 500, 999),
    seconds
  })
  .map((upstream): Counted => ({ upstream }))
const decisions = fc.constantFrom('allow' as const, 'deny' as const).map((decision): Counted => ({ decision }))

/** The metrics of a page that every request counts, each with its help, type and series. */
function perRequest(page: string): readonly string[] {
  return page.split('\n\n').filter((metric) => PER_REQUEST.test(metric) && !metric.includes('_inflight_'))
}

t.test('a page is, to the byte, what prom-client writes when it counts the same', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(records, upstreams, decisions), { maxLength: 200 }), async (all) => {
      const metrics = createMetrics({ names: NAMES, snapshotAgeSeconds: () => null, logLinesDropped: () => 0, processMetrics: false })
      const twin = createTwin()
      for (const counted of all) {
        count(metrics, counted)
        twin.count(counted)
      }
      const expected = perRequest(`${(await twin.registry.metrics()).trimEnd()}`)
      t.equal(expected.length, 9)
      t.strictSame(perRequest((await metrics.page()).text.trimEnd()), expected)
      t.strictSame(await objectsOf(metrics.registry), await objectsOf(twin.registry), 'as objects, for adding up processes')
    }),
    { numRuns: 100 }
  )
})

/** What adding up processes needs of the objects. */
async function objectsOf(registry: Pick<Registry, 'getMetricsAsJSON'>): Promise<unknown> {
  return (await registry.getMetricsAsJSON())
    .filter(({ name }) => PER_REQUEST.test(`# HELP ${name}`) && !name.includes('_inflight_'))
    .map(({ name, help, type, aggregator, values }) => ({
      ...{ name, help, type, aggregator },
      values: values.map(({ value, labels, ...rest }) => ({ value, labels, metricName: 'metricName' in rest ? rest.metricName : null }))
    }))
}

t.test('more series than there was room for at first are all there', async (t) => {
  const metrics = createMetrics({ names: NAMES, snapshotAgeSeconds: () => null, logLinesDropped: () => 0, processMetrics: false })
  for (let status = 100; status < 600; status += 1) count(metrics, { record: { ...RECORD, operation: 'GetObject', status } })
  for (let status = 100; status < 600; status += 2) count(metrics, { record: { ...RECORD, operation: 'GetObject', status } })
  const lines = (await metrics.page()).text.split('\n').filter((line) => line.startsWith('sluice_requests_total'))
  t.equal(lines.length, 500)
  t.ok(lines.includes('sluice_requests_total{operation="GetObject",status="100",error_code=""} 2'))
  t.ok(lines.includes('sluice_requests_total{operation="GetObject",status="599",error_code=""} 1'))
})

t.test('lines that the log lost are counted', async (t) => {
  let dropped = 0
  const metrics = createMetrics({ names: NAMES, snapshotAgeSeconds: () => null, logLinesDropped: () => dropped, processMetrics: false })
  t.match((await metrics.page()).text, /^sluice_log_lines_dropped_total 0$/m)
  dropped = 7
  t.match((await metrics.page()).text, /^sluice_log_lines_dropped_total 7$/m)
  t.match((await metrics.page()).text, /^sluice_log_lines_dropped_total 7$/m, 'and not twice')
})
