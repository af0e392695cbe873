import t from 'tap'
import type { Caller } from '../../../proxy/identity/caller.ts'
import { createSessionCache } from '../../../proxy/identity/session-cache.ts'
import { openSession } from '../../../proxy/identity/session.ts'
import { countedRandom, later, NOW, RING, tokenBy } from '../identity/fixtures.ts'
import { ask, DEPS, FORM, read, stranger, TOKEN } from './fixtures.ts'

const dense = `{"${countedRandom('dense')(1200).toString('base64')}":1}`

t.test('a token is exchanged for a session that opens to its subject', async (t) => {
  const answer = await ask(FORM)
  t.equal(answer.status, 200)
  const { AssumeRoleWithWebIdentityResponse: response } = read(answer)
  t.equal(response['@_xmlns'], 'https://sts.amazonaws.com/doc/2011-06-15/')
  t.same(response.ResponseMetadata, { RequestId: 'req-1' })
  const { Credentials: credentials, ...rest } = response.AssumeRoleWithWebIdentityResult
  t.equal(credentials.Expiration, '2026-11-22T03:00:00Z')
  t.same(Object.keys(credentials), ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'])
  t.equal(rest.SubjectFromWebIdentityToken, 'system:serviceaccount:billing:invoicer')
  t.equal(rest.AssumedRoleUser.Arn, 'arn:aws:sts::000000000000:assumed-role/service/botocore-session-1795000000')
  const presented = { accessKeyId: credentials.AccessKeyId, sessionToken: credentials.SessionToken }
  const session = openSession(presented, { ring: RING, cache: createSessionCache(1), now: NOW })
  if (session.kind === 'refused') throw new Error(session.problem)
  t.equal(session.secretAccessKey, credentials.SecretAccessKey)
  t.match(session.claims, {
    issuer: 'prod-eu',
    role: 'service',
    namespace: 'billing',
    serviceAccount: 'invoicer',
    serviceAccountUid: 'sa-1',
    podUid: 'pod-1',
    sessionPolicy: null,
    expiresAt: later(3600)
  })
  t.same(answer.record, {
    action: 'AssumeRoleWithWebIdentity',
    code: null,
    reason: null,
    exchange: {
      issuer: 'prod-eu',
      subject: 'system:serviceaccount:billing:invoicer',
      role: 'service',
      session: session.claims.session,
      accessKeyId: credentials.AccessKeyId,
      roleSessionName: 'botocore-session-1795000000',
      durationSeconds: 3600
    }
  })
})

for (const { why, form, seconds } of [
  { why: 'an hour, unless asked otherwise', form: FORM, seconds: 3600 },
  {
    why: 'what the role allows, when that is less than an hour',
    form: { ...FORM, RoleArn: 'arn:aws:iam::000000000000:role/short' },
    seconds: 1800
  },
  { why: 'the 15 minutes that were asked for', form: { ...FORM, DurationSeconds: '900' }, seconds: 900 },
  { why: 'the 12 hours that were asked for', form: { ...FORM, DurationSeconds: '43200' }, seconds: 43_200 }
]) {
  t.test(`a session lives ${why}`, async (t) => {
    const { Credentials: credentials } = read(await ask(form)).AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult
    t.equal(credentials.Expiration, later(seconds).toISOString().replace('.000Z', 'Z'))
  })
}

t.test('a session policy is sealed into the session, with its packed size told', async (t) => {
  const policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
  const { AssumeRoleWithWebIdentityResult: result } = read(await ask({ ...FORM, Policy: policy })).AssumeRoleWithWebIdentityResponse
  t.match(result.PackedPolicySize, /^[1-9]\d?$/)
  const { AccessKeyId: accessKeyId, SessionToken: sessionToken } = result.Credentials
  const session = openSession({ accessKeyId, sessionToken }, { ring: RING, cache: createSessionCache(1), now: NOW })
  t.match(session, { kind: 'session', claims: { sessionPolicy: policy } })
})

const CALLER: Caller = {
  issuer: 'prod-eu',
  subject: 'system:serviceaccount:billing:invoicer',
  role: 'service',
  owner: 'system:serviceaccount:billing:invoicer',
  session: '00112233445566778899aabb',
  namespace: 'billing',
  serviceAccount: 'invoicer',
  podUid: null,
  serviceAccountUid: null,
  sessionPolicy: null,
  expiresAt: later(3600),
  tenants: null,
  proof: { authType: 'REST-HEADER', signatureAgeMs: null, accessKeyId: null }
}

t.test('a caller who signed is told who it is', async (t) => {
  const answer = await ask({ Action: 'GetCallerIdentity', Version: '2011-06-15' }, { caller: CALLER })
  t.equal(answer.status, 200)
  t.same(read(answer).GetCallerIdentityResponse.GetCallerIdentityResult, {
    Arn: 'arn:aws:sts::000000000000:assumed-role/service/00112233445566778899aabb',
    UserId: '00112233445566778899aabb:system:serviceaccount:billing:invoicer',
    Account: '000000000000'
  })
  const more = await ask({ Action: 'GetCallerIdentity', Version: '2011-06-15', RoleArn: 'x' }, { caller: CALLER })
  t.equal(read(more).ErrorResponse.Error.Code, 'ValidationError')
})

t.test('what the client wrote is escaped in the answer', async (t) => {
  const answer = await ask({ ...FORM, Policy: 'x' }, {}, { ...DEPS, policyProblems: () => ['<b>&"\u0001\'</b>'] })
  t.match(answer.xml, '&lt;b&gt;&amp;&quot;\ufffd&apos;&lt;/b&gt;')
})

t.test('the AWS SDK reads the answers', async (t) => {
  const { STSClient, AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts')
  const { HttpResponse } = await import('@smithy/protocol-http')
  const { Readable } = await import('node:stream')
  const requestHandler = {
    handle: async ({
      method,
      path,
      body,
      headers
    }: {
      method: string
      path: string
      body: string
      headers: Readonly<Record<string, string>>
    }) => {
      t.equal(`${method} ${path}`, 'POST /')
      const answer = await ask(body, { contentType: headers['content-type'] ?? null })
      const response = new HttpResponse({
        statusCode: answer.status,
        headers: { 'content-type': 'text/xml' },
        body: Readable.from([answer.xml])
      })
      return { response }
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({})
  }
  const client = new STSClient({ region: 'local', endpoint: 'http://sts.example', requestHandler, maxAttempts: 1 })
  const input = { RoleArn: FORM['RoleArn'] ?? '', RoleSessionName: 'js-session', WebIdentityToken: TOKEN, DurationSeconds: 900 }
  const answer = await client.send(new AssumeRoleWithWebIdentityCommand(input))
  t.match(answer.Credentials?.AccessKeyId, /^SLS1/)
  t.same(answer.Credentials?.Expiration, later(900))
  t.equal(answer.SubjectFromWebIdentityToken, 'system:serviceaccount:billing:invoicer')
  for (const [code, change] of [
    ['InvalidIdentityTokenException', { WebIdentityToken: await tokenBy(stranger) }],
    ['MalformedPolicyDocumentException', { Policy: 'x' }],
    ['PackedPolicyTooLargeException', { Policy: dense }]
  ] as const) {
    await t.rejects(client.send(new AssumeRoleWithWebIdentityCommand({ ...input, ...change })), { name: code })
  }
})
