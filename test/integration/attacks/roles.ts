import type { Test } from 'tap'
import { beginUpload, deleteBody, md5, partsBody, seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

/** S-18 and what a role, a session or a header could be used for to get more than was given. */
export async function roles(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1, w1 } = rig.callers
  for (const tenant of ['ta-awstag', 'ta-awsmeta', 'ta-miniotag', 'ta-miniometa']) {
    await seed(rig, a1, `/${tenant}/mine`)
    await seed(rig, a2, `/${tenant}/others`)
  }
  await seed(rig, b1, '/tb-awstag/secret')
  await seed(rig, w1, '/tb-awstag/wide')
  await addresses(t, rig)
  await changedRoles(t, rig)
  await sessionPolicies(t, rig)
}

async function addresses(t: Test, rig: Rig): Promise<void> {
  const caller = rig.caller('a1', 'from-elsewhere')
  const spoofs: readonly (readonly [string, string])[] = [
    ['X-Forwarded-For', '203.0.113.7'],
    ['X-Forwarded-For', '203.0.113.7, 127.0.0.1'],
    ['x-forwarded-for', '127.0.0.1, 203.0.113.7'],
    ['Forwarded', 'for=203.0.113.7;proto=https'],
    ['X-Real-IP', '203.0.113.7'],
    ['True-Client-IP', '203.0.113.7'],
    ['CF-Connecting-IP', '203.0.113.7'],
    ['X-Client-IP', '203.0.113.7'],
    ['X-Cluster-Client-IP', '203.0.113.7'],
    ['Fastly-Client-IP', '203.0.113.7'],
    ['X-Forwarded', '203.0.113.7'],
    ['Via', '1.1 203.0.113.7'],
    ['Remote-Addr', '203.0.113.7'],
    ['SourceIp', '203.0.113.7']
  ]
  await t.test('S-18: a policy about addresses asks the connection, whatever the headers say', async (t) => {
    for (const [name, value] of spoofs) {
      for (const call of [
        { method: 'GET', target: '/ta-awstag/mine' },
        { method: 'PUT', target: '/ta-awstag/mine', body: 'x' },
        { method: 'GET', target: '/ta-awstag' }
      ]) {
        await refused(t, rig, {
          why: `${call.method} with ${name}: ${value}`,
          call: { ...call, as: caller, headers: [[name, value]] },
          code: 'AccessDenied'
        })
      }
    }
    for (const query of ['aws:SourceIp=203.0.113.7', 'x-forwarded-for=203.0.113.7']) {
      await refused(t, rig, { why: query, call: { method: 'GET', target: `/ta-awstag/mine?${query}`, as: caller }, code: 'NotImplemented' })
    }
    const here = await rig.another((settings) => ({
      ...settings,
      policies: { ...settings.policies, 'from-elsewhere': allFrom('127.0.0.0/8') }
    }))
    try {
      await succeeds(t, here, 'the same policy about the address that it is', { method: 'GET', target: '/ta-awstag/mine', as: caller })
    } finally {
      await here.stop()
    }
  })
  await t.test('S-18: a caller cannot say that its connection is another’s or encrypted', async (t) => {
    const secureOnly = await rig.another((settings) => ({
      ...settings,
      policies: {
        ...settings.policies,
        'from-elsewhere': {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': 'true' } } }]
        }
      }
    }))
    try {
      for (const headers of [
        [['X-Forwarded-Proto', 'https']],
        [['Forwarded', 'proto=https']],
        [['X-Forwarded-Ssl', 'on']],
        [['Front-End-Https', 'on']],
        [['X-Url-Scheme', 'https']]
      ] as const) {
        await refused(t, secureOnly, {
          why: headers.join(),
          call: { method: 'GET', target: '/ta-awstag/mine', as: caller, headers },
          code: 'AccessDenied'
        })
      }
    } finally {
      await secureOnly.stop()
    }
  })
}

function allFrom(range: string): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*', Condition: { IpAddress: { 'aws:SourceIp': range } } }]
  }
}

