import { randomBytes } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { selfSigned } from './certificate.ts'
import { collect, createOwn, faultOfSend, until } from './rig.ts'

const NAME = 'upstream.test'
const ADDRESS = '127.0.0.1'
const pair = selfSigned(NAME)

/** A TLS server that answers one request and closes, or resets a connection after it where `resets`. */
async function startServer(t: Test, options: TlsOptions, { resets = false } = {}) {
  const seen: { reused: boolean; protocol: string | null; alpn: string | false | null; name: unknown }[] = []
  let requests = 0
  let under: Socket | null = null
  const server = createServer(options, (socket: TLSSocket) => {
    seen.push({ reused: socket.isSessionReused(), protocol: socket.getProtocol(), alpn: socket.alpnProtocol, name: socket.servername })
    socket.on('error', () => undefined)
    socket.once('data', () => {
      requests += 1
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', () => {
        if (resets) setTimeout(() => under?.resetAndDestroy(), 20)
        else socket.end()
      })
    })
  })
  server.on('connection', (socket) => (under = socket))
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve))
  const client = createOwn({ lookup: (_name, callback) => callback(null, [ADDRESS]) })
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const request = (hostname = NAME, ca: string | null = pair.cert) => ({
    origin: { secure: true, hostname, port, ca },
    method: 'GET',
    rawTarget: '/b/k',
    rawHeaders: ['host', 's3.test'],
    body: null,
    bodyLength: 0,
    headTimeoutMs: 5_000
  })
  const get = async (hostname = NAME, ca: string | null = pair.cert): Promise<void> => {
    t.equal(String((await collect((await client.send(request(hostname, ca))).body)).bytes), 'ok')
    await until(() => client.counts.open === 0)
  }
  return { client, server, seen, request, get, requests: () => requests }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const resets of [false, true]) {
    t.test(`the second connection takes up the session of the first (${version}, ${resets ? 'reset' : 'closed'})`, async (t) => {
      const { seen, get } = await startServer(t, { ...pair, minVersion: version, maxVersion: version }, { resets })
      for (let i = 0; i < 4; i += 1) await get()
      t.strictSame(
        seen.map(({ reused, protocol }) => [protocol, reused]),
        [false, true, true, true].map((reused) => [version, reused])
      )
    })
  }
}

t.test('a session is not taken up for another authority', async (t) => {
  const { client, seen, request, get, requests } = await startServer(t, pair)
  await get()
  const other = selfSigned(NAME)
  t.match(await faultOfSend(client, request(NAME, other.cert)), { kind: 'connect', maybeExecuted: false })
  t.equal(requests(), 1)
  t.ok(seen.every(({ reused }) => !reused))
})

t.test('a session that the upstream has forgotten is made anew', async (t) => {
  const { server, seen, get } = await startServer(t, pair)
  await get()
  await get()
  server.setTicketKeys(randomBytes(48))
  await get()
  await get()
  t.strictSame(
    seen.map(({ reused }) => reused),
    [false, true, false, true]
  )
})

t.test('a name is asked for and an address is not, and both are checked', async (t) => {
  const byName = await startServer(t, pair)
  await byName.get()
  t.equal(byName.seen[0]?.name, NAME)

  const ofAddress = selfSigned(ADDRESS)
  const byAddress = await startServer(t, ofAddress)
  await byAddress.get(ADDRESS, ofAddress.cert)
  t.equal(byAddress.seen[0]?.name, false, 'no name is sent')
})

t.test('HTTP/1.1 is all that is offered', async (t) => {
  const choosing = await startServer(t, { ...pair, ALPNProtocols: ['h2', 'http/1.1'] })
  await choosing.get()
  t.equal(choosing.seen[0]?.alpn, 'http/1.1')

  const offered: string[][] = []
  const insisting = await startServer(t, {
    ...pair,
    ALPNCallback: ({ protocols }) => {
      offered.push(protocols)
      return undefined
    }
  })
  t.match(await faultOfSend(insisting.client, insisting.request()), { kind: 'connect', maybeExecuted: false })
  t.strictSame(offered, [['http/1.1']])
  t.equal(insisting.requests(), 0)
})

t.test('what must not be believed is refused before a byte of the request is sent', async (t) => {
  const expired = selfSigned(NAME, { notAfter: '200201000000Z' })
  const OLD = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const CASES = [
    { why: 'an expired certificate', options: expired, ca: expired.cert, says: /expired/ },
    { why: 'another name', options: selfSigned('elsewhere.test'), ca: null, says: /altnames|does not match/i },
    { why: 'another address', options: selfSigned('127.0.0.9'), ca: null, hostname: ADDRESS, says: /not in the cert/i },
    { why: 'an authority that nobody configured', options: pair, ca: selfSigned('other.test').cert, says: /self-signed|unable to/ },
    { why: 'TLS 1.1', options: { ...pair, ...OLD }, ca: pair.cert, says: /version|protocol|alert/i }
  ]
  for (const { why, options, ca, hostname = NAME, says } of CASES) {
    const { client, request, requests } = await startServer(t, options)
    const fault = await faultOfSend(client, request(hostname, ca ?? ('cert' in options ? String(options.cert) : null)))
    t.match(fault, { kind: 'connect', maybeExecuted: false, message: says }, `${why}: ${String(fault)}`)
    t.equal(requests(), 0, why)
    t.match(client.counts, { open: 0, dialing: 0, queued: 0 }, why)
  }
})
