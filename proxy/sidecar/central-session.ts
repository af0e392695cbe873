import { childText, childrenOf, readUpstreamXml, XmlProblem, type XmlElement } from '../s3/xml.ts'
import { collectBody } from '../sigv4/payload/collect.ts'
import type { UpstreamClient, UpstreamOrigin } from '../transport/transport.ts'
import type { FetchedCredentials } from '../upstreams/fetched-credentials.ts'

export interface CentralSession {
  readonly origin: UpstreamOrigin
  readonly host: string
  readonly roleArn: string
  readonly sessionName: string
  /** The pod's token as it stands now: kubelet exchanges it. */
  readonly readToken: () => Promise<string>
  readonly upstream: UpstreamClient
}

const ANSWER_TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 64 * 1024

/** Asks the STS of the central Sluice for a session of this pod's service account, each time with the token as it stands then. */
export function centralSessionFetch(session: CentralSession): () => Promise<FetchedCredentials> {
  return async () => {
    const { status, document } = await ask(session, await session.readToken())
    if (status !== 200) throw new Error(`the central Sluice gives no session: ${status} ${refusalOf(document)}`)
    return credentialsOf(document)
  }
}

async function ask(
  { origin, host, roleArn, sessionName, upstream }: CentralSession,
  token: string
): Promise<{ readonly status: number; readonly document: Uint8Array }> {
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    WebIdentityToken: token
  })
  const body = Buffer.from(form.toString(), 'latin1')
  const response = await upstream.send({
    origin,
    method: 'POST',
    rawTarget: '/',
    rawHeaders: ['host', host, 'content-type', 'application/x-www-form-urlencoded'],
    body,
    bodyLength: body.length,
    headTimeoutMs: ANSWER_TIMEOUT_MS
  })
  return { status: response.status, document: await collectBody(response.body, { bytesMax: ANSWER_BYTES_MAX }) }
}

/** Its code, and its words: they tell the operator which of role, trust and token is wrong. */
function refusalOf(document: Uint8Array): string {
  try {
    const [error] = childrenOf(readUpstreamXml(document, 'ErrorResponse'), 'Error')
    return error === undefined ? '' : `${childText(error, 'Code') ?? ''}: ${childText(error, 'Message') ?? ''}`
  } catch (error) {
    if (error instanceof XmlProblem) return 'without an answer of STS: is this the S3 listener of a Sluice?'
    throw error
  }
}

function credentialsOf(document: Uint8Array): FetchedCredentials {
  const answer = readUpstreamXml(document, 'AssumeRoleWithWebIdentityResponse')
  const credentials = only(only(answer, 'AssumeRoleWithWebIdentityResult'), 'Credentials')
  const text = (name: string): string => {
    const value = childText(credentials, name)
    if (value === undefined || value === '') throw new Error(`the central Sluice's answer has no ${name}`)
    return value
  }
  const expiration = new Date(text('Expiration'))
  if (Number.isNaN(expiration.getTime())) throw new Error("the central Sluice's answer says no time of expiration")
  return {
    accessKeyId: text('AccessKeyId'),
    secretAccessKey: text('SecretAccessKey'),
    sessionToken: text('SessionToken'),
    expiration
  }
}

function only(parent: XmlElement, name: string): XmlElement {
  const [found] = childrenOf(parent, name)
  if (found === undefined) throw new Error(`the central Sluice's answer has no ${name}`)
  return found
}
