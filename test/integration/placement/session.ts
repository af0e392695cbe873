import type { SessionCredentials } from '../../helpers/sluice.ts'

/** Session credentials, and the session as the log names it. */
export type NamedSession = SessionCredentials & { readonly session: string }

/** A session from the STS of one replica. */
export async function sessionAt(s3: string, token: string, role = 'app'): Promise<NamedSession> {
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: `arn:aws:iam::000000000000:role/${role}`,
    RoleSessionName: 'test',
    WebIdentityToken: token
  })
  const response = await fetch(s3, { method: 'POST', body: form })
  const xml = await response.text()
  const field = (name: string): string => {
    const found = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1]
    if (found === undefined) throw new Error(`STS answered ${response.status}: ${xml}`)
    return found
  }
  return {
    ...{ accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey'), sessionToken: field('SessionToken') },
    session: field('AssumedRoleId').split(':', 1)[0] ?? ''
  }
}
