import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import type { Log } from '../observe/log.ts'
import { sampleTrace, spansOf, type Sampling, type Span } from '../observe/trace.ts'
import type { RequestHead } from '../transport/transport.ts'

/** What listeners do with requests that are traced. */
export interface Traces {
  /** Loads what exports them. */
  start(): Promise<void>
  /** Decides whether a request is traced. */
  begin(record: AccessRecord, head: RequestHead): void
  /** Makes its spans, once everything of the request is known. */
  end(record: AccessRecord): void
  /** Resolves when what is left was exported, or the collector has not taken it for seconds. */
  close(): Promise<void>
}

type Settings = NonNullable<Config['telemetry']['traces']>
type Emit = (record: AccessRecord, spans: readonly [Span, ...Span[]]) => void

interface Exporter {
  readonly emit: Emit
  shutdown(): Promise<void>
}

const CLOSE_WAIT_MS = 3_000
const WARN_EVERY_MS = 60_000

/** The traces of a process; null where none are configured, and then nothing of OpenTelemetry is loaded. */
export function composeTraces({ telemetry }: Pick<Config, 'telemetry'>, log: Pick<Log, 'event'>): Traces | null {
  const settings = telemetry.traces
  if (settings === null) return null
  const sampling: Sampling = {
    ...{ ratio: settings.sampleRatio, trustParent: settings.trustParent },
    ...{ random: Math.random, newTraceId: () => randomBytes(16).toString('hex'), elapsedMs: () => performance.now() }
  }
  let exporter: Exporter | null = null
  return {
    async start() {
      exporter = await startExporter(settings, log)
    },
    begin(record, head) {
      record.trace = sampleTrace(head, sampling)
    },
    end(record) {
      if (record.trace !== null) exporter?.emit(record, spansOf(record, record.trace))
    },
    async close() {
      if (exporter === null) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const deadline = setTimeout(resolve, CLOSE_WAIT_MS)
      await Promise.race([exporter.shutdown().catch(() => undefined), promise])
      clearTimeout(deadline)
    }
  }
}

/**
 * OpenTelemetry as the exporter alone: no instrumentation, no context manager, no propagator. It batches, and holds a bounded number
 * of spans for a collector that does not take them.
 */
async function startExporter(settings: Settings, log: Pick<Log, 'event'>): Promise<Exporter> {
  const { NodeSDK, api } = await import('@opentelemetry/sdk-node')
  api.diag.setLogger(diagnostics(log), api.DiagLogLevel.ERROR)
  let traceId = ''
  const sdk = withEnvironment(environmentOf(settings), () => {
    const sdk = new NodeSDK({
      ...{ serviceName: 'sluice', autoDetectResources: false, instrumentations: [], textMapPropagator: null },
      ...{ metricReaders: [], logRecordProcessors: [] },
      // The log has named the trace before its first span is made.
      idGenerator: { generateTraceId: () => traceId, generateSpanId: () => randomBytes(8).toString('hex') },
      ...NO_CONTEXT_MANAGER
    })
    sdk.start()
    return sdk
  })
  const tracer = api.trace.getTracer('sluice')
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } = api
  const emit: Emit = ({ trace: traced }, [own, ...calls]) => {
    if (traced === null) return
    traceId = traced.traceId
    const parent =
      traced.parentSpanId === null
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: traced.parentSpanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
    const write = ({ name, kind, attributes, failed, ...times }: Span, within: typeof parent) => {
      const span = tracer.startSpan(
        name,
        { kind: kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT, attributes, startTime: times.startMs },
        within
      )
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(times.endMs)
      return trace.setSpan(within, span)
    }
    const within = write(own, parent)
    for (const call of calls) write(call, within)
  }
  const shutdown = async (): Promise<void> => {
    await sdk.shutdown()
    trace.disable()
    api.diag.disable()
  }
  return { emit, shutdown }
}

/** Null stands for none, which the types of the package leave out. */
const NO_CONTEXT_MANAGER = { contextManager: null } as unknown as object

/** The package takes its exporter's settings from the environment alone. */
function environmentOf({ endpoint, headers }: Settings): Readonly<Record<string, string>> {
  return {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_SDK_DISABLED: 'false',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers?.reveal() ?? '',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '5000',
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    OTEL_BSP_MAX_QUEUE_SIZE: '2048'
  }
}

/** Runs with other variables and puts back those that were: what processes started later inherit must not hold the headers. */
function withEnvironment<Result>(variables: Readonly<Record<string, string>>, run: () => Result): Result {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  try {
    return run()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  }
}

/** What the exporter complains of, once a minute; its words are left out, because they may hold what was sent. */
function diagnostics(log: Pick<Log, 'event'>) {
  let warnedAt = Number.NEGATIVE_INFINITY
  const error = (): void => {
    const now = performance.now()
    if (now - warnedAt < WARN_EVERY_MS) return
    warnedAt = now
    log.event('warn', 'traces could not be exported: look whether telemetry.traces.endpoint answers; spans are dropped until it does')
  }
  const ignore = (): void => undefined
  return { error, warn: ignore, info: ignore, debug: ignore, verbose: ignore }
}
