import t from 'tap'
import { presign } from './presign.ts'
import { startSite, TENANT } from './site.ts'

const APP = 'https://app.test'
const open = await startSite({ cors: { origins: [APP] } })
const closed = await startSite()
t.teardown(() => Promise.all([open.stop(), closed.stop()]))

const ASKED = { origin: APP, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type' }

t.test('a preflight is answered to nobody in particular, of a tenant that there may not be, and nothing goes upstream', async (t) => {
  for (const target of [`/${TENANT}/a`, '/no-such-tenant/a?uploads', '/', '/%00', '*']) {
    const reply = await open.send({ method: 'OPTIONS', target, headers: ASKED })
    t.equal(reply.status, 200)
    t.match(reply.headers, {
      'access-control-allow-origin': APP,
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600'
    })
    t.equal(reply.headers['access-control-allow-credentials'], undefined)
  }
  t.equal(open.reached(), 0)
})

t.test('a preflight is refused from another origin, and everywhere where none is listed', async (t) => {
  for (const [site, headers] of [
    [open, { ...ASKED, origin: 'https://evil.test' }],
    [closed, ASKED]
  ] as const) {
    const reply = await site.send({ method: 'OPTIONS', target: `/${TENANT}/a`, headers })
    t.same([reply.status, reply.code], [403, 'AccessForbidden'])
    t.equal(reply.headers['access-control-allow-origin'], undefined)
    t.equal(site.reached(), 0)
  }
  t.equal((await open.send({ method: 'OPTIONS', target: '/' })).code, 'BadRequest')
})

t.test('answers and refusals can be read by a permitted origin and by no other', async (t) => {
  for (const [site, origin, allowed] of [
    [open, APP, APP],
    [open, 'https://evil.test', undefined],
    [closed, APP, undefined]
  ] as const) {
    const target = presign({ method: 'PUT', host: site.host, path: `/${TENANT}/a`, credentials: site.session(), at: site.now() })
    const put = await site.send({ method: 'PUT', target, headers: { origin }, body: 'x' })
    t.equal(put.status, 200, 'CORS is for browsers: the request itself is decided by its credential')
    const refused = await site.send({ method: 'GET', target: `/${TENANT}/a`, headers: { origin } })
    t.equal(refused.status, 403)
    for (const { headers } of [put, refused]) {
      t.equal(headers['access-control-allow-origin'], allowed)
      t.equal(headers['vary'] === undefined, site === closed)
      t.match(headers, { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox' })
    }
    if (allowed !== undefined) t.match(put.headers['access-control-expose-headers'], /ETag/)
  }
})
