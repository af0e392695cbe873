import t from 'tap'
import { newAccessRecord, type AccessRecord, type TraceRecord } from '../../../proxy/observe/access-record.ts'
import { parseTraceparent, sampleTrace, spansOf, type Sampling } from '../../../proxy/observe/trace.ts'
import type { RequestHead } from '../../../proxy/transport/transport.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
const PARENT = `00-${TRACE_ID}-${SPAN_ID}-01`
const OWN_ID = 'f'.repeat(32)

function head(...rawHeaders: string[]): RequestHead {
  return {
    method: 'GET',
    rawTarget: '/acme/secret',
    rawHeaders: ['Host', 's3.test', ...rawHeaders],
    remoteAddress: '192.0.2.1',
    secure: false
  }
}

const PARSED: readonly { readonly why: string; readonly value: string; readonly sampled: boolean | null }[] = [
  { why: 'a span that is sampled', value: PARENT, sampled: true },
  { why: 'a span that is not', value: `00-${TRACE_ID}-${SPAN_ID}-00`, sampled: false },
  { why: 'flags that nobody knows beside the one that says sampled', value: `00-${TRACE_ID}-${SPAN_ID}-ff`, sampled: true },
  { why: 'a later version', value: `01-${TRACE_ID}-${SPAN_ID}-01`, sampled: true },
  { why: 'a later version with more', value: `cc-${TRACE_ID}-${SPAN_ID}-01-what-comes`, sampled: true },
  { why: 'this version with more', value: `${PARENT}-more`, sampled: null },
  { why: 'a later version with more that is not set apart', value: `cc-${TRACE_ID}-${SPAN_ID}-01more`, sampled: null },
  { why: 'the version that is none', value: `ff-${TRACE_ID}-${SPAN_ID}-01`, sampled: null },
  { why: 'upper case', value: PARENT.toUpperCase(), sampled: null },
  { why: 'a trace of zeros', value: `00-${'0'.repeat(32)}-${SPAN_ID}-01`, sampled: null },
  { why: 'a span of zeros', value: `00-${TRACE_ID}-${'0'.repeat(16)}-01`, sampled: null },
  { why: 'a trace that is short', value: `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`, sampled: null },
  { why: 'a line break at its end', value: `${PARENT}\n`, sampled: null },
  { why: 'white space around it', value: ` ${PARENT}`, sampled: null },
  { why: 'nothing', value: '', sampled: null }
]

for (const { why, value, sampled } of PARSED) {
  t.test(`a traceparent ${sampled === null ? 'that names no span is ignored' : 'names a span'}: ${why}`, (t) => {
    t.strictSame(parseTraceparent(value), sampled === null ? null : { traceId: TRACE_ID, spanId: SPAN_ID, sampled })
    t.end()
  })
}

const SAMPLED: readonly {
  readonly why: string
  readonly sampling: Partial<Sampling>
  readonly headers: string[]
  readonly traced: string | null
}[] = [
  { why: 'the ratio is 0', sampling: { ratio: 0 }, headers: [], traced: null },
  { why: 'the ratio is 0 and the parent is not trusted', sampling: { ratio: 0 }, headers: ['traceparent', PARENT], traced: null },
  { why: 'chance is above the ratio', sampling: { ratio: 0.5, random: () => 0.5 }, headers: [], traced: null },
  { why: 'chance is below the ratio', sampling: { ratio: 0.5, random: () => 0.49 }, headers: [], traced: OWN_ID },
  { why: 'the ratio says so, in the trace of the client', sampling: { ratio: 1 }, headers: ['Traceparent', PARENT], traced: TRACE_ID },
  {
    why: 'a parent that is not sampled and not trusted decides nothing',
    sampling: { ratio: 1 },
    headers: ['traceparent', `00-${TRACE_ID}-${SPAN_ID}-00`],
    traced: TRACE_ID
  },
  { why: 'a trusted parent says so', sampling: { ratio: 0, trustParent: true }, headers: ['traceparent', PARENT], traced: TRACE_ID },
  {
    why: 'a trusted parent says no',
    sampling: { ratio: 1, trustParent: true },
    headers: ['traceparent', `00-${TRACE_ID}-${SPAN_ID}-00`],
    traced: null
  },
  {
    why: 'a trusted parent is malformed, and the ratio is 0',
    sampling: { ratio: 0, trustParent: true },
    headers: ['traceparent', 'x'],
    traced: null
  },
  { why: 'there is no parent to trust', sampling: { ratio: 1, trustParent: true }, headers: [], traced: OWN_ID },
  { why: 'two parents are none', sampling: { ratio: 1 }, headers: ['traceparent', PARENT, 'traceparent', PARENT], traced: OWN_ID }
]

for (const { why, sampling, headers, traced } of SAMPLED) {
  t.test(`a request is ${traced === null ? 'not traced' : 'traced'}: ${why}`, (t) => {
    const all = { ratio: 0, trustParent: false, random: () => 0, newTraceId: () => OWN_ID, elapsedMs: () => 1, ...sampling }
    const trace = sampleTrace(head(...headers), all)
    t.equal(trace?.traceId ?? null, traced)
    if (trace !== null) t.equal(trace.parentSpanId, traced === TRACE_ID ? SPAN_ID : null)
    t.end()
  })
}

t.test('a span has the times and the outcome of its request, and neither key, caller nor header', (t) => {
  const trace: TraceRecord = {
    ...{ traceId: TRACE_ID, parentSpanId: null, secure: true, startedMs: 100 },
    calls: [
      { account: 'main', ask: 'read', status: 200, startMs: 101, endMs: 104.5 },
      { account: 'main', ask: 'tags', status: null, startMs: 101, endMs: 103 }
    ]
  }
  const changes: Partial<AccessRecord> = {
    ...{ operation: 'GetObject', tenant: 'acme', key: 'secret', subject: 'system:serviceaccount:a:b', session: 'canary' },
    ...{ status: 502, errorCode: 'ServiceUnavailable', durationMs: 7, reason: 'secret reason', method: 'BREW' }
  }
  const record = { ...newAccessRecord('ID', new Date(5000), head('authorization', 'canary')), ...changes }
  const spans = spansOf(record, trace)
  t.match(spans, [
    {
      ...{ name: 'HTTP /{bucket}/{key+}', kind: 'server', startMs: 5000, endMs: 5007, failed: true },
      attributes: {
        ...{ 'http.request.method': '_OTHER', 'http.response.status_code': 502, 'http.route': '/{bucket}/{key+}', 'url.scheme': 'https' },
        ...{ 'rpc.method': 'GetObject', 'aws.s3.bucket': 'acme', 'aws.request_id': 'ID', 'error.type': 'ServiceUnavailable' }
      }
    },
    {
      name: 'upstream read',
      kind: 'client',
      startMs: 5001,
      endMs: 5004.5,
      failed: false,
      attributes: { 'http.response.status_code': 200 }
    },
    { name: 'upstream tags', kind: 'client', startMs: 5001, endMs: 5003, failed: true, attributes: { 'error.type': 'no_answer' } }
  ])
  t.notMatch(JSON.stringify(spans), /secret|canary|serviceaccount|BREW/)
  t.end()
})
