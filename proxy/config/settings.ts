import { createPrivateKey, X509Certificate } from 'node:crypto'
import { ACCOUNTS, checkAccounts } from './accounts.ts'
import { checkCors, CORS } from './cors.ts'
import { group, list, optional, type Reading, type ValueOf } from './field.ts'
import { databaseUrl, checkIdentity, POLICIES, ROLES, SEALING } from './identity.ts'
import { ISSUERS } from './issuers.ts'
import { checkTenantLoad, TENANT_LOAD } from './load.ts'
import { countOrAuto, duration, flag, oneOf, port, ratio, size, text, whole } from './scalar.ts'
import { file, problemOfPem, secret, secretFile } from './secret.ts'

const HOST = /^[A-Za-z0-9.:_-]{1,253}$/
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
// As it stands in a Host header; a port of its own is for what forwards to the listener from another one.
const HOST_NAME = /^(?:\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?$/
const ANY_ADDRESS = /^(?:0\.0\.0\.0|[0:]+)$/
const OTLP_ENDPOINT = /^https?:\/\/[^\s@]+$/
const REGION = /^[A-Za-z0-9-]{1,64}$/

export const host = (fallback: string) => text({ help: 'Address to listen on.', fallback, pattern: HOST, takes: 'an address' })
const domain = text({ help: 'A domain.', pattern: DOMAIN, takes: 'a domain name in lower case, without port' })
const region = { pattern: REGION, takes: 'a region name' }

const TLS = group('The certificate that the listener shows. Both files are followed while they change.', {
  certFile: file({ help: 'PEM of the certificate, and of those between it and its authority.', check: problemOfPem }),
  keyFile: secretFile('PEM of its private key.')
})

const LISTENERS = group('Where the proxy listens.', {
  s3: group('The S3 API and STS.', {
    host: host('0.0.0.0'),
    port: port({ help: 'Port of the S3 listener.', fallback: 8080 }),
    domains: list(domain, { help: 'Hosts under which `<tenant>.<domain>` addresses a tenant; every other host is path style.' }),
    region: text({ help: 'The region that is told to clients.', fallback: 'local', ...region }),
    regions: list(text({ help: 'A region.', ...region }), { help: 'Regions that clients may sign for; any when left out.' }),
    tls: optional(TLS, 'plain HTTP'),
    cors: CORS
  }),
  api: optional(
    group('The REST API, with container credentials: off when left out.', {
      host: host('127.0.0.1'),
      port: port({ help: 'Port of the API listener.', fallback: 8081 }),
      hosts: list(text({ help: 'A host.', pattern: HOST_NAME, takes: 'a host name in lower case, with or without port' }), {
        help: 'The only values of the Host header that are answered; a name without port means the listener’s own port, or none. When left out, the address that it listens on.'
      }),
      tls: optional(TLS, 'plain HTTP'),
      cors: CORS
    })
  ),
  ops: group('Liveness, readiness and metrics; never public.', {
    host: host('0.0.0.0'),
    port: port({ help: 'Port of the ops listener.', fallback: 9090 })
  })
})

const DATABASE = group('The Postgres that holds assignments, leases and the ledger of uploads.', {
  url: databaseUrl('postgres://user:password@host/database; may lead through a pooler when directUrl does not.'),
  directUrl: optional(databaseUrl('The same without pooler, for LISTEN and migrations.'), 'url'),
  caFile: optional(file({ help: 'PEM of the authority that signed the server’s certificate.', check: problemOfPem }), "the system's own"),
  poolMax: whole({ help: 'Connections per replica, besides one that listens.', fallback: 10, min: 1, max: 200 }),
  statementTimeout: duration({ help: 'The longest statement.', fallback: '5s', min: 100, max: 600_000 }),
  poll: duration({
    help: 'How often placement is compared with Postgres besides notifications.',
    fallback: '30s',
    min: 1_000,
    max: 3_600_000
  })
})

export const LIMITS = group('Bounds on everything a client can make grow.', {
  headerBytesMax: size({ help: 'Head of a request.', fallback: '32KiB', min: 8192, max: 131_072 }),
  headersMax: whole({ help: 'Headers of a request.', fallback: 256, min: 64, max: 10_000 }),
  connectionsMax: whole({ help: 'Open connections of clients.', fallback: 4096, min: 1, max: 1_000_000 }),
  tenant: TENANT_LOAD,
  requestsMax: whole({ help: 'Requests at work at once; more are told to slow down.', fallback: 1024, min: 1, max: 1_000_000 }),
  xmlBytesMax: size({ help: 'XML body of a request.', fallback: '2MiB', min: 65_536, max: 67_108_864 }),
  completeBytesMax: size({ help: 'XML body of CompleteMultipartUpload.', fallback: '4MiB', min: 65_536, max: 67_108_864 }),
  smallPutBytesMax: size({
    help: 'Bodies up to this are held in memory, so that they can be sent again.',
    fallback: '1MiB',
    min: 0,
    max: 67_108_864
  }),
  bufferedBytesMax: size({ help: 'Memory for held bodies, in all.', fallback: '64MiB', min: 1_048_576, max: 17_179_869_184 }),
  // A read holds one connection while its tags are asked for over another, so one alone would wait for itself.
  upstreamConnectionsMax: whole({ help: 'Connections to one account.', fallback: 256, min: 2, max: 65_535 }),
  ownerCacheEntriesMax: whole({ help: 'Objects whose owner is remembered.', fallback: 100_000, min: 0, max: 10_000_000 }),
  ledgerWaitingMax: whole({
    help: 'Changes of the ledger of uploads that may wait for Postgres.',
    fallback: 10_000,
    min: 100,
    max: 1_000_000
  })
})

export const TIMEOUTS = group('How long things may take.', {
  head: duration({ help: 'A client to send the head of a request.', fallback: '30s', min: 1_000, max: 600_000 }),
  idle: duration({ help: 'A body to make no progress, in either direction.', fallback: '60s', min: 1_000, max: 3_600_000 }),
  keepAlive: duration({ help: 'A connection of a client without request.', fallback: '75s', min: 1_000, max: 3_600_000 }),
  upstreamConnect: duration({ help: 'A connection to an upstream to open.', fallback: '5s', min: 100, max: 120_000 }),
  upstreamHead: duration({ help: 'An upstream to begin its answer.', fallback: '60s', min: 1_000, max: 3_600_000 }),
  upstreamSlowHead: duration({ help: 'The same for CopyObject and CompleteMultipartUpload.', fallback: '10m', min: 1_000, max: 3_600_000 }),
  leaseWait: duration({ help: 'A request to wait for a lease that another holds.', fallback: '3s', min: 100, max: 60_000 }),
  leaseMargin: duration({ help: 'What a lease outlives the longest request under it by.', fallback: '30s', min: 1_000, max: 600_000 }),
  ownerCache: duration({ help: 'An owner to be remembered.', fallback: '5s', min: 0, max: 60_000 }),
  drain: duration({ help: 'Requests at work to end after SIGTERM.', fallback: '10m', min: 0, max: 86_400_000 })
})

export const LOG = group('The log.', {
  level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], { help: 'The least that is written.', fallback: 'info' })
})