async function changedRoles(t: Test, rig: Rig): Promise<void> {
  const { a1, w1 } = rig.callers
  const reads: Omit<Call, 'as'> = { method: 'GET', target: '/ta-awstag/mine' }
  await t.test('a role counts as it is configured now, not as it was when the session began', async (t) => {
    await succeeds(t, rig, 'as it was', { ...reads, as: a1 })
    const changed = await rig.another((settings) => ({
      ...settings,
      issuers: settings.issuers.map((issuer) => ({ ...issuer, roles: [{ role: 'wide', namespaces: ['*'], serviceAccounts: ['*'] }] })),
      roles: settings.roles
        .filter(({ name }) => name !== 'team-a')
        .map((role) =>
          role.name === 'wide' ? { ...role, tenants: ['ta-*'] } : role.name === 'team-b' ? { ...role, policies: ['viewer'] } : role
        )
    }))
    try {
      await refused(t, changed, { why: 'the role is gone', call: { ...reads, as: a1 }, code: 'AccessDenied' })
      await refused(t, changed, {
        why: 'the role lost the tenant',
        call: { method: 'GET', target: '/tb-awstag/wide', as: w1 },
        code: 'AccessDenied'
      })
      await refused(t, changed, {
        why: 'the role lost the tenant of a copy’s source',
        call: { method: 'PUT', target: '/ta-awstag/copy', as: w1, headers: [['x-amz-copy-source', 'tb-awstag/wide']] },
        code: 'AccessDenied'
      })
      await refused(t, changed, {
        why: 'the role only reads now',
        call: { method: 'PUT', target: '/tb-awstag/new', as: rig.callers.b1, body: 'x' },
        code: 'AccessDenied'
      })
    } finally {
      await changed.stop()
    }
  })
  await t.test('a viewer changes nothing', async (t) => {
    const viewer = rig.caller('a1', 'viewer-a')
    const { uploadId } = await beginUpload(rig, a1, '/ta-awstag/viewed')
    await succeeds(t, rig, 'it reads', { ...reads, as: viewer })
    const remove = deleteBody('<Key>mine</Key>')
    for (const [method, target, more] of [
      ['PUT', 'mine', { body: 'x' }],
      ['PUT', 'copy', { headers: [['x-amz-copy-source', 'ta-awstag/mine']] }],
      ['DELETE', 'mine', {}],
      ['PUT', 'mine?tagging', { body: '<Tagging><TagSet/></Tagging>' }],
      ['DELETE', 'mine?tagging', {}],
      ['POST', 'mine?uploads', {}],
      ['PUT', `viewed?partNumber=1&uploadId=${uploadId}`, { body: 'x' }],
      ['POST', `viewed?uploadId=${uploadId}`, { body: partsBody('x') }],
      ['DELETE', `viewed?uploadId=${uploadId}`, {}],
      ['GET', `viewed?uploadId=${uploadId}`, {}]
    ] as const) {
      await refused(t, rig, {
        why: `${method} ${target}`,
        call: { method, target: `/ta-awstag/${target}`, as: viewer, ...more },
        code: 'AccessDenied'
      })
    }
    const before = rig.state()
    const batch = await rig.send({
      method: 'POST',
      target: '/ta-awstag?delete',
      as: viewer,
      body: remove,
      headers: [['content-md5', md5(remove)]]
    })
    t.match(batch.text, '<Code>AccessDenied</Code>')
    t.same([batch.upstream, rig.state()], [[], before], 'nor by a batch')
  })
}

const policy = (...statements: readonly object[]): string => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const EVERYTHING = policy({ Effect: 'Allow', Action: '*', Resource: '*' })

