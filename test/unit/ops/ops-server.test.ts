import t, { type Test } from 'tap'
import { createOpsServer, type OpsServerOptions } from '../../../proxy/ops/ops-server.ts'
import { RawClient, type RawResponse } from '../../helpers/raw-http.ts'

async function startOps(t: Test, changes: Partial<OpsServerOptions> = {}) {
  const errors: unknown[] = []
  const ops = createOpsServer({
    checks: [],
    metricsPage: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    onError: (error) => errors.push(error),
    ...changes
  })
  const { port } = await ops.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => ops.close())
  const ask = async (method: string, target: string): Promise<RawResponse> => {
    const client = new RawClient(port).send(`${method} ${target} HTTP/1.1\r\nHost: ops.test\r\n\r\n`)
    const response = await client.readResponse({ bodiless: method === 'HEAD' })
    client.destroy()
    return response
  }
  return { ask, errors }
}

t.test('three pages are served and nothing else', async (t) => {
  const { ask } = await startOps(t)
  const CASES = [
    { method: 'GET', target: '/livez', status: 200, body: 'alive\n' },
    { method: 'HEAD', target: '/livez', status: 200, body: '' },
    { method: 'GET', target: '/readyz', status: 200, body: '{"ready":true,"checks":{}}\n' },
    { method: 'GET', target: '/metrics', status: 200, body: 'up 1\n' },
    { method: 'GET', target: '/', status: 404 },
    { method: 'GET', target: '/livez/', status: 404 },
    { method: 'GET', target: '/livez?x', status: 404 },
    { method: 'GET', target: '/metrics/../livez', status: 404 },
    { method: 'POST', target: '/livez', status: 405 },
    { method: 'DELETE', target: '/metrics', status: 405 },
    { method: 'OPTIONS', target: '*', status: 405 }
  ]
  for (const { method, target, status, body } of CASES) {
    const response = await ask(method, target)
    t.equal(response.status, status, `${method} ${target}`)
    if (body !== undefined) t.equal(String(response.body), body, `${method} ${target}`)
    t.equal(response.headers.get('cache-control'), 'no-store')
  }
})

t.test('the process is ready when every check is, and says which is not', async (t) => {
  const state = { snapshot: false, keys: true }
  const { ask } = await startOps(t, {
    checks: [
      { name: 'snapshot', ready: () => state.snapshot },
      { name: 'keys', ready: () => state.keys }
    ]
  })
  const before = await ask('GET', '/readyz')
  t.equal(before.status, 503)
  t.strictSame(JSON.parse(String(before.body)), { ready: false, checks: { snapshot: false, keys: true } })
  state.snapshot = true
  t.equal((await ask('GET', '/readyz')).status, 200)
  t.equal((await ask('GET', '/livez')).status, 200)
})

t.test('a page that cannot be made is a fault of that page', async (t) => {
  const { ask, errors } = await startOps(t, { metricsPage: () => Promise.reject(new Error('collect')) })
  t.equal((await ask('GET', '/metrics')).status, 500)
  t.match(errors, [{ message: 'collect' }])
  t.equal((await ask('GET', '/livez')).status, 200)
})
