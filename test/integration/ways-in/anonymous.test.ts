import t from 'tap'
import { OPERATIONS, OPERATION_NAMES } from '../../../proxy/s3/operations.ts'
import { startSite, TENANT } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())

const PATHS: Readonly<Record<string, string>> = { service: '/', bucket: `/${TENANT}`, object: `/${TENANT}/a` }

/** The request of a row, as `PUT object +x-amz-copy-source ?uploadId` says it. */
function requestOf(shape: string): { method: string; target: string; headers: Record<string, string> } {
  const [method = '', resource = '', ...discriminators] = shape.split(' ')
  const query = discriminators.filter((part) => part.startsWith('?')).map((part) => part.slice(1))
  const headers = discriminators.filter((part) => part.startsWith('+')).map((part) => [part.slice(1), `/${TENANT}/a`])
  const path = PATHS[resource] ?? '/'
  return {
    method,
    target: query.length === 0 ? path : `${path}?${query.join('&')}`,
    headers: Object.fromEntries(headers) as Record<string, string>
  }
}

for (const name of OPERATION_NAMES) {
  t.test(`nobody is anonymous: ${name} without a credential is refused`, async (t) => {
    const { method, target, headers } = requestOf(OPERATIONS[name].shape)
    const body = method === 'PUT' || method === 'POST' ? { body: 'x' } : {}
    const reply = await site.send({ method, target, headers, ...body })
    t.equal(reply.status, 403)
    if (method !== 'HEAD') t.equal(reply.code, 'AccessDenied')
    t.equal(site.reached(), 0, 'nothing reached the upstream')
  })
}

for (const authorization of ['', ' ', 'Basic YTpi', 'Negotiate abc', 'AWS AKIA:abc', 'Token abc']) {
  t.test(`an Authorization header ${JSON.stringify(authorization)} is no credential`, async (t) => {
    const reply = await site.send({ method: 'GET', target: `/${TENANT}/a`, headers: { authorization } })
    t.ok(reply.status === 400 || reply.status === 403)
    t.equal(site.reached(), 0, 'nothing reached the upstream')
  })
}

t.test('a form that asks STS for a session without a token gets none', async (t) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::0:role/app&RoleSessionName=ab'
  const reply = await site.send({ method: 'POST', target: '/', headers, body })
  t.equal(reply.status, 400)
  t.notMatch(reply.body, /AccessKeyId/)
})

t.test('health is told to anyone who reaches the ops listener, and to nobody on the other', async (t) => {
  t.equal((await fetch(`${site.opsUrl}/livez`)).status, 200)
  t.equal((await site.send({ method: 'GET', target: '/livez' })).status, 403)
})
