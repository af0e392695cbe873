import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startSluice, type LoggedRequest, type TestSluice } from '../../helpers/sluice.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
const WAIT_MS = 15_000

/** A span as OTLP has it in JSON. */
interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}

interface OtlpTraces {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[]
}

interface TracedLine extends LoggedRequest {
  readonly traceId?: string
  readonly upstreamRequests: number
}

/** A collector of traces: takes what is posted to it. */
async function startCollector() {
  const spans: OtlpSpan[] = []
  const heads: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = []
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      heads.push({ url: request.url ?? '', headers: request.headers })
      spans.push(...(body as OtlpTraces).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)))
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...{ spans, heads, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces` },
    close() {
      server.closeAllConnections()
      server.close()
    }
  }
}

function traced(traces: object): Promise<TestSluice> {
  return startSluice({ adjust: (settings) => ({ ...settings, telemetry: { traces } }) })
}

interface Sending {
  readonly method?: 'GET' | 'PUT'
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function send(sluice: TestSluice, key: string, { headers = {}, ...request }: Sending = {}): Promise<number> {
  const token = await sluice.token('shop/orders')
  const url = `${sluice.s3}/${sluice.tenants.shared}/${key}`
  const response = await fetch(url, { ...request, headers: { authorization: `Bearer ${token}`, ...headers } })
  await response.arrayBuffer()
  return response.status
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + WAIT_MS; !holds() && performance.now() < end;) await sleep(50)
}

t.test('a request that is traced is one span with one for each upstream call below, in the trace of its client', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.close())
  const sluice = await traced({ endpoint: collector.endpoint, sampleRatio: 1, headers: 'x-collector-key=let%20me' })
  t.teardown(() => sluice.stop())
  const environment = Object.keys(process.env).filter((name) => name.startsWith('OTEL_'))
  t.strictSame(environment, [], 'what the exporter was told is not left in the environment')
  t.equal(await send(sluice, 'canary-key', { method: 'PUT', body: 'x' }), 200)
  t.equal(await send(sluice, 'canary-key', { headers: { traceparent: `00-${TRACE_ID}-${SPAN_ID}-00` } }), 200)
  await until(() => collector.spans.some(({ kind, traceId }) => kind === 2 && traceId === TRACE_ID))

  const [own] = collector.spans.filter(({ kind, traceId }) => kind === 2 && traceId === TRACE_ID)
  const calls = collector.spans.filter(({ kind, traceId }) => kind === 3 && traceId === TRACE_ID)
  t.match(own, { name: 'GET /{bucket}/{key+}', parentSpanId: SPAN_ID })
  t.ok(calls.some(({ name }) => name === 'upstream read'))
  for (const call of calls) {
    t.equal(call.parentSpanId, own?.spanId)
    t.ok(BigInt(call.startTimeUnixNano) >= BigInt(own?.startTimeUnixNano ?? 0) - 2_000_000n, 'begins within its request')
    t.ok(BigInt(call.endTimeUnixNano) <= BigInt(own?.endTimeUnixNano ?? 0) + 2_000_000n, 'and ends within it')
  }
  const attributes = Object.fromEntries(own?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [])
  t.match(attributes, {
    ...{ 'http.request.method': 'GET', 'http.response.status_code': 200, 'rpc.method': 'GetObject', 'aws.s3.bucket': sluice.tenants.shared }
  })
  const [head] = collector.heads
  t.match(head, { url: '/v1/traces', headers: { 'x-collector-key': 'let me', 'content-type': 'application/json' } })
  t.notMatch(JSON.stringify(collector.spans), /canary-key|[Bb]earer|serviceaccount/)

  const lines = (await sluice.requestLog()) as readonly TracedLine[]
  t.match(
    lines.find(({ operation }) => operation === 'GetObject'),
    { traceId: TRACE_ID, upstreamRequests: calls.length }
  )
  t.match(lines.find(({ operation }) => operation === 'PutObject')?.traceId, /^[0-9a-f]{32}$/)
  const upstreamHeaders = JSON.stringify(sluice.store.requests.all)
  t.notMatch(upstreamHeaders, /traceparent/i, 'an upstream is told nothing of the trace')
})

t.test('what is not sampled is neither exported nor named in the log, and a trusted client decides', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.close())
  const sluice = await traced({ endpoint: collector.endpoint, trustParent: true })
  t.teardown(() => sluice.stop())
  t.equal(await send(sluice, 'a', { method: 'PUT', body: 'x' }), 200)
  t.equal(await send(sluice, 'a', { headers: { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` } }), 200)
  await until(() => collector.spans.some(({ kind }) => kind === 2))
  t.strictSame([...new Set(collector.spans.map(({ traceId }) => traceId))], [TRACE_ID])
  const lines = (await sluice.requestLog()) as readonly TracedLine[]
  t.notOk(lines.some((line) => line.operation === 'PutObject' && 'traceId' in line))
})

t.test('a collector that is down costs no request, no memory and no more than seconds at the end', async (t) => {
  const collector = await startCollector()
  collector.close()
  const sluice = await traced({ endpoint: collector.endpoint, sampleRatio: 1 })
  t.equal(await send(sluice, 'a', { method: 'PUT', body: 'x' }), 200)
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 150; i += 1) t.equal(await send(sluice, 'a'), 200)
  t.ok(process.memoryUsage().heapUsed - before < 64 * 2 ** 20)
  const started = performance.now()
  await sluice.stop()
  t.ok(performance.now() - started < 15_000)
})