const TELEMETRY = group('What others are told of the work of the proxy, besides log and metrics.', {
  traces: optional(
    group('Traces, sent to a collector by OTLP over HTTP, as JSON: off when left out.', {
      endpoint: text({
        help: 'Where spans are posted, path and all: `http://collector:4318/v1/traces`.',
        pattern: OTLP_ENDPOINT,
        takes: 'an http:// or https:// URL'
      }),
      sampleRatio: ratio({ help: 'The part of requests that is traced.', fallback: 0 }),
      trustParent: flag({
        help: 'The `traceparent` of a client decides whether its request is traced; else the ratio alone does, and it only names the trace.',
        fallback: false
      }),
      headers: optional(secret({ help: 'Headers for the collector, as `name=value,name=value` with values percent-encoded.' }))
    })
  )
})

/** Every setting there is. Parsing, types, variables, help text, schema and redaction all come from this table. */
export const SETTINGS = group('Configuration of Sluice.', {
  listeners: LISTENERS,
  workers: countOrAuto({
    help: 'Processes that serve, on one machine or in one pod; `auto` takes one for each core that may be used. They share the limits.',
    fallback: 1,
    max: 256
  }),
  accounts: ACCOUNTS,
  tenants: group('Which names are tenants.', {
    mode: oneOf(['open', 'registered'], {
      help: '`open`: any valid name. `registered`: only those that CreateBucket or the API made.',
      fallback: 'open'
    })
  }),
  issuers: ISSUERS,
  roles: ROLES,
  policies: POLICIES,
  sealing: SEALING,
  revocation: group('What a revocation does.', {
    cutStreams: flag({
      help: 'Ends the requests under way of a caller who is revoked, within seconds; else they end by themselves.',
      fallback: false
    })
  }),
  database: DATABASE,
  limits: LIMITS,
  timeouts: TIMEOUTS,
  compat: group('Allowances for clients.', {
    dropHeaders: list(text({ help: 'A header.', pattern: /^x-amz-[a-z0-9-]+$/, takes: 'an x-amz-* header name in lower case' }), {
      help: 'Request headers that the proxy does not know and leaves out instead of refusing.'
    })
  }),
  log: LOG,
  telemetry: TELEMETRY
})

