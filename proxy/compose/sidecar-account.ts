import { randomBytes } from 'node:crypto'
import { composeDependencies, type Parts, type PlacementStore } from './compose.ts'
import { composeIdentity, type Identity } from './identity.ts'
import { dressed } from './servers.ts'
import type { SidecarParts, SidecarTarget } from './sidecar.ts'
import { composeUpstreams } from './upstreams.ts'
import { MOUNT_POLL_MS, watchFile, type WatchedFile } from './watched-file.ts'
import type { SidecarConfig } from '../config/sidecar.ts'
import { handle } from '../handle.ts'
import { createAccessKeys } from '../identity/access-keys.ts'
import { createBearerTokens, type BearerTokens } from '../identity/bearer-tokens.ts'
import { newKeyRingText, readKeyRing } from '../identity/key-ring.ts'
import { ownerOf } from '../identity/owner.ts'
import { createRevocations } from '../identity/revocations.ts'
import { TokenProblem } from '../identity/token-problem.ts'
import { believedIdentity, verifyWebIdentity } from '../identity/web-identity.ts'
import { S3Error } from '../s3/error.ts'
import { asPod } from '../sidecar/as-pod.ts'
import { LOCAL_DOMAINS } from '../sidecar/local-caller.ts'
import { createPodToken } from '../sidecar/pod-token.ts'
import { NO_LEASES, NO_LEDGER } from '../sidecar/without-database.ts'
import type { Dependencies } from '../stages/dependencies.ts'
import { createDirectory } from '../tenants/directory.ts'
import type { Assignment } from '../tenants/keys.ts'
import { accountWithin } from '../upstreams/tenant-credentials.ts'

type Target = Extract<SidecarConfig['target'], { kind: 'account' }>

/** The id of the issuer of a token that is believed: it stands in the log, and in no owner. */
export const BELIEVED_ISSUER = 'pod'
const ROLE = 'sidecar'
const RULES = [{ role: ROLE, namespaces: ['*'], serviceAccounts: ['*'] }]
/** Pages have no business with a sidecar. */
const CLOSED = { origins: [], methods: [], headers: [], exposedHeaders: [], maxAge: 0 }
const TOKENS_MAX = 16
const KEY_REFRESH_MS = 30_000

/** Serves one tenant straight from its account: the whole of the proxy, without a database. */
export function composeAccount(config: SidecarConfig, target: Target, parts: SidecarParts): SidecarTarget {
  const { log, now, metrics, upstream, onCredentials } = parts
  const upstreams = composeUpstreams({ accounts: [target.account] }, { now, random: Math.random, onEvent: onCredentials })
  const assignment = assignmentOf(target)
  const identity = identityOf(target, parts)
  const { keysFile } = config.sealing
  let ring = readKeyRing(keysFile === null ? newKeyRingText(randomBytes) : keysFile.reveal())
  const token = createPodToken(target.pod.tokenFile.reveal())
  const wholeParts: Parts = {
    ...{ log, now, metrics, upstream, identity, accounts: upstreams.accounts, database: storeOf(assignment, now()) },
    config: {
      ...{ limits: config.limits, timeouts: config.timeouts, compat: { dropHeaders: [] } },
      revocation: { cutStreams: false },
      listeners: { s3: { ...config.listen, domains: LOCAL_DOMAINS, region: 'local', regions: [], tls: null, cors: CLOSED } }
    }
  }
  const deps: Dependencies = {
    ...composeDependencies(wholeParts, () => ring),
    ...{ bearerTokens: bearerTokensOf(target, identity, now), rulesOf: () => RULES, ownerOf: identity.ownerOf }
  }
  const account = upstreams.accounts.get(assignment.account)
  if (account === undefined) throw new Error(`account ${assignment.account} is not configured`)
  const tenant = { tenant: assignment.tenant, bucket: assignment.upstreamBucket, prefix: assignment.keyPrefix }
  const { credentials } = accountWithin(account, tenant)
  const watches: WatchedFile[] = []
  const follow = (path: string | null, text: string, take: (text: string) => void): void => {
    if (path === null) return
    const onFault = (error: unknown): void => log.event('warn', `${path} stays as it was: ${String(error)}`)
    watches.push(watchFile({ path, text, take, onFault, pollMs: MOUNT_POLL_MS }))
  }
  const refreshKeys = (): void => void Promise.all(identity.issuers.all.map(({ keys }) => keys.refresh()))
  const refresh = setInterval(refreshKeys, KEY_REFRESH_MS).unref()
  return {
    handle: async (incoming, record) =>
      dressed(await handle(asPod(incoming, token.current()), record, deps), { head: incoming.head, record, cors: null }),
    session: null,
    checks: [
      { name: 'issuerKeys', ready: () => identity.issuers.all.every(({ keys }) => keys.usable) },
      { name: 'upstreamCredentials', ready: () => credentials.usable }
    ],
    start() {
      refreshKeys()
      upstreams.start()
      credentials.start()
      follow(target.pod.tokenFile.file, target.pod.tokenFile.reveal(), (text) => token.replace(text))
      if (keysFile !== null) follow(keysFile.file, keysFile.reveal(), (text) => void (ring = readKeyRing(text)))
    },
    close() {
      clearInterval(refresh)
      for (const watch of watches) watch.close()
      credentials.close()
      upstreams.close()
    }
  }
}