async function sessionPolicies(t: Test, rig: Rig): Promise<void> {
  await t.test('a session policy takes away and never adds', async (t) => {
    const greedy = rig.caller('a1', 'team-a', { sessionPolicy: EVERYTHING })
    await succeeds(t, rig, 'what the role allows anyway', { method: 'GET', target: '/ta-awstag/mine', as: greedy })
    await refused(t, rig, { why: 'another tenant', call: { method: 'GET', target: '/tb-awstag/secret', as: greedy }, code: 'AccessDenied' })
    await refused(t, rig, {
      why: 'another service',
      call: { method: 'GET', target: '/ta-awstag/others', as: greedy },
      code: 'AccessDenied',
      reach: 'reads'
    })
    await refused(t, rig, {
      why: 'what its role does not allow',
      call: { method: 'DELETE', target: '/ta-awstag', as: greedy },
      code: 'AccessDenied'
    })
    const reader = rig.caller('a1', 'viewer-a', { sessionPolicy: EVERYTHING })
    await refused(t, rig, {
      why: 'a write by a viewer',
      call: { method: 'PUT', target: '/ta-awstag/mine', as: reader, body: 'x' },
      code: 'AccessDenied'
    })
    const listing = rig.caller('a1', 'team-a', { sessionPolicy: policy({ Effect: 'Allow', Action: 's3:ListBucket', Resource: '*' }) })
    await succeeds(t, rig, 'it lists', { method: 'GET', target: '/ta-awstag', as: listing })
    await refused(t, rig, {
      why: 'and reads nothing',
      call: { method: 'GET', target: '/ta-awstag/mine', as: listing },
      code: 'AccessDenied'
    })
    const denying = rig.caller('a1', 'team-a', {
      sessionPolicy: policy(
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::*/mine' }
      )
    })
    await refused(t, rig, {
      why: 'what it denies itself',
      call: { method: 'GET', target: '/ta-awstag/mine', as: denying },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'nor as the source of a copy',
      call: { method: 'PUT', target: '/ta-awstag/copy', as: denying, headers: [['x-amz-copy-source', 'ta-awstag/mine']] },
      code: 'AccessDenied'
    })
    const owned = rig.caller('a1', 'team-a', {
      sessionPolicy: policy({
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { StringEquals: { 'sluice:ObjectOwner': 'system:serviceaccount:zq-team:a2' } }
      })
    })
    await refused(t, rig, {
      why: 'another’s object by its owner’s name',
      call: { method: 'GET', target: '/ta-awstag/others', as: owned },
      code: 'AccessDenied',
      reach: 'reads'
    })
  })
  await t.test('a session policy that is asked for at STS narrows the session that is given', async (t) => {
    const form = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::000000000000:role/team-a',
      RoleSessionName: 'zq-test',
      WebIdentityToken: await rig.token('a1'),
      Policy: policy({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::ta-awstag/open/*' })
    })
    const answer = await fetch(`http://127.0.0.1:${rig.port}/`, { method: 'POST', body: form })
    const text = await answer.text()
    const of = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? ''
    const given = {
      ...rig.callers.a1,
      credentials: { accessKeyId: of('AccessKeyId'), secretAccessKey: of('SecretAccessKey'), sessionToken: of('SessionToken') }
    }
    t.equal(answer.status, 200, text)
    await refused(t, rig, { why: 'outside of it', call: { method: 'GET', target: '/ta-awstag/mine', as: given }, code: 'AccessDenied' })
    await refused(t, rig, {
      why: 'a write',
      call: { method: 'PUT', target: '/ta-awstag/open/x', as: given, body: 'x' },
      code: 'AccessDenied'
    })
    await seed(rig, rig.callers.a1, '/ta-awstag/open/x')
    await succeeds(t, rig, 'inside of it', { method: 'GET', target: '/ta-awstag/open/x', as: given })
    for (const [why, more] of [
      ['a role that does not admit the subject', { RoleArn: 'arn:aws:iam::000000000000:role/none' }],
      ['a token of nobody', { WebIdentityToken: 'x.y.z' }],
      ['a policy that is no policy', { Policy: '{"Statement":[{"Effect":"Maybe"}]}' }],
      ['two actions', { Action: 'GetSessionToken' }]
    ] as const) {
      const refusedAnswer = await fetch(`http://127.0.0.1:${rig.port}/`, {
        method: 'POST',
        body: new URLSearchParams({ ...Object.fromEntries(form), ...more })
      })
      t.ok(refusedAnswer.status >= 400, why)
      t.notMatch(await refusedAnswer.text(), /SecretAccessKey/)
    }
  })
}
