import t from 'tap'
import { newAccessRecord, type AccessRecord } from '../../../proxy/observe/access-record.ts'
import { createMetrics, type Metrics } from '../../../proxy/observe/metrics.ts'

const NAMES = {
  operations: ['GetObject', 'PutObject'],
  errorCodes: ['AccessDenied', 'NoSuchKey'],
  accounts: ['main'],
  issuers: ['cluster'],
  rejectionReasons: ['bad-signature']
}

function metrics(age: () => number | null = () => null): Metrics {
  return createMetrics({ names: NAMES, snapshotAgeSeconds: age, logLinesDropped: () => 0, processMetrics: false })
}

function record(changes: Partial<AccessRecord>): AccessRecord {
  const head = { method: 'GET', rawTarget: '/', rawHeaders: [], remoteAddress: '', secure: false }
  return { ...newAccessRecord('id', new Date(0), head), complete: true, ...changes }
}

async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.page()).text.split('\n').filter((line) => line.startsWith(name))
}

t.test('a request is counted under its operation, status and error code', async (t) => {
  const m = metrics()
  m.requestStarted()
  m.requestStarted()
  m.requestDone(record({ operation: 'GetObject', status: 200, bytesOut: 5, durationMs: 30, timeToFirstByteMs: 2 }))
  t.strictSame(await linesOf(m, 'sluice_requests_total'), ['sluice_requests_total{operation="GetObject",status="200",error_code=""} 1'])
  t.strictSame(await linesOf(m, 'sluice_inflight_requests'), ['sluice_inflight_requests 1'])
  t.strictSame(await linesOf(m, 'sluice_response_bytes_total'), ['sluice_response_bytes_total{operation="GetObject"} 5'])
  t.strictSame(await linesOf(m, 'sluice_request_bytes_total'), [])
  t.ok(
    (await linesOf(m, 'sluice_request_duration_seconds_bucket')).includes(
      'sluice_request_duration_seconds_bucket{le="0.05",operation="GetObject"} 1'
    )
  )
  t.ok(
    (await linesOf(m, 'sluice_request_duration_seconds_bucket')).includes(
      'sluice_request_duration_seconds_bucket{le="0.025",operation="GetObject"} 0'
    )
  )
  t.ok(
    (await linesOf(m, 'sluice_time_to_first_byte_seconds_sum')).includes(
      'sluice_time_to_first_byte_seconds_sum{operation="GetObject"} 0.002'
    )
  )
  t.strictSame(await linesOf(m, 'sluice_requests_aborted_total'), [])
})

t.test('an answer that did not reach its end is counted apart too', async (t) => {
  const m = metrics()
  m.requestDone(record({ operation: 'PutObject', status: 499, complete: false }))
  t.strictSame(await linesOf(m, 'sluice_requests_aborted_total'), ['sluice_requests_aborted_total{operation="PutObject"} 1'])
})

t.test('no text that a client or an upstream chose becomes a label', async (t) => {
  const m = metrics()
  for (let i = 0; i < 50; i += 1) {
    m.requestDone(record({ operation: `op-${i}`, errorCode: `code-${i}`, status: 400 }))
    m.authRejected(`reason-${i}`)
    m.stsExchanged(`issuer-${i}`, 'refused')
    m.upstreamDone({ account: `account-${i}`, ask: `ask-${i}`, status: null, seconds: 0.1 })
  }
  t.strictSame(await linesOf(m, 'sluice_requests_total'), ['sluice_requests_total{operation="other",status="400",error_code="other"} 50'])
  t.strictSame(await linesOf(m, 'sluice_auth_rejections_total'), ['sluice_auth_rejections_total{reason="other"} 50'])
  t.strictSame(await linesOf(m, 'sluice_sts_exchanges_total'), ['sluice_sts_exchanges_total{issuer="other",result="refused"} 50'])
  t.strictSame(await linesOf(m, 'sluice_upstream_requests_total'), [
    'sluice_upstream_requests_total{account="other",ask="other",status_class="fault"} 50'
  ])
})

t.test('a request that was not recognized has no operation', async (t) => {
  const m = metrics()
  m.requestDone(record({ operation: null, errorCode: 'AccessDenied', status: 403 }))
  t.strictSame(await linesOf(m, 'sluice_requests_total'), [
    'sluice_requests_total{operation="none",status="403",error_code="AccessDenied"} 1'
  ])
})

t.test('everything else is one line each', async (t) => {
  let age: number | null = null
  const m = metrics(() => age)
  t.strictSame(
    await linesOf(m, 'sluice_prefix_violations_total'),
    ['sluice_prefix_violations_total 0'],
    'the alarm is there before it rings'
  )
  t.strictSame(await linesOf(m, 'sluice_assignments_age_seconds'), ['sluice_assignments_age_seconds -1'])
  age = 12
  m.prefixViolated()
  m.decided('deny')
  m.refused('malformed')
  m.headerDropped()
  m.limited('tenant-bytes')
  m.authRejected('bad-signature')
  m.stsExchanged('cluster', 'issued')
  m.upstreamDone({ account: 'main', ask: 'read', status: 206, seconds: 0.02 })
  for (const line of [
    'sluice_prefix_violations_total 1',
    'sluice_assignments_age_seconds 12',
    'sluice_policy_decisions_total{decision="deny"} 1',
    'sluice_refused_connections_total{reason="malformed"} 1',
    'sluice_dropped_headers_total 1',
    'sluice_limited_requests_total{limit="tenant-bytes"} 1',
    'sluice_auth_rejections_total{reason="bad-signature"} 1',
    'sluice_sts_exchanges_total{issuer="cluster",result="issued"} 1',
    'sluice_upstream_requests_total{account="main",ask="read",status_class="2xx"} 1'
  ]) {
    t.ok((await linesOf(m, 'sluice_')).includes(line), line)
  }
  t.match((await m.page()).contentType, /^text\/plain/)
})

t.test('the metrics of the process are there where they are asked for', async (t) => {
  const m = createMetrics({ names: NAMES, snapshotAgeSeconds: () => null, logLinesDropped: () => 0, processMetrics: true })
  t.ok((await linesOf(m, 'nodejs_eventloop_lag_seconds')).length > 0)
})

t.test('credentials of an account show how often they were renewed, since when they sign, and until when', async (t) => {
  const m = metrics()
  m.credentialsInUse('main', { since: new Date(5_000), notAfter: null })
  t.strictSame(await linesOf(m, 'sluice_credentials_not_after_seconds'), [])
  m.credentialsReloaded('main', 'failed')
  m.credentialsReloaded('main', 'loaded')
  m.credentialsInUse('main', { since: new Date(7_000), notAfter: new Date(9_000) })
  t.strictSame(await linesOf(m, 'sluice_credentials_reloads_total'), [
    'sluice_credentials_reloads_total{account="main",result="failed"} 1',
    'sluice_credentials_reloads_total{account="main",result="loaded"} 1'
  ])
  t.strictSame(await linesOf(m, 'sluice_credentials_loaded_timestamp_seconds'), [
    'sluice_credentials_loaded_timestamp_seconds{account="main"} 7'
  ])
  t.strictSame(await linesOf(m, 'sluice_credentials_not_after_seconds'), ['sluice_credentials_not_after_seconds{account="main"} 9'])
})
