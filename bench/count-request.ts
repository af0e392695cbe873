/** What counting a request costs, beside prom-client's way to the same page. Run: node bench/count-request.ts */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { newAccessRecord, type AccessRecord } from '../proxy/observe/access-record.ts'
import { createMetrics } from '../proxy/observe/metrics.ts'
import { reportAll } from './measure.ts'

const CALLS = 100_000
const OPERATIONS = ['GetObject', 'PutObject', 'HeadObject', 'ListObjectsV2', 'UploadPart', 'CompleteMultipartUpload']
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300]

const head = { method: 'GET', rawTarget: '/', rawHeaders: [], remoteAddress: '', secure: false }
const records: readonly AccessRecord[] = OPERATIONS.map((operation, i) => ({
  ...newAccessRecord('id', new Date(0), head),
  ...{ operation, status: 200, bytesIn: i * 10, bytesOut: 1024, durationMs: 1 + i * 7, timeToFirstByteMs: 1 + i, complete: true }
}))
let next = 0
const record = (): AccessRecord => records[(next = (next + 1) % records.length)] as AccessRecord

const metrics = createMetrics({
  names: { operations: OPERATIONS, errorCodes: ['NoSuchKey'], accounts: ['main'], issuers: [], rejectionReasons: [] },
  ...{ snapshotAgeSeconds: () => null, logLinesDropped: () => 0, processMetrics: false }
})
const upstream = { account: 'main', ask: 'read', status: 200, seconds: 0.003 }

const registers = [new Registry()]
const counter = (name: string, ...labelNames: string[]) => new Counter({ name, help: name, labelNames, registers })
const histogram = (name: string, ...labelNames: string[]) => new Histogram({ name, help: name, labelNames, buckets: BUCKETS, registers })
const inflight = new Gauge({ name: 'inflight', help: 'inflight', registers })
const twin = {
  requests: counter('requests', 'operation', 'status', 'error_code'),
  seconds: histogram('seconds', 'operation'),
  firstByte: histogram('firstByte', 'operation'),
  bytesIn: counter('bytesIn', 'operation'),
  bytesOut: counter('bytesOut', 'operation'),
  upstreamRequests: counter('upstreamRequests', 'account', 'ask', 'status_class'),
  upstreamSeconds: histogram('upstreamSeconds', 'account', 'ask'),
  decisions: counter('decisions', 'decision')
}

function byCells(): number {
  metrics.requestStarted()
  metrics.upstreamDone(upstream)
  metrics.requestDone(record())
  metrics.decided('allow')
  return 1
}

function byPromClient(): number {
  const { operation, status, bytesIn, bytesOut, durationMs, timeToFirstByteMs } = record()
  const labels = { operation: operation ?? 'none' }
  inflight.inc()
  twin.upstreamRequests.inc({ account: 'main', ask: 'read', status_class: '2xx' })
  twin.upstreamSeconds.observe({ account: 'main', ask: 'read' }, 0.003)
  inflight.dec()
  twin.requests.inc({ ...labels, status: String(status), error_code: '' })
  twin.seconds.observe(labels, durationMs / 1000)
  twin.firstByte.observe(labels, (timeToFirstByteMs ?? 0) / 1000)
  if (bytesIn > 0) twin.bytesIn.inc(labels, bytesIn)
  twin.bytesOut.inc(labels, bytesOut)
  twin.decisions.inc({ decision: 'allow' })
  return 1
}

reportAll(
  [
    ['count a request and its call', byCells],
    ['the same counts by prom-client', byPromClient]
  ],
  CALLS
)
