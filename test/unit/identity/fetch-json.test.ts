import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createFetchJson } from '../../../proxy/identity/fetch-json.ts'
import { guardedResolve, lookupBy, type ResolveAll } from '../../../proxy/transport/guarded-lookup.ts'

const fetchJson = createFetchJson()

async function serving(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

t.test('a document is fetched with the bearer token, when there is one', async (t) => {
  await serving(
    (request, response) => response.end(JSON.stringify({ sent: request.headers.authorization ?? null })),
    async (url) => {
      t.same(await fetchJson(url, { ca: null, bearer: 'abc' }), { sent: 'Bearer abc' })
      t.same(await fetchJson(url, { ca: null, bearer: null }), { sent: null })
    }
  )
})

t.test('a redirect is not followed', async (t) => {
  let requests = 0
  await serving(
    (_, response) => {
      requests += 1
      response.writeHead(302, { location: '/elsewhere' }).end('{"keys":[]}')
    },
    async (url) => {
      await t.rejects(fetchJson(url, { ca: null, bearer: null }), { message: /answered 302/ })
      t.equal(requests, 1)
    }
  )
})

for (const { why, status, body, message } of [
  { why: 'an error', status: 500, body: '{"keys":[]}', message: /answered 500/ },
  { why: 'too many bytes', status: 200, body: JSON.stringify('x'.repeat(300_000)), message: /more than 262144 bytes/ },
  { why: 'no JSON', status: 200, body: '<html>', message: /JSON/ }
]) {
  t.test(`a source that answers with ${why} has no document`, async (t) => {
    await serving(
      (_, response) => response.writeHead(status).end(body),
      async (url) => {
        await t.rejects(fetchJson(url, { ca: null, bearer: null }), { message })
      }
    )
  })
}

t.test('a document is posted, and 201 is success only then', async (t) => {
  const seen: unknown[] = []
  await serving(
    (request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        seen.push([request.method, request.headers['content-type'] ?? null, text])
        response.writeHead(201).end('{}')
      })
    },
    async (url) => {
      t.same(await fetchJson(url, { ca: null, bearer: null, post: { a: 1 } }), {})
      await t.rejects(fetchJson(url, { ca: null, bearer: null }), { name: 'UnexpectedStatus', status: 201 })
    }
  )
  t.same(seen, [
    ['POST', 'application/json', '{"a":1}'],
    ['GET', null, '']
  ])
})

t.test('a server that does not answer in time is given up', async (t) => {
  await serving(
    () => {},
    async (url) => {
      await t.rejects(createFetchJson({ timeoutMs: 100 })(url, { ca: null, bearer: null, post: {} }))
    }
  )
})

t.test('a source that does not answer the door has no document', async (t) => {
  let closed = ''
  await serving(
    () => {},
    (url) => {
      closed = url
      return Promise.resolve()
    }
  )
  await t.rejects(fetchJson(closed, { ca: null, bearer: null }))
})

t.test('S-16: a key set whose name has turned to this machine is not fetched', async (t) => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  // Whoever owns the name of an issuer can turn it to any address.
  const toUs: ResolveAll = (_hostname, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
  const plain = createFetchJson({ lookup: lookupBy(toUs) })
  const guarded = createFetchJson({ lookup: lookupBy(guardedResolve(toUs)) })
  t.same(await plain(`http://issuer.example:${port}`, { ca: null, bearer: null }), {}, 'it is here that the name leads')
  await t.rejects(guarded(`http://issuer.example:${port}`, { ca: null, bearer: null }), /which is this machine or its link/)
  t.equal(asked, 1)
})
