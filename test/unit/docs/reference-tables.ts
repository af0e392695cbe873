import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newAccessRecord, type TraceRecord } from '../../../proxy/observe/access-record.ts'
import { createLog } from '../../../proxy/observe/log.ts'
import { createMetrics, type Metrics } from '../../../proxy/observe/metrics.ts'
import { S3_ERRORS } from '../../../proxy/s3/error.ts'
import { STS_ERRORS } from '../../../proxy/sts/error.ts'
import type { RequestHead } from '../../../proxy/transport/transport.ts'
import { classOf, PROVIDERS, type Capabilities, type ProviderRow } from '../../../proxy/upstreams/provider.ts'
import { code, plain, table } from './markdown.ts'

const yes = (value: boolean): string => (value ? 'yes' : '–')

/** What is relied upon of each kind of upstream. */
export function providersTable(): string {
  return table(
    ['Provider', 'Class', 'Put', 'Complete', 'Copy', 'Delete', 'Copy source', 'Mark kept in', 'Versions', 'Buckets', 'Takes for granted'],
    [...PROVIDERS].map(([name, row]) => providerCells(name, row))
  )
}

function providerCells(name: string, { capabilities, assumes }: ProviderRow): readonly string[] {
  const { closed, sourceConditions, tags, versions, bucketsMax }: Capabilities = capabilities
  return [
    code(name),
    classOf(capabilities),
    yes(closed.put),
    yes(closed.complete),
    yes(closed.copy),
    yes(closed.delete),
    yes(sourceConditions),
    tags ? 'tag and metadata' : 'metadata',
    versions,
    bucketsMax === null ? '' : String(bucketsMax),
    assumes === null ? '' : plain(assumes)
  ]
}

/** Every metric of Sluice's own, with its labels, as a metrics page shows it once each has been counted. */
export async function metricsTable(): Promise<string> {
  const names = {
    operations: ['GetObject'],
    errorCodes: ['NoSuchKey'],
    accounts: ['main'],
    issuers: ['main'],
    rejectionReasons: ['AccessDenied']
  }
  const metrics = createMetrics({ names, snapshotAgeSeconds: () => 0, logLinesDropped: () => 0, processMetrics: false })
  countEverything(metrics)
  const { text } = await metrics.page()
  const rows = [...text.matchAll(/^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)\n/gm)].map(([, name = '', help = '', type = '']) => [
    code(name),
    type,
    labelsOf(text, name).map(code).join(', '),
    plain(help)
  ])
  return table(['Metric', 'Type', 'Labels', 'What it counts'], rows)
}

function countEverything(metrics: Metrics): void {
  const record = { ...newAccessRecord('ID', new Date(0), HEAD), operation: 'GetObject', status: 404, errorCode: 'NoSuchKey' }
  metrics.requestStarted()
  metrics.requestDone({ ...record, bytesIn: 1, bytesOut: 1, timeToFirstByteMs: 1, complete: false })
  metrics.upstreamDone({ account: 'main', ask: 'get', status: 200, seconds: 1 })
  metrics.refused('malformed')
  metrics.limited('tenant-requests')
  metrics.authRejected('AccessDenied')
  metrics.decided('deny')
  metrics.prefixViolated()
  metrics.stsExchanged('main', 'issued')
  metrics.headerDropped()
  metrics.credentialsReloaded('main', 'loaded')
  metrics.credentialsInUse('main', { since: new Date(0), notAfter: new Date(1) })
}

function labelsOf(page: string, metric: string): readonly string[] {
  const sample = new RegExp(`^${metric}(?:_count)?\\{([^}]*)\\}`, 'm').exec(page)?.[1] ?? ''
  return [...sample.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter((label) => label !== 'le')
}

const TRACE: TraceRecord = { traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: null, secure: false, startedMs: 0, calls: [] }
const HEAD: RequestHead = { method: 'GET', rawTarget: '/', rawHeaders: [], remoteAddress: '192.0.2.1', secure: false }

/** The names of all fields that the line of a request may have, without those that the logger itself adds. */
export function logFields(): ReadonlySet<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  try {
    const record = { ...newAccessRecord('ID', new Date(0), HEAD), key: 'k', droppedHeaders: ['x-amz-new'], trace: TRACE }
    const lines = [true, false].map((keys) => {
      const destination = join(folder, String(keys))
      const log = createLog({ destination, level: 'info', keys, flushMs: 60_000, worker: 1 })
      log.request(record)
      log.close()
      return JSON.parse(readFileSync(destination, 'utf8')) as object
    })
    return new Set(lines.flatMap((line) => Object.keys(line)).filter((name) => !['level', 'time', 'msg'].includes(name)))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Every code a client of S3 can be answered. */
export function errorCodesTable(): string {
  return table(
    ['Code', 'Status', 'Text'],
    Object.entries(S3_ERRORS).map(([name, { status, message }]) => [code(name), String(status), plain(message)])
  )
}

/** Every code a client of STS can be answered. */
export function stsErrorCodesTable(): string {
  return table(
    ['Code', 'Status', 'Text'],
    Object.entries(STS_ERRORS).map(([name, { status, message }]) => [code(name), String(status), plain(message)])
  )
}
