import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import t from 'tap'
import type { IssuedSession } from '../../../proxy/identity/session.ts'
import { startSite } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())

const ask = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }, more: object = {}): Promise<unknown> =>
  new STSClient({ endpoint: `http://${site.host}`, region: 'local', maxAttempts: 1, credentials, ...more })
    .send(new GetCallerIdentityCommand({}))
    .catch((error: unknown) => error)

t.test('an SDK is told who it is', async (t) => {
  const session = site.session()
  t.match(await ask(session), {
    Arn: `arn:aws:sts::000000000000:assumed-role/app/${session.session}`,
    UserId: `${session.session}:system:serviceaccount:shop:orders`,
    Account: '000000000000'
  })
})

const REFUSED: readonly { readonly why: string; change(session: IssuedSession): object; readonly more?: object; readonly name: string }[] =
  [
    { why: 'another secret', change: () => ({ secretAccessKey: 'guess' }), name: 'SignatureDoesNotMatch' },
    { why: 'an unknown key', change: () => ({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }), name: 'InvalidClientTokenId' },
    { why: 'a garbled token', change: () => ({ sessionToken: 'AAAA' }), name: 'InvalidClientTokenId' },
    { why: 'no token', change: () => ({ sessionToken: undefined }), name: 'InvalidClientTokenId' },
    { why: 'a clock an hour behind', change: () => ({}), more: { systemClockOffset: -3_600_000 }, name: 'SignatureDoesNotMatch' }
  ]
for (const { why, change, more = {}, name } of REFUSED) {
  t.test(`nobody is told who it is with ${why}`, async (t) => {
    const session = site.session()
    const answer = await ask({ ...session, ...change(session) } as IssuedSession, more)
    t.match(answer, { name })
    t.equal(site.reached(), 0, 'nothing reached the upstream')
  })
}

t.test('an expired session is told to be expired', async (t) => {
  const session = site.session({ ttlSeconds: 900 })
  site.advance(1000)
  t.match(await ask(session, { systemClockOffset: 1_000_000 }), { name: 'ExpiredToken' })
})

t.test('a form that nobody signed is told so, and a bearer token is no signature here', async (t) => {
  const form = { method: 'POST', target: '/', body: 'Action=GetCallerIdentity&Version=2011-06-15' }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  t.match(await site.send({ ...form, headers }), { status: 403, code: 'MissingAuthenticationToken' })
  const authorization = `Bearer ${await site.token()}`
  t.match(await site.send({ ...form, headers: { ...headers, authorization } }), { status: 400, code: 'IncompleteSignature' })
})
