import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { centralSessionFetch } from '../sidecar/central-session.ts'
import { forwardRequest } from '../sidecar/forward.ts'
import { SigningKeyCache } from '../sigv4/signing-key.ts'
import { browserGuards } from '../stages/guard-browsers.ts'
import type { UpstreamAccount } from '../upstreams/account.ts'
import type { CredentialSource } from '../upstreams/credentials.ts'
import { fetchedCredentials, type FetchedCredentials } from '../upstreams/fetched-credentials.ts'
import { capabilitiesOf } from '../upstreams/provider.ts'
import type { SidecarConfig } from '../config/sidecar.ts'
import type { SidecarParts, SidecarTarget } from './sidecar.ts'
import { originOf } from './upstreams.ts'

export const CENTRAL = 'central'
/** A central Sluice itself waits for its upstream, several times for some requests, and should be the one to give up. */
const HEAD_MS = 180_000
const SLOW_HEAD_MS = 900_000
const SIGNING_KEYS_MAX = 16

/** Sends requests on to a central Sluice. */
export function composeCentral(target: Extract<SidecarConfig['target'], { kind: 'central' }>, parts: SidecarParts): SidecarTarget {
  const { now, upstream, metrics, onCredentials } = parts
  const { origin, host } = originOf(target.url, target.caFile?.text ?? null)
  const tokenFile = target.tokenFile.file ?? ''
  const readToken = async (): Promise<string> => (await readFile(tokenFile, 'utf8')).trim()
  const fetchSession = centralSessionFetch({ origin, host, upstream, roleArn: target.roleArn, sessionName: sessionName(), readToken })
  let session: FetchedCredentials | null = null
  const credentials = fetchedCredentials({
    account: CENTRAL,
    tenant: null,
    fetch: async () => (session = await fetchSession()),
    now,
    random: Math.random,
    onEvent: onCredentials
  })
  const deps = {
    ...{ upstream, now, signingKeys: new SigningKeyCache(SIGNING_KEYS_MAX), timeouts: { headMs: HEAD_MS, slowHeadMs: SLOW_HEAD_MS } },
    central: centralAccount({ origin, host, region: target.region, credentials }),
    elapsedMs: () => performance.now(),
    forwarded: (request: { readonly status: number | null; readonly seconds: number }) =>
      metrics.upstreamDone({ account: CENTRAL, ask: 'forward', ...request })
  }
  return {
    handle: async (incoming, record) => {
      const answer = await forwardRequest(incoming, record, deps)
      return { ...answer, rawHeaders: [...answer.rawHeaders, ...browserGuards(null)] }
    },
    session: {
      readToken,
      async current() {
        await credentials.take()
        if (session === null) throw new Error('there are credentials that nobody fetched')
        return session
      }
    },
    checks: [{ name: 'centralCredentials', ready: () => credentials.usable }],
    start: () => credentials.start(),
    close: () => credentials.close()
  }
}

/** As it stands in the central Sluice's log: a pod's host name is its own name. STS: 2 to 64 of these. */
function sessionName(): string {
  return `sidecar-${hostname()}`.replace(/[^\w+=,.@-]/g, '-').slice(0, 64)
}

/** To the sidecar a Sluice is an S3 that takes everything. Nothing but where it is and what signs is asked of it here. */
function centralAccount(
  where: Pick<UpstreamAccount, 'origin' | 'host' | 'region'> & { readonly credentials: CredentialSource }
): UpstreamAccount {
  return {
    ...{ id: CENTRAL, name: CENTRAL, provider: 'generic', pathStyle: true, ownership: 'tag', leases: 'class' },
    ...{ capabilities: capabilitiesOf('aws', {}), encryption: null, bucketRate: null, tenantCredentials: null },
    ...where
  }
}
