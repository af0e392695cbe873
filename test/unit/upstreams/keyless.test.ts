import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { composeUpstreams } from '../../../proxy/compose/upstreams.ts'
import { readConfig } from '../../../proxy/config/config.ts'
import type { CredentialsEvent, CredentialSource } from '../../../proxy/upstreams/credentials.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly form: URLSearchParams
  header(name: string): string
}
interface Given {
  readonly status: number
  readonly text: string
}

/** A server of credentials on loopback. */
async function serve(
  t: Test,
  answer: (asked: Asked, count: number) => Given
): Promise<{ readonly url: string; readonly asked: readonly Asked[] }> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void readAsked(request).then((one) => {
      asked.push(one)
      const { status, text } = answer(one, asked.length)
      response.writeHead(status, { 'content-type': text.startsWith('<') ? 'text/xml' : 'application/json' }).end(text)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

async function readAsked(request: IncomingMessage): Promise<Asked> {
  let body = ''
  for await (const piece of request) body += String(piece)
  const header = (name: string): string => String(request.headers[name] ?? '')
  return { method: request.method ?? '', path: request.url ?? '', form: new URLSearchParams(body), header }
}

const EXPIRATION = '2999-01-01T00:00:00Z'

function stsAnswer(action: string, accessKeyId: string): Given {
  const credentials = `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>secret of ${accessKeyId}</SecretAccessKey><SessionToken>token of ${accessKeyId}</SessionToken><Expiration>${EXPIRATION}</Expiration></Credentials>`
  return {
    status: 200,
    text: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>${credentials}</${action}Result></${action}Response>`
  }
}

function stsError(code: string): Given {
  return { status: 403, text: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>` }
}

const pairOf = (accessKeyId: string): object => ({
  accessKeyId,
  secretAccessKey: `secret of ${accessKeyId}`,
  sessionToken: `token of ${accessKeyId}`
})

interface Setting {
  readonly credentials: object
  readonly env?: Record<string, string>
  readonly provider?: string
  readonly endpoint?: string
}

function sourceOf({ credentials, env = {}, provider = 'aws', endpoint = 'https://s3.example' }: Setting): {
  readonly source: CredentialSource
  readonly events: readonly CredentialsEvent[]
} {
  const events: CredentialsEvent[] = []
  const config = readConfig({
    yamlText: stringify({
      accounts: [{ id: 'main', provider, endpoint, region: 'eu-central-1', credentials }],
      database: { url: 'postgres://nowhere.test/none' }
    }),
    env,
    readFile: (path) => readFileSync(path, 'utf8'),
    dev: true
  })
  const { accounts } = composeUpstreams(config, { now: () => new Date(), random: () => 0, onEvent: (event) => void events.push(event) })
  const source = accounts.get('main')?.credentials
  if (source === undefined) throw new Error('the account is missing')
  return { source, events }
}

function tokenFile(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-keyless-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token')
  writeFileSync(file, 'token-1')
  return file
}

const ROLE = 'arn:aws:iam::111122223333:role/store'

t.test('a token of the platform becomes credentials at STS, and is read again each time', async (t) => {
  const sts = await serve(t, ({ form }, count) => stsAnswer(form.get('Action') ?? '', `AKIA${count}`))
  const file = tokenFile(t)
  const { source, events } = sourceOf({ credentials: { webIdentity: { roleArn: ROLE, tokenFile: file, stsEndpoint: sts.url } } })
  t.notOk(source.usable)
  t.strictSame(await source.take(), pairOf('AKIA1'))
  t.ok(source.usable)
  t.match(events, [{ account: 'main', result: 'loaded', notAfter: new Date(EXPIRATION) }])
  const [first] = sts.asked
  t.strictSame(
    ['Action', 'RoleArn', 'RoleSessionName', 'WebIdentityToken'].map((name) => first?.form.get(name)),
    ['AssumeRoleWithWebIdentity', ROLE, 'sluice-main', 'token-1']
  )
  t.equal(first?.header('authorization'), '', 'the token alone is the proof')
  const fresh = sourceOf({ credentials: { webIdentity: { roleArn: ROLE, tokenFile: file, stsEndpoint: sts.url } } }).source
  writeFileSync(file, 'token-2')
  await fresh.take()
  t.equal(sts.asked[1]?.form.get('WebIdentityToken'), 'token-2')
})

t.test('where STS refuses the token there are no credentials, and the reason is told', async (t) => {
  const sts = await serve(t, () => stsError('InvalidIdentityToken'))
  const { source, events } = sourceOf({ credentials: { webIdentity: { roleArn: ROLE, tokenFile: tokenFile(t), stsEndpoint: sts.url } } })
  await t.rejects(Promise.resolve(source.take()), { name: 'CredentialsFault' })
  t.notOk(source.usable)
  t.match(events, [{ account: 'main', result: 'failed', reason: String }])
})

t.test('the endpoint of a container gives credentials for the token of its file', async (t) => {
  const body = { AccessKeyId: 'C1', SecretAccessKey: 'secret of C1', Token: 'token of C1', Expiration: EXPIRATION }
  const platform = await serve(t, () => ({ status: 200, text: JSON.stringify(body) }))
  const file = tokenFile(t)
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${platform.url}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file
  }
  for (const { given, ...setting } of [
    { given: 'true', credentials: { containerCredentials: true }, env },
    { given: 'a mapping', credentials: { containerCredentials: { uri: `${platform.url}/v1/credentials`, tokenFile: file } } }
  ]) {
    const { source } = sourceOf(setting)
    t.strictSame(await source.take(), pairOf('C1'), given)
    t.equal(platform.asked.at(-1)?.path, '/v1/credentials')
    t.equal(platform.asked.at(-1)?.header('authorization'), 'token-1')
  }
})

t.test('the metadata of an instance are asked by version 2, and never by version 1', async (t) => {
  let hasTokens = true
  const body = { Code: 'Success', AccessKeyId: 'I1', SecretAccessKey: 'secret of I1', Token: 'token of I1', Expiration: EXPIRATION }
  const metadata = await serve(t, ({ method, path }) => {
    if (method === 'PUT') return hasTokens ? { status: 200, text: 'session' } : { status: 403, text: '' }
    return { status: 200, text: path.endsWith('/') ? 'store-role' : JSON.stringify(body) }
  })
  process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadata.url
  t.teardown(() => delete process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'])
  const { source } = sourceOf({ credentials: { instanceMetadata: true } })
  t.strictSame(await source.take(), pairOf('I1'))
  t.strictSame(
    metadata.asked.map(({ method, header }) => [method, header('x-aws-ec2-metadata-token')]),
    [
      ['PUT', ''],
      ['GET', 'session'],
      ['GET', 'session']
    ]
  )
  hasTokens = false
  const refused = sourceOf({ credentials: { instanceMetadata: true } }).source
  await t.rejects(Promise.resolve(refused.take()), /no valid credentials/)
  t.equal(metadata.asked.length, 4, 'nothing is asked without a session')
})

t.test('a role is taken with the credentials underneath, and its session signs', async (t) => {
  const sts = await serve(t, ({ form }) => stsAnswer(form.get('Action') ?? '', form.get('Action') === 'AssumeRole' ? 'ROLE' : 'BASE'))
  const assumeRole = { roleArn: `${ROLE}-inner`, externalId: 'ext:1', duration: '30m', stsEndpoint: sts.url }
  const { source, events } = sourceOf({
    credentials: { webIdentity: { roleArn: ROLE, tokenFile: tokenFile(t), stsEndpoint: sts.url }, assumeRole }
  })
  t.strictSame(await source.take(), pairOf('ROLE'))
  const assumed = sts.asked.at(-1)
  t.strictSame(
    ['RoleArn', 'ExternalId', 'DurationSeconds', 'Policy'].map((name) => assumed?.form.get(name) ?? null),
    [`${ROLE}-inner`, 'ext:1', '1800', null]
  )
  t.match(assumed?.header('authorization'), /Credential=BASE\/\d+\/eu-central-1\/sts\//)
  t.equal(assumed?.header('x-amz-security-token'), 'token of BASE')
  t.strictSame(
    events.map(({ result }) => result),
    ['loaded'],
    'one account, one set in use'
  )
})

t.test('a secret in a file that was replaced is read again when STS no longer knows the old one', async (t) => {
  const sts = await serve(t, ({ header }) =>
    header('authorization').includes('Credential=NEW/') ? stsAnswer('AssumeRole', 'ROLE') : stsError('InvalidClientTokenId')
  )
  const file = tokenFile(t)
  writeFileSync(file, 'OLD')
  const { source } = sourceOf({
    provider: 'minio',
    endpoint: sts.url,
    credentials: { accessKeyId: { file }, secretAccessKey: 'secret', assumeRole: { roleArn: ROLE } }
  })
  writeFileSync(file, 'NEW')
  t.strictSame(await source.take(), pairOf('ROLE'), 'and another provider than AWS has STS at its own endpoint')
})
