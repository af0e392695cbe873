import { API_ERROR_CODES } from '../api/error.ts'
import { API_OPERATIONS } from '../api/route.ts'
import type { Config } from '../config/config.ts'
import { createLog, type Log, type LogOptions, type SharedLog } from '../observe/log.ts'
import { createMetrics, type MetricNames, type Metrics, type MetricsOptions } from '../observe/metrics.ts'
import { S3_ERRORS } from '../s3/error.ts'
import { OPERATION_NAMES } from '../s3/operations.ts'
import type { CredentialsEvent } from '../upstreams/credentials.ts'

export interface MetricSources
  extends Pick<MetricsOptions, 'snapshotAgeSeconds' | 'logLinesDropped'>, Pick<MetricNames, 'accounts' | 'issuers'> {}

/** The metrics of a process that serves S3. */
export function composeMetrics({ accounts, issuers, ...options }: MetricSources): Metrics {
  return createMetrics({
    names: {
      operations: [...OPERATION_NAMES, 'AssumeRoleWithWebIdentity', 'GetCallerIdentity', 'Preflight', ...API_OPERATIONS],
      errorCodes: [...Object.keys(S3_ERRORS), ...API_ERROR_CODES],
      accounts,
      issuers,
      rejectionReasons: [...Object.keys(S3_ERRORS), ...API_ERROR_CODES]
    },
    processMetrics: true,
    ...options
  })
}

/** What became of an attempt to get credentials: counted always, written once. */
export function noteCredentials(
  event: CredentialsEvent,
  { log, metrics, now }: { readonly log: Log; readonly metrics: Metrics; readonly now: () => Date }
): void {
  const { account, tenant, result, reason, notAfter } = event
  metrics.credentialsReloaded(account, result)
  if (result === 'loaded' && tenant === null) metrics.credentialsInUse(account, { since: now(), notAfter })
  // Those of tenants come and go as tenants are asked for.
  if (event.repeated || (result === 'loaded' && tenant !== null)) return
  if (result === 'loaded')
    log.event('info', 'new credentials of an account are in use', { account, notAfter: notAfter?.toISOString() ?? null })
  else log.event('warn', `the credentials of an account could not be renewed: ${reason ?? ''}`, { account, tenant })
}

/** The log of a process, from its configuration. What it still holds when the process ends otherwise than by its close is written then. */
export function composeLog(
  config: Pick<Config, 'log'>,
  { destination, keys, worker }: Pick<LogOptions, 'destination' | 'keys' | 'worker'>
): SharedLog {
  const log = createLog({ destination, level: logLevel(config), keys, flushMs: 250, ...(worker === undefined ? {} : { worker }) })
  // Comes after an uncaught exception too.
  const writeNow = (): void => log.writeNow()
  process.once('exit', writeNow)
  return {
    ...log,
    close() {
      process.removeListener('exit', writeNow)
      return log.close()
    }
  }
}

/** The level of the log as it is written here; two of those that can be configured are no more than their neighbours. */
function logLevel(config: Pick<Config, 'log'>): 'debug' | 'info' | 'warn' | 'error' {
  const { level } = config.log
  if (level === 'fatal') return 'error'
  return level === 'trace' ? 'debug' : level
}