/** Judges what starting would judge, and starts nothing; gives what may surprise, one line each. */
export function checkAccountTarget(config: SidecarConfig, target: Target): readonly string[] {
  if (config.sealing.keysFile !== null) readKeyRing(config.sealing.keysFile.reveal())
  const { policyWarnings } = composeIdentity(
    identityConfigOf(target),
    () => new Date(),
    () => undefined
  )
  return [...policyWarnings, ...credentialWarnings(target)]
}

/** What lies in the pod lies open to whoever gets into it, however little of it is used for a request. */
function credentialWarnings({ account }: Target): readonly string[] {
  if (account.credentials.accessKeyId === null) return []
  return [
    `account ${account.id}: its access key lies in this pod, and whoever gets into the pod can use it: let it reach no more than this tenant, or use credentials.webIdentity`
  ]
}

function identityConfigOf({ tenant, pod }: Target) {
  const role = { name: ROLE, tenants: [tenant.id], policies: pod.policies, trust: [], maxSessionDuration: 3_600_000 }
  const issuers = pod.issuer === null ? [] : [{ ...pod.issuer, roles: RULES }]
  return { issuers, roles: [role], policies: new Map<string, never>() }
}

function assignmentOf({ account, tenant }: Target): Assignment {
  const { id, bucket, adopt } = tenant
  return { tenant: id, account: account.id, upstreamBucket: bucket, keyPrefix: adopt ? '' : `${id}/`, dedicated: true }
}

function identityOf(target: Target, { log, now }: SidecarParts): Identity {
  const { pod } = target
  const identity = composeIdentity(identityConfigOf(target), now, (issuer, error) => {
    if (error !== null) log.event('warn', `the keys of issuer ${issuer} could not be fetched: ${error.message}`)
  })
  for (const warning of [...identity.policyWarnings, ...credentialWarnings(target)]) log.event('warn', warning)
  if (pod.issuer !== null) return identity
  // As subjects of the default issuer own their objects at a central Sluice.
  return { ...identity, ownerOf: (issuer, subject) => (issuer === BELIEVED_ISSUER ? ownerOf(subject, issuer, true) : null) }
}

/** Who the pod is by its token. What is wrong with that token is an outage to the local process, which has no part in it. */
function bearerTokensOf({ pod }: Target, { issuers }: Identity, now: () => Date): BearerTokens {
  const believed = { id: BELIEVED_ISSUER, keys: { generation: 0 } }
  return createBearerTokens({
    issuers: pod.issuer === null ? { all: [believed], find: () => believed } : issuers,
    async verifyToken(token) {
      try {
        if (pod.issuer === null) return believedIdentity(token, BELIEVED_ISSUER, now())
        const proven = await verifyWebIdentity(token, issuers, { now: now(), issuerId: null })
        await issuers.find(proven.issuer)?.review?.(token, proven)
        return proven
      } catch (error) {
        if (error instanceof TokenProblem) throw new S3Error('ServiceUnavailable', `the pod's own token proves nothing: ${error.message}`)
        throw error
      }
    },
    now,
    entriesMax: TOKENS_MAX
  })
}

/** The one place there is, as a directory that was read once and never changes. */
function storeOf(assignment: Assignment, createdAt: Date): PlacementStore {
  const directory = createDirectory({ mode: 'registered', shared: null })
  directory.replaceAll({ version: 'sidecar.yaml', assignments: [assignment], tenants: [{ tenant: assignment.tenant, createdAt }] })
  return {
    directory,
    revocations: createRevocations(),
    accessKeys: createAccessKeys(),
    onReplaced: () => undefined,
    leases: NO_LEASES,
    ledger: NO_LEDGER,
    feed: { refresh: () => Promise.resolve() },
    run: () => Promise.reject(new Error('a sidecar has no database'))
  }
}