export type Settings = ValueOf<typeof SETTINGS>

/** What is wrong between settings, beyond each on its own. */
export function checkSettings(settings: Settings, reading: Reading): void {
  checkAccounts(settings.accounts, reading)
  checkIdentity(settings, reading)
  checkTenantLoad(settings.limits.tenant, 'limits.tenant', reading)
  const { s3, api } = settings.listeners
  checkCors(s3.cors, 'listeners.s3.cors', reading)
  if (api !== null) checkCors(api.cors, 'listeners.api.cors', reading)
  if (reading.sound('listeners')) checkListeners(settings.listeners, reading)
  if (s3.regions.length > 0 && !s3.regions.includes(s3.region) && reading.sound('listeners')) {
    reading.problem('listeners.s3.regions', `must contain listeners.s3.region, ${s3.region}: it is what clients are told to sign for`)
  }
  for (const [name, tls] of Object.entries({ s3: s3.tls, api: settings.listeners.api?.tls ?? null })) {
    const path = `listeners.${name}.tls`
    const problem = tls === null || !reading.sound(path) ? null : problemOfPair(tls.certFile.text, tls.keyFile.reveal())
    if (problem !== null) reading.problem(path, problem)
  }
  if (settings.sealing.keysFile === null && !reading.dev && reading.sound('sealing'))
    reading.problem('sealing.keysFile', 'is required: without it no session outlives a restart or is known to another replica')
  if (settings.timeouts.upstreamHead > settings.timeouts.upstreamSlowHead && reading.sound('timeouts')) {
    reading.problem('timeouts.upstreamSlowHead', 'must not be shorter than timeouts.upstreamHead')
  }
  if (settings.limits.smallPutBytesMax > settings.limits.bufferedBytesMax && reading.sound('limits')) {
    reading.problem('limits.smallPutBytesMax', 'must not be more than limits.bufferedBytesMax')
  }
}

function problemOfPair(cert: string, key: string): string | null {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? null : 'is no pair: keyFile is not the key of certFile'
  } catch (error) {
    return `cannot be used: ${(error as Error).message}`
  }
}

function checkListeners({ s3, api, ops }: Settings['listeners'], reading: Reading): void {
  if (s3.port === ops.port && s3.port !== 0) reading.problem('listeners.ops.port', `is the port of the S3 listener too: ${ops.port}`)
  if (api === null) return
  const [other] = Object.entries({ S3: s3, ops }).filter(([, { port: taken }]) => taken === api.port && taken !== 0)
  if (other !== undefined) reading.problem('listeners.api.port', `is the port of the ${other[0]} listener too: ${api.port}`)
  if (api.hosts.length === 0 && ANY_ADDRESS.test(api.host))
    reading.problem(
      'listeners.api.hosts',
      `is required where listeners.api.host is ${api.host}: name the hosts under which clients reach it`
    )
}
