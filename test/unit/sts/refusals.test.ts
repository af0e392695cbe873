import t from 'tap'
import { createIssuers } from '../../../proxy/identity/issuers.ts'
import { verifyWebIdentity } from '../../../proxy/identity/web-identity.ts'
import type { StsAnswer, StsRequest } from '../../../proxy/sts/handle-sts.ts'
import { countedRandom, issuer, keySet, NOW, tokenBy } from '../identity/fixtures.ts'
import { ask, DEPS, FORM, key, read, stranger, TOKEN } from './fixtures.ts'

const without = (name: string): Readonly<Record<string, string>> => Object.fromEntries(Object.entries(FORM).filter(([key]) => key !== name))
const formText = new URLSearchParams(FORM).toString()
const dense = `{"${countedRandom('dense')(1200).toString('base64')}":1}`

interface Refusal {
  readonly why: string
  readonly form: string | Readonly<Record<string, string>>
  readonly differences?: Partial<StsRequest>
  readonly code: string
  readonly status?: number
  readonly message?: RegExp
}

const REFUSALS: readonly Refusal[] = [
  { why: 'there is no body', form: '', code: 'MissingAction' },
  { why: 'there is no action', form: without('Action'), code: 'MissingAction' },
  { why: 'the action is empty', form: { ...FORM, Action: '' }, code: 'MissingAction' },
  { why: 'the action is AssumeRole', form: { ...FORM, Action: 'AssumeRole' }, code: 'InvalidAction' },
  { why: 'the action is only alike', form: { ...FORM, Action: 'assumerolewithwebidentity' }, code: 'InvalidAction' },
  { why: 'the action is a name of JavaScript', form: { ...FORM, Action: 'constructor' }, code: 'InvalidAction' },
  { why: 'there is no version', form: without('Version'), code: 'InvalidAction' },
  { why: 'the version is another', form: { ...FORM, Version: '2010-05-08' }, code: 'InvalidAction' },
  {
    why: 'a parameter is given twice',
    form: `${formText}&RoleArn=arn:aws:iam::1:role/admin`,
    code: 'ValidationError',
    message: /given twice/
  },
  { why: 'a name is given twice in two spellings', form: `${formText}&Role%41rn=x`, code: 'ValidationError', message: /given twice/ },
  {
    why: 'a parameter is also in the query',
    form: FORM,
    differences: { rawQuery: 'Action=GetCallerIdentity' },
    code: 'ValidationError',
    message: /not in the query/
  },
  { why: 'all is in the query', form: '', differences: { rawQuery: formText }, code: 'ValidationError', message: /not in the query/ },
  {
    why: 'the body is JSON',
    form: '{}',
    differences: { contentType: 'application/json' },
    code: 'ValidationError',
    message: /form-urlencoded/
  },
  { why: 'there is no content type', form: FORM, differences: { contentType: null }, code: 'ValidationError' },
  { why: 'the form is not percent-encoded', form: `${formText}&Policy=%ZZ`, code: 'ValidationError', message: /percent-encoded/ },
  { why: 'the form is not UTF-8', form: `${formText}&Policy=%ff`, code: 'ValidationError', message: /percent-encoded UTF-8/ },
  { why: 'the form holds raw bytes', form: `${formText}&Policy=\xe9`, code: 'ValidationError', message: /percent-encoded/ },
  { why: 'the form is enormous', form: `${formText}&Policy=${'x'.repeat(70_000)}`, code: 'ValidationError', message: /65536 bytes/ },
  {
    why: 'the form has too many parameters',
    form: Array.from({ length: 40 }, (_, i) => `a${i}=1`).join('&'),
    code: 'ValidationError',
    message: /32 parameters/
  },
  { why: 'a parameter is unknown', form: { ...FORM, ExternalId: '1' }, code: 'ValidationError', message: /does not have/ },
  {
    why: 'PolicyArns are given',
    form: { ...FORM, 'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
    code: 'ValidationError',
    message: /PolicyArns is not supported/
  },
  {
    why: 'a provider is given',
    form: { ...FORM, ProviderId: 'graph.facebook.com' },
    code: 'ValidationError',
    message: /ProviderId is not supported/
  },
  { why: 'there is no RoleArn', form: without('RoleArn'), code: 'ValidationError', message: /RoleArn is required/ },
  { why: 'the RoleArn is a name', form: { ...FORM, RoleArn: 'service' }, code: 'ValidationError', message: /RoleArn must have the form/ },
  { why: 'the RoleArn is a user', form: { ...FORM, RoleArn: 'arn:aws:iam::123456789012:user/service' }, code: 'ValidationError' },
  { why: 'the RoleArn has a path', form: { ...FORM, RoleArn: 'arn:aws:iam::123456789012:role/x/service' }, code: 'ValidationError' },
  { why: 'the RoleArn ends in a line feed', form: { ...FORM, RoleArn: `${FORM['RoleArn']}\n` }, code: 'ValidationError' },
  { why: 'there is no session name', form: without('RoleSessionName'), code: 'ValidationError', message: /RoleSessionName is required/ },
  { why: 'the session name is short', form: { ...FORM, RoleSessionName: 'x' }, code: 'ValidationError', message: /2 to 64/ },
  { why: 'the session name is long', form: { ...FORM, RoleSessionName: 'x'.repeat(65) }, code: 'ValidationError', message: /2 to 64/ },
  { why: 'the session name has a slash', form: { ...FORM, RoleSessionName: 'a/b' }, code: 'ValidationError', message: /2 to 64/ },
  { why: 'there is no token', form: without('WebIdentityToken'), code: 'ValidationError', message: /WebIdentityToken is required/ },
  { why: 'the life is too short', form: { ...FORM, DurationSeconds: '899' }, code: 'ValidationError', message: /900 to 43200/ },
  { why: 'the life is too long', form: { ...FORM, DurationSeconds: '43201' }, code: 'ValidationError', message: /900 to 43200/ },
  { why: 'the life is a year', form: { ...FORM, DurationSeconds: '31536000' }, code: 'ValidationError' },
  { why: 'the life is no number', form: { ...FORM, DurationSeconds: '1e3' }, code: 'ValidationError' },
  { why: 'the life is empty', form: { ...FORM, DurationSeconds: '' }, code: 'ValidationError' },
  {
    why: 'the life is more than the role allows',
    form: { ...FORM, RoleArn: 'arn:aws:iam::0:role/short', DurationSeconds: '1801' },
    code: 'ValidationError',
    message: /MaxSessionDuration/
  },
  { why: 'the policy is empty', form: { ...FORM, Policy: '' }, code: 'ValidationError' },
  { why: 'the policy is no policy', form: { ...FORM, Policy: 'allow all' }, code: 'MalformedPolicyDocument', message: /it is not JSON/ },
  { why: 'the policy is over 1 KiB packed', form: { ...FORM, Policy: dense }, code: 'PackedPolicyTooLarge' },
  { why: 'the role does not exist', form: { ...FORM, RoleArn: 'arn:aws:iam::0:role/nothing' }, code: 'AccessDenied', status: 403 },
  {
    why: 'the role is named like a property',
    form: { ...FORM, RoleArn: 'arn:aws:iam::0:role/__proto__' },
    code: 'AccessDenied',
    status: 403
  },
  { why: 'the role does not trust the subject', form: { ...FORM, RoleArn: 'arn:aws:iam::0:role/shop' }, code: 'AccessDenied', status: 403 },
  { why: 'the token is no token', form: { ...FORM, WebIdentityToken: 'abc' }, code: 'InvalidIdentityToken' },
  {
    why: 'the caller asks who it is without a signature',
    form: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
    code: 'MissingAuthenticationToken',
    status: 403
  }
]

for (const { why, form, differences, code, status, message } of REFUSALS) {
  t.test(`an STS request is refused with ${code} when ${why}`, async (t) => {
    const answer = await ask(form, differences)
    const { ErrorResponse: response } = read(answer)
    t.equal(response.Error.Code, code)
    t.equal(response.Error.Type, 'Sender')
    t.equal(answer.status, status ?? 400)
    t.equal(response.RequestId, 'req-1')
    if (message !== undefined) t.match(response.Error.Message, message)
    t.equal(answer.record.code, code)
    t.equal(answer.record.exchange, null)
    t.notOk(answer.xml.includes(TOKEN), 'the token is not echoed')
    t.notOk(JSON.stringify(answer.record).includes(TOKEN), 'nor recorded')
  })
}

t.test('a role that does not exist and one that is not for the caller are answered alike', async (t) => {
  const [missing, foreign] = await Promise.all(['nothing', 'shop'].map((name) => ask({ ...FORM, RoleArn: `arn:aws:iam::0:role/${name}` })))
  t.equal(missing?.xml, foreign?.xml)
  t.not(missing?.record.reason, foreign?.record.reason)
})

t.test('tokens that are refused for different reasons are answered alike, and the log tells the reason', async (t) => {
  const tokens = await Promise.all([
    tokenBy(key, { claims: { iss: 'https://unknown.example' } }),
    tokenBy(key, { claims: { aud: ['other'] } }),
    tokenBy(key, { header: { kid: 'unknown' } }),
    tokenBy(stranger),
    tokenBy(key, { claims: { exp: undefined } }),
    tokenBy(key, { claims: { sub: 'somebody' } })
  ])
  const answers = await Promise.all(tokens.map((token) => ask({ ...FORM, WebIdentityToken: token })))
  t.same(new Set(answers.map(({ xml }) => xml)).size, 1)
  t.equal(read(answers[0] as StsAnswer).ErrorResponse.Error.Code, 'InvalidIdentityToken')
  t.equal(new Set(answers.map(({ record }) => record.reason)).size, tokens.length)
})

t.test('an expired token is answered so that the client mints a new one', async (t) => {
  const seconds = NOW.getTime() / 1000
  const expired = await ask({ ...FORM, WebIdentityToken: await tokenBy(key, { claims: { iat: seconds - 900, exp: seconds - 100 } }) })
  t.equal(read(expired).ErrorResponse.Error.Code, 'ExpiredTokenException')
  const strangers = await ask({
    ...FORM,
    WebIdentityToken: await tokenBy(stranger, { claims: { iat: seconds - 900, exp: seconds - 100 } })
  })
  t.equal(read(strangers).ErrorResponse.Error.Code, 'InvalidIdentityToken', 'only a token that was really issued is told that it expired')
})

t.test('an issuer whose keys cannot be fetched is an outage to try again, never a denial', async (t) => {
  const down = createIssuers([issuer(keySet(() => Promise.reject(new Error('CANARY-host refused'))))])
  const answer = await ask(FORM, {}, { ...DEPS, verifyToken: (token, issuerId) => verifyWebIdentity(token, down, { now: NOW, issuerId }) })
  t.equal(answer.status, 503)
  t.match(read(answer).ErrorResponse.Error, { Code: 'IDPCommunicationError', Type: 'Receiver' })
  t.notMatch(answer.xml, /CANARY/)
})

t.test('a fault is thrown, not answered as a refusal', async (t) => {
  await t.rejects(ask(FORM, {}, { ...DEPS, verifyToken: () => Promise.reject(new TypeError('a bug')) }), TypeError)
})
