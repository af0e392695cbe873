import { Agent } from 'node:https'
import type { CredentialSource } from './credentials.ts'
import type { FetchedCredentials } from './fetched-credentials.ts'

/** Where STS is asked. */
export interface StsPlace {
  readonly region: string
  /** Null: the provider's own for the region. */
  readonly endpoint: string | null
  /** PEM of the authority that signed the endpoint's certificate; null for the system's own. */
  readonly ca: string | null
}

export interface AssumedRole {
  readonly roleArn: string
  readonly sessionName: string
  readonly externalId: string | null
  readonly seconds: number
  /** What the session is narrowed to, as JSON; null: everything the role may do. */
  readonly policy: string | null
  readonly sts: StsPlace
}

/** Who gives credentials to a process that holds none. */
export type KeylessOrigin =
  | {
      readonly kind: 'webIdentity'
      readonly roleArn: string
      readonly tokenFile: string
      readonly sessionName: string
      readonly sts: StsPlace
    }
  | { readonly kind: 'container'; readonly uri: string; readonly tokenFile: string | null }
  | { readonly kind: 'instance' }

type Fetch = () => Promise<FetchedCredentials>

const CONNECT_TIMEOUT_MS = 2_000
const ANSWER_TIMEOUT_MS = 5_000
const ATTEMPTS_MAX = 3
/** Errors of STS that other credentials of the caller may cure. */
const CURABLE: ReadonlySet<string> = new Set([
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'ExpiredTokenException'
])

// The package is loaded when it is first needed: most proxies never do, and it is large.
const load = () => import('@aws-sdk/credential-providers')

/** Asks the origin for credentials, each time anew: tokens in files are read again. */
export function keylessFetch(origin: KeylessOrigin): Fetch {
  switch (origin.kind) {
    case 'webIdentity':
      return async () => {
        const { fromTokenFile } = await load()
        const { roleArn, tokenFile, sessionName, sts } = origin
        return fromTokenFile({ roleArn, webIdentityTokenFile: tokenFile, roleSessionName: sessionName, clientConfig: clientOf(sts) })()
      }
    case 'container':
      return async () => {
        const { fromHttp } = await load()
        return fromHttp({
          awsContainerCredentialsFullUri: origin.uri,
          // Empty, not left out: the package would take those of the environment, and a relative address over this one.
          awsContainerCredentialsRelativeUri: '',
          awsContainerAuthorizationTokenFile: origin.tokenFile ?? '',
          awsContainerAuthorizationToken: '',
          timeout: CONNECT_TIMEOUT_MS,
          maxRetries: ATTEMPTS_MAX - 1
        })()
      }
    case 'instance':
      return async () => {
        const { fromInstanceMetadata } = await load()
        // Version 1 of the service answers whoever can make the machine send a GET. A provider of its own each time: one that
        // has given credentials before gives them again as if they were new when the service does not answer.
        return fromInstanceMetadata({ timeout: CONNECT_TIMEOUT_MS, maxRetries: ATTEMPTS_MAX - 1, ec2MetadataV1Disabled: true })()
      }
    default:
      return origin satisfies never
  }
}

/** Trades the credentials of `base` for those of a role. */
export function assumeRoleFetch(base: CredentialSource, role: AssumedRole): Fetch {
  return async () => {
    const own = await base.take()
    try {
      return await assumeRole(own, role)
    } catch (error) {
      if (!(error instanceof Error && CURABLE.has(error.name)) || !(await base.renew(own))) throw error
      return assumeRole(await base.take(), role)
    }
  }
}

async function assumeRole(
  own: FetchedCredentials,
  { roleArn, sessionName, externalId, seconds, policy, sts }: AssumedRole
): Promise<FetchedCredentials> {
  const { fromTemporaryCredentials } = await load()
  return fromTemporaryCredentials({
    // A copy: the package writes notes of its own into what it is given.
    masterCredentials: { ...own },
    params: {
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      DurationSeconds: seconds,
      ...(externalId !== null && { ExternalId: externalId }),
      ...(policy !== null && { Policy: policy })
    },
    clientConfig: clientOf(sts)
  })()
}

function clientOf({ region, endpoint, ca }: StsPlace) {
  return {
    region,
    maxAttempts: ATTEMPTS_MAX,
    ...(endpoint !== null && { endpoint }),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      ...(ca !== null && { httpsAgent: new Agent({ ca }) })
    }
  }
}
