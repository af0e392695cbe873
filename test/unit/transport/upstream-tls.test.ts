import { createServer, type TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createUpstream, UPSTREAM_LIMITS } from '../../../proxy/transport/upstream/engine.ts'
import type { UpstreamRequest } from '../../../proxy/transport/transport.ts'
import { selfSigned } from './certificate.ts'
import { ChunkSource, collect, faultOfSend } from './rig.ts'

const { key, cert } = selfSigned('localhost')

async function startTls(t: Test) {
  const servers: (string | false | null)[] = []
  const requests: string[] = []
  const server = createServer({ key, cert }, (socket: TLSSocket) => {
    servers.push(socket.servername ?? null)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      const end = text.indexOf('\r\n\r\n')
      if (end < 0 || text.length < end + 4 + length) return
      requests.push(text)
      text = ''
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const client = createUpstream({ ...UPSTREAM_LIMITS, connectionsMax: 1, onError: () => {} })
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const request = (ca: string | null, hostname: string, host: string, changes: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
    origin: { secure: true, hostname, port, ca },
    method: 'GET',
    rawTarget: '/b/k',
    rawHeaders: ['host', host],
    body: null,
    bodyLength: 0,
    headTimeoutMs: 5_000,
    ...changes
  })
  return { client, request, servers, requests }
}

t.test('an upstream is believed when the configured authority signed its name', async (t) => {
  const { client, request, requests } = await startTls(t)
  const response = await client.send(request(cert, 'localhost', 'localhost'))
  t.equal(String((await collect(response.body)).bytes), 'ok')
  const big = new ChunkSource(Array.from({ length: 10 }, () => Buffer.alloc(65_536, 'x')))
  await client.send(request(cert, 'localhost', 'localhost', { method: 'PUT', body: big, bodyLength: 655_360 }))
  t.equal(requests[1]?.slice(requests[1].indexOf('\r\n\r\n') + 4), 'x'.repeat(655_360))
})

t.test('an upstream is not believed otherwise, and nothing is sent to it', async (t) => {
  const { client, request, requests } = await startTls(t)
  const CASES = [
    { why: 'unknown authority', ca: null, hostname: 'localhost' },
    { why: 'another authority', ca: selfSigned('localhost').cert, hostname: 'localhost' },
    { why: 'another name', ca: cert, hostname: '127.0.0.1' }
  ]
  for (const { why, ca, hostname } of CASES) {
    const fault = await faultOfSend(client, request(ca, hostname, 'localhost'))
    t.match(fault, { kind: 'connect', maybeExecuted: false }, why)
  }
  t.equal(requests.length, 0)
})

t.test('the name asked for is that of the host connected to, whatever the Host header says', async (t) => {
  const { client, request, servers, requests } = await startTls(t)
  for (const host of ['bucket-1.s3.test', 'bucket-2.s3.test', 'localhost']) {
    await collect((await client.send(request(cert, 'localhost', host))).body)
  }
  t.strictSame(servers, ['localhost'], 'one connection served all')
  t.match(requests[0], /\r\nhost: bucket-1.s3.test\r\n/)
})

t.test('a large answer over TLS comes whole, however slowly its sink takes it', async (t) => {
  const content = Buffer.alloc(3_000_000)
  for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(i, i)
  const server = createServer({ key, cert }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`)
      socket.write(content)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const client = createUpstream({ ...UPSTREAM_LIMITS, onError: () => {} })
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  for (let round = 0; round < 3; round += 1) {
    const { body } = await client.send({
      origin: { secure: true, hostname: 'localhost', port, ca: cert },
      method: 'GET',
      rawTarget: '/k',
      rawHeaders: ['host', 'localhost'],
      body: null,
      bodyLength: 0,
      headTimeoutMs: 5_000
    })
    const chunks: Buffer[] = []
    await new Promise<void>((resolve, reject) => {
      body.start({
        write: (bytes) => {
          if (chunks.length % 3 === 0) {
            chunks.push(Buffer.from(bytes))
            return true
          }
          const at = chunks.push(Buffer.alloc(0)) - 1
          setTimeout(() => {
            chunks[at] = Buffer.from(bytes)
            body.resume()
          }, at % 7)
          return false
        },
        end: resolve,
        fail: reject
      })
    })
    t.ok(Buffer.concat(chunks).equals(content))
    t.equal(client.counts.lentBytes, 0)
  }
  t.equal(client.counts.open, 1, 'one connection served all')
})
