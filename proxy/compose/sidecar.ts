import type { ComposeOptions } from './compose.ts'
import { engineOf } from './certificate.ts'
import { composeLog, composeMetrics, noteCredentials } from './observe.ts'
import { composeS3, listenerParts, urlOf } from './servers.ts'
import { BELIEVED_ISSUER, composeAccount } from './sidecar-account.ts'
import { CENTRAL, composeCentral } from './sidecar-central.ts'
import { composeUpstreamClient } from './upstreams.ts'
import type { SidecarConfig } from '../config/sidecar.ts'
import type { AccessRecord } from '../observe/access-record.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { createOpsServer, type OpsServer, type ReadyCheck } from '../ops/ops-server.ts'
import type { RequestServer } from '../server.ts'
import { answerCredentials, isCredentialsRequest, type OwnSession } from '../sidecar/credentials.ts'
import { refuseStrangers } from '../sidecar/local-caller.ts'
import type { Answer, Incoming, UpstreamClient } from '../transport/transport.ts'
import type { CredentialsEvent } from '../upstreams/credentials.ts'

/** A composed sidecar. */
export interface Sidecar {
  /** Resolves with where it listens, whether or not it has credentials yet: until then requests answer 503. */
  start(): Promise<{ readonly s3: string; readonly ops: string | null }>
  /** Drains and closes. A second call hurries. */
  stop(): Promise<void>
}

/** What both kinds of target are built from. */
export interface SidecarParts {
  readonly log: Log
  readonly metrics: Metrics
  readonly upstream: UpstreamClient
  readonly now: () => Date
  readonly onCredentials: (event: CredentialsEvent) => void
}

/** Where a sidecar's requests go. */
export interface SidecarTarget {
  handle(incoming: Incoming, record: AccessRecord): Promise<Answer>
  /** What the pod may be given to sign with by itself; null where the sidecar alone signs. */
  readonly session: OwnSession | null
  readonly checks: readonly ReadyCheck[]
  start(): void
  close(): void
}

/** The configuration of a sidecar to one that can be started. Throws with every problem found. */
export function composeSidecar(config: SidecarConfig, options: ComposeOptions): Sidecar {
  const now = (): Date => new Date()
  const log = composeLog(config, { destination: options.logDestination, keys: false })
  const metrics = composeMetrics({ ...namesOf(config), snapshotAgeSeconds: () => null, logLinesDropped: () => log.linesDropped() })
  const upstream = composeUpstreamClient(config, log)
  const onCredentials = (event: CredentialsEvent): void => noteCredentials(event, { log, metrics, now })
  const parts: SidecarParts = { log, metrics, upstream, now, onCredentials }
  const { target } = config
  const sent = target.kind === 'central' ? composeCentral(target, parts) : composeAccount(config, target, parts)
  let { port } = config.listen
  const handle = (incoming: Incoming, record: AccessRecord): Promise<Answer> => {
    refuseStrangers(incoming.head, port)
    return isCredentialsRequest(incoming.head) ? answerCredentials(incoming, record, sent.session) : sent.handle(incoming, record)
  }
  // Nothing sends traffic here by readiness: the other containers of the pod have ended when a native sidecar is told to.
  const listener = listenerParts({ config, log, metrics, now, closeAfterMs: 0 })
  const engine = engineOf(listener.engine, null, log)
  const s3 = composeS3({ inbound: engine.inbound, handle, ended: () => undefined, cors: null }, listener)
  const ops = config.ops === null ? null : opsOf(sent, s3, { metrics, log })
  let stopping: Promise<void> | null = null
  const stopAll = async (): Promise<void> => {
    await s3.stop()
    await ops?.close()
    sent.close()
    await upstream.close()
    await log.close()
  }
  const stop = (): Promise<void> => {
    if (stopping === null) stopping = stopAll()
    else void s3.stop()
    return stopping
  }
  return {
    stop,
    async start() {
      try {
        const opsAddress = ops === null || config.ops === null ? null : await ops.listen(config.ops)
        const bound = await s3.listen(config.listen)
        port = bound.port
        sent.start()
        return { s3: urlOf(bound, null), ops: opsAddress === null ? null : urlOf(opsAddress, null) }
      } catch (error) {
        await stop()
        throw error
      }
    }
  }
}

function namesOf({ target }: SidecarConfig): { readonly accounts: readonly string[]; readonly issuers: readonly string[] } {
  if (target.kind === 'central') return { accounts: [CENTRAL], issuers: [] }
  return { accounts: [target.account.id], issuers: [target.pod.issuer?.id ?? BELIEVED_ISSUER] }
}

function opsOf(target: SidecarTarget, s3: RequestServer, { metrics, log }: Pick<SidecarParts, 'metrics' | 'log'>): OpsServer {
  return createOpsServer({
    checks: [{ name: 'accepting', ready: () => s3.accepting }, ...target.checks],
    metricsPage: () => metrics.page(),
    onError: (error) => log.fault(error, null)
  })
}
