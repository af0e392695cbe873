import { MOUNT_TIMES } from './watched-file.ts'
import type { AccountConfig, Secret } from '../config/config.ts'
import { fixedCredentials, type CredentialSource, type CredentialsEvent } from '../upstreams/credentials.ts'
import { fetchedCredentials } from '../upstreams/fetched-credentials.ts'
import { assumeRoleFetch, keylessFetch, type KeylessOrigin, type StsPlace } from '../upstreams/keyless.ts'
import { mountedCredentials, type MountedPart } from '../upstreams/mounted-credentials.ts'
import { createTenantCredentials, territoryPolicy, type Territory } from '../upstreams/tenant-credentials.ts'

export interface CredentialTools {
  readonly now: () => Date
  /** From 0 up to 1. */
  readonly random: () => number
  readonly onEvent: (event: CredentialsEvent) => void
}

/** Kubelet and Vault write within seconds; the poll is for what no watch tells. */
/** Those of tenants not asked for lately are made anew. */
const TENANT_SESSIONS_MAX = 10_000
/** MinIO and Ceph narrow the caller's own credentials; clients of STS have to name some role all the same. */
const ANY_ROLE = 'arn:aws:iam::000000000000:role/sluice'

/** What signs the requests to an account: its own credentials, or those of the role that is taken with them. */
export function composeCredentials(account: AccountConfig, tools: CredentialTools): CredentialSource {
  const { assumeRole } = account.credentials
  if (assumeRole === null) return ownCredentials(account, tools)
  // Only failures of what is underneath are told: what is in use is the role's.
  const onEvent = (event: CredentialsEvent): void => (event.result === 'failed' ? tools.onEvent(event) : undefined)
  const base = ownCredentials(account, { ...tools, onEvent })
  const role = fetchedCredentials({
    account: account.id,
    tenant: null,
    fetch: assumeRoleFetch(base, {
      roleArn: assumeRole.roleArn,
      sessionName: sessionNameOf(account),
      externalId: assumeRole.externalId,
      seconds: assumeRole.duration / 1000,
      policy: null,
      sts: stsOf(account, assumeRole)
    }),
    ...tools
  })
  return {
    get usable() {
      return role.usable
    },
    take: () => role.take(),
    renew: (refused) => role.renew(refused),
    start() {
      base.start()
      role.start()
    },
    close() {
      role.close()
      base.close()
    }
  }
}

/** Sessions of the account's credentials, each for one tenant's keys alone. */
export function composeTenantCredentials(
  account: AccountConfig,
  base: CredentialSource,
  tools: CredentialTools
): (territory: Territory) => CredentialSource {
  const { roleArn, externalId, duration } = account.tenantSessions
  const role = {
    roleArn: roleArn ?? ANY_ROLE,
    externalId,
    seconds: duration / 1000,
    sts: stsOf(account, account.tenantSessions)
  }
  const make = (territory: Territory): CredentialSource =>
    fetchedCredentials({
      account: account.id,
      tenant: territory.tenant,
      fetch: assumeRoleFetch(base, {
        ...role,
        sessionName: `sluice-${territory.tenant}`.slice(0, 64),
        policy: territoryPolicy(territory, account)
      }),
      ...tools
    })
  return createTenantCredentials(make, { tenantsMax: TENANT_SESSIONS_MAX })
}

function ownCredentials(account: AccountConfig, tools: CredentialTools): CredentialSource {
  const { accessKeyId, secretAccessKey, sessionToken } = account.credentials
  if (accessKeyId === null || secretAccessKey === null) {
    return fetchedCredentials({ account: account.id, tenant: null, fetch: keylessFetch(originOf(account)), ...tools })
  }
  if ([accessKeyId, secretAccessKey, sessionToken].some((secret) => secret !== null && secret.file !== null)) {
    return mountedCredentials({
      account: account.id,
      accessKeyId: partOf(accessKeyId),
      secretAccessKey: partOf(secretAccessKey),
      sessionToken: sessionToken === null ? null : partOf(sessionToken),
      times: MOUNT_TIMES,
      onEvent: tools.onEvent
    })
  }
  return fixedCredentials({
    accessKeyId: accessKeyId.reveal(),
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken !== null && { sessionToken: sessionToken.reveal() })
  })
}

function partOf(secret: Secret): MountedPart {
  return { value: secret.reveal(), file: secret.file }
}

function originOf(account: AccountConfig): KeylessOrigin {
  const { webIdentity, containerCredentials, instanceMetadata } = account.credentials
  if (webIdentity !== null) {
    const { roleArn, tokenFile } = webIdentity
    const sts = stsOf(account, webIdentity)
    return { kind: 'webIdentity', roleArn, tokenFile: tokenFile.file ?? '', sessionName: sessionNameOf(account), sts }
  }
  if (containerCredentials !== null) {
    return { kind: 'container', uri: containerCredentials.uri ?? '', tokenFile: containerCredentials.tokenFile?.file ?? null }
  }
  if (instanceMetadata) return { kind: 'instance' }
  throw new Error(`account ${account.id} has no credentials`)
}

/** STS of the account: AWS has its own hosts for it, others (MinIO, Ceph) serve it where they serve S3. */
function stsOf(
  account: AccountConfig,
  { region, stsEndpoint }: { readonly region: string | null; readonly stsEndpoint: string | null }
): StsPlace {
  const endpoint = stsEndpoint ?? (account.provider === 'aws' ? null : account.endpoint)
  return { region: region ?? account.region, endpoint, ca: endpoint === null ? null : (account.caFile?.text ?? null) }
}

/** As it stands in the audit trail of the cloud. */
function sessionNameOf({ id }: AccountConfig): string {
  return `sluice-${id}`.slice(0, 64)
}
