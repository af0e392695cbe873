import type { AccessRecord } from '../observe/access-record.ts'
import type { ContainerExchange } from '../sts/container-credentials.ts'
import { StsError } from '../sts/error.ts'
import { xmlTime } from '../sts/xml.ts'
import { onlyAuthorization } from './only-header.ts'
import type { ApiRequest, ApiRoute } from './route.ts'

/** What `AWS_CONTAINER_CREDENTIALS_FULL_URI` ends with. It begins with what no bucket is called: a sidecar serves it beside objects. */
export const CONTAINER_CREDENTIALS_PATH = '/v0/container-credentials'

/**
 * Credentials for the token that stands in `Authorization` as it is, without a scheme: how SDKs send the contents of
 * `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` (AWS SDKs and Tools Reference Guide, "Container credential provider").
 */
export function containerCredentialsRoute(exchange: (token: string) => Promise<ContainerExchange>): ApiRoute {
  return {
    path: CONTAINER_CREDENTIALS_PATH,
    operation: 'GetContainerCredentials',
    wayIn: 'container-credentials',
    async answer(request, record) {
      const { credentials, ...who } = await exchange(rawToken(request))
      note(record, who)
      return credentialsDocument(credentials)
    }
  }
}

/** The answer as SDKs read it. */
export function credentialsDocument(credentials: ContainerExchange['credentials']): object {
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: xmlTime(credentials.expiration)
  }
}

/** The token that a request has for its `Authorization`. */
export function rawToken({ rawHeaders }: ApiRequest): string {
  const token = onlyAuthorization(rawHeaders)
  // Neither `Bearer <token>` nor a signature: whoever sends those means another way in.
  if (/\s/.test(token)) throw new StsError('InvalidIdentityToken', 'the Authorization header is not a token alone')
  return token
}

function note(record: AccessRecord, who: Omit<ContainerExchange, 'credentials'>): void {
  const { issuer, subject, role, session } = who
  Object.assign(record, { issuer, subject, role, session })
}
